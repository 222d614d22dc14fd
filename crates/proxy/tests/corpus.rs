//! Replays the kept fuzzing corpus through the codec's fuzz functions, on stable Rust.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what broke")]

use std::fs;
use std::path::Path;

use propylon_proxy::fuzz::{
    fuzz_certificate, fuzz_client_hello, fuzz_credential, fuzz_grpc_web, fuzz_http2_frames,
    fuzz_mongo, fuzz_proxy_header,
};
use propylon_proxy::http1::fuzz::{fuzz_chunked, fuzz_http_head, fuzz_http_response};

#[test]
fn every_kept_request_head_is_read_soundly() {
    replay("http_head", fuzz_http_head);
}

#[test]
fn every_kept_response_head_is_read_soundly() {
    replay("http_response", fuzz_http_response);
}

#[test]
fn every_kept_chunked_body_is_read_soundly() {
    replay("chunked", fuzz_chunked);
}

#[test]
fn every_kept_client_hello_is_read_soundly() {
    replay("client_hello", fuzz_client_hello);
}

#[test]
fn every_kept_proxy_header_is_read_soundly() {
    replay("proxy_header", fuzz_proxy_header);
}

#[test]
fn every_kept_text_of_grpc_web_is_read_soundly() {
    replay("grpc_web", fuzz_grpc_web);
}

#[test]
fn every_kept_certificate_is_read_soundly() {
    replay("certificate", fuzz_certificate);
}

#[test]
fn every_kept_credential_is_read_soundly() {
    replay("credential", fuzz_credential);
}

#[test]
fn every_kept_run_of_http2_frames_is_read_soundly() {
    replay("http2_frames", fuzz_http2_frames);
}

#[test]
fn every_kept_mongodb_message_is_read_soundly() {
    replay("mongo", fuzz_mongo);
}

fn replay(target: &str, fuzz: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        println!("{}", path.display());
        fuzz(&bytes);
        replayed += 1;
    }
    assert!(replayed > 5, "the corpus of {target} is gone");
}
