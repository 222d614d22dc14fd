//! Names that are covered, and addresses that a name may lead to.

use super::*;

fn asked(names: &[&str], allowed: &[&str]) -> Asked {
    Asked {
        original: false,
        names: names.iter().map(|name| Box::from(*name)).collect(),
        port: 443,
        allowed: allowed.iter().map(|block| block.parse().unwrap()).collect(),
    }
}

#[test]
fn a_wildcard_covers_names_below_it_at_any_depth_and_not_itself() {
    let asked = asked(&["*.wiki.org"], &[]);
    assert!(asked.covers("en.wiki.org"));
    assert!(asked.covers("a.b.WIKI.org"));
    assert!(!asked.covers("wiki.org"));
    assert!(!asked.covers(".wiki.org"));
    assert!(!asked.covers("en.wiki.org.evil.com"));
    assert!(!asked.covers("evilwiki.org"));
}

#[test]
fn an_exact_name_covers_itself_only() {
    let asked = asked(&["a.com"], &[]);
    assert!(asked.covers("A.com"));
    assert!(!asked.covers("b.a.com"));
}

#[test]
fn addresses_of_a_machine_or_its_network_are_not_reached_by_name() {
    let asked = asked(&["*.a.com"], &[]);
    for address in [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "0.1.2.3",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
        "2002:a00:1::",
        "fe80::1",
        "fec0::1",
        "fd00::1",
        "fc00::1",
        "ff02::1",
    ] {
        assert!(!asked.permits(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn public_addresses_are_reached_by_name() {
    let asked = asked(&["*.a.com"], &[]);
    for address in [
        "93.184.216.34",
        "100.63.0.1",
        "172.32.0.1",
        "198.20.0.1",
        "2606:2800:220:1::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::",
    ] {
        assert!(asked.permits(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn what_is_listed_is_reached() {
    let asked = asked(&["*.a.com"], &["10.1.0.0/16", "::1/128"]);
    assert!(asked.permits("10.1.9.9".parse().unwrap()));
    assert!(asked.permits("::1".parse().unwrap()));
    assert!(!asked.permits("10.2.0.1".parse().unwrap()));
}
