//! Retry policies, as sentences.

#![expect(clippy::needless_pass_by_value, reason = "objects are written in place")]

use propylon_model::Kind;
use serde_json::{Value, json};

use crate::validate::testing::{healthy, refused};

fn service(retries: Value) -> Value {
    json!({"hosts": ["a.com"], "gateways": ["gw"], "http": [{
        "retries": retries, "route": [{"destination": {"host": "a"}}]}]})
}

fn refuses(retries: Value, field: &str, words: &[&str]) {
    let place = format!("spec.http[0].retries.{field}");
    refused(Kind::VirtualService, service(retries), &place, words);
}

#[test]
fn no_attempts_means_nothing_else() {
    healthy(Kind::VirtualService, service(json!({"attempts": 0})));
    refuses(json!({"perTryTimeout": "1s"}), "perTryTimeout", &["`attempts: 2`"]);
    refuses(json!({"attempts": -1}), "attempts", &["-1"]);
}

#[test]
fn conditions_are_envoys_names_or_statuses_without_spaces() {
    let fine = "5xx,gateway-error,503,retriable-headers,deadline-exceeded";
    healthy(Kind::VirtualService, service(json!({"attempts": 1, "retryOn": fine})));
    let spaced = json!({"attempts": 1, "retryOn": "5xx, reset"});
    refuses(spaced, "retryOn", &["no spaces", "`5xx,reset`"]);
    refuses(json!({"attempts": 1, "retryOn": "5xxx"}), "retryOn", &["`5xxx`"]);
    refuses(json!({"attempts": 1, "retryOn": "299"}), "retryOn", &["`299`"]);
}

#[test]
fn times_are_at_least_a_millisecond() {
    refuses(json!({"attempts": 1, "perTryTimeout": "0s"}), "perTryTimeout", &["leave it out"]);
    refuses(json!({"attempts": 1, "backoff": "100us"}), "backoff", &["1ms"]);
}
