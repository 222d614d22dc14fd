//! Host look-up, as sentences.

use crate::RouteTable;
use crate::host_of;
use crate::samples::host;

fn chosen(domains: &[&str], authority: &str) -> Option<String> {
    let hosts = domains.iter().map(|domain| host(domain, Vec::new())).collect();
    let table = RouteTable::new("http.80", hosts);
    table.lookup(authority).map(|host| host.domain.to_string())
}

#[test]
fn an_exact_domain_wins_over_every_wildcard() {
    assert_eq!(chosen(&["*", "*.b.com", "a.b.com"], "a.b.com").as_deref(), Some("a.b.com"));
}

#[test]
fn the_longest_suffix_wins() {
    assert_eq!(chosen(&["*", "*.com", "*.b.com"], "a.b.com").as_deref(), Some("*.b.com"));
    assert_eq!(chosen(&["*", "*.com", "*.b.com"], "x.com").as_deref(), Some("*.com"));
}

#[test]
fn a_suffix_covers_several_labels_and_never_none() {
    assert_eq!(chosen(&["*.b.com"], "y.x.b.com").as_deref(), Some("*.b.com"));
    assert_eq!(chosen(&["*.b.com"], "b.com"), None);
    assert_eq!(chosen(&["*.b.com"], ".b.com"), None);
    assert_eq!(chosen(&["*-x.com"], "a-x.com").as_deref(), Some("*-x.com"));
}

#[test]
fn letters_are_compared_without_case_and_the_port_is_ignored() {
    assert_eq!(chosen(&["a.com"], "A.Com:8080").as_deref(), Some("a.com"));
    assert_eq!(chosen(&["*.b.com"], "X.B.COM:1").as_deref(), Some("*.b.com"));
}

#[test]
fn a_trailing_dot_is_another_host() {
    assert_eq!(chosen(&["a.com"], "a.com."), None);
}

#[test]
fn only_the_star_takes_an_unknown_or_empty_authority() {
    assert_eq!(chosen(&["a.com", "*"], "z").as_deref(), Some("*"));
    assert_eq!(chosen(&["a.com", "*"], "").as_deref(), Some("*"));
    assert_eq!(chosen(&["a.com"], "z"), None);
}

#[test]
fn an_ipv6_literal_keeps_its_colons() {
    assert_eq!(host_of("[2001:db8::1]:8080"), "[2001:db8::1]");
    assert_eq!(host_of("[2001:db8::1]"), "[2001:db8::1]");
    assert_eq!(chosen(&["[::1]"], "[::1]:80").as_deref(), Some("[::1]"));
}

#[test]
fn whatever_follows_the_last_colon_is_a_port() {
    assert_eq!(host_of("a.com:"), "a.com");
    assert_eq!(host_of("a.com:x"), "a.com");
    assert_eq!(host_of("a.com:1:2"), "a.com:1");
}

#[test]
fn of_two_equal_domains_the_first_counts() {
    let hosts = vec![host("a.com", Vec::new()), host("a.com", Vec::new())];
    assert_eq!(RouteTable::new("t", hosts).position("a.com"), Some(0));
}

#[test]
fn letters_beyond_ascii_match_no_suffix_by_accident() {
    assert_eq!(chosen(&["*b"], "é"), None);
}
