//! The order of events of the httpbin tutorial: files change under a running gateway, and each
//! change is live without a restart.

use crate::examples::httpbin;
use crate::exchanges::Exchanges;
use crate::harness::eventually;
use crate::harness::gateway::example;

#[test]
fn each_step_of_the_tutorial_is_live_when_its_file_is_there() {
    let httpbin = httpbin();
    let gateway = example("httpbin").behind(18000, httpbin.port()).start();
    let status_of = |target: &str| gateway.get(target).status;
    assert_eq!(status_of("/status/200"), 200);

    gateway.apply("httpbin-steps/1-status-removed");
    eventually("/status is gone", || status_of("/status/200") == 404);
    Exchanges::of("httpbin-steps/1-status-removed").happen_on(&gateway);

    gateway.apply("httpbin-steps/2-subset-before-its-rule");
    eventually("the subset is asked for", || status_of("/status/200") == 503);
    Exchanges::of("httpbin-steps/2-subset-before-its-rule").happen_on(&gateway);
    gateway.prints("v1");

    gateway.apply("httpbin-steps/3-subset-with-its-rule");
    eventually("the subset is defined", || status_of("/status/200") == 200);
    Exchanges::of("httpbin-steps/3-subset-with-its-rule").happen_on(&gateway);
}

#[test]
fn a_connection_that_is_kept_sees_each_step() {
    let httpbin = httpbin();
    let gateway = example("httpbin").behind(18000, httpbin.port()).start();
    let mut client = gateway.connect();
    let mut status = move || {
        client.send("GET /status/200 HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().status
    };
    assert_eq!(status(), 200);
    gateway.apply("httpbin-steps/1-status-removed");
    eventually("/status is gone", || status() == 404);
    gateway.apply("httpbin-steps/2-subset-before-its-rule");
    eventually("the subset is asked for", || status() == 503);
    gateway.apply("httpbin-steps/3-subset-with-its-rule");
    eventually("the subset is defined", || status() == 200);
}
