//! gRPC-Web's messages in base64.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| propylon_proxy::fuzz::fuzz_grpc_web(bytes));
