//! Route trap problems, as sentences.

use propylon_model::Severity::Warning;

use crate::analyze::testing::{GATEWAY, WEB, finds, healthy, lacks, routes};

fn world(policy: &str) -> String {
    let http = format!("  - route: [{{destination: {{host: web}}}}]\n    {policy}");
    format!("{GATEWAY}{WEB}{}", routes(&http))
}

fn warns(policy: &str, code: &str, field: &str, words: &[&str]) {
    finds(&world(policy), Warning, code, &format!("spec.http[0].{field}"), words);
}

#[test]
fn a_fault_without_percentage_is_never_injected() {
    let words = ["no request is delayed", "`percentage: {value: 100}`"];
    warns("fault: {delay: {fixedDelay: 5s}}", "GW2011", "fault.delay", &words);
    let words = ["no request is aborted"];
    warns("fault: {abort: {httpStatus: 500}}", "GW2011", "fault.abort", &words);
    healthy(&world("fault: {delay: {fixedDelay: 5s, percentage: {value: 10}}}"));
}

#[test]
fn a_cors_policy_without_origins_does_nothing() {
    let words = ["allowed origins", "allowOrigins"];
    warns("corsPolicy: {allowMethods: [GET]}", "GW2012", "corsPolicy", &words);
}

#[test]
fn headers_set_on_two_levels_are_reported_with_several_destinations() {
    let http = "
  - headers: {request: {set: {x-a: route}}}
    route:
    - {destination: {host: web}, weight: 50, headers: {request: {set: {X-A: here}}}}
    - {destination: {host: web}, weight: 50}";
    let yaml = format!("{GATEWAY}{WEB}{}", routes(http));
    let field = "spec.http[0].route[0].headers.request.set.X-A";
    finds(&yaml, Warning, "GW2013", field, &["the route's value wins"]);
    let single = "
  - headers: {request: {set: {x-a: route}}}
    route: [{destination: {host: web}, headers: {request: {set: {x-a: here}}}}]";
    lacks(&format!("{GATEWAY}{WEB}{}", routes(single)), "GW2013");
}

#[test]
fn retries_fit_into_the_timeout() {
    let field = "retries.perTryTimeout";
    let tight = "timeout: 5s\n    retries: {attempts: 3, perTryTimeout: 2s}";
    warns(tight, "GW2014", field, &["8s", "`timeout: 8s`"]);
    let never = "timeout: 1s\n    retries: {attempts: 1, perTryTimeout: 2s}";
    warns(never, "GW2014", field, &["no try times out"]);
    healthy(&world("timeout: 8s\n    retries: {attempts: 3, perTryTimeout: 2s}"));
}
