//! A WebSocket to an HTTP/2 upstream: the stream that an extended CONNECT opened (RFC 8441), as a
//! way for bytes, and what the client is told that asked for it in HTTP/1.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::Response;
use propylon_snapshot::Line;

use super::lines;
use crate::http::beside::Beside;
use crate::http::desk::Out;
use crate::http::downstream::{After, Downstream};
use crate::http::forwarding::Forwarding;
use crate::http::relay::{self, Answered};
use crate::http1::FramingLine;
use crate::http2::Tunnel;

/// Tells the client that its handshake was accepted and passes everything on that both sides say.
pub(super) async fn join<D: Downstream>(
    forwarding: &Forwarding<'_, D>,
    answered: Answered<'_>,
    mut beside: Beside<'_, '_, D>,
    (send, response): (SendStream<Bytes>, Response<RecvStream>),
    out: &mut Out,
) -> After {
    let (head, recv) = response.into_parts();
    let key = forwarding.lines.iter().find(|line| line.name == "sec-websocket-key");
    let accept = key.map(|key| accept(key.value)).unwrap_or_default();
    let accepts = (!accept.is_empty() && !head.headers.contains_key(ACCEPT))
        .then_some(Line { name: ACCEPT, value: accept.as_bytes() });
    let told = lines(&head.headers).chain(accepts);
    let answered = Answered { status: 101, ..answered };
    relay::begin(forwarding, &answered, told, (FramingLine::None, true), out.page().1);
    beside.timer().stop();
    if let Some(body) = beside.into_body() {
        let tunnel = Tunnel::new(send, recv);
        tunnel.meanwhile(forwarding.asked.down.join(&out.down, b"", body, &tunnel)).await;
    }
    After::Close
}

/// What a server answers to a key (RFC 6455 section 4.2.2). HTTP/2 upstreams leave it out, and
/// HTTP/1 clients insist on it.
fn accept(key: &[u8]) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    base64(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat()).as_ref())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        for digit in 0..4 {
            let known = digit <= group.len();
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if known { char::from(DIGITS[index]) } else { '=' });
        }
    }
    text
}

const ACCEPT: &str = "sec-websocket-accept";

#[cfg(test)]
mod tests;
