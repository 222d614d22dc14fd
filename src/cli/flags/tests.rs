//! Tests of the shared flags' parsing.

use super::{Label, PortPair, Serve, domain, namespace};

#[test]
fn a_label_is_split_at_its_first_equals_sign() {
    let label: Label = "a=b=c".parse().unwrap();
    assert_eq!(label, Label { key: "a".to_owned(), value: "b=c".to_owned() });
    assert!("istio".parse::<Label>().is_err());
    assert!("=x".parse::<Label>().is_err());
}

#[test]
fn a_port_pair_needs_two_ports_that_can_be_bound() {
    assert_eq!("80=8080".parse(), Ok(PortPair { declared: 80, bound: 8080 }));
    for bad in ["80", "80=", "0=80", "80=0", "80=70000", "80:8080", "a=b"] {
        assert!(bad.parse::<PortPair>().is_err(), "{bad}");
    }
}

#[test]
fn an_address_may_leave_out_the_host_or_be_off() {
    assert_eq!("off".parse(), Ok(Serve::Off));
    assert_eq!(":9".parse(), Ok(Serve::At("0.0.0.0:9".parse().unwrap())));
    assert_eq!("[::1]:9".parse(), Ok(Serve::At("[::1]:9".parse().unwrap())));
    assert!("localhost".parse::<Serve>().is_err());
}

#[test]
fn a_domain_in_istios_long_form_is_what_follows_svc() {
    assert_eq!(domain("istio-system.svc.cluster.local").unwrap(), "cluster.local");
    assert_eq!(domain(".svc.cluster.local").unwrap(), "cluster.local");
    assert_eq!(domain("svc.cluster.local").unwrap(), "cluster.local");
    assert_eq!(domain("Corp.Example.").unwrap(), "corp.example");
    assert!(domain("").is_err());
    assert!(domain("a..b").is_err());
    assert!(domain("a b").is_err());
}

#[test]
fn a_namespace_is_a_dns_label() {
    assert!(namespace("istio-system").is_ok());
    assert!(namespace("Istio").is_err());
    assert!(namespace("").is_err());
    assert!(namespace(&"x".repeat(64)).is_err());
}
