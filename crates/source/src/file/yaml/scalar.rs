//! What a plain scalar is: the rules of YAML 1.1 as `kubectl` applies them.
//!
//! `1.10` is a number and `yes` a boolean for `kubectl`, so a text field must not take them
//! silently.

use super::Scalar;

/// What a scalar is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Resolved<'a> {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// `yes`, `no`, `on` or `off`: a boolean where one is wanted.
    WordBool(bool),
    /// A whole number that fits 64 bits one way or the other.
    Integer(i128),
    /// Digits with a leading zero: octal for YAML 1.1, decimal for people.
    Octal,
    /// Any other number.
    Float(f64),
    /// A text.
    Text(&'a str),
}

impl Scalar {
    /// What the scalar is.
    pub(crate) fn resolve(&self) -> Resolved<'_> {
        if self.quoted { Resolved::Text(&self.text) } else { plain(&self.text) }
    }
}

fn plain(text: &str) -> Resolved<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Resolved::WordBool(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Resolved::WordBool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Resolved::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        _ => {}
    }
    let first = text.bytes().next().unwrap_or_default();
    if !first.is_ascii_digit() && !matches!(first, b'+' | b'-' | b'.') {
        return Resolved::Text(text);
    }
    number(text).unwrap_or(Resolved::Text(text))
}

fn number(text: &str) -> Option<Resolved<'static>> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    // Go's YAML passes over underscores between digits.
    let digits = digits.replace('_', "");
    let sign = |magnitude: u64| {
        let magnitude = i128::from(magnitude);
        Resolved::Integer(if negative { -magnitude } else { magnitude })
    };
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = digits.strip_prefix(prefix) {
            let plain = rest.bytes().all(|digit| digit.is_ascii_alphanumeric());
            return u64::from_str_radix(rest, radix).ok().filter(|_| plain).map(sign);
        }
    }
    if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return Some(Resolved::Octal);
        }
        if let Ok(magnitude) = digits.parse() {
            return Some(sign(magnitude));
        }
    }
    is_float(&digits)
        .then(|| digits.parse::<f64>().ok())
        .flatten()
        .map(|magnitude| Resolved::Float(if negative { -magnitude } else { magnitude }))
}

/// Digits with at most one point and an exponent; at least one digit, and not Rust's `inf`.
fn is_float(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let mut points = 0;
    let mut count = 0;
    for c in mantissa.bytes() {
        match c {
            b'.' => points += 1,
            b'0'..=b'9' => count += 1,
            _ => return false,
        }
    }
    let exponent_ok = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    });
    points <= 1 && count > 0 && exponent_ok
}
