//! Certificates, keys and lists in PEM.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| propylon_proxy::fuzz::fuzz_credential(bytes));
