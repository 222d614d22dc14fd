//! Server names: which chain answers which ClientHello.

use super::*;
use crate::ObjectId;

fn chain(names: &[&str]) -> TlsChain {
    TlsChain {
        names: names.iter().map(|name| (*name).into()).collect(),
        offered: Offered::Anything,
        termination: Termination::Passthrough,
        then: Then::Http(RouteTableId(0)),
        origin: Origin { object: ObjectId(0), entry: 0, matching: None },
    }
}

#[test]
fn an_exact_name_wins_over_the_longest_wildcard_and_that_over_any() {
    let chains =
        [chain(&["*"]), chain(&["*.com", "x.org"]), chain(&["*.b.com"]), chain(&["a.b.com"])];
    let names = ServerNames::new(chains.to_vec());
    for (sni, expected) in [
        (Some("a.b.com"), 3),
        (Some("A.B.COM"), 3),
        (Some("c.b.com"), 2),
        (Some("d.c.b.com"), 2),
        (Some("b.com"), 1),
        (Some("x.org"), 1),
        (Some("y.org"), 0),
        (None, 0),
    ] {
        assert_eq!(names.position(sni), Some(expected), "{sni:?}");
    }
}

#[test]
fn without_a_chain_for_any_name_strangers_and_the_nameless_find_none() {
    let names = ServerNames::new(vec![chain(&["a.com"])]);
    assert!(names.lookup(Some("b.com")).is_none());
    assert!(names.lookup(None).is_none());
    assert!(names.lookup(Some("a.com")).is_some());
}

#[test]
fn a_chain_for_istios_proxies_answers_whoever_offers_one_of_their_protocols_in_any_place() {
    for (offered, admitted) in [
        (&[][..], false),
        (&["h2", "http/1.1"][..], false),
        (&["istio-peer-exchange", "istio"][..], true),
        (&["h2", "istio-http/1.1"][..], true),
        (&["istio-h2"][..], true),
        (&["istio-http/2"][..], false),
        (&["ISTIO"][..], false),
    ] {
        let protocols = || offered.iter().map(|one| one.as_bytes());
        assert_eq!(Offered::Istio.admits(protocols()), admitted, "{offered:?}");
        assert!(Offered::Anything.admits(protocols()), "{offered:?}");
    }
}
