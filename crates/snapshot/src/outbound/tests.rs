//! Which listener a captured connection or a named host finds.

use super::*;

fn listener(name: &str, meant: Meant, hosts: &[&str]) -> Captured {
    Captured {
        name: name.into(),
        meant,
        hosts: hosts.iter().map(|host| Box::from(*host)).collect(),
        http: None,
        names: ServerNames::default(),
        bytes: None,
    }
}

fn outbound() -> Outbound {
    let address = |text: &str| Meant::Address(text.parse().unwrap());
    let block = |text: &str| Meant::Block(text.parse().unwrap(), 3306);
    Outbound::new(
        vec![
            listener("port", Meant::Port(3306), &[]),
            listener("wide", block("10.0.0.0/8"), &[]),
            listener("narrow", block("10.1.0.0/16"), &[]),
            listener("exact", address("10.1.0.1:3306"), &["db.shop"]),
            listener("web", Meant::Port(80), &[]),
        ],
        None,
    )
}

fn found(outbound: &Outbound, address: &str) -> String {
    let listener = outbound.meant_for(address.parse().unwrap());
    listener.map_or("none".to_owned(), |listener| listener.name.to_string())
}

#[test]
fn the_exact_address_wins_over_a_block_and_that_over_the_port() {
    let outbound = outbound();
    assert_eq!(found(&outbound, "10.1.0.1:3306"), "exact");
    assert_eq!(found(&outbound, "10.1.0.2:3306"), "narrow");
    assert_eq!(found(&outbound, "10.2.0.1:3306"), "wide");
    assert_eq!(found(&outbound, "11.0.0.1:3306"), "port");
    assert_eq!(found(&outbound, "10.1.0.1:80"), "web");
    assert_eq!(found(&outbound, "10.1.0.1:81"), "none");
}

#[test]
fn an_explicit_proxy_finds_listeners_by_name_by_address_and_by_port() {
    let outbound = outbound();
    let named = |host, port| outbound.named(host, port).map(|listener| &*listener.name);
    assert_eq!(named("DB.shop", 3306), Some("exact"));
    assert_eq!(named("other.shop", 3306), Some("port"));
    assert_eq!(named("10.1.0.1", 3306), Some("exact"));
    assert_eq!(named("[fd00::1]", 80), Some("web"));
    assert_eq!(named("db.shop", 80), Some("web"));
    assert_eq!(named("db.shop", 81), None);
}
