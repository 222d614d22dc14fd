//! What the client of an explicit proxy asks for first: a tunnel, or requests. A CONNECT is taken
//! off the connection; anything else is given back.

use std::future::poll_fn;
use std::task::{Poll, ready};

use super::preface::Unfit;
use crate::http1::{Method, Parsed, RequestHead};
use crate::io::{Io, Stream};
use crate::limits::HEAD_TIMEOUT;
use crate::tcp::RelayBuffer;

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// A tunnel to this authority.
    Connect(Box<str>),
    /// Something that is no CONNECT.
    Requests,
}

/// Reads the head of a CONNECT, or as much as tells that there is none.
///
/// # Errors
/// When the client goes away, takes too long, or sends a CONNECT that is no valid request.
pub(crate) async fn asking(stream: &Stream, buffer: &RelayBuffer) -> Result<Asking, Unfit> {
    let mut seen: Vec<u8> = Vec::new();
    let watching = poll_fn(|cx| {
        buffer.with(|bytes| {
            loop {
                match ready!(stream.poll_read(cx, &mut bytes[..READ_BYTES])) {
                    Ok(got) if got > 0 => seen.extend_from_slice(&bytes[..got]),
                    Ok(_) | Err(_) => return Poll::Ready(Err(Unfit::Gone)),
                }
                if let Some(asked) = judge(&mut seen) {
                    return Poll::Ready(asked);
                }
            }
        })
    });
    let asked = tokio::time::timeout(HEAD_TIMEOUT, watching).await;
    let (asked, head_len) = asked.unwrap_or(Err(Unfit::Gone))?;
    stream.unread(&seen[head_len..]);
    Ok(asked)
}

/// What was asked and how many bytes that took; `None` while it cannot be told.
fn judge(seen: &mut [u8]) -> Option<Result<(Asking, usize), Unfit>> {
    let shared = seen.len().min(CONNECT.len());
    if seen[..shared] != CONNECT[..shared] {
        return Some(Ok((Asking::Requests, 0)));
    }
    if shared < CONNECT.len() {
        return None;
    }
    let mut parsed = RequestHead::default();
    match parsed.parse(seen) {
        Ok(Parsed::NeedMore) => None,
        Ok(Parsed::Complete { head_len }) if parsed.method() == Method::Connect => {
            let authority = parsed.authority(&seen[..head_len]).into();
            Some(Ok((Asking::Connect(authority), head_len)))
        }
        Ok(Parsed::Complete { .. }) => Some(Ok((Asking::Requests, 0))),
        Err(_) => Some(Err(Unfit::Wrong)),
    }
}

/// How a request for a tunnel begins.
const CONNECT: &[u8] = b"CONNECT ";
/// Bytes read at once.
const READ_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_names_its_authority_and_ends_with_its_head() {
        let mut bytes = b"CONNECT a.com:443 HTTP/1.1\r\nhost: a.com:443\r\n\r\n\x16\x03".to_vec();
        let asked = judge(&mut bytes).unwrap().unwrap();
        assert_eq!(asked, (Asking::Connect("a.com:443".into()), bytes.len() - 2));
    }

    #[test]
    fn half_a_connect_waits_and_anything_else_is_left_alone() {
        assert!(judge(&mut b"CONN".to_vec()).is_none());
        assert!(judge(&mut b"CONNECT a.com:443 HTTP/1.1\r\n".to_vec()).is_none());
        let asked = judge(&mut b"GET http://a.com/ HTTP/1.1\r\n".to_vec()).unwrap().unwrap();
        assert_eq!(asked, (Asking::Requests, 0));
    }

    #[test]
    fn a_broken_connect_is_refused() {
        assert!(judge(&mut b"CONNECT a b HTTP/1.1\r\n\r\n".to_vec()).unwrap().is_err());
    }
}
