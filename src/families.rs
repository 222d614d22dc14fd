//! Which address families "all addresses" means on this machine: Istio's rule for a workload's
//! addresses. It looks at the kernel's tables; a flag can say otherwise.

use propylon_compile::Families;

/// Istio's switch for listening on both families; as there, it needs addresses of both.
const DUAL_STACK: &str = "ISTIO_DUAL_STACK";

/// IPv4, or IPv6 where the machine has addresses of that family alone; both where that is asked
/// for and there.
#[must_use]
pub(crate) fn of_this_machine() -> Families {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let asked = std::env::var(DUAL_STACK).is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    choose(&read("/proc/net/route"), &read("/proc/net/if_inet6"), asked)
}

/// By `/proc/net/route`, which lists where IPv4 goes besides this machine, and
/// `/proc/net/if_inet6`, which lists IPv6 addresses.
fn choose(routes: &str, addresses: &str, both: bool) -> Families {
    let has_v4 = routes.lines().skip(1).any(|line| !line.trim().is_empty());
    match (has_v4, addresses.lines().any(is_global), both) {
        (true, true, true) => Families::Both,
        (false, true, _) => Families::V6,
        _ => Families::V4,
    }
}

/// True for an address of global scope: the fourth column is the scope, the last the device.
fn is_global(line: &str) -> bool {
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    matches!(columns.as_slice(), [_, _, _, "00", _, device] if *device != "lo")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "Iface\tDestination\tGateway\neth0\t00000000\t0102A8C0\n";
    const LOOPBACK: &str = "00000000000000000000000000000001 01 80 10 80       lo\n";
    const LINK: &str = "fe80000000000000a00a00fffe8b1cda 02 40 20 80     eth0\n";
    const GLOBAL: &str = "20010db8000000000000000000000001 02 40 00 80     eth0\n";

    #[test]
    fn all_addresses_are_those_of_the_family_that_the_machine_has() {
        let local = format!("{LOOPBACK}{LINK}");
        let global = format!("{LOOPBACK}{LINK}{GLOBAL}");
        for (routes, addresses, both, expected) in [
            (ROUTES, "", false, Families::V4),
            (ROUTES, &*local, true, Families::V4),
            (ROUTES, &global, false, Families::V4),
            (ROUTES, &global, true, Families::Both),
            ("Iface\tDestination\tGateway\n", &global, false, Families::V6),
            ("Iface\tDestination\tGateway\n", &local, false, Families::V4),
            ("", "", true, Families::V4),
        ] {
            assert_eq!(choose(routes, addresses, both), expected, "{routes} {addresses} {both}");
        }
    }
}
