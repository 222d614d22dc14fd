//! Bytes in base64, as protobuf's JSON form and Kubernetes Secrets write them.
//!
//! Reads both alphabets, with or without padding, and passes over line breaks, as Go's readers do
//! together.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Bytes read from base64.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64Visitor)
    }
}

struct Base64Visitor;

impl Visitor<'_> for Base64Visitor {
    type Value = Base64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes in base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Base64, E> {
        // The text may be a private key: the error must not repeat it.
        decode(text).map(Base64).ok_or_else(|| E::custom("the value is not base64"))
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut buffer: u32 = 0;
    let mut count = 0;
    let mut padding = 0;
    for c in text.bytes() {
        match c {
            b'\r' | b'\n' => continue,
            b'=' => {
                padding += 1;
                continue;
            }
            _ if padding > 0 => return None,
            _ => {}
        }
        buffer = buffer << 6 | u32::from(sextet(c)?);
        count += 1;
        if count == 4 {
            bytes.extend_from_slice(&buffer.to_be_bytes()[1..]);
            buffer = 0;
            count = 0;
        }
    }
    if padding > 0 && count + padding != 4 {
        return None;
    }
    match count {
        0 => {}
        2 => bytes.push((buffer >> 4).to_be_bytes()[3]),
        3 => bytes.extend_from_slice(&(buffer >> 2).to_be_bytes()[2..]),
        _ => return None,
    }
    Some(bytes)
}

fn sextet(c: u8) -> Option<u8> {
    Some(match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}
