//! Tests of the admin paths: which exist, what they want, what they say.

use std::sync::{Arc, Weak};

use http_body_util::BodyExt;
use hyper::{Request, StatusCode};
use tokio::sync::Notify;

use super::{Admin, PAGES, asked, help, parameter};
use crate::http_server::Answer;
use crate::status::{Phase, Status};

fn admin() -> Admin {
    Admin::new(Arc::new(Status::new()), Weak::new(), Arc::default())
}

async fn ask(admin: &Admin, method: &str, uri: &str) -> Answer {
    let request = Request::builder().method(method).uri(uri).header("host", "localhost:15000");
    let local = "127.0.0.1:15000".parse().unwrap();
    admin.reply(asked(&request.body(()).unwrap(), local)).await
}

async fn text(answer: Answer) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn what_only_looks_answers_get_and_head_alone() {
    for page in PAGES.iter().filter(|page| !page.acts && page.path != "/ready") {
        assert_eq!(ask(&admin(), "GET", page.path).await.status(), StatusCode::OK, "{}", page.path);
        assert_eq!(
            ask(&admin(), "HEAD", page.path).await.status(),
            StatusCode::OK,
            "{}",
            page.path
        );
        let refused = ask(&admin(), "POST", page.path).await;
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{}", page.path);
        assert_eq!(refused.headers()["allow"], "GET, HEAD");
    }
}

#[tokio::test]
async fn a_reload_wants_post_and_rings_the_bell() {
    let bell = Arc::new(Notify::new());
    let admin = Admin::new(Arc::new(Status::new()), Weak::new(), Arc::clone(&bell));
    assert_eq!(ask(&admin, "GET", "/reload").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(ask(&admin, "POST", "/reload").await.status(), StatusCode::ACCEPTED);
    bell.notified().await;
}

#[tokio::test]
async fn an_unknown_page_is_a_404_that_lists_the_known_ones() {
    let answer = ask(&admin(), "GET", "/nothing").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(text(answer).await.contains("/config"));
}

#[tokio::test]
async fn readiness_follows_the_phase() {
    let status = Arc::new(Status::new());
    let admin = Admin::new(Arc::clone(&status), Weak::new(), Arc::default());
    assert_eq!(ask(&admin, "GET", "/ready").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    status.enter(Phase::Live);
    assert_eq!(ask(&admin, "GET", "/ready").await.status(), StatusCode::OK);
}

#[test]
fn another_host_or_origin_learns_nothing() {
    let local = "127.0.0.1:15000".parse().unwrap();
    let request = Request::get("/config").header("host", "evil.example").body(()).unwrap();
    assert_eq!(
        asked(&request, local).err().map(|refusal| refusal.status()),
        Some(StatusCode::FORBIDDEN)
    );
    let request = Request::post("/reload").header("host", "localhost");
    let request = request.header("origin", "http://evil.example").body(()).unwrap();
    assert_eq!(
        asked(&request, local).err().map(|refusal| refusal.status()),
        Some(StatusCode::FORBIDDEN)
    );
}

#[test]
fn every_page_is_in_the_help() {
    let help = help();
    assert!(PAGES.iter().all(|page| help.contains(page.path)), "{help}");
}

#[test]
fn a_parameter_is_found_wherever_it_stands() {
    assert_eq!(parameter("a=1&format=json", "format"), Some("json"));
    assert_eq!(parameter("format", "format"), None);
    assert_eq!(parameter("", "format"), None);
}
