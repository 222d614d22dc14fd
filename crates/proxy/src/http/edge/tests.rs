//! What the edge admits, strips, trusts and says itself.

use propylon_snapshot::{ClientCertificate, PathNormalization};

use super::super::incoming::TextHead;
use super::*;
use crate::http1::{Parsed, RequestHead};

fn parse(text: &str) -> (RequestHead, Vec<u8>) {
    let mut bytes = text.as_bytes().to_vec();
    let mut parsed = RequestHead::new();
    assert!(matches!(parsed.parse(&mut bytes), Ok(Parsed::Complete { .. })), "{text}");
    (parsed, bytes)
}

fn request(lines: &str) -> (RequestHead, Vec<u8>) {
    parse(&format!("GET /a HTTP/1.1\r\nhost: a\r\n{lines}\r\n"))
}

fn trusting(trusted_proxies: u32) -> HttpSettings {
    HttpSettings { trusted_proxies, ..HttpSettings::default() }
}

fn client(lines: &str, trusted: u32) -> Option<String> {
    let (parsed, head) = request(lines);
    let peer = "192.0.2.9:1234".parse().ok();
    client_address(&TextHead { parsed: &parsed, bytes: &head }, peer, trusted)
        .map(|address| address.to_string())
}

#[test]
fn without_trusted_proxies_the_client_is_the_peer() {
    assert_eq!(client("x-forwarded-for: 1.1.1.1\r\n", 0).as_deref(), Some("192.0.2.9:1234"));
}

#[test]
fn the_nth_address_from_the_right_is_the_trusted_one() {
    let lines = "x-forwarded-for: 1.1.1.1, 2.2.2.2\r\nx-forwarded-for: 3.3.3.3\r\n";
    assert_eq!(client(lines, 1).as_deref(), Some("3.3.3.3:0"));
    assert_eq!(client(lines, 2).as_deref(), Some("2.2.2.2:0"));
    assert_eq!(client(lines, 3).as_deref(), Some("1.1.1.1:0"));
}

#[test]
fn too_few_or_broken_addresses_leave_the_peer() {
    assert_eq!(client("x-forwarded-for: 1.1.1.1\r\n", 2).as_deref(), Some("192.0.2.9:1234"));
    assert_eq!(client("x-forwarded-for: nonsense\r\n", 1).as_deref(), Some("192.0.2.9:1234"));
}

#[test]
fn an_empty_forwarded_for_adds_no_comma() {
    let (parsed, bytes) = request("x-forwarded-for:\r\n");
    let head = TextHead { parsed: &parsed, bytes: &bytes };
    let mut marks = Marks::default();
    marks.make(&head, ("192.0.2.9:1".parse().ok(), None), &trusting(0), Scheme::Http);
    let mut lines = Vec::new();
    marks.fill(&head, &trusting(0), None, &mut lines);
    let found: Vec<_> = lines.iter().filter(|line| line.name == "x-forwarded-for").collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].value, b"192.0.2.9");
}

#[test]
fn only_a_trusted_proxy_can_say_https() {
    for said in ["https", "HTTPS"] {
        let (parsed, head) = request(&format!("x-forwarded-proto: {said}\r\n"));
        let scheme = |trusted| {
            let mut marks = Marks::default();
            marks.make(
                &TextHead { parsed: &parsed, bytes: &head },
                (None, None),
                &trusting(trusted),
                Scheme::Http,
            );
            marks.scheme()
        };
        assert_eq!(scheme(0), Scheme::Http);
        assert_eq!(scheme(1), Scheme::Https);
    }
}

#[test]
fn settings_can_leave_request_ids_to_the_client() {
    let settings = HttpSettings { no_request_id: true, ..HttpSettings::default() };
    let (parsed, bytes) = request("x-request-id: mine\r\n");
    let head = TextHead { parsed: &parsed, bytes: &bytes };
    let mut marks = Marks::default();
    marks.make(&head, (None, None), &settings, Scheme::Http);
    let mut lines = Vec::new();
    marks.fill(&head, &settings, None, &mut lines);
    let ids: Vec<_> = lines.iter().filter(|line| line.name == "x-request-id").collect();
    assert_eq!((ids.len(), ids[0].value), (1, &b"mine"[..]));
}

