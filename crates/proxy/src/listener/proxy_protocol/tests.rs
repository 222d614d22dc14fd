//! Headers as load balancers send them, and what is refused.

use proptest::prelude::*;

use super::*;

fn from(source: &str, destination: &str, len: usize) -> Outcome {
    let ends = Ends { source: source.parse().unwrap(), destination: destination.parse().unwrap() };
    Outcome::Header { len, ends: Some(ends) }
}

fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let len = (addresses.len() as u16).to_be_bytes();
    [SIGNATURE, &[command, family], &len, addresses].concat()
}

const FOUR: [u8; 12] = [9, 9, 9, 9, 8, 8, 8, 8, 3, 232, 0, 80];

#[test]
fn a_line_of_version_one_names_both_ends() {
    let line = b"PROXY TCP4 9.9.9.9 8.8.8.8 1000 80\r\nGET /";
    assert_eq!(read(line), from("9.9.9.9:1000", "8.8.8.8:80", line.len() - 5));
    let line = b"PROXY TCP6 2001:db8::1 ::1 65535 0\r\n";
    assert_eq!(read(line), from("[2001:db8::1]:65535", "[::1]:0", line.len()));
}

#[test]
fn an_unknown_sender_says_nothing_about_ends() {
    assert_eq!(read(b"PROXY UNKNOWN\r\n"), Outcome::Header { len: 15, ends: None });
    let line = b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n";
    assert_eq!(read(line), Outcome::Header { len: line.len(), ends: None });
    let local = v2(0x20, 0x00, &[]);
    assert_eq!(read(&local), Outcome::Header { len: 16, ends: None });
    let unix = v2(0x21, 0x31, &[0; 216]);
    assert_eq!(read(&unix), Outcome::Header { len: 232, ends: None });
}

#[test]
fn version_two_names_both_ends() {
    let bytes = [&v2(0x21, 0x11, &FOUR)[..], b"GET /"].concat();
    assert_eq!(read(&bytes), from("9.9.9.9:1000", "8.8.8.8:80", 28));
    let mut six = [0; 36];
    six[15] = 1;
    six[31] = 2;
    six[35] = 80;
    assert_eq!(read(&v2(0x21, 0x21, &six)), from("[::1]:0", "[::2]:80", 52));
}

#[test]
fn additions_of_version_two_are_skipped() {
    let bytes = v2(0x21, 0x11, &[&FOUR[..], &[0xea, 0, 3, 1, 2, 3]].concat());
    assert_eq!(read(&bytes), from("9.9.9.9:1000", "8.8.8.8:80", bytes.len()));
}

#[test]
fn what_breaks_the_rules_is_refused() {
    for line in [
        "GET / HTTP/1.1\r\n",
        "PROXY TCP4 9.9.9.9 8.8.8.8 1000 80\n",
        "PROXY TCP4 9.9.9.9  8.8.8.8 1000 80\r\n",
        "PROXY TCP4 9.9.9.9 8.8.8.8 1000 80 \r\n",
        "PROXY TCP4 9.9.9.9 8.8.8.8 01000 80\r\n",
        "PROXY TCP4 9.9.9.9 8.8.8.8 +1 80\r\n",
        "PROXY TCP4 9.9.9.9 8.8.8.8 1000 65536\r\n",
        "PROXY TCP4 9.9.9.9 8.8.8.8 1000\r\n",
        "PROXY TCP4 ::1 ::1 1000 80\r\n",
        "PROXY TCP6 9.9.9.9 8.8.8.8 1000 80\r\n",
        "PROXY UDP4 9.9.9.9 8.8.8.8 1000 80\r\n",
        "PROXY UNKNOWNS\r\n",
        "proxy TCP4 9.9.9.9 8.8.8.8 1000 80\r\n",
    ] {
        assert_eq!(read(line.as_bytes()), Outcome::Bad, "{line:?}");
    }
    let long = format!("PROXY UNKNOWN {}", "x".repeat(100));
    assert_eq!(read(long.as_bytes()), Outcome::Bad);
    let tls = [0x16, 3, 1];
    for bytes in [&v2(0x11, 0x11, &FOUR)[..], &v2(0x22, 0x11, &FOUR), &tls] {
        assert_eq!(read(bytes), Outcome::Bad, "{bytes:?}");
    }
    for (family, addresses) in [(0x11, &FOUR[..11]), (0x21, &FOUR[..]), (0x41, &FOUR[..])] {
        assert_eq!(read(&v2(0x21, family, addresses)), Outcome::Bad, "{family:x}");
    }
    let mut large = v2(0x21, 0x11, &FOUR);
    large[14] = 0xff;
    assert_eq!(read(&large), Outcome::Bad);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_answer(
        version in any::<bool>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut bytes = if version {
            v2(0x21, 0x11, &FOUR)
        } else {
            b"PROXY TCP4 9.9.9.9 8.8.8.8 1000 80\r\n".to_vec()
        };
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let whole = read(&bytes);
        let first = (0..=bytes.len()).map(|len| read(&bytes[..len]));
        let settled = first.into_iter().find(|outcome| *outcome != Outcome::NeedMore);
        prop_assert_eq!(settled.unwrap_or(Outcome::NeedMore), whole);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes);
        read(&[SIGNATURE, &bytes].concat());
        if let Outcome::Header { len, .. } = read(&[b"PROXY TCP4 ", &bytes[..]].concat()) {
            prop_assert!(len <= bytes.len() + 11);
        }
    }
}
