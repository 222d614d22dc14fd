//! The head that goes up as HTTP/2 knows it: pseudo-headers made of authority and path, lines as a
//! header map.

use bytes::{Bytes, BytesMut};
use http::uri::{Authority, PathAndQuery, Scheme as UriScheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request as Http2Request, Uri, header};
use propylon_snapshot::{Line, Scheme};

use super::Rewritten;
use crate::http::request::Request;
use crate::http1::FramingLine;

/// Makes the head of a request of the lines that go up.
pub(in crate::http) fn request(
    request: &Request<'_>,
    rewritten: &Rewritten<'_>,
    lines: &[Line<'_>],
) -> Http2Request<()> {
    let mut head = Http2Request::new(());
    *head.version_mut() = http::Version::HTTP_2;
    let path = rewritten.path.as_deref().unwrap_or(request.path);
    let authority = rewritten.authority.unwrap_or(request.authority);
    if request.websocket {
        // RFC 8441: the handshake becomes an extended CONNECT.
        *head.method_mut() = Method::CONNECT;
        head.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    } else if let Ok(method) = Method::from_bytes(request.method.as_str().as_bytes()) {
        *head.method_mut() = method;
    }
    *head.headers_mut() = headers(lines, request.framing);
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target(path, request.query));
    if let Ok(authority) = Authority::try_from(authority) {
        parts.authority = Some(authority);
        parts.scheme = Some(match request.scheme {
            Scheme::Http => UriScheme::HTTP,
            Scheme::Https => UriScheme::HTTPS,
        });
    } else if let Ok(host) = HeaderValue::from_str(authority) {
        // RFC 9113 section 8.3.1 allows either form; the `http` crate is narrower with this one.
        *head.version_mut() = http::Version::HTTP_11;
        head.headers_mut().insert(header::HOST, host);
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *head.uri_mut() = uri;
    }
    head
}

/// The lines as a header map. All values share one allocation.
fn headers(lines: &[Line<'_>], framing: FramingLine) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(lines.len() + 1);
    let mut bytes = BytesMut::with_capacity(lines.iter().map(|line| line.value.len()).sum());
    for line in lines {
        bytes.extend_from_slice(line.value);
    }
    let mut bytes = bytes.freeze();
    for line in lines {
        let value = bytes.split_to(line.value.len());
        // Not a header of HTTP/2, or one that is made anew.
        if matches!(line.name, "content-length" | "host" | "connection" | "upgrade") {
            continue;
        }
        if let (Ok(name), Some(value)) =
            (HeaderName::from_bytes(line.name.as_bytes()), made(&value))
        {
            map.append(name, value);
        }
    }
    if let FramingLine::Length(length) = framing {
        map.insert(header::CONTENT_LENGTH, length.into());
    }
    map
}

/// A value. Controls in one that was made from a format become spaces, as in HTTP/1.
fn made(value: &Bytes) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(value.clone()).ok().or_else(|| {
        let safe = |byte: &u8| if byte.is_ascii_control() && *byte != b'\t' { b' ' } else { *byte };
        let safe: Vec<u8> = value.iter().map(safe).collect();
        HeaderValue::from_bytes(&safe).ok()
    })
}

/// Path and query. What the `http` crate does not take as it is goes up percent-encoded.
fn target(path: &str, query: Option<&str>) -> PathAndQuery {
    let mut text = String::with_capacity(path.len() + query.map_or(0, |query| query.len() + 1));
    text.push_str(path);
    if let Some(query) = query {
        text.push('?');
        text.push_str(query);
    }
    let text = Bytes::from(text);
    PathAndQuery::from_maybe_shared(text.clone()).unwrap_or_else(|_| {
        let mut safe = String::with_capacity(text.len() + 8);
        for byte in &text {
            match byte {
                b'<' | b'>' | b'`' | b'#' | b'^' | b'|' | b'\\' | ..=b' ' | 0x7f.. => {
                    safe.push_str(&format!("%{byte:02X}"));
                }
                _ => safe.push(char::from(*byte)),
            }
        }
        PathAndQuery::try_from(safe).unwrap_or_else(|_| PathAndQuery::from_static("/"))
    })
}

#[cfg(test)]
mod tests;
