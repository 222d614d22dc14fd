//! Tests of who may ask the admin server.

use hyper::header::{HOST, ORIGIN};
use hyper::{HeaderMap, StatusCode};

use super::check;

fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, host.parse().unwrap());
    if let Some(origin) = origin {
        headers.insert(ORIGIN, origin.parse().unwrap());
    }
    headers
}

fn status(host: &str, origin: Option<&str>) -> Option<StatusCode> {
    let local = "10.0.0.5:15000".parse().unwrap();
    check(&headers(host, origin), local).err().map(|refusal| refusal.status)
}

#[test]
fn its_own_names_are_known_with_and_without_port() {
    let known = ["localhost", "LOCALHOST:15000", "127.0.0.1:15000", "[::1]:15000", "[::1]"];
    for host in known.into_iter().chain(["10.0.0.5:15000", "10.0.0.5"]) {
        assert_eq!(status(host, None), None, "{host}");
    }
}

#[test]
fn a_name_that_merely_resolves_here_is_refused() {
    for host in ["rebind.example:15000", "10.0.0.6", "localhost.example", "[::1", "[::1]x", ""] {
        assert_eq!(status(host, None), Some(StatusCode::FORBIDDEN), "{host}");
    }
}

#[test]
fn another_origin_is_refused_and_its_own_is_not() {
    assert_eq!(status("localhost:15000", Some("http://localhost:15000")), None);
    for origin in ["http://evil.example", "null", "https://localhost:15000", "http://localhost"] {
        let refused = status("localhost:15000", Some(origin));
        assert_eq!(refused, Some(StatusCode::FORBIDDEN), "{origin}");
    }
}

#[test]
fn no_host_or_two_hosts_are_a_bad_request() {
    let local = "127.0.0.1:15000".parse().unwrap();
    let mut headers = HeaderMap::new();
    assert_eq!(check(&headers, local).unwrap_err().status, StatusCode::BAD_REQUEST);
    headers.append(HOST, "localhost".parse().unwrap());
    headers.append(HOST, "localhost".parse().unwrap());
    assert_eq!(check(&headers, local).unwrap_err().status, StatusCode::BAD_REQUEST);
}
