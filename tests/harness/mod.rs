//! The harness of the black-box tests: the real binary, raw sockets towards it, scripted origins
//! behind it. It knows HTTP only as bytes and nothing of the crates.

pub(crate) mod certificates;
pub(crate) mod client;
pub(crate) mod gateway;
pub(crate) mod http2;
pub(crate) mod http2_server;
pub(crate) mod message;
pub(crate) mod origin;
pub(crate) mod ports;
pub(crate) mod secure;
pub(crate) mod tls_origin;
pub(crate) mod world;

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it. Generous: a busy machine is no bug.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How often a condition is looked at again when nothing announces a change.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Looks at a condition until it holds; gives up at the deadline and says so.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "gave up waiting until {what}");
        pause();
    }
}

/// Lets a moment pass between two looks at a condition that nothing announces.
pub(crate) fn pause() {
    let nobody = Mutex::new(());
    let guard = nobody.lock().expect("nobody else holds this");
    let _ = Condvar::new().wait_timeout(guard, LOOK_AGAIN);
}
