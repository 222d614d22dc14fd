//! Which addresses are the workload's own.

use super::*;

fn own(to: &str, bound: &str) -> bool {
    is_own(&Address::Ip(to.parse().unwrap()), &Bind::Ip(bound.parse().unwrap()))
}

#[test]
fn loopback_and_no_address_in_particular_lead_to_what_is_bound_everywhere() {
    for to in ["127.0.0.1:80", "127.8.0.1:80", "0.0.0.0:80"] {
        assert!(own(to, "0.0.0.0:80"), "{to}");
    }
    assert!(own("[::1]:80", "[::]:80"));
    assert!(own("0.0.0.0:80", "127.0.0.1:80"));
}

#[test]
fn an_address_that_is_bound_is_the_workloads_own() {
    assert!(own("10.0.0.1:80", "10.0.0.1:80"));
    let socket = Address::Unix("/run/a.sock".into());
    assert!(is_own(&socket, &Bind::Unix("/run/a.sock".into())));
}

#[test]
fn others_are_not() {
    for (to, bound) in [
        ("127.0.0.1:81", "0.0.0.0:80"),
        ("10.0.0.1:80", "0.0.0.0:80"),
        ("127.0.0.2:80", "127.0.0.1:80"),
        ("[::1]:80", "0.0.0.0:80"),
    ] {
        assert!(!own(to, bound), "{to} at {bound}");
    }
}
