//! Heads that go up, and what another try changes in them.

use super::*;

const HEAD: &str = "GET / HTTP/1.1\r\nx-envoy-attempt-count: 1\r\n\
                    x-envoy-expected-rq-timeout-ms: 200\r\nx-last: 1\r\n\r\n";

fn renewed(head: &str, tries: u32, expected: Option<u64>) -> String {
    let mut up = head.as_bytes().to_vec();
    renew(&mut up, tries, expected);
    String::from_utf8(up).unwrap()
}

#[test]
fn another_try_tells_its_number_and_the_time_left() {
    let text = renewed(HEAD, 12, Some(7));
    assert!(text.contains("\r\nx-envoy-attempt-count: 12\r\n"), "{text}");
    assert!(text.contains("\r\nx-envoy-expected-rq-timeout-ms: 7\r\n"), "{text}");
    assert!(text.ends_with("\r\nx-last: 1\r\n\r\n"));
}

#[test]
fn a_head_without_these_lines_stays_as_it_is() {
    let head = "GET /x-envoy-attempt-count HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!(renewed(head, 2, Some(5)), head);
}

#[test]
fn only_methods_that_may_have_a_body_say_that_it_is_empty() {
    assert!(may_have_body(Method::Post) && may_have_body(Method::Options));
    assert!(!may_have_body(Method::Get) && !may_have_body(Method::Delete));
}
