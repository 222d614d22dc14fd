//! Durations as Istio reads them: Go's `ParseDuration`, e.g. `1h`, `1.5s`, `1h30m`, `250ms`.
//!
//! Negative durations and numbers without a unit are refused with a sentence that says so.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Reads a field of type `Option<Duration>`.
pub(crate) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<Written>::deserialize(deserializer)?.map(|written| written.0))
}

/// A duration in the API's text form.
#[derive(Debug)]
pub(crate) struct Written(pub(crate) Duration);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DurationVisitor)
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 5s, 1.5s, 250ms or 1h")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
        parse(text).map(Written).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Written, E> {
        match number {
            0 => Ok(Written(Duration::ZERO)),
            _ => Err(E::custom(format!("the duration {number} needs a unit, as in `{number}s`"))),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Written, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::custom(format!("the duration {number} must not be negative"))),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Written, E> {
        Err(E::custom(format!("the duration {number} needs a unit, as in `{number}s`")))
    }
}

/// Reads a sequence of decimal numbers with units.
fn parse(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a duration such as 5s, 1.5s, 250ms or 1h");
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.starts_with('-') {
        return Err(format!("the duration `{text}` must not be negative"));
    }
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(bad());
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        if unit.is_empty() && !number.is_empty() {
            return Err(format!("the duration `{text}` needs a unit, as in `{text}s`"));
        }
        let nanos = unit_nanos(unit).ok_or_else(bad)?;
        let part = in_nanos(number, nanos).ok_or_else(bad)?;
        total = total.checked_add(part).filter(|sum| *sum <= NANOS_MAX).ok_or_else(|| {
            format!("the duration `{text}` is too long: at most 292 years can be written")
        })?;
        rest = next;
    }
    let nanos = u64::try_from(total).map_err(|_| bad())?;
    Ok(Duration::from_nanos(nanos))
}

fn unit_nanos(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// A decimal number times a unit, cut to whole nanoseconds as Go does.
fn in_nanos(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let mut total = match whole {
        "" => 0,
        _ => whole.parse::<u64>().ok().map(u128::from)?.checked_mul(unit)?,
    };
    let kept = &fraction[..fraction.len().min(FRACTION_DIGITS_MAX)];
    if !kept.is_empty() {
        let places = u32::try_from(kept.len()).ok()?;
        total += u128::from(kept.parse::<u64>().ok()?) * unit / 10_u128.pow(places);
    }
    Some(total)
}

/// Go's durations are signed 64-bit nanoseconds.
const NANOS_MAX: u128 = i64::MAX as u128;

/// More digits than this cannot change a nanosecond of an hour.
const FRACTION_DIGITS_MAX: usize = 18;
