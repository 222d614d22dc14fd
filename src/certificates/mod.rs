//! Certificates of the configuration: what is wrong with them, when they end, and which there are.
//!
//! Parsing them all costs time, and serving does not wait for it: handshakes parse what they need.
//! `check` and `certs` judge at once; the serving program does beside its work (`watch`).

pub(crate) mod inventory;
mod judge;
pub(crate) mod moment;
mod watch;

pub(crate) use judge::{Judge, problems};
pub(crate) use watch::Watch;
