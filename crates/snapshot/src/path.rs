//! Path normalisation: Istio's `pathNormalization` as Envoy carries it out, so that routing,
//! policies and the upstream see one spelling. The query is never touched and never seen here.

use std::borrow::Cow;

use crate::PathNormalization;

/// A path that is refused with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadPath {
    /// It holds a `#`: fragments do not belong on the wire.
    #[error("the path holds a fragment")]
    Fragment,
    /// It holds a NUL byte, escaped or not.
    #[error("the path holds a NUL byte")]
    Nul,
    /// It does not start with a slash and is not `*`.
    #[error("the path does not start with a slash")]
    Relative,
}

/// Normalises a path without its query, as Envoy does: escaped slashes first
/// (`DecodeAndMergeSlashes`), then dot segments, unreserved escapes (RFC 3986 section 6.2.2) and
/// backslashes, then runs of slashes. Escapes that are malformed stay as they are. `*` (RFC 9112
/// section 3.2.4) stays as it is. Borrows its argument where nothing changes.
///
/// # Errors
/// See [`BadPath`]; a fragment is refused even where nothing is normalised.
pub fn normalize(path: &str, how: PathNormalization) -> Result<Cow<'_, str>, BadPath> {
    if !path.starts_with('/') {
        return if path == "*" { Ok(Cow::Borrowed(path)) } else { Err(BadPath::Relative) };
    }
    if path.contains('#') {
        return Err(BadPath::Fragment);
    }
    let (decode, merge) = match how {
        PathNormalization::None => return Ok(Cow::Borrowed(path)),
        PathNormalization::Base => (false, false),
        PathNormalization::MergeSlashes => (false, true),
        PathNormalization::DecodeAndMergeSlashes => (true, true),
    };
    let mut path = Cow::Borrowed(path);
    if decode {
        path = step(path, first_escaped_slash, |text, at, out| {
            decode_slashes(text, at, out);
            Ok(())
        })?;
    }
    path = step(path, first_change, canonicalize)?;
    if merge {
        path = step(path, first_double_slash, |text, at, out| {
            merge_slashes(text, at, out);
            Ok(())
        })?;
    }
    Ok(path)
}

/// Applies one rewrite from the first place that needs it; the text before is copied as it is.
fn step<'p>(
    path: Cow<'p, str>,
    first: impl Fn(&[u8]) -> Option<usize>,
    rewrite: impl Fn(&str, usize, &mut String) -> Result<(), BadPath>,
) -> Result<Cow<'p, str>, BadPath> {
    let Some(at) = first(path.as_bytes()) else {
        return Ok(path);
    };
    let mut out = String::with_capacity(path.len());
    out.push_str(&path[..at]);
    rewrite(&path, at, &mut out)?;
    Ok(Cow::Owned(out))
}

fn first_double_slash(path: &[u8]) -> Option<usize> {
    path.windows(2).position(|pair| pair == b"//")
}

/// Drops every slash behind a slash. A path of nothing but slashes keeps two (Envoy's arithmetic).
fn merge_slashes(path: &str, at: usize, out: &mut String) {
    if path.bytes().all(|byte| byte == b'/') {
        out.push_str("//");
        return;
    }
    for letter in path[at..].chars() {
        if letter != '/' || !out.ends_with('/') {
            out.push(letter);
        }
    }
}

/// `%2f`, `%5c` in any case.
fn escaped_slash(path: &[u8], at: usize) -> Option<char> {
    match unescape(path, at)? {
        b'/' => Some('/'),
        b'\\' => Some('\\'),
        _ => None,
    }
}

fn first_escaped_slash(path: &[u8]) -> Option<usize> {
    (0..path.len()).find(|at| escaped_slash(path, *at).is_some())
}

fn decode_slashes(path: &str, at: usize, out: &mut String) {
    let mut letters = path[at..].char_indices();
    while let Some((offset, letter)) = letters.next() {
        match escaped_slash(path.as_bytes(), at + offset) {
            Some(slash) => {
                out.push(slash);
                letters.nth(1);
            }
            None => out.push(letter),
        }
    }
}

