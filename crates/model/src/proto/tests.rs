//! The rules of protobuf's JSON form, on values and on messages that use them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::base64::Base64;
use super::duration::Written;
use crate::destination_rule::{LbPolicy, LoadBalancer, SimpleLb};
use crate::security::AuthorizationPolicy;
use crate::service_entry::{Resolution, ServiceEntry};
use crate::virtual_service::{
    AbortError, DelayType, HttpBody, HttpRoute, RedirectPort, RedirectPortSelection, StringMatch,
    VirtualService,
};

fn read<T: for<'de> Deserialize<'de>>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn fault<T: for<'de> Deserialize<'de>>(value: serde_json::Value) -> String {
    serde_json::from_value::<T>(value).err().unwrap().to_string()
}

#[test]
fn durations_are_read_as_go_reads_them() {
    for (text, millis) in [
        ("1h", 3_600_000),
        ("1m", 60_000),
        ("1s", 1000),
        ("1ms", 1),
        ("1.5s", 1500),
        (".5s", 500),
        ("2.s", 2000),
        ("1h30m", 5_400_000),
        ("+3s", 3000),
        ("0", 0),
        ("0s", 0),
    ] {
        let written: Written = read(json!(text));
        assert_eq!(written.0, Duration::from_millis(millis), "{text}");
    }
    assert_eq!(read::<Written>(json!("1us")).0, Duration::from_micros(1));
    assert_eq!(read::<Written>(json!("0.000000001s")).0, Duration::from_nanos(1));
}

#[test]
fn what_is_no_duration_says_what_to_write() {
    assert!(fault::<Written>(json!("5")).contains("needs a unit, as in `5s`"));
    assert!(fault::<Written>(json!(5)).contains("needs a unit, as in `5s`"));
    assert!(fault::<Written>(json!("-1s")).contains("must not be negative"));
    assert!(fault::<Written>(json!("999999999h")).contains("too long"));
    for text in ["", "s", "5x", "1 s", "1..5s", ".s", "1h-5m", "99999999999999999999s"] {
        assert!(serde_json::from_value::<Written>(json!(text)).is_err(), "{text}");
    }
}

#[test]
fn base64_is_read_in_both_alphabets_with_and_without_padding() {
    for text in ["+/8=", "-_8=", "+/8", "-_8", "+/\n8=\n"] {
        assert_eq!(read::<Base64>(json!(text)).0, [0xfb, 0xff], "{text}");
    }
    assert_eq!(read::<Base64>(json!("")).0, b"");
    assert_eq!(read::<Base64>(json!("aGVsbG8=")).0, b"hello");
}

#[test]
fn what_is_not_base64_is_refused_without_repeating_it() {
    for text in ["a", "abcde", "ab=c", "a===", "secret!", "aGVsbG8=="] {
        assert_eq!(fault::<Base64>(json!(text)), "the value is not base64", "{text}");
    }
}

#[test]
fn enums_are_read_by_name_and_by_number() {
    assert_eq!(read::<Resolution>(json!("DNS")), Resolution::Dns);
    assert_eq!(read::<Resolution>(json!(2)), Resolution::Dns);
    assert_eq!(Resolution::default(), Resolution::None);
    assert_eq!(Resolution::DnsRoundRobin.name(), "DNS_ROUND_ROBIN");
}

#[test]
fn an_unknown_enum_value_names_the_allowed_ones_and_where_it_belongs() {
    assert_eq!(
        fault::<Resolution>(json!("MESH_EXTERNAL")),
        "unknown resolution `MESH_EXTERNAL`: expected one of NONE, STATIC, DNS, DNS_ROUND_ROBIN, \
         DYNAMIC_DNS; MESH_EXTERNAL is a value of `location`"
    );
    assert!(fault::<Resolution>(json!("dns")).starts_with("unknown resolution `dns`: expected"));
    assert!(fault::<Resolution>(json!(9)).starts_with("unknown resolution `9`"));
    assert!(fault::<Resolution>(json!(-1)).starts_with("unknown resolution `-1`"));
}

#[test]
fn both_spellings_of_a_field_are_read() {
    for field in ["exportTo", "export_to"] {
        let service: VirtualService = read(json!({ field: ["."] }));
        assert_eq!(service.export_to, ["."]);
    }
    let entry: ServiceEntry = read(json!({ "subject_alt_names": ["a"] }));
    assert_eq!(entry.subject_alt_names, ["a"]);
}

#[test]
fn an_unknown_field_is_an_error() {
    assert!(fault::<VirtualService>(json!({ "host": [] })).contains("unknown field `host`"));
    let redirect = json!({ "redirect": { "uri": "/", "code": 1 } });
    assert!(fault::<HttpRoute>(redirect).contains("unknown field `code`"));
}

#[test]
fn a_string_match_keeps_presence_and_kind_apart() {
    assert_eq!(read::<StringMatch>(json!({})), StringMatch::Unset);
    assert_eq!(read::<StringMatch>(json!({ "exact": "" })), StringMatch::Exact(String::new()));
    assert_eq!(read::<StringMatch>(json!({ "prefix": "/" })), StringMatch::Prefix("/".into()));
    assert_eq!(read::<StringMatch>(json!({ "regex": "a" })), StringMatch::Regex("a".into()));
    let both = fault::<StringMatch>(json!({ "exact": "a", "regex": "b" }));
    assert_eq!(both, "`exact` and `regex` exclude each other: keep one of them");
}

#[test]
fn oneofs_inside_messages_are_one_choice() {
    let route: HttpRoute = read(json!({
        "redirect": { "derivePort": "FROM_REQUEST_PORT", "redirectCode": 308 },
        "directResponse": { "status": 200, "body": { "bytes": "aGk=" } },
        "fault": {
            "delay": { "fixedDelay": "2s", "percentage": { "value": 0.5 } },
            "abort": { "grpc_status": "NOT_FOUND" },
        },
    }));
    let redirect = route.redirect.unwrap();
    let derived = RedirectPort::Derive(RedirectPortSelection::FromRequestPort);
    assert_eq!(redirect.redirect_port, Some(derived));
    assert_eq!(redirect.redirect_code, Some(308));
    assert_eq!(route.direct_response.unwrap().body, Some(HttpBody::Bytes(b"hi".to_vec())));
    let fault = route.fault.unwrap();
    let delay = fault.delay.unwrap();
    assert_eq!(delay.delay_type, Some(DelayType::Fixed(Duration::from_secs(2))));
    assert_eq!(delay.percentage.unwrap().value.to_bits(), 0.5_f64.to_bits());
    let abort = fault.abort.unwrap();
    assert_eq!(abort.error, Some(AbortError::GrpcStatus("NOT_FOUND".into())));
}

#[test]
fn a_load_balancer_has_one_policy() {
    let random: LoadBalancer = read(json!({ "simple": "RANDOM" }));
    assert_eq!(random.policy, Some(LbPolicy::Simple(SimpleLb::Random)));
    let both = json!({ "simple": "RANDOM", "consistentHash": { "useSourceIp": true } });
    assert!(fault::<LoadBalancer>(both).contains("`simple` and `consistentHash` exclude"));
}

#[test]
fn an_empty_list_of_conditions_is_refused_because_it_would_open_everything() {
    let policy = json!({ "rules": [{ "from": [] }] });
    assert!(fault::<AuthorizationPolicy>(policy).contains("the list is empty"));
    let all: AuthorizationPolicy = read(json!({ "rules": [{}] }));
    assert_eq!(all.rules.len(), 1);
}
