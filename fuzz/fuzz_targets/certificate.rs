//! A certificate in DER, as a client shows it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| propylon_proxy::fuzz::fuzz_certificate(bytes));
