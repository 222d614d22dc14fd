//! Small values that many fields share: names, ports, labels, durations, percentages, expressions.
//!
//! Each function says one thing about one value at one place; none knows the kind around it.

use std::time::Duration;

use propylon_model::Labels;
use propylon_snapshot::Pattern;

use super::code;
use super::host::{is_ip, is_label};
use super::report::{Findings, Place};

/// Istio refuses longer expressions: Envoy's limit on compiled programs is approximated by length.
const REGEX_BYTES_MAX: usize = 1024;
/// Kubernetes: name part of a label key, and a label value.
const LABEL_PART_BYTES_MAX: usize = 63;
/// Kubernetes: DNS prefix of a label key.
const LABEL_PREFIX_BYTES_MAX: usize = 253;

/// A name that must be a DNS label.
pub(super) fn dns_label(out: &mut Findings<'_>, place: &Place<'_>, what: &str, text: &str) {
    if !is_label(text) {
        out.error(
            code::NAME,
            place,
            format!("{what} `{text}` is no DNS label, so nothing can refer to it"),
            "use letters, digits and inner hyphens only, at most 63 characters",
        );
    }
}

/// A port number.
pub(super) fn port(out: &mut Findings<'_>, place: &Place<'_>, number: u32) {
    if number == 0 || number > u32::from(u16::MAX) {
        out.error(
            code::PORT,
            place,
            format!("{number} is no port number"),
            "write a number from 1 to 65535",
        );
    }
}

/// A duration: at least one millisecond, in whole milliseconds (Istio's rule for every duration).
pub(super) fn duration(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    value: Option<Duration>,
    when_zero: &str,
) {
    let Some(value) = value else { return };
    if value.is_zero() {
        out.error(
            code::DURATION,
            place,
            "a duration of 0 is refused by Istio: the smallest is 1ms",
            when_zero,
        );
    } else if value < Duration::from_millis(1) {
        out.error(
            code::DURATION,
            place,
            format!("{value:?} is shorter than 1ms, the smallest duration"),
            "write at least `1ms`",
        );
    } else if value.subsec_nanos() % 1_000_000 != 0 {
        out.error(
            code::DURATION,
            place,
            format!("{value:?} is finer than milliseconds"),
            format!("write whole milliseconds: `{}ms`", value.as_millis()),
        );
    }
}

/// A percentage with fractions: 0, or 0.0001 to 100 (the data plane counts in millionths).
pub(super) fn percentage(out: &mut Findings<'_>, place: &Place<'_>, value: f64) {
    let fine = value == 0.0 || (0.0001..=100.0).contains(&value);
    if !fine {
        out.error(
            code::PERCENT,
            place,
            format!("a share of {value} percent cannot be drawn"),
            "write 0, or a number from 0.0001 to 100",
        );
    }
}

/// A whole percentage.
pub(super) fn percent(out: &mut Findings<'_>, place: &Place<'_>, value: i64) {
    if !(0..=100).contains(&value) {
        out.error(
            code::PERCENT,
            place,
            format!("{value} percent is not between 0 and 100"),
            "write a number from 0 to 100",
        );
    }
}

/// A regular expression in RE2's syntax.
pub(super) fn regex(out: &mut Findings<'_>, place: &Place<'_>, source: &str) {
    if source.is_empty() {
        return out.error(
            code::REGEX,
            place,
            "Envoy refuses an empty expression, and it would match nothing but the empty text",
            "write an expression that covers the whole text, such as `.*`",
        );
    }
    if source.len() > REGEX_BYTES_MAX {
        return out.error(
            code::REGEX,
            place,
            format!(
                "the expression has {} characters, Istio takes {REGEX_BYTES_MAX}",
                source.len()
            ),
            "shorten it, or split it into several matches",
        );
    }
    if let Err(flaw) = Pattern::full(source) {
        out.error(
            code::REGEX,
            place,
            format!("`{source}` is no RE2 expression: {}", last_line(&flaw.0)),
            regex_advice(source),
        );
    }
}

/// The compiler's explanation ends with its reason; what comes before repeats the expression.
fn last_line(text: &str) -> &str {
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line)
}

