//! Explanations, as sentences.

use crate::Mismatch;
use crate::samples::{TABLE, exact, head, host, no_dice, prefix, respond, rule, snapshot};
use crate::{Matcher, Reason, StringMatch, Verdict};

fn names<'s>(hosts: &[&'s crate::VirtualHost]) -> Vec<&'s str> {
    hosts.iter().map(|host| &*host.domain).collect()
}

#[test]
fn every_rule_up_to_the_match_says_why_not() {
    let first = exact("/a");
    let snapshot = snapshot(vec![host(
        "a.com",
        vec![
            rule("one", first.clone(), respond(200)),
            rule("two", prefix("/b"), respond(200)),
            rule("three", Matcher::any(), respond(200)),
        ],
    )]);
    let explained = snapshot.explain(TABLE, &head("a.com", "/b", &[]), &mut no_dice);
    assert_eq!(explained.tried.len(), 2);
    assert_eq!(explained.tried[0].mismatches, [Mismatch::Path(&first.path)]);
    assert!(explained.tried[1].mismatches.is_empty());
    assert_eq!(explained.nearest_miss(), None);
}

#[test]
fn hosts_that_fit_stand_in_order_of_preference() {
    let domains = ["*", "*.com", "*.a.com", "x.a.com", "b.com"];
    let snapshot = snapshot(domains.iter().map(|domain| host(domain, Vec::new())).collect());
    let explained = snapshot.explain(TABLE, &head("X.a.com:80", "/", &[]), &mut no_dice);
    assert_eq!(names(&explained.hosts), ["x.a.com", "*.a.com", "*.com", "*"]);
    assert!(explained.nearest_hosts.is_empty());
}

#[test]
fn an_unknown_host_is_answered_with_the_nearest_names() {
    let domains = ["books.com", "shop.com", "shoes.com", "totally-different.org"];
    let snapshot = snapshot(domains.iter().map(|domain| host(domain, Vec::new())).collect());
    let explained = snapshot.explain(TABLE, &head("shpo.com", "/", &[]), &mut no_dice);
    assert_eq!(explained.decision.verdict, Verdict::Reject(Reason::NoRoute));
    assert!(explained.hosts.is_empty());
    assert_eq!(names(&explained.nearest_hosts)[0], "shop.com");
    assert_eq!(explained.nearest_hosts.len(), 3);
}

#[test]
fn the_nearest_miss_fails_in_the_fewest_conditions() {
    let post = Some(StringMatch::Exact("POST".into()));
    let near = Matcher { method: post.clone(), ..prefix("/a") };
    let far = Matcher { method: post, ..prefix("/b") };
    let rules = vec![rule("far", far, respond(200)), rule("near", near, respond(200))];
    let snapshot = snapshot(vec![host("a.com", rules)]);
    let explained = snapshot.explain(TABLE, &head("a.com", "/a", &[]), &mut no_dice);
    let miss = explained.nearest_miss().unwrap();
    assert_eq!((&*miss.rule.name, miss.position), ("near", 1));
    assert_eq!(miss.mismatches, [Mismatch::Method]);
}

#[test]
fn a_host_that_requires_tls_asks_no_rule() {
    let mut secure = host("a.com", vec![rule("", Matcher::any(), respond(200))]);
    secure.require_tls = true;
    let snapshot = snapshot(vec![secure]);
    let explained = snapshot.explain(TABLE, &head("a.com", "/", &[]), &mut no_dice);
    assert!(explained.tried.is_empty());
    assert!(matches!(explained.decision.verdict, Verdict::Redirect { .. }));
}
