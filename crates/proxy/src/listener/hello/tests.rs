//! Hellos as clients send them, split in every way, and ones that no client sends.

use proptest::prelude::*;

use super::*;

fn u16_list(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &u16_list(content)].concat()
}

fn named(name: &str) -> Vec<u8> {
    extension(SERVER_NAME, &u16_list(&[&[0][..], &u16_list(name.as_bytes())].concat()))
}

fn offering(protocols: &[&str]) -> Vec<u8> {
    let list: Vec<u8> = protocols
        .iter()
        .flat_map(|one| [&[one.len() as u8][..], one.as_bytes()].concat())
        .collect();
    extension(ALPN, &u16_list(&list))
}

/// A hello with these extensions; none at all without any.
fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([32]);
    body.extend([9; 32]);
    body.extend([0, 4, 0x1a, 0x1a, 0x13, 1]);
    body.extend([1, 0]);
    if !extensions.is_empty() {
        body.extend(u16_list(&extensions.concat()));
    }
    let len = body.len() as u32;
    [&[CLIENT_HELLO][..], &len.to_be_bytes()[1..], &body].concat()
}

/// The message in records of at most so many bytes.
fn records(message: &[u8], most: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[HANDSHAKE, 3, 1][..], &u16_list(part)].concat();
    message.chunks(most).flat_map(record).collect()
}

fn whole(bytes: &[u8]) -> Outcome {
    HelloReader::default().read(bytes)
}

fn hello(name: Option<&str>, alpn: &[&str]) -> Outcome {
    Outcome::Hello(Hello {
        server_name: name.map(Into::into),
        alpn: alpn.iter().map(|one| one.as_bytes().into()).collect(),
    })
}

#[test]
fn a_hello_gives_name_and_protocols() {
    let extensions = [named("Shop.Example.COM"), offering(&["h2", "http/1.1"])];
    let bytes = records(&message(&extensions), 16_000);
    assert_eq!(whole(&bytes), hello(Some("shop.example.com"), &["h2", "http/1.1"]));
}

#[test]
fn a_hello_without_extensions_names_nobody() {
    assert_eq!(whole(&records(&message(&[]), 16_000)), hello(None, &[]));
}

#[test]
fn grease_and_unknown_extensions_are_passed_over() {
    let ech = extension(0xfe0d, &[0; 300]);
    let extensions = [extension(0x0a0a, &[]), ech, named("a.com"), extension(0xfafa, &[0])];
    assert_eq!(whole(&records(&message(&extensions), 16_000)), hello(Some("a.com"), &[]));
}

#[test]
fn an_address_is_no_server_name() {
    for address in ["192.0.2.1", "2001:db8::1"] {
        let bytes = records(&message(&[named(address)]), 16_000);
        assert_eq!(whole(&bytes), hello(None, &[]), "{address}");
    }
}

#[test]
fn a_hello_may_come_in_many_records() {
    let message = message(&[named("a.com"), extension(51, &[1; 1200])]);
    for most in [1, 2, 3, 4, 5, 7, 100, 1000] {
        assert_eq!(whole(&records(&message, most)), hello(Some("a.com"), &[]), "{most}");
    }
}

#[test]
fn plaintext_is_not_tls() {
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x02", b"\x80\x2e\x01\x03\x01", b"\0"] {
        assert_eq!(whole(bytes), Outcome::NotTls, "{bytes:?}");
    }
}

#[test]
fn other_messages_and_records_are_refused() {
    let server_hello = [&[2][..], &message(&[])[1..]].concat();
    assert_eq!(whole(&records(&server_hello, 16_000)), Outcome::Bad);
    let mut interrupted = records(&message(&[named("a.com")]), 50);
    interrupted[55] = 21;
    assert_eq!(whole(&interrupted), Outcome::Bad);
    assert_eq!(whole(&[22, 3, 1, 0, 0]), Outcome::Bad);
    assert_eq!(whole(&[22, 3, 1, 0x40, 1]), Outcome::Bad);
    let followed = [message(&[]), message(&[])].concat();
    assert_eq!(whole(&records(&followed, 16_000)), Outcome::Bad);
}

#[test]
fn malformed_extensions_are_refused() {
    let two_names = u16_list(&[&[0, 0, 1, b'a'][..], &[0, 0, 1, b'b']].concat());
    for (what, extensions) in [
        ("two lists of names", vec![named("a.com"), named("b.com")]),
        ("two lists of protocols", vec![offering(&["h2"]), offering(&["h2"])]),
        ("two names", vec![extension(SERVER_NAME, &two_names)]),
        ("no name", vec![extension(SERVER_NAME, &[])]),
        ("an empty name", vec![named("")]),
        ("a zero in a name", vec![named("a\0b")]),
        ("a name that is too long", vec![named(&"a".repeat(256))]),
        ("an empty protocol", vec![offering(&[""])]),
        ("no protocol", vec![offering(&[])]),
        ("a length beyond the end", vec![vec![0, 0, 0, 9, 1]]),
    ] {
        assert_eq!(whole(&records(&message(&extensions), 16_000)), Outcome::Bad, "{what}");
    }
}

#[test]
fn a_hello_beyond_the_limit_is_refused_however_it_comes() {
    let padding = extension(21, &vec![0; HELLO_BYTES_MAX]);
    let bytes = records(&message(&[named("a.com"), padding]), 4000);
    assert_eq!(whole(&bytes), Outcome::Bad);
    assert_eq!(whole(&bytes[..HELLO_BYTES_MAX]), Outcome::Bad);
    let fits = extension(21, &vec![0; HELLO_BYTES_MAX - 500]);
    let bytes = records(&message(&[named("a.com"), fits]), 16_384);
    assert!(bytes.len() < HELLO_BYTES_MAX);
    assert_eq!(whole(&bytes), hello(Some("a.com"), &[]));
}

/// What a connection's reader ends with when bytes come in these steps.
fn in_steps(bytes: &[u8], steps: impl Iterator<Item = usize>) -> Outcome {
    let mut reader = HelloReader::default();
    let mut end = 0;
    for step in steps {
        end = bytes.len().min(end + step);
        match reader.read(&bytes[..end]) {
            Outcome::NeedMore if end < bytes.len() => {}
            outcome => return outcome,
        }
    }
    reader.read(bytes)
}

proptest! {
    #[test]
    fn any_split_gives_the_same_answer(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        most in 1_usize..300,
        steps in prop::collection::vec(1_usize..60, 400),
    ) {
        let extensions = [named("a.example.com"), offering(&["h2", "istio"])];
        let mut bytes = records(&message(&extensions), most);
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let expected = whole(&bytes);
        prop_assert_eq!(&in_steps(&bytes, std::iter::repeat_n(1, bytes.len())), &expected);
        prop_assert_eq!(&in_steps(&bytes, steps.into_iter()), &expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let expected = whole(&bytes);
        prop_assert_eq!(in_steps(&bytes, std::iter::repeat_n(1, bytes.len())), expected);
        whole(&records(&[&[1, 0][..], &bytes].concat(), 200));
    }
}
