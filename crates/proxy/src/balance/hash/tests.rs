//! Hashes of requests, key by key, with the values that Envoy's own functions give.

use std::time::Duration;

use super::*;

fn subject<'x>(lines: &'x [Line<'x>]) -> Subject<'x> {
    Subject {
        method: "GET",
        scheme: "http",
        authority: "a.com",
        path: "/p?user=ann&user=bob&flag&q=a%20b",
        lines,
        client: Some([10, 0, 0, 7].into()),
        ends: Some(("127.0.0.1:4000".parse().unwrap(), "127.0.0.1:80".parse().unwrap())),
    }
}

fn line<'x>(name: &'x str, value: &'x str) -> Line<'x> {
    Line { name, value: value.as_bytes() }
}

fn hash_of(key: HashKey, lines: &[Line<'_>]) -> Option<u64> {
    of_request(&[key], &subject(lines)).hash
}

fn header(name: &str) -> HashKey {
    HashKey::Header(name.into())
}

fn cookie(ttl: Option<u64>, path: &str, attributes: &[(&str, &str)]) -> HashKey {
    HashKey::Cookie(Box::new(HashCookie {
        name: "aff".into(),
        path: path.into(),
        ttl: ttl.map(Duration::from_secs),
        attributes: attributes.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
    }))
}

#[test]
fn a_header_is_hashed_by_its_value() {
    assert_eq!(hash_of(header("x-user"), &[line("x-user", "foo")]), Some(hash(b"foo")));
    assert_eq!(hash_of(header("x-user"), &[line("x-other", "foo")]), None);
}

#[test]
fn parts_of_the_request_are_headers_too() {
    assert_eq!(hash_of(header("host"), &[]), Some(hash(b"a.com")));
    assert_eq!(hash_of(header(":authority"), &[]), Some(hash(b"a.com")));
    assert_eq!(hash_of(header(":method"), &[]), Some(hash(b"GET")));
    let path = hash_of(header(":path"), &[]);
    assert_eq!(path, Some(hash(b"/p?user=ann&user=bob&flag&q=a%20b")));
}

#[test]
fn the_order_of_several_lines_does_not_matter() {
    let one = hash_of(header("x"), &[line("x", "foo"), line("x", "bar")]);
    let other = hash_of(header("x"), &[line("x", "bar"), line("x", "foo")]);
    assert_eq!(one, other);
    assert_eq!(one, Some(hash(b"barfoo")));
}

#[test]
fn a_query_parameter_is_hashed_undecoded_and_the_first_counts() {
    let query = |name: &str| hash_of(HashKey::Query(name.into()), &[]);
    assert_eq!(query("user"), Some(hash(b"ann")));
    assert_eq!(query("q"), Some(hash(b"a%20b")));
    assert_eq!(query("flag"), Some(hash(b"")));
    assert_eq!(query("none"), None);
}

#[test]
fn the_source_is_hashed_without_its_port() {
    assert_eq!(hash_of(HashKey::SourceIp, &[]), Some(hash(b"10.0.0.7")));
    assert_eq!(of_source("2001:db8::1".parse().unwrap()), hash(b"2001:db8::1"));
}

#[test]
fn a_cookie_is_found_among_others_and_without_its_quotes() {
    let sent = |text: &str| hash_of(cookie(None, "", &[]), &[line("cookie", text)]);
    assert_eq!(sent("a=1; aff=x; aff=y"), Some(hash(b"x")));
    assert_eq!(sent("aff=\"x\""), Some(hash(b"x")));
    assert_eq!(sent("xaff=x"), None);
    assert_eq!(sent("aff"), None);
    let two = [line("cookie", "a=1"), line("cookie", "aff=z")];
    assert_eq!(hash_of(cookie(None, "", &[]), &two), Some(hash(b"z")));
}

#[test]
fn a_missing_cookie_is_made_from_the_connection_if_it_has_a_life() {
    let made =
        |ttl, path, attributes: &[_]| of_request(&[cookie(ttl, path, attributes)], &subject(&[]));
    assert_eq!(made(None, "/", &[]), Hashed::default());
    let value = format!("{:016x}", hash(b"127.0.0.1:4000127.0.0.1:80"));
    let session = made(Some(0), "", &[]);
    assert_eq!(session.hash, Some(hash(value.as_bytes())));
    assert_eq!(session.cookies, [format!("aff=\"{value}\"; HttpOnly")]);
    let long = made(Some(60), "/cookie", &[("SameSite", "Strict"), ("Secure", "")]);
    let text =
        format!("aff=\"{value}\"; Max-Age=60; Path=/cookie; SameSite=Strict; Secure; HttpOnly");
    assert_eq!(long.cookies, [text]);
}

#[test]
fn an_empty_cookie_is_made_anew() {
    let hashed = of_request(&[cookie(Some(1), "", &[])], &subject(&[line("cookie", "aff=")]));
    assert_eq!(hashed.cookies.len(), 1);
}

#[test]
fn keys_of_several_destinations_are_turned_into_each_other() {
    let lines = [line("x", "foo"), line("y", "bar")];
    let both = of_request(&[header("x"), header("none"), header("y")], &subject(&lines));
    assert_eq!(both.hash, Some(hash(b"foo").rotate_left(1) ^ hash(b"bar")));
}