#[test]
fn the_clients_certificate_is_told_as_the_topology_says() {
    use ClientCertificate::{AlwaysForwardOnly, AppendForward, ForwardOnly, Sanitize, SanitizeSet};
    let told = "x-forwarded-client-cert: a\r\nx-forwarded-client-cert:\r\n\
                x-forwarded-client-cert: b\r\n";
    let forwarded = |client_certificate, told: &str, shown: Option<&str>| {
        let settings = HttpSettings { client_certificate, ..HttpSettings::default() };
        let (parsed, bytes) = request(told);
        let head = TextHead { parsed: &parsed, bytes: &bytes };
        let mut marks = Marks::default();
        let certificate = shown.map(str::as_bytes);
        marks.make(&head, ("192.0.2.9:1".parse().ok(), certificate), &settings, Scheme::Https);
        let mut lines = Vec::new();
        marks.fill(&head, &settings, certificate, &mut lines);
        let others = lines.iter().find(|line| line.name == "x-forwarded-for").map(|it| it.value);
        assert_eq!(others, Some(&b"192.0.2.9"[..]));
        let values = lines.iter().filter(|line| line.name == "x-forwarded-client-cert");
        values.map(|line| String::from_utf8_lossy(line.value)).collect::<Vec<_>>().join("|")
    };
    for (kind, with_certificate, without) in [
        (Sanitize, "", ""),
        (ForwardOnly, "a||b", ""),
        (AppendForward, "a,b,own", ""),
        (SanitizeSet, "own", ""),
        (AlwaysForwardOnly, "a||b", "a||b"),
    ] {
        assert_eq!(forwarded(kind, told, Some("own")), with_certificate, "{kind:?}");
        assert_eq!(forwarded(kind, told, None), without, "{kind:?}");
    }
    assert_eq!(forwarded(AppendForward, "", Some("own")), "own");
    assert_eq!(forwarded(ForwardOnly, "", Some("own")), "");
}

#[test]
fn a_uuid_has_version_four_and_its_variant() {
    for random in [0, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
        let mut out = Vec::new();
        write_uuid(&mut out, random);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.len(), 36);
        assert_eq!(text.match_indices('-').map(|(at, _)| at).collect::<Vec<_>>(), [8, 13, 18, 23]);
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]), "{text}");
    }
}

#[test]
fn heads_without_a_meaning_here_are_refused() {
    let admit = |text: &str| {
        let (parsed, head) = parse(text);
        let settings =
            HttpSettings { path_normalization: PathNormalization::Base, ..HttpSettings::default() };
        super::admit(&TextHead { parsed: &parsed, bytes: &head }, &settings)
            .map(|admitted| admitted.path.into_owned())
    };
    assert_eq!(admit("GET /a/../b HTTP/1.1\r\nhost: a\r\n\r\n"), Ok("/b".to_owned()));
    assert_eq!(admit("GET / HTTP/1.0\r\nhost: a\r\n\r\n"), Err(Reason::LowVersion));
    assert_eq!(admit("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n"), Err(Reason::NoRoute));
    assert_eq!(admit("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n"), Err(Reason::NoRoute));
    assert_eq!(admit("GET /%00 HTTP/1.1\r\nhost: a\r\n\r\n"), Err(Reason::BadPath));
    assert_eq!(
        admit("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n"),
        Err(Reason::UpgradeFailed)
    );
}

#[test]
fn addresses_are_written_as_usual() {
    for text in ["192.0.2.9", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::1"] {
        let mut out = Vec::new();
        write_ip(&mut out, text.parse().unwrap());
        assert_eq!(out, text.as_bytes());
    }
}
