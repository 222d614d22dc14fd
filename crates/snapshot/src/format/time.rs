//! Printing the start time: Envoy's `%START_TIME(...)%` with the strftime letters it takes.
//! Always UTC, by plain calendar arithmetic; no time zone is ever looked up.

use std::time::{SystemTime, UNIX_EPOCH};

use super::BadFormat;
use super::render::push;

/// Envoy's format where none is given: `2026-11-21T07:30:00.123Z`.
const DEFAULT: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// One part of a time format.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    /// A strftime letter.
    Letter(char),
    /// `%3f`: so many digits (1 to 9) of the fraction of a second.
    Fraction(u32),
    /// `%E3S`: seconds with so many digits behind the point.
    Seconds(u32),
    /// `%E*S`: seconds with as many digits behind the point as there are.
    WholeSeconds,
}

/// A compiled time format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFormat {
    parts: Box<[Part]>,
}

impl TimeFormat {
    /// Compiles a strftime format; the empty one is ISO 8601 with milliseconds. `%f` are
    /// nanoseconds, `%1f` to `%9f` so many digits.
    ///
    /// # Errors
    /// A line break, which no header and no log line may hold (Envoy's rule).
    pub fn parse(text: &str) -> Result<Self, BadFormat> {
        if text.contains(['\n', '\r', '\0']) {
            return Err(BadFormat("a time format cannot hold a line break".into()));
        }
        let mut parts = Vec::new();
        let mut rest = if text.is_empty() { DEFAULT } else { text };
        while let Some(percent) = rest.find('%') {
            push_literal(&mut parts, &rest[..percent]);
            let (part, length) = read_part(&rest[percent + 1..]);
            match part {
                Some(part) => parts.push(part),
                // What strftime does not know stays as it is.
                None => push_literal(&mut parts, &rest[percent..=percent + length]),
            }
            rest = &rest[percent + 1 + length..];
        }
        push_literal(&mut parts, rest);
        Ok(Self { parts: parts.into() })
    }

    /// Appends a time; times before 1970 count as 1970.
    pub(super) fn render(&self, time: SystemTime, out: &mut Vec<u8>) {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let moment = Moment::new(since.as_secs(), since.subsec_nanos());
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Part::Letter(letter) => moment.push_letter(*letter, out),
                Part::Fraction(digits) => moment.push_fraction(*digits, out),
                Part::Seconds(digits) => {
                    moment.push_letter('S', out);
                    if *digits > 0 {
                        out.push(b'.');
                        moment.push_fraction(*digits, out);
                    }
                }
                Part::WholeSeconds => moment.push_whole_seconds(out),
            }
        }
    }
}

fn push_literal(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Literal(before)) => *before = format!("{before}{text}").into(),
        _ => parts.push(Part::Literal(text.into())),
    }
}

/// Reads what stands behind a `%`: the part, if it is one, and the bytes it takes.
fn read_part(text: &str) -> (Option<Part>, usize) {
    let mut letters = text.chars();
    let Some(first) = letters.next() else {
        return (None, 0);
    };
    let second = letters.next();
    match (first, second, letters.next()) {
        ('%', ..) => (Some(Part::Literal("%".into())), 1),
        ('f', ..) => (Some(Part::Fraction(9)), 1),
        ('1'..='9', Some('f'), _) => (Some(Part::Fraction(digit(first))), 2),
        ('E', Some(count @ '0'..='9'), Some('S')) => (Some(Part::Seconds(digit(count))), 3),
        ('E', Some(count @ '0'..='9'), Some('f')) => (Some(Part::Fraction(digit(count))), 3),
        ('E', Some('*'), Some('S')) => (Some(Part::WholeSeconds), 3),
        ('E', Some('T'), _) => (Some(Part::Literal("T".into())), 2),
        (letter, ..) if "YmdHMSsjyebhBaApIlkTFDRZzunt".contains(letter) => {
            (Some(Part::Letter(letter)), 1)
        }
        (letter, ..) => (None, letter.len_utf8()),
    }
}

