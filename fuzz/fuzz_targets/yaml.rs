//! A file of objects.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| propylon_source::file::fuzz_yaml(bytes));
