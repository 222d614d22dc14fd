//! The ClientHello of a TLS connection.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| propylon_proxy::fuzz::fuzz_client_hello(bytes));
