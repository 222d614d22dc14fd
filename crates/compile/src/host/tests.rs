//! Host algebra, as sentences.

use super::*;

#[test]
fn a_wildcard_covers_every_deeper_name_but_not_its_own_parent() {
    assert!(overlaps("*.foo.com", "a.foo.com"));
    assert!(overlaps("*.foo.com", "b.a.foo.com"));
    assert!(!overlaps("*.foo.com", "foo.com"));
    assert!(overlaps("*", "foo.com"));
}

#[test]
fn overlap_is_symmetric_and_subset_is_not() {
    for (a, b) in [("*.foo.com", "a.foo.com"), ("*", "*.foo.com"), ("*.a.foo.com", "*.foo.com")] {
        assert!(overlaps(a, b) && overlaps(b, a), "{a} {b}");
        assert_ne!(is_subset(a, b), is_subset(b, a), "{a} {b}");
    }
}

#[test]
fn an_intersection_is_the_narrower_pattern() {
    assert_eq!(intersection("*.foo.com", "a.foo.com"), Some("a.foo.com"));
    assert_eq!(intersection("a.foo.com", "*.foo.com"), Some("a.foo.com"));
    assert_eq!(intersection("*", "*"), Some("*"));
    assert_eq!(intersection("*.foo.com", "*.bar.com"), None);
}

#[test]
fn concrete_and_longer_names_come_first() {
    let mut hosts = vec!["*", "*.com", "b.com", "a.com", "*.a.com", "long.a.com"];
    hosts.sort_by(|a, b| by_specificity(a, b));
    assert_eq!(hosts, ["long.a.com", "a.com", "b.com", "*.a.com", "*.com", "*"]);
}

#[test]
fn only_names_without_a_dot_are_completed() {
    assert_eq!(resolve("reviews", "prod", "cluster.local"), "reviews.prod.svc.cluster.local");
    assert_eq!(resolve("reviews.prod", "default", "cluster.local"), "reviews.prod");
    assert_eq!(resolve("*", "default", "cluster.local"), "*");
    assert_eq!(resolve("::1", "default", "cluster.local"), "::1");
}

#[test]
fn a_server_host_may_name_the_namespace_that_binds_it() {
    assert_eq!(split_server_host("a.com", "gw"), (None, "a.com"));
    assert_eq!(split_server_host("*/a.com", "gw"), (None, "a.com"));
    assert_eq!(split_server_host("./a.com", "gw"), (Some("gw"), "a.com"));
    assert_eq!(split_server_host("ns1/*", "gw"), (Some("ns1"), "*"));
}

#[test]
fn gateway_references_are_completed_with_the_namespace_of_the_virtual_service() {
    assert_eq!(resolve_gateway("mesh", "ns"), "mesh");
    assert_eq!(resolve_gateway("gw", "ns"), "ns/gw");
    assert_eq!(resolve_gateway("other/gw", "ns"), "other/gw");
    assert_eq!(resolve_gateway("gw.other.svc.cluster.local", "ns"), "other/gw");
}
