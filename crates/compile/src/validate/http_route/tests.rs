//! Routes that contradict themselves, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::Kind;
use serde_json::{Value, json};

use crate::validate::testing::{healthy, refused, warned};

fn service(route: Value) -> Value {
    json!({"hosts": ["a.com"], "gateways": ["gw"], "http": [route]})
}

fn refuses(route: Value, field: &str, words: &[&str]) {
    refused(Kind::VirtualService, service(route), &format!("spec.http[0]{field}"), words);
}

fn warns(route: Value, field: &str, words: &[&str]) {
    warned(Kind::VirtualService, service(route), &format!("spec.http[0]{field}"), words);
}

fn to(host: &str) -> Value {
    json!([{"destination": {"host": host}}])
}

#[test]
fn a_route_does_exactly_one_thing() {
    let redirect = json!({"uri": "/x"});
    let direct = json!({"status": 200});
    refuses(json!({}), "", &["neither"]);
    refuses(json!({"route": to("a"), "redirect": redirect}), ".route", &["`redirect`"]);
    refuses(json!({"directResponse": direct, "redirect": redirect}), ".directResponse", &["both"]);
    refuses(json!({"route": to("a"), "directResponse": direct}), ".route", &["both"]);
    refuses(json!({"rewrite": {"uri": "/"}, "redirect": redirect}), ".rewrite", &["both"]);
    let fault = json!({"abort": {"httpStatus": 500}});
    refuses(json!({"fault": fault, "directResponse": direct}), ".fault", &["both"]);
}

#[test]
fn a_root_route_delegates_or_routes() {
    healthy(Kind::VirtualService, service(json!({"delegate": {"name": "d"}})));
    refuses(json!({"delegate": {"name": "d"}, "route": to("a")}), ".route", &["`delegate`"]);
}

#[test]
fn weights_that_add_up_to_nothing_are_refused() {
    let two = json!([{"destination": {"host": "a"}}, {"destination": {"host": "b"}}]);
    refuses(json!({"route": two}), ".route", &["add up to 0", "50"]);
    let negative = json!([{"destination": {"host": "a"}, "weight": -1}]);
    refuses(json!({"route": negative}), ".route[0].weight", &["0 or more"]);
}

#[test]
fn destinations_name_one_service() {
    refuses(json!({"route": to("")}), ".route[0].destination", &["no host"]);
    refuses(json!({"route": to("*")}), ".route[0].destination.host", &["one service"]);
    let port = json!([{"destination": {"host": "a", "port": {"number": 70000}}}]);
    refuses(json!({"route": port}), ".route[0].destination.port.number", &["65535"]);
    let subset = json!([{"destination": {"host": "a", "subset": "v_1"}}]);
    refuses(json!({"route": subset}), ".route[0].destination.subset", &["v_1"]);
}

#[test]
fn mirrors_have_shares_and_exclude_each_other() {
    let mirror = json!({"host": "m"});
    let both = json!({"route": to("a"), "mirror": mirror, "mirrors": [{"destination": mirror}]});
    refuses(both, ".mirrors", &["both"]);
    let old = json!({"route": to("a"), "mirror": mirror, "mirrorPercent": 50});
    warns(old, ".mirrorPercent", &["`mirrorPercentage: {value: 50}`"]);
    let much = json!({"route": to("a"), "mirrors": [
        {"destination": mirror, "percentage": {"value": 101.0}}]});
    refuses(much, ".mirrors[0].percentage.value", &["101"]);
}

#[test]
fn faults_say_what_they_inject_and_how_often() {
    let fault = |fault: Value| json!({"route": to("a"), "fault": fault});
    refuses(fault(json!({})), ".fault", &["neither"]);
    let share = json!({"abort": {"httpStatus": 500, "percentage": {"value": 0.00001}}});
    refuses(fault(share), ".fault.abort.percentage.value", &["0.0001"]);
    let status = json!({"abort": {"httpStatus": 600}});
    refuses(fault(status), ".fault.abort.httpStatus", &["200 to 599"]);
    let grpc = json!({"abort": {"grpcStatus": "NOPE"}});
    refuses(fault(grpc), ".fault.abort.grpcStatus", &["UNAVAILABLE"]);
    refuses(fault(json!({"abort": {"http2Error": "x"}})), ".fault.abort.http2Error", &["never"]);
    let exponential = json!({"delay": {"exponentialDelay": "1s"}});
    refuses(fault(exponential), ".fault.delay.exponentialDelay", &["fixedDelay"]);
    let old = json!({"delay": {"fixedDelay": "1s", "percent": 10}});
    warns(fault(old), ".fault.delay.percent", &["`percentage: {value: 10}`"]);
    let silent = json!({"abort": {"percentage": {"value": 100}}});
    warns(fault(silent), ".fault.abort", &["aborts nothing"]);
}
