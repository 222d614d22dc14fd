//! The request target in its four forms (RFC 9112 section 3.2), and which hosts are hosts.
//! It knows nothing of routes or of path normalisation.

use super::lines::Span;
use super::{Method, Refusal};

/// The form in which a client wrote the request target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetForm {
    /// `/path?query`.
    #[default]
    Origin,
    /// `http://host/path?query`; its authority replaces Host.
    Absolute,
    /// `host:port`, for CONNECT alone.
    Authority,
    /// `*`, for OPTIONS alone.
    Asterisk,
}

/// Where the parts of a target are in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Target {
    pub(super) form: TargetForm,
    /// Set in absolute and authority form.
    pub(super) authority: Option<Span>,
    /// Empty in authority form and in an absolute form that has no path.
    pub(super) path: Span,
    pub(super) query: Option<Span>,
}

impl Target {
    /// Reads the target of a request. `span` is its place, `text` its bytes, without blanks and
    /// controls.
    ///
    /// # Errors
    /// A form that the method does not have, bytes outside ASCII, a fragment, a bad authority.
    pub(super) fn read(method: Method, span: Span, text: &[u8]) -> Result<Self, Refusal> {
        let (path_at, authority, form) = match text.first() {
            None => return Err(Refusal::Target),
            Some(_) if method == Method::Connect => {
                check_authority(text, Port::Required).map_err(|_| Refusal::Target)?;
                let path = span.slice(text.len(), text.len());
                let form = TargetForm::Authority;
                return Ok(Self { form, authority: Some(span), path, query: None });
            }
            Some(b'/') => (0, None, TargetForm::Origin),
            Some(b'*') if text.len() == 1 && method == Method::Options => {
                let form = TargetForm::Asterisk;
                return Ok(Self { form, authority: None, path: span, query: None });
            }
            Some(_) => {
                let (from, to) = absolute_authority(text)?;
                (to, Some(span.slice(from, to)), TargetForm::Absolute)
            }
        };
        let rest = text.get(path_at..).unwrap_or_default();
        let mark = find_query(rest)?;
        let path_end = path_at + mark.unwrap_or(rest.len());
        let query = mark.map(|mark| span.slice(path_at + mark + 1, text.len()));
        Ok(Self { form, authority, path: span.slice(path_at, path_end), query })
    }
}

/// True for an authority as [`RequestHead`](super::RequestHead) accepts it, with or without a port.
#[must_use]
pub fn is_authority(text: &str) -> bool {
    check_authority(text.as_bytes(), Port::Optional).is_ok()
}

/// True for a path with its query as [`RequestHead`](super::RequestHead) accepts it.
#[must_use]
pub fn is_origin_form(text: &str) -> bool {
    text.starts_with('/') && find_query(text.as_bytes()).is_ok()
}

/// Whether an authority has a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    Optional,
    Required,
}

/// Checks `host`, `host:port`, `[v6]` or `[v6]:port`. Narrower than RFC 3986: no user information,
/// no empty port, no percent signs and no commas, which joined Host lines and other parsers read
/// differently.
///
/// # Errors
/// [`Refusal::BadHost`].
pub(super) fn check_authority(text: &[u8], port: Port) -> Result<(), Refusal> {
    let host_len = match text.first() {
        Some(b'[') => text.iter().position(|byte| *byte == b']').map_or(0, |end| end + 1),
        Some(_) => text.iter().position(|byte| *byte == b':').unwrap_or(text.len()),
        None => 0,
    };
    let (host, rest) = text.split_at(host_len);
    let host_is_good = match host {
        [] => false,
        [b'[', address @ .., b']'] => {
            str::from_utf8(address).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
        }
        name => name.iter().all(|byte| HOST_BYTES[usize::from(*byte)]),
    };
    let port_is_good = match rest {
        [] => port == Port::Optional,
        [b':', digits @ ..] => is_port(digits),
        _ => false,
    };
    if host_is_good && port_is_good { Ok(()) } else { Err(Refusal::BadHost) }
}

fn is_port(digits: &[u8]) -> bool {
    matches!(digits.len(), 1..=5)
        && digits.iter().all(u8::is_ascii_digit)
        && digits.iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0')) <= 65_535
}

/// Where the authority of `http://authority/...` starts and ends.
fn absolute_authority(text: &[u8]) -> Result<(usize, usize), Refusal> {
    let from = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
        .map(<[u8]>::len)
        .ok_or(Refusal::Target)?;
    let rest = text.get(from..).unwrap_or_default();
    let len = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let to = from + len.unwrap_or(rest.len());
    check_authority(text.get(from..to).unwrap_or_default(), Port::Optional)?;
    Ok((from, to))
}

/// Where the query's mark is. Refuses bytes outside ASCII and fragments on the way.
fn find_query(text: &[u8]) -> Result<Option<usize>, Refusal> {
    let mut mark = None;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'?' if mark.is_none() => mark = Some(at),
            b'#' => return Err(Refusal::Fragment),
            0x80.. => return Err(Refusal::Target),
            _ => {}
        }
    }
    Ok(mark)
}

/// Unreserved bytes and sub-delimiters of RFC 3986 without the comma.
const HOST_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_usize;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(
                byte as u8,
                b'-' | b'.'
                    | b'_'
                    | b'~'
                    | b'!'
                    | b'$'
                    | b'&'
                    | b'\''
                    | b'('
                    | b')'
                    | b'*'
                    | b'+'
                    | b';'
                    | b'='
            );
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests;
