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
