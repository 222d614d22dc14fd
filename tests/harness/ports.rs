//! Free ports for listeners that must be known before the program starts.
//! They lie below the range from which the kernel takes the ports of outgoing connections, so that
//! no connection can take one between the choice and the bind.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// The first port that may be chosen.
const FIRST: u16 = 20_000;

/// How many ports may be chosen from; the end stays below Linux' first outgoing port, 32768.
const COUNT: u16 = 12_000;

/// Ports that one process walks through before its neighbour's begin.
const STRIDE: u16 = 300;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that nothing listens on now and that no other test of this process is given.
pub(crate) fn free() -> u16 {
    let start = u16::try_from(process::id() % u32::from(COUNT / STRIDE)).unwrap_or(0) * STRIDE;
    for _ in 0..COUNT {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + offset) % COUNT;
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
