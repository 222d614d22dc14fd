//! HTTP/2 frames, and the verdict on floods.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| propylon_proxy::fuzz::fuzz_http2_frames(bytes));
