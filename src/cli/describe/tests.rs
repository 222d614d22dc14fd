//! Tests of the words for compiled things.

use std::time::Duration;

use propylon_snapshot::{
    Fraction, Head, HeaderMatch, Matcher, PathMatch, PathRewrite, QueryMatch, Retry, RetryOn,
    Scheme, StringMatch,
};

use super::{cluster_name, duration, matcher, mismatch, retries, rewrite, share};

fn prefix(text: &str) -> PathMatch {
    PathMatch::Prefix { text: text.into(), ignore_case: false }
}

fn sample() -> Matcher {
    Matcher {
        path: prefix("/api"),
        method: Some(StringMatch::Exact("GET".into())),
        headers: vec![HeaderMatch {
            name: "x-user".into(),
            test: Some(StringMatch::Prefix("qa".into())),
            invert: false,
        }],
        query: vec![QueryMatch { name: "debug".into(), test: None }],
        ..Matcher::any()
    }
}

#[test]
fn a_matcher_reads_like_the_api() {
    let text =
        r#"uri prefix /api, method exact "GET", header x-user prefix "qa", query debug present"#;
    assert_eq!(matcher(&sample()), text);
    assert_eq!(matcher(&Matcher::any()), "any request");
}

#[test]
fn every_condition_that_does_not_hold_says_why() {
    let head = Head {
        method: "POST",
        scheme: Scheme::Http,
        authority: "a.example",
        path: "/static",
        query: None,
        lines: &[],
    };
    let rule = sample();
    let why: Vec<String> = rule.mismatches(&head).map(|m| mismatch(&m, &rule, &head)).collect();
    assert_eq!(
        why,
        [
            r#"path does not start with "/api""#,
            r#"method is "POST", not "GET""#,
            "header x-user is absent",
            "query parameter debug is absent",
        ]
    );
}

#[test]
fn a_cluster_is_named_by_service_port_and_subset() {
    let name = cluster_name("outbound|9080|v1|reviews.default.svc.cluster.local");
    assert_eq!(name, "reviews.default.svc.cluster.local:9080 subset v1");
    assert_eq!(cluster_name("outbound|80||a.b"), "a.b:80");
    assert_eq!(cluster_name("BlackHole"), "BlackHole");
}

#[test]
fn a_prefix_rewrite_names_what_it_replaces() {
    let to = PathRewrite::Uri("/".into());
    assert_eq!(rewrite(&to, &sample()), "path prefix /api becomes /");
    assert_eq!(rewrite(&to, &Matcher::any()), "path becomes /");
}

#[test]
fn retries_name_their_conditions() {
    let retry = Retry {
        attempts: 2,
        on: RetryOn::istio_default(),
        statuses: vec![503],
        per_try_timeout: Some(Duration::from_millis(250)),
        backoff: Duration::from_millis(25),
        ignore_previous_hosts: true,
        remote_localities: false,
    };
    let text = "2 on connect-failure,refused-stream,unavailable,cancelled,503, 250ms per try";
    assert_eq!(retries(Some(&retry)), text);
    assert_eq!(retries(None), "off");
}

#[test]
fn shares_and_durations_are_short() {
    assert_eq!(share(Fraction(500_000)), "50 %");
    assert_eq!(share(Fraction(10)), "0.001 %");
    assert_eq!(share(Fraction::ALL), "100 %");
    assert_eq!(duration(Duration::from_millis(1500)), "1.5s");
}
