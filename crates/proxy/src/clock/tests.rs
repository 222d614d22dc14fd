//! The date as it is written.

use super::*;

#[test]
fn the_date_is_written_as_http_has_it() {
    let clock = Clock::default();
    let mut out = Vec::new();
    clock.write_date(&mut out);
    assert_eq!(out.len(), 29);
    assert!(out.ends_with(b" GMT"));
    clock.write_date(&mut out);
    assert_eq!(out.len(), 58);
}

#[test]
fn the_date_as_a_value_is_the_date_as_it_is_written() {
    let clock = Clock::default();
    let mut out = Vec::new();
    // Another second may begin in between, twice in a row hardly.
    let same = (0..3).any(|_| {
        out.clear();
        clock.write_date(&mut out);
        clock.date() == out
    });
    assert!(same);
}
