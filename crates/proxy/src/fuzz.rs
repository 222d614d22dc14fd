//! Entry points for fuzzing the readers of connections: plain functions of bytes that panic when a
//! promise is broken. Fuzz targets and the replay of the kept corpus call the same ones.

use tokio::time::Instant;

use crate::listener::hello::{HelloReader, Outcome};
use crate::listener::proxy_protocol;
pub use crate::tls::fuzz::{fuzz_certificate, fuzz_credential};

use crate::tcp::{Decoder, Seen, Side};

/// A ClientHello: no panic, and the same outcome however it is split.
pub fn fuzz_client_hello(bytes: &[u8]) {
    let whole = HelloReader::default().read(bytes);
    let mut reader = HelloReader::default();
    let in_parts = (0..=bytes.len())
        .map(|len| reader.read(&bytes[..len]))
        .find(|outcome| *outcome != Outcome::NeedMore);
    assert_eq!(in_parts.unwrap_or(Outcome::NeedMore), whole);
    let Outcome::Hello(hello) = whole else { return };
    assert!(hello.alpn.iter().all(|protocol| (1..=255).contains(&protocol.len())));
    if let Some(name) = hello.server_name {
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(name.to_ascii_lowercase(), *name);
    }
}

/// A PROXY protocol header: as [`fuzz_client_hello`], and never longer than what was read.
pub fn fuzz_proxy_header(bytes: &[u8]) {
    use proxy_protocol::{Outcome, read};
    let whole = read(bytes);
    let in_parts = (0..=bytes.len())
        .map(|len| read(&bytes[..len]))
        .find(|outcome| *outcome != Outcome::NeedMore);
    assert_eq!(in_parts.unwrap_or(Outcome::NeedMore), whole);
    if let Outcome::Header { len, .. } = whole {
        assert!(len <= bytes.len());
    }
}

/// gRPC-Web in base64: no panic, the same bytes however it is split, and what is written is read.
pub fn fuzz_grpc_web(bytes: &[u8]) {
    crate::grpc_web::fuzz(bytes);
}

/// MongoDB messages: no panic, the same findings however they are split, garbage at most once.
pub fn fuzz_mongo(bytes: &[u8]) {
    for side in [Side::Client, Side::Server] {
        let whole = findings(side, bytes, bytes.len().max(1));
        assert_eq!(whole, findings(side, bytes, 1));
        assert_eq!(whole, findings(side, bytes, 29));
        let garbage = whole.iter().filter(|one| *one == "Garbage").count();
        assert!(garbage <= 1);
    }
}

fn findings(side: Side, bytes: &[u8], portion: usize) -> Vec<String> {
    let mut decoder = Decoder::new(side);
    let mut all = Vec::new();
    for part in bytes.chunks(portion) {
        decoder.feed(part, &mut |seen: Seen<'_>| all.push(format!("{seen:?}")));
    }
    all
}

/// HTTP/2 frames: the same heads and the same verdict on floods however they are split.
pub fn fuzz_http2_frames(bytes: &[u8]) {
    crate::http2::fuzz_frames(bytes, Instant::now());
}