fn regex_advice(source: &str) -> &'static str {
    if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|mark| source.contains(mark)) {
        "RE2 has no look-around: write a positive expression, or use withoutHeaders to exclude"
    } else if source.starts_with('*') {
        "a `*` repeats what stands before it: write `.*`"
    } else {
        "correct the expression; it has to cover the whole text"
    }
}

/// Labels of a selector or a subset.
pub(super) fn labels(out: &mut Findings<'_>, place: &Place<'_>, labels: &Labels) {
    for (key, value) in labels {
        if !is_label_key(key) {
            out.error(
                code::LABEL,
                &place.key(key),
                format!("`{key}` is no label key of Kubernetes, so no workload can carry it"),
                "write `name` or `dns.prefix/name` with letters, digits, `-`, `_` and `.`",
            );
        }
        if !value.is_empty() && !is_qualified(value) {
            out.error(
                code::LABEL,
                &place.key(key),
                format!("`{value}` is no label value of Kubernetes, so no workload can carry it"),
                "use letters, digits, `-`, `_` and `.`, at most 63 characters",
            );
        }
    }
}

fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => {
            prefix.len() <= LABEL_PREFIX_BYTES_MAX
                && prefix.split('.').all(is_label)
                && is_qualified(name)
        }
        None => is_qualified(key),
    }
}

fn is_qualified(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= LABEL_PART_BYTES_MAX
        && edge(text.as_bytes().first())
        && edge(text.as_bytes().last())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// An IP address or a CIDR block.
pub(super) fn subnet(out: &mut Findings<'_>, place: &Place<'_>, text: &str) {
    if !is_subnet(text) {
        out.error(
            code::ADDRESS,
            place,
            format!("`{text}` is neither an IP address nor a CIDR block"),
            "write an address such as `10.0.0.1`, or a block such as `10.0.0.0/8`",
        );
    }
}

/// True for an IP address or a CIDR block.
pub(super) fn is_subnet(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return is_ip(text) };
    let most = match address.parse() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let digits = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    digits && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

/// The path of `unix://path`: absolute, or abstract with `@`.
pub(super) fn unix_path(out: &mut Findings<'_>, place: &Place<'_>, path: &str) {
    let fine =
        path.starts_with('@') && path.len() > 1 || path.starts_with('/') && !path.ends_with('/');
    if !fine {
        out.error(
            code::ADDRESS,
            place,
            format!("`{path}` is no absolute path to a socket"),
            "write `unix:///run/name.sock`, or `unix://@name` for an abstract socket",
        );
    }
}

/// Namespaces that see an object.
pub(super) fn export_to(out: &mut Findings<'_>, place: &Place<'_>, list: &[String], none: bool) {
    let own = out.meta().key.namespace.clone();
    let mut seen: Vec<&str> = Vec::new();
    for (position, entry) in list.iter().enumerate() {
        let here = place.index(position);
        let namespace = if entry == "." { &*own } else { entry };
        if seen.contains(&namespace) {
            out.error(
                code::EXPORT_TO,
                &here,
                format!("`{entry}` names namespace `{namespace}` a second time"),
                "remove it",
            );
        }
        let fine = entry == "." || entry == "*" || (none && entry == "~") || is_label(entry);
        if !fine {
            out.error(
                code::EXPORT_TO,
                &here,
                format!("`{entry}` is no namespace, so nobody would see this object through it"),
                if none {
                    "write a namespace, `.` for this one, `*` for all, or `~` for none"
                } else {
                    "write a namespace, `.` for this one, or `*` for all"
                },
            );
        }
        seen.push(namespace);
    }
    let contradiction = |mark: &str| list.len() > 1 && list.iter().any(|entry| entry == mark);
    if contradiction("*") {
        out.error(
            code::EXPORT_TO,
            place,
            "`*` already exports to every namespace, so the other entries contradict it",
            "keep `*` alone, or remove it",
        );
    }
    if none && contradiction("~") {
        out.error(
            code::EXPORT_TO,
            place,
            "`~` exports to nobody, so the other entries contradict it",
            "keep `~` alone, or remove it",
        );
    }
}

#[cfg(test)]
mod tests;
