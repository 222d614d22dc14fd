//! A regular expression and a text.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| propylon_snapshot::fuzz_pattern(bytes));
