//! Format strings, as sentences.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;

use super::{AddressOf, Format, Number, Text, Variables};
use crate::fuzz_format;

/// A request at 2026-02-28T23:05:09.0419Z.
struct Request;

impl Variables for Request {
    fn request_header(&self, name: &str) -> Option<&[u8]> {
        match name {
            ":authority" => Some(b"a.com"),
            "x-a" => Some(b"abcdef"),
            _ => None,
        }
    }

    fn response_header(&self, name: &str) -> Option<&[u8]> {
        (name == "x-r").then_some(b"r")
    }

    fn start_time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::new(1_772_319_909, 41_900_000)
    }

    fn address(&self, of: AddressOf) -> Option<SocketAddr> {
        match of {
            AddressOf::DownstreamRemote => Some(SocketAddr::from(([192, 0, 2, 1], 7))),
            AddressOf::UpstreamLocal => Some("[2001:db8::1]:9".parse().unwrap()),
            _ => None,
        }
    }

    fn number(&self, which: Number) -> Option<u64> {
        (which == Number::ResponseCode).then_some(200)
    }

    fn text(&self, which: Text) -> Option<Cow<'_, str>> {
        (which == Text::Protocol).then_some("HTTP/1.1".into())
    }
}

#[track_caller]
fn rendered(source: &str) -> String {
    let mut out = Vec::new();
    Format::parse(source).unwrap().render(&Request, &mut out);
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn refused(source: &str) -> String {
    Format::parse(source).unwrap_err().to_string()
}

#[test]
fn plain_text_is_a_literal_and_two_percent_signs_are_one() {
    assert_eq!(Format::parse("100%% a").unwrap().as_literal(), Some("100% a"));
    assert_eq!(Format::parse("").unwrap().as_literal(), Some(""));
    assert_eq!(Format::parse("%PROTOCOL%").unwrap().as_literal(), None);
}

#[test]
fn headers_are_found_without_case_and_absent_ones_are_empty() {
    assert_eq!(rendered("[%REQ(X-A)%]"), "[abcdef]");
    assert_eq!(rendered("[%REQ(x-none)%]"), "[]");
    assert_eq!(rendered("%REQ(:authority)%%RESP(x-r)%"), "a.comr");
}

#[test]
fn a_header_may_have_an_alternative_and_a_length() {
    assert_eq!(rendered("%REQ(x-none?x-a):3%"), "abc");
    assert_eq!(rendered("%REQ(x-a?:authority)%"), "abcdef");
    assert_eq!(rendered("%REQ(x-a):99%"), "abcdef");
}

#[test]
fn addresses_print_whole_or_in_parts() {
    assert_eq!(rendered("%DOWNSTREAM_REMOTE_ADDRESS%"), "192.0.2.1:7");
    assert_eq!(rendered("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"), "192.0.2.1");
    assert_eq!(rendered("%DOWNSTREAM_REMOTE_PORT%"), "7");
    assert_eq!(rendered("%UPSTREAM_LOCAL_ADDRESS%"), "[2001:db8::1]:9");
    assert_eq!(rendered("%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%"), "2001:db8::1");
    assert_eq!(rendered("[%DOWNSTREAM_LOCAL_ADDRESS%]"), "[]");
}

#[test]
fn what_is_absent_prints_as_the_caller_wants() {
    let mut out = Vec::new();
    let format = Format::parse("%RESPONSE_CODE% %ROUTE_NAME% %DOWNSTREAM_TLS_VERSION%").unwrap();
    format.render_or(&Request, b"-", &mut out);
    assert_eq!(out, b"200 - -");
}

#[test]
fn the_start_time_takes_strftime() {
    assert_eq!(rendered("%START_TIME%"), "2026-02-28T23:05:09.041Z");
    assert_eq!(rendered("%START_TIME(%Y/%m/%d)%"), "2026/02/28");
    assert_eq!(rendered("%START_TIME(%a %b %e %I %p %j %s)%"), "Sat Feb 28 11 PM 059 1772319909");
    assert_eq!(rendered("%START_TIME(%3f %6f %E3S %E*S)%"), "041 041900 09.041 09.0419");
    assert_eq!(rendered("%START_TIME(%F (%T) %Z%% %q)%"), "2026-02-28 (23:05:09) UTC% %q");
}

#[test]
fn a_leap_day_and_the_turn_of_a_century_are_counted_right() {
    let at = |seconds| {
        let mut out = Vec::new();
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        super::TimeFormat::parse("%F %j %a").unwrap().render(time, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(at(0), "1970-01-01 001 Thu");
    assert_eq!(at(951_782_400), "2000-02-29 060 Tue");
    assert_eq!(at(978_220_800), "2000-12-31 366 Sun");
    assert_eq!(at(1_709_251_199), "2024-02-29 060 Thu");
    assert_eq!(at(4_107_542_400), "2100-03-01 060 Mon");
}

#[test]
fn a_single_percent_sign_is_refused_with_its_place() {
    assert!(refused("50% off").contains("position 3"), "{}", refused("50% off"));
    assert!(refused("a%").contains("position 2"));
    refused("%REQ(x%");
    refused("%req(x)%");
    refused("%REQ(x):a%");
}

#[test]
fn unknown_variables_and_wrong_arguments_are_named() {
    assert!(refused("%NOPE%").contains("%NOPE%"));
    assert!(refused("%REQ%").contains("%REQ%"));
    assert!(refused("%REQ(a?b?c)%").contains("one alternative"));
    assert!(refused("%PROTOCOL(x)%").contains("no argument"));
    assert!(refused("%PROTOCOL:3%").contains("no length"));
    refused("%START_TIME(%Y\n)%");
}

#[test]
fn variables_that_cannot_be_supplied_yet_are_listed_and_empty() {
    let format = Format::parse("a%DOWNSTREAM_TLS_VERSION%b%DYNAMIC_METADATA(x:y)%").unwrap();
    let names: Vec<_> = format.unsupported().collect();
    assert_eq!(names, ["DOWNSTREAM_TLS_VERSION", "DYNAMIC_METADATA"]);
    assert_eq!(rendered("a%DOWNSTREAM_TLS_VERSION%b"), "ab");
}

#[test]
fn istios_access_log_format_is_understood() {
    let format = concat!(
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" ",
        "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% ",
        "%CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" ",
        "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% ",
        "\"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% ",
        "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% ",
        "%ROUTE_NAME%\n",
    );
    let format = Format::parse(format).unwrap();
    let expected = [
        "CONNECTION_TERMINATION_DETAILS",
        "UPSTREAM_TRANSPORT_FAILURE_REASON",
        "BYTES_RECEIVED",
        "BYTES_SENT",
    ];
    assert_eq!(format.unsupported().collect::<Vec<_>>(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_a_format_or_refused(
            text in "([%A-Z():?a-z0-9_]|%REQ\\(|TIME\\(|é){0,20}",
    ) {
        fuzz_format(text.as_bytes());
        let mut out = Vec::new();
        if let Ok(format) = Format::parse(&text) {
            format.render(&Request, &mut out);
        }
    }
}
