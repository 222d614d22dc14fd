//! Dates of certificates: seconds since 1970, which may lie before and far behind it, as people and
//! programs write them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// A moment in seconds since 1970.
#[must_use]
pub(crate) fn seconds(moment: SystemTime) -> i64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Whole days from `now` until `then`; negative once it has passed.
#[must_use]
pub(crate) fn days(now: i64, then: i64) -> i64 {
    then.saturating_sub(now).div_euclid(DAY)
}

/// `2026-12-21T11:47:23Z` (RFC 3339).
#[must_use]
pub(crate) fn text(seconds: i64) -> String {
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `2026-12-21`.
#[must_use]
pub(crate) fn day(seconds: i64) -> String {
    let (year, month, day) = date(seconds.div_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a day since 1970 in the Gregorian calendar. Years are counted from March,
/// so that the day that comes and goes is the last.
fn date(days: i64) -> (i64, i64, i64) {
    // 0000-03-01 is 719,468 days before 1970; the calendar repeats after 146,097 days.
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_797_853_643, "2026-12-21T11:47:23Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-631_152_000, "1950-01-01T00:00:00Z"),
        ] {
            assert_eq!(text(seconds), expected);
        }
        assert_eq!(day(951_782_400), "2000-02-29");
    }

    #[test]
    fn days_are_whole_and_negative_once_they_have_passed() {
        assert_eq!(days(0, DAY - 1), 0);
        assert_eq!(days(0, 30 * DAY), 30);
        assert_eq!(days(10, 9), -1);
    }
}
