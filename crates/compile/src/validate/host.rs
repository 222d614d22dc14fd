//! The grammar of host names as Istio takes them: DNS-1123 labels, a wildcard only at the start.
//!
//! Says whether a text is well-formed and why not; which hosts match each other is host algebra
//! and lives beside the compiler.

use std::net::IpAddr;

use super::code;
use super::report::{Findings, Place};

/// RFC 1035: a label has at most 63 octets.
const LABEL_BYTES_MAX: usize = 63;
/// RFC 1035: a name has at most 255 octets.
const NAME_BYTES_MAX: usize = 255;

/// True for a DNS-1123 label: letters, digits and inner hyphens, at most 63.
pub(super) fn is_label(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= LABEL_BYTES_MAX
        && edge(text.as_bytes().first())
        && edge(text.as_bytes().last())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// True for a first label that may be a wildcard: `*`, `*foo`, `*-foo`, `foo`.
fn is_wildcard_label(text: &str) -> bool {
    let rest = text.strip_prefix("*-").or_else(|| text.strip_prefix('*')).unwrap_or(text);
    text.len() <= LABEL_BYTES_MAX && (text == "*" || is_label(rest))
}

/// What is wrong with a fully qualified name without wildcard; `None`: nothing.
pub(super) fn fqdn_flaw(text: &str) -> Option<String> {
    length_flaw(text).or_else(|| labels_flaw(text))
}

/// What is wrong with a name whose first label may be a wildcard; `None`: nothing.
pub(super) fn wildcard_flaw(text: &str) -> Option<String> {
    if let Some(flaw) = length_flaw(text) {
        return Some(flaw);
    }
    let (first, rest) = match text.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    };
    if !is_wildcard_label(first) {
        return Some(label_flaw(first));
    }
    rest.and_then(labels_flaw)
}

fn length_flaw(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".to_owned());
    }
    (text.len() > NAME_BYTES_MAX)
        .then(|| format!("it has {} characters, at most {NAME_BYTES_MAX} are allowed", text.len()))
}

fn labels_flaw(text: &str) -> Option<String> {
    let last = text.rsplit('.').next().unwrap_or_default();
    if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("its last part `{last}` is a number"));
    }
    // A trailing dot makes a name unambiguous and is allowed.
    let labels = text.strip_suffix('.').unwrap_or(text);
    labels.split('.').find(|label| !is_label(label)).map(label_flaw)
}

fn label_flaw(label: &str) -> String {
    if label.is_empty() {
        return "a part between dots is empty".to_owned();
    }
    if label.len() > LABEL_BYTES_MAX {
        return format!("the part `{label}` is longer than {LABEL_BYTES_MAX} characters");
    }
    if label.contains('*') {
        return "a `*` may only stand at the start".to_owned();
    }
    if label.contains(':') {
        return "a port does not belong here".to_owned();
    }
    if label.contains('/') {
        return "a `/` does not belong here".to_owned();
    }
    format!("`{label}` has characters other than letters, digits and inner hyphens")
}

/// True for an IPv4 or IPv6 address.
pub(super) fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// A host that may start with a wildcard.
pub(super) fn wildcard(out: &mut Findings<'_>, place: &Place<'_>, what: &str, text: &str) {
    if let Some(flaw) = wildcard_flaw(text) {
        refuse(out, place, what, text, &flaw);
    }
}

/// Reports a host that cannot be read.
pub(super) fn refuse(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    what: &str,
    text: &str,
    flaw: &str,
) {
    let help = match text.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.is_empty() =>
        {
            format!("write `{host}`; ports are matched without being named in hosts")
        }
        _ if text.contains("://") => {
            let bare = text.split("://").nth(1).unwrap_or_default();
            let bare = bare.split('/').next().unwrap_or_default();
            format!("write the host alone: `{bare}`")
        }
        _ if text.contains('_') => {
            format!("DNS names have no underscores: write `{}`", text.replace('_', "-"))
        }
        _ => "write a DNS name such as `shop.example.com`, or `*.example.com` for all below it"
            .to_owned(),
    };
    out.error(code::HOST, place, format!("{what} `{text}` is no host name: {flaw}"), help);
}

/// A host of a Gateway's server: `[namespace/]host`, the namespace may be `*` or `.`.
pub(super) fn server_host(out: &mut Findings<'_>, place: &Place<'_>, text: &str) {
    let Some((namespace, name)) = text.split_once('/') else {
        return server_name(out, place, text);
    };
    if namespace.is_empty() || name.is_empty() {
        return out.error(
            code::HOST,
            place,
            format!("server host `{text}` lacks its namespace or its name"),
            "write `namespace/host`, `./host` for this namespace, or `*/host` for any",
        );
    }
    if namespace != "*" && namespace != "." && !is_label(namespace) {
        out.error(
            code::HOST,
            place,
            format!("`{namespace}` in `{text}` is no namespace, so nothing can bind to it"),
            format!("write a namespace, `.` for this one, or `*` for any: `*/{name}`"),
        );
    }
    server_name(out, place, name);
}

fn server_name(out: &mut Findings<'_>, place: &Place<'_>, name: &str) {
    if let Some(flaw) = wildcard_flaw(name).filter(|_| !is_ip(name)) {
        return refuse(out, place, "server host", name, &flaw);
    }
    if name != "*" && !name.contains('.') {
        return out.error(
            code::HOST,
            place,
            format!("server host `{name}` is a short name, which Gateways do not complete"),
            "write the whole name that clients send, with a dot, or `*` for every host",
        );
    }
    if is_partial_wildcard(name) {
        out.error(
            code::HOST,
            place,
            format!("`{name}` is a partial wildcard, and Gateways take whole labels only"),
            "write `*.example.com`, or `*`",
        );
    }
}

/// True for `*foo.com` and `*-x.com`, where the wildcard is only a part of its label.
pub(super) fn is_partial_wildcard(host: &str) -> bool {
    host.contains('*') && host != "*" && !host.starts_with("*.")
}

#[cfg(test)]
mod tests;
