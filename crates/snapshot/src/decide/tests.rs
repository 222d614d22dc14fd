//! Decisions, as sentences.

use std::sync::Arc;
use std::time::Duration;

use crate::samples::{TABLE, exact, forward, head, host, line, no_dice, prefix, respond};
use crate::samples::{rule, snapshot, to};
use crate::{
    Abort, AbortAnswer, Action, Availability, Cors, CorsReply, Delay, Destination, Fault, Fraction,
    Matcher, Reason, Redirect, RedirectPath, RedirectPort, Rule, Scheme, Snapshot, StringMatch,
    Target, Verdict,
};

const HALF: Fraction = Fraction(500_000);

fn faulty(share: Fraction) -> Fault {
    Fault {
        delay: Some(Delay { share, duration: Duration::from_secs(5) }),
        abort: Some(Abort { share, answer: AbortAnswer::Http(418) }),
    }
}

fn shop(rule: Rule) -> Snapshot {
    snapshot(vec![host("shop.com", vec![rule])])
}

fn forwarding() -> Rule {
    rule("", Matcher::any(), forward(vec![to(0, 1)]))
}

fn redirecting() -> Rule {
    let redirect = Redirect {
        status: 302,
        scheme: None,
        authority: Some("new.com".into()),
        port: RedirectPort::Keep,
        path: RedirectPath::Keep,
    };
    rule("", Matcher::any(), Action::Redirect(redirect))
}

fn cors() -> Arc<Cors> {
    let origins = vec![StringMatch::Exact("http://ok.com".into())];
    Arc::new(Cors { origins, methods: "GET".into(), ..Cors::default() })
}