/// The byte that a well-formed escape at `at` stands for.
fn unescape(path: &[u8], at: usize) -> Option<u8> {
    let &[b'%', high, low] = path.get(at..at + 3)? else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What Chromium's URL library, which Envoy uses, never leaves bare in a path.
fn must_escape(byte: u8) -> bool {
    byte <= b' '
        || byte >= 0x7f
        || matches!(byte, b'"' | b'<' | b'>' | b'?' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// Length of a dot at `at`, plain or escaped; 0 if there is none.
fn dot_length(path: &[u8], at: usize) -> usize {
    match path.get(at) {
        Some(b'.') => 1,
        Some(b'%') if unescape(path, at) == Some(b'.') => 3,
        _ => 0,
    }
}

/// A segment of dots behind a slash: how many dots (1 or 2) and how many bytes, its closing slash
/// included. Behind plain dots that follow a plain slash, parameters (`..;a=b`) count to the
/// segment, as in Envoy: servers that drop parameters would otherwise see dots that nobody
/// resolved.
fn dot_segment(path: &[u8], at: usize) -> Option<(u8, usize)> {
    let one = dot_length(path, at);
    if one == 0 {
        return None;
    }
    let slash = at > 0 && path.get(at - 1) == Some(&b'/');
    if let Some(close) = segment_close(path, at + one, slash && one == 1) {
        return Some((1, one + close));
    }
    let two = dot_length(path, at + one);
    if two == 0 {
        return None;
    }
    let plain = slash && one + two == "..".len();
    segment_close(path, at + one + two, plain).map(|close| (2, one + two + close))
}

/// Length of what closes a segment at `at`: nothing at the end of the path, a slash, or
/// parameters to the next slash if those may stand here.
fn segment_close(path: &[u8], at: usize, parameters: bool) -> Option<usize> {
    match path.get(at) {
        None => Some(0),
        Some(b'/' | b'\\') => Some(1),
        Some(b';') if parameters => {
            let rest = &path[at..];
            Some(rest.iter().position(|byte| *byte == b'/').map_or(rest.len(), |slash| slash + 1))
        }
        Some(_) => None,
    }
}

/// The first place that canonicalisation would change.
fn first_change(path: &[u8]) -> Option<usize> {
    let mut behind_slash = false;
    path.iter().enumerate().position(|(at, byte)| {
        let was_behind_slash = behind_slash;
        behind_slash = *byte == b'/';
        match byte {
            b'\\' => true,
            b'.' => was_behind_slash && dot_segment(path, at).is_some(),
            b'%' => unescape(path, at).is_none_or(|byte| byte == 0 || is_unreserved(byte)),
            byte => must_escape(*byte),
        }
    })
}

/// Chromium's path canonicalisation from `at` on; `out` holds what stands before.
fn canonicalize(path: &str, at: usize, out: &mut String) -> Result<(), BadPath> {
    let bytes = path.as_bytes();
    let mut at = at;
    let mut bare_percent = None;
    while let Some(&byte) = bytes.get(at) {
        if out.ends_with('/')
            && let Some((dots, length)) = dot_segment(bytes, at)
        {
            if dots == 2 {
                remove_last_segment(out);
            }
            at += length;
            continue;
        }
        match byte {
            b'\\' => out.push('/'),
            0 => return Err(BadPath::Nul),
            b'%' => match unescape(bytes, at) {
                Some(0) => return Err(BadPath::Nul),
                Some(plain) if is_unreserved(plain) => {
                    out.push(char::from(plain));
                    at += 2;
                    keep_percent_bare(out, bare_percent, bytes.get(at + 1));
                }
                Some(_) => out.push('%'),
                None => {
                    bare_percent = Some(out.len());
                    out.push('%');
                }
            },
            byte if must_escape(byte) => out.push_str(&format!("%{byte:02X}")),
            byte => out.push(char::from(byte)),
        }
        at += 1;
    }
    Ok(())
}

/// A malformed escape followed by an unescaped digit could read as an escape that nobody wrote
/// (`%a%41` as `%aA`): its percent sign is then escaped itself. `next` is the byte still to come.
fn keep_percent_bare(out: &mut String, bare_percent: Option<usize>, next: Option<&u8>) {
    let Some(percent) = bare_percent else { return };
    let digits = match out.as_bytes().get(percent..) {
        Some(&[b'%', first]) => [Some(first), next.copied()],
        Some(&[b'%', first, second]) => [Some(first), Some(second)],
        _ => return,
    };
    if digits.iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())) {
        out.insert_str(percent + 1, "25");
    }
}

/// `/a/b/` becomes `/a/`; `/` stays.
fn remove_last_segment(out: &mut String) {
    let parent = out.strip_suffix('/').and_then(|inner| inner.rfind('/'));
    out.truncate(parent.map_or(1, |slash| slash + 1));
}

#[cfg(test)]
mod tests;
