//! Entry point for fuzzing the frame reader and the meter: a plain function of bytes that panics
//! when a promise is broken.

use tokio::time::Instant;

use super::frames::Frames;
use super::meter::{Meter, Role};

/// Frames: no panic, the same heads and the same verdict however the bytes are split.
pub(crate) fn fuzz_frames(bytes: &[u8], now: Instant) {
    let whole = heads(bytes, bytes.len().max(1));
    for portion in [1, 7, 64] {
        assert_eq!(heads(bytes, portion), whole);
    }
    for role in [Role::Server, Role::Client] {
        let all = verdict(role, bytes, bytes.len().max(1), now);
        assert_eq!(verdict(role, bytes, 5, now), all);
    }
}

fn heads(bytes: &[u8], portion: usize) -> Vec<String> {
    let mut frames = Frames::of_server();
    let mut all = Vec::new();
    for part in bytes.chunks(portion) {
        let walked: Result<(), ()> = frames.walk(part, |head| {
            all.push(format!("{head:?}"));
            Ok(())
        });
        assert!(walked.is_ok());
    }
    all
}

fn verdict(role: Role, bytes: &[u8], portion: usize, now: Instant) -> Option<String> {
    let mut meter = Meter::new(role, now);
    let found = bytes.chunks(portion).find_map(|part| meter.read(part, || now).err());
    found.map(|flood| format!("{flood:?}"))
}