/// The target's number among the sample clusters.
fn destination(verdict: &Verdict<'_>) -> Option<u32> {
    match verdict {
        Verdict::Forward {
            destination: Destination { target: Target::Cluster(id), .. }, ..
        } => Some(id.0),
        _ => None,
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let snapshot = snapshot(vec![host(
        "shop.com",
        vec![
            rule("one", exact("/a"), respond(201)),
            rule("two", prefix("/a"), forward(vec![to(1, 1)])),
            rule("three", Matcher::any(), respond(203)),
        ],
    )]);
    let decision = snapshot.decide(TABLE, &head("shop.com:80", "/ab?x", &[]), &mut no_dice);
    assert_eq!(destination(&decision.verdict), Some(1));
    assert_eq!(decision.rule.map(|rule| &*rule.name), Some("two"));
    assert_eq!(decision.host.map(|host| &*host.domain), Some("shop.com"));
}

#[test]
fn an_unknown_host_is_not_found() {
    let snapshot = shop(forwarding());
    let decision = snapshot.decide(TABLE, &head("other.com", "/", &[]), &mut no_dice);
    assert_eq!(decision.verdict, Verdict::Reject(Reason::NoRoute));
    assert_eq!(decision.host, None);
}

#[test]
fn a_target_that_is_no_path_is_not_found_even_by_a_catch_all() {
    let snapshot = shop(forwarding());
    let head = crate::Head { method: "OPTIONS", ..head("shop.com", "*", &[]) };
    let decision = snapshot.decide(TABLE, &head, &mut no_dice);
    assert_eq!(decision.verdict, Verdict::Reject(Reason::NoRoute));
}

#[test]
fn a_host_whose_rules_do_not_match_never_falls_through_to_another() {
    let star = host("*", vec![forwarding()]);
    let shop = host("shop.com", vec![rule("", exact("/a"), respond(200))]);
    let snapshot = snapshot(vec![star, shop]);
    let decision = snapshot.decide(TABLE, &head("shop.com", "/b", &[]), &mut no_dice);
    assert_eq!(decision.verdict, Verdict::Reject(Reason::NoRoute));
    assert_eq!(decision.host.map(|host| &*host.domain), Some("shop.com"));
}

#[test]
fn a_host_that_requires_tls_redirects_whatever_its_rules() {
    let mut secure = host("shop.com", Vec::new());
    secure.require_tls = true;
    let snapshot = snapshot(vec![secure]);
    let plain = head("Shop.com:80", "/a?b", &[]);
    let location = "https://Shop.com:80/a?b".to_owned();
    let verdict = snapshot.decide(TABLE, &plain, &mut no_dice).verdict;
    assert_eq!(verdict, Verdict::Redirect { status: 301, location });
    let secure = crate::Head { scheme: Scheme::Https, ..plain };
    let verdict = snapshot.decide(TABLE, &secure, &mut no_dice).verdict;
    assert_eq!(verdict, Verdict::Reject(Reason::NoRoute));
}

#[test]
fn a_closed_snapshot_refuses_everything_first_and_still_names_the_rule() {
    let mut faulty_rule = forwarding();
    faulty_rule.fault = Some(faulty(Fraction::ALL));
    let mut snapshot = shop(faulty_rule);
    snapshot.closed = true;
    for (authority, known) in [("shop.com", true), ("other.com", false)] {
        let decision = snapshot.decide(TABLE, &head(authority, "/", &[]), &mut no_dice);
        assert_eq!(decision.verdict, Verdict::Reject(Reason::Unenforced));
        assert_eq!(decision.rule.is_some(), known);
        assert_eq!(decision.delay, None);
    }
}

#[test]
fn weights_share_out_the_draw() {
    let snapshot = shop(rule("", Matcher::any(), forward(vec![to(0, 1), to(1, 3), to(0, 2)])));
    let drawn: Vec<_> = (0..6)
        .map(|number| {
            let mut dice = |sum: u32| {
                assert_eq!(sum, 6);
                number
            };
            let head = head("shop.com", "/", &[]);
            destination(&snapshot.decide(TABLE, &head, &mut dice).verdict)
        })
        .collect();
    assert_eq!(drawn, [0, 1, 1, 1, 0, 0].map(Some));
}

#[test]
fn weights_that_overflow_still_draw_a_destination() {
    let many = forward(vec![to(0, u32::MAX), to(1, u32::MAX)]);
    let snapshot = shop(rule("", Matcher::any(), many));
    let mut most = |sum: u32| sum - 1;
    let decision = snapshot.decide(TABLE, &head("shop.com", "/", &[]), &mut most);
    assert_eq!(destination(&decision.verdict), Some(0));
}

#[test]
fn a_destination_that_does_not_exist_or_must_not_be_used_is_refused() {
    let missing = Destination { target: Target::Missing("x".into()), ..to(0, 1) };
    let gone = shop(rule("", Matcher::any(), forward(vec![missing])));
    let mut closed = shop(forwarding());
    closed.clusters[0].availability = Availability::Closed("TLS is asked for".into());
    for (snapshot, reason) in [(gone, Reason::NoCluster), (closed, Reason::ClusterClosed)] {
        let decision = snapshot.decide(TABLE, &head("shop.com", "/", &[]), &mut no_dice);
        assert_eq!(decision.verdict, Verdict::Reject(reason));
        assert!(decision.rule.is_some());
    }
}

#[test]
fn a_delay_and_an_abort_are_drawn_by_themselves_delay_first() {
    let mut rule = forwarding();
    rule.fault = Some(faulty(HALF));
    let snapshot = shop(rule);
    for (draws, delayed, aborted) in [
        ([0, 0], true, true),
        ([499_999, 500_000], true, false),
        ([500_000, 499_999], false, true),
        ([500_000, 500_000], false, false),
    ] {
        let mut draws = draws.into_iter();
        let mut dice = |_| draws.next().unwrap();
        let decision = snapshot.decide(TABLE, &head("shop.com", "/", &[]), &mut dice);
        assert_eq!(decision.delay.is_some(), delayed);
        assert_eq!(matches!(decision.verdict, Verdict::Abort(_)), aborted);
    }
}

#[test]
fn a_share_of_nothing_never_strikes_and_a_share_of_all_always_does() {
    for (share, strikes) in [(Fraction(0), false), (Fraction::ALL, true)] {
        let mut rule = forwarding();
        rule.fault = Some(faulty(share));
        let snapshot = shop(rule);
        let decision = snapshot.decide(TABLE, &head("shop.com", "/", &[]), &mut no_dice);
        assert_eq!(matches!(decision.verdict, Verdict::Abort(_)), strikes);
        assert_eq!(decision.delay.is_some(), strikes);
    }
}

#[test]
fn faults_strike_only_what_is_forwarded() {
    let mut rule = redirecting();
    rule.fault = Some(faulty(Fraction::ALL));
    let snapshot = shop(rule);
    let decision = snapshot.decide(TABLE, &head("shop.com", "/a", &[]), &mut no_dice);
    let location = "http://new.com/a".to_owned();
    assert_eq!(decision.verdict, Verdict::Redirect { status: 302, location });
    assert_eq!(decision.delay, None);
}

#[test]
fn an_allowed_origin_marks_what_is_forwarded_and_no_answer_of_the_rule_itself() {
    let lines = [line("origin", "http://ok.com"), line("access-control-request-method", "GET")];
    let answering = rule("", Matcher::any(), respond(200));
    for (mut rule, marked) in [(forwarding(), true), (redirecting(), false), (answering, false)] {
        rule.cors = Some(cors());
        let snapshot = shop(rule);
        let get = head("shop.com", "/", &lines);
        let decision = snapshot.decide(TABLE, &get, &mut no_dice);
        assert_eq!(matches!(decision.cors, CorsReply::Allowed(_)), marked);
        let options = crate::Head { method: "OPTIONS", ..get };
        let decision = snapshot.decide(TABLE, &options, &mut no_dice);
        assert_eq!(matches!(decision.verdict, Verdict::Preflight { .. }), marked);
    }
}

#[test]
fn a_preflight_is_answered_if_its_origin_is_allowed() {
    let ask = |origin: &'static str, ignore_unmatched| {
        let lines = [line("origin", origin), line("access-control-request-method", "GET")];
        let mut rule = forwarding();
        rule.cors = Some(Arc::new(Cors { ignore_unmatched, ..(*cors()).clone() }));
        let snapshot = shop(rule);
        let head = crate::Head { method: "OPTIONS", ..head("shop.com", "/", &lines) };
        match snapshot.decide(TABLE, &head, &mut no_dice).verdict {
            Verdict::Preflight { allowed, .. } => Some(allowed),
            _ => None,
        }
    };
    assert_eq!(ask("http://ok.com", false), Some(true));
    assert_eq!(ask("http://no.com", false), None);
    assert_eq!(ask("http://no.com", true), Some(false));
}

