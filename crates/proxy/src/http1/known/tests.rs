//! The table of names agrees with itself.

use super::Known;

#[test]
fn every_name_is_classified_as_itself() {
    for known in Known::ALL {
        let name = known.name().unwrap();
        assert_eq!(Known::of(name.as_bytes()), *known, "{name}");
        assert_eq!(name, name.to_ascii_lowercase());
    }
}

#[test]
fn a_name_that_nothing_asks_for_is_other() {
    for name in ["", "x-custom", "hosts", "conne\u{e9}ction", "Host"] {
        assert_eq!(Known::of(name.as_bytes()), Known::Other, "{name}");
    }
    assert_eq!(Known::Other.name(), None);
}
