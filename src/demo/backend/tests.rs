//! Tests of what the demo's backends answer.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Request;
use hyper::http::request::Parts;
use serde_json::Value;

use super::{Backend, PRODUCT_PAGE_BYTES, delay};
use crate::http_server::Answer;

fn request(path: &str) -> Parts {
    let request = Request::get(path).header("host", "a.example").header("x-a", "1");
    request.header("x-a", "2").body(()).unwrap().into_parts().0
}

async fn body(answer: Answer) -> Vec<u8> {
    answer.into_body().collect().await.unwrap().to_bytes().to_vec()
}

#[tokio::test]
async fn httpbin_answers_the_status_it_is_asked_for_and_allows_every_origin() {
    let answer = Backend::Httpbin.reply(&request("/status/418"), b"");
    assert_eq!(answer.status().as_u16(), 418);
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.headers()["access-control-allow-credentials"], "true");
    assert!(body(answer).await.is_empty());
}

#[test]
fn httpbin_refuses_what_is_no_final_status() {
    for path in ["/status/", "/status/abc", "/status/100", "/status/7"] {
        assert_eq!(Backend::Httpbin.reply(&request(path), b"").status().as_u16(), 400, "{path}");
    }
}

#[test]
fn a_delay_is_cut_at_ten_seconds() {
    assert_eq!(delay("/delay/0.5"), Some(Duration::from_millis(500)));
    assert_eq!(delay("/delay/99"), Some(Duration::from_secs(10)));
    for path in ["/delay/x", "/delay/-1", "/delay/NaN", "/status/1"] {
        assert_eq!(delay(path), None, "{path}");
    }
}

#[tokio::test]
async fn the_product_page_has_the_length_that_the_tutorial_prints() {
    let answer = Backend::ProductPage.reply(&request("/productpage"), b"");
    assert_eq!(answer.headers()["vary"], "Cookie");
    assert_eq!(body(answer).await.len(), PRODUCT_PAGE_BYTES);
}

#[tokio::test]
async fn the_user_service_answers_five_bytes_that_tell_its_version() {
    let answer = Backend::User { body: r#""v1""# }.reply(&request("/"), b"");
    assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(body(answer).await, b"\"v1\"\n");
}

#[tokio::test]
async fn the_echo_tells_headers_arguments_and_body() {
    let answer = Backend::Echo.reply(&request("/p?q=1&r"), b"hello");
    let told: Value = serde_json::from_slice(&body(answer).await).unwrap();
    assert_eq!(told["headers"]["x-a"], "1,2");
    assert_eq!(told["args"]["q"], "1");
    assert_eq!(told["args"]["r"], "");
    assert_eq!(told["data"], "hello");
    assert_eq!(told["url"], "http://a.example/p?q=1&r");
}