#[test]
fn options_without_a_requested_method_is_an_ordinary_request() {
    let lines = [line("origin", "http://ok.com"), line("access-control-request-method", "")];
    let mut rule = forwarding();
    rule.cors = Some(cors());
    let snapshot = shop(rule);
    let head = crate::Head { method: "OPTIONS", ..head("shop.com", "/", &lines) };
    let decision = snapshot.decide(TABLE, &head, &mut no_dice);
    assert_eq!(destination(&decision.verdict), Some(0));
    assert!(matches!(decision.cors, CorsReply::Allowed(_)));
}

#[test]
fn a_request_without_or_with_another_origin_is_left_alone() {
    for lines in [vec![], vec![line("origin", "")], vec![line("origin", "http://no.com")]] {
        let mut rule = forwarding();
        rule.cors = Some(cors());
        let snapshot = shop(rule);
        let decision = snapshot.decide(TABLE, &head("shop.com", "/", &lines), &mut no_dice);
        assert_eq!(decision.cors, CorsReply::None);
        assert_eq!(destination(&decision.verdict), Some(0));
    }
}

#[test]
fn a_star_among_the_origins_allows_every_origin() {
    let star = Cors { origins: vec![StringMatch::Exact("*".into())], ..Cors::default() };
    assert!(star.allows(b"http://any.com"));
    assert!(!Cors::default().allows(b"http://any.com"));
}

#[test]
fn an_aborted_request_gets_no_cross_origin_headers() {
    let lines = [line("origin", "http://ok.com")];
    let mut rule = forwarding();
    rule.cors = Some(cors());
    rule.fault = Some(faulty(Fraction::ALL));
    let snapshot = shop(rule);
    let decision = snapshot.decide(TABLE, &head("shop.com", "/", &lines), &mut no_dice);
    assert_eq!(decision.cors, CorsReply::None);
}

#[test]
fn a_rule_that_answers_by_itself_takes_no_notice_of_its_cross_origin_policy() {
    let lines = [line("origin", "http://ok.com"), line("access-control-request-method", "GET")];
    let mut rule = redirecting();
    rule.cors = Some(cors());
    let snapshot = shop(rule);
    let mut head = head("shop.com", "/", &lines);
    for method in ["GET", "OPTIONS"] {
        head.method = method;
        let decision = snapshot.decide(TABLE, &head, &mut no_dice);
        assert_eq!(decision.cors, CorsReply::None);
        assert!(matches!(decision.verdict, Verdict::Redirect { status: 302, .. }), "{method}");
    }
}
