//! The head of an upstream's response.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| propylon_proxy::http1::fuzz::fuzz_http_response(bytes));
