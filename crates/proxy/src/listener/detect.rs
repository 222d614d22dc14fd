//! What a captured connection speaks, told by its first bytes: HTTP, TLS with a server name, or
//! anything else. Every byte is given back. Istio's protocol detection.

use std::future::poll_fn;
use std::task::{Poll, ready};

use super::hello::{self, Hello, HelloReader};
use super::preface::Unfit;
use crate::io::{Io, Stream};
use crate::limits::{DETECT_BYTES_MAX, DETECT_TIMEOUT, HELLO_BYTES_MAX};
use crate::tcp::RelayBuffer;

/// What a connection's first bytes are.
#[derive(Debug)]
pub(crate) enum First {
    /// A request, or the preface of HTTP/2.
    Http,
    /// A ClientHello.
    Hello(Hello),
    /// Something else, or nothing in time: the server may have to speak first.
    Bytes,
}

/// Reads until the first bytes tell what they are, and gives them back.
///
/// # Errors
/// [`Unfit::Gone`] when the client ends without a byte.
pub(crate) async fn first_bytes(stream: &Stream, buffer: &RelayBuffer) -> Result<First, Unfit> {
    let mut seen: Vec<u8> = Vec::new();
    let mut reader = HelloReader::default();
    let watching = poll_fn(|cx| {
        buffer.with(|bytes| {
            loop {
                match ready!(stream.poll_read(cx, &mut bytes[..DETECT_READ_BYTES])) {
                    Ok(0) if !seen.is_empty() => return Poll::Ready(Ok(First::Bytes)),
                    Ok(got) if got > 0 => seen.extend_from_slice(&bytes[..got]),
                    Ok(_) | Err(_) => return Poll::Ready(Err(Unfit::Gone)),
                }
                if let Some(first) = judge(&seen, &mut reader) {
                    return Poll::Ready(Ok(first));
                }
            }
        })
    });
    let found = tokio::time::timeout(DETECT_TIMEOUT, watching).await;
    stream.unread(&seen);
    found.unwrap_or(Ok(First::Bytes))
}

fn judge(seen: &[u8], reader: &mut HelloReader) -> Option<First> {
    if seen.first() == Some(&TLS_HANDSHAKE) {
        return match reader.read(seen) {
            hello::Outcome::NeedMore if seen.len() < HELLO_BYTES_MAX => None,
            hello::Outcome::Hello(hello) => Some(First::Hello(hello)),
            hello::Outcome::NeedMore | hello::Outcome::NotTls | hello::Outcome::Bad => {
                Some(First::Bytes)
            }
        };
    }
    match is_http(seen) {
        Some(true) => Some(First::Http),
        Some(false) => Some(First::Bytes),
        None => None,
    }
}

/// Whether bytes begin a request; `None` while they may.
fn is_http(seen: &[u8]) -> Option<bool> {
    let shared = seen.len().min(HTTP2_PREFACE.len());
    if seen[..shared] == HTTP2_PREFACE[..shared] && seen.first() == Some(&b'P') {
        if shared == HTTP2_PREFACE.len() {
            return Some(true);
        }
        // `P` alone may become `POST` as well.
        if shared > 1 {
            return None;
        }
    }
    let method = seen.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-').count();
    if method == 0 || method > METHOD_BYTES_MAX {
        return Some(false);
    }
    match seen.get(method) {
        None => return None,
        Some(b' ') => {}
        Some(_) => return Some(false),
    }
    let rest = &seen[method + 1..];
    match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => Some(rest[..end].windows(VERSION.len()).any(|part| part == VERSION)),
        None if seen.len() >= DETECT_BYTES_MAX => Some(false),
        None => {
            let text = rest.iter().all(|byte| *byte >= b' ' || *byte == b'\r');
            if text { None } else { Some(false) }
        }
    }
}

/// The first byte of a TLS record that holds a handshake message.
const TLS_HANDSHAKE: u8 = 22;
/// How every HTTP/2 connection begins (RFC 9113 section 3.4); its first line is enough.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";
/// In front of the minor version in every request line.
const VERSION: &[u8] = b" HTTP/1.";
/// The longest registered method has 17 letters (UPDATEREDIRECTREF).
const METHOD_BYTES_MAX: usize = 20;
/// Bytes read at once; what follows is better left in the kernel.
const DETECT_READ_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod tests;