fn digit(letter: char) -> u32 {
    letter.to_digit(10).unwrap_or(0)
}

/// A moment of UTC, taken apart.
struct Moment {
    epoch: u64,
    nanos: u32,
    year: u64,
    /// 0 to 11.
    month: usize,
    /// 1 to 31.
    day: u64,
    /// 1 to 366.
    day_of_year: u64,
    /// 0 is Sunday.
    weekday: usize,
    hour: u64,
    minute: u64,
    second: u64,
}

/// Days of a year before 1 March, counted from 1 March of the year before; leap days come last.
const MARCH_TO_JANUARY: u64 = 306;

impl Moment {
    fn new(epoch: u64, nanos: u32) -> Self {
        let days = epoch / 86_400;
        // Days since 1 March of year 0: with the leap day at the end of the year, a 400-year era
        // has 146,097 days and every month length follows from one linear formula.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let in_new_year = from_march >= 10;
        let year = era * 400 + year_of_era + u64::from(in_new_year);
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let day_of_year = if in_new_year {
            of_year - MARCH_TO_JANUARY + 1
        } else {
            of_year + 31 + 28 + u64::from(leap) + 1
        };
        let seconds = epoch % 86_400;
        Self {
            epoch,
            nanos,
            year,
            month: small((from_march + 2) % 12),
            day,
            day_of_year,
            // 1 January 1970 was a Thursday.
            weekday: small((days + 4) % 7),
            hour: seconds / 3_600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }

    fn push_fraction(&self, digits: u32, out: &mut Vec<u8>) {
        if digits > 0 {
            let value = self.nanos / 10_u32.pow(9 - digits.min(9));
            push(out, format_args!("{value:0width$}", width = small(u64::from(digits))));
        }
    }

    fn push_whole_seconds(&self, out: &mut Vec<u8>) {
        let text = format!("{:02}.{:09}", self.second, self.nanos);
        out.extend_from_slice(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
    }

    fn push_letter(&self, letter: char, out: &mut Vec<u8>) {
        let Self { year, day, hour, minute, second, day_of_year, .. } = *self;
        let month = self.month + 1;
        let (month_name, weekday) = (MONTHS[self.month], WEEKDAYS[self.weekday]);
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        match letter {
            'Y' => push(out, format_args!("{year}")),
            'y' => push(out, format_args!("{:02}", year % 100)),
            'm' => push(out, format_args!("{month:02}")),
            'd' => push(out, format_args!("{day:02}")),
            'e' => push(out, format_args!("{day:2}")),
            'j' => push(out, format_args!("{day_of_year:03}")),
            'H' => push(out, format_args!("{hour:02}")),
            'k' => push(out, format_args!("{hour:2}")),
            'I' => push(out, format_args!("{twelve:02}")),
            'l' => push(out, format_args!("{twelve:2}")),
            'M' => push(out, format_args!("{minute:02}")),
            'S' => push(out, format_args!("{second:02}")),
            's' => push(out, format_args!("{}", self.epoch)),
            'p' => push(out, format_args!("{}", if hour < 12 { "AM" } else { "PM" })),
            'b' | 'h' => push(out, format_args!("{}", &month_name[..3])),
            'B' => push(out, format_args!("{month_name}")),
            'a' => push(out, format_args!("{}", &weekday[..3])),
            'A' => push(out, format_args!("{weekday}")),
            'u' => push(out, format_args!("{}", (self.weekday + 6) % 7 + 1)),
            'T' => push(out, format_args!("{hour:02}:{minute:02}:{second:02}")),
            'R' => push(out, format_args!("{hour:02}:{minute:02}")),
            'F' => push(out, format_args!("{year}-{month:02}-{day:02}")),
            'D' => push(out, format_args!("{month:02}/{day:02}/{:02}", year % 100)),
            'Z' => push(out, format_args!("UTC")),
            'z' => push(out, format_args!("+0000")),
            // `%n` and `%t` are a line break and a tab, which no header may hold.
            _ => out.push(b' '),
        }
    }
}

/// For numbers that are small by construction.
fn small(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0)
}
