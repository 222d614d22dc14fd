//! Which rules the flags of `iptables` come to.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Alone {
    #[command(flatten)]
    flags: Iptables,
}

fn rules(arguments: &[&str]) -> Vec<String> {
    let all = std::iter::once("iptables").chain(arguments.iter().copied());
    let flags = Alone::try_parse_from(all).unwrap().flags;
    flags.redirection(Family::V4).rules().lines().map(str::to_owned).collect()
}

#[test]
fn everything_is_redirected_but_what_the_sidecar_sends_and_what_stays_on_the_machine() {
    assert_eq!(
        rules(&[]),
        [
            "*nat",
            ":ISTIO_OUTPUT - [0:0]",
            ":ISTIO_REDIRECT - [0:0]",
            "-A OUTPUT -p tcp -j ISTIO_OUTPUT",
            "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001",
            "-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN",
            "-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN",
            "-A ISTIO_OUTPUT -o lo -j RETURN",
            "-A ISTIO_OUTPUT -j ISTIO_REDIRECT",
            "COMMIT",
        ]
    );
}

#[test]
fn exclusions_stand_in_front_of_what_is_redirected() {
    let rules = rules(&[
        "--uid",
        "1,2",
        "-x",
        "10.0.0.0/8,192.168.0.0/16",
        "-o",
        "22,9000",
        "--only-uid",
        "1000",
        "-i",
        "203.0.113.0/24",
    ]);
    let own: Vec<&str> =
        rules.iter().filter_map(|rule| rule.strip_prefix("-A ISTIO_OUTPUT ")).collect();
    assert_eq!(
        own,
        [
            "-m owner --uid-owner 1 -j RETURN",
            "-m owner --uid-owner 2 -j RETURN",
            "-d 127.0.0.1/32 -j RETURN",
            "-o lo -j RETURN",
            "-d 10.0.0.0/8 -j RETURN",
            "-d 192.168.0.0/16 -j RETURN",
            "-p tcp --dport 22 -j RETURN",
            "-p tcp --dport 9000 -j RETURN",
            "-d 203.0.113.0/24 -m owner --uid-owner 1000 -j ISTIO_REDIRECT",
        ]
    );
}

#[test]
fn chosen_ports_are_the_only_ones() {
    let rules = rules(&["-q", "80,443", "-o", "443"]);
    assert!(rules.contains(&"-A ISTIO_OUTPUT -p tcp --dport 443 -j RETURN".to_owned()));
    let redirected: Vec<&String> =
        rules.iter().filter(|rule| rule.ends_with("-j ISTIO_REDIRECT")).collect();
    assert_eq!(redirected, ["-A ISTIO_OUTPUT -p tcp --dport 80 -j ISTIO_REDIRECT"]);
}

#[test]
fn chosen_ports_and_destinations_add_up_as_in_istio() {
    let rules = rules(&["-q", "80", "-i", "203.0.113.0/24"]);
    let redirected: Vec<&String> =
        rules.iter().filter(|rule| rule.ends_with("-j ISTIO_REDIRECT")).collect();
    let wanted = [
        "-A ISTIO_OUTPUT -p tcp --dport 80 -j ISTIO_REDIRECT",
        "-A ISTIO_OUTPUT -d 203.0.113.0/24 -j ISTIO_REDIRECT",
    ];
    assert_eq!(redirected, wanted);
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let why = |arguments: &[&str]| {
        let all = std::iter::once("iptables").chain(arguments.iter().copied());
        Alone::try_parse_from(all).unwrap().flags.contradiction()
    };
    assert!(why(&["--only-uid", "1337"]).unwrap().contains("user 1337"));
    assert!(why(&["-x", "fd00::/8"]).unwrap().contains("add --ipv6"));
    assert!(why(&["-i", "fd00::/8"]).unwrap().contains("add --ipv6"));
    assert_eq!(why(&["-x", "fd00::/8", "--ipv6"]), None);
    assert_eq!(why(&["--clean", "-x", "fd00::/8"]), None);
}

#[test]
fn istio_s_own_flags_are_understood() {
    let rules = rules(&[
        "--envoy-port",
        "15005",
        "--proxy-uid",
        "7",
        "--istio-service-exclude-cidr",
        "10.0.0.0/8",
        "--istio-local-outbound-ports-exclude",
        "53",
    ]);
    assert!(rules.iter().any(|rule| rule.ends_with("--to-ports 15005")));
    assert!(rules.iter().any(|rule| rule.contains("--uid-owner 7")));
}

#[test]
fn a_list_may_be_empty() {
    let plain = rules(&[]);
    assert_eq!(rules(&["-i", "*", "-x", "", "-q", "", "-o", ""]), plain);
    let nothing = rules(&["-i", "", "-q", "443"]);
    let redirected: Vec<&String> =
        nothing.iter().filter(|rule| rule.ends_with("-j ISTIO_REDIRECT")).collect();
    assert_eq!(redirected, ["-A ISTIO_OUTPUT -p tcp --dport 443 -j ISTIO_REDIRECT"]);
}

#[test]
fn what_comes_in_is_refused_by_name() {
    let why = |arguments: &[&str]| {
        let all = std::iter::once("iptables").chain(arguments.iter().copied());
        Alone::try_parse_from(all).unwrap().flags.contradiction()
    };
    // The arguments of Istio's init container.
    let istio = "-p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x  -b * -d 15090,15021,15020";
    assert!(why(&istio.split(' ').collect::<Vec<_>>()).unwrap().contains("-b is about what comes"));
    assert!(why(&["-m", "TPROXY"]).unwrap().contains("leave out"));
    assert_eq!(why(&["-b", ""]), None);
}

#[test]
fn blocks_of_the_other_family_are_left_out() {
    let rules = rules(&["-x", "fd00::/8,10.0.0.0/8"]);
    assert!(!rules.iter().any(|rule| rule.contains("fd00")));
}
