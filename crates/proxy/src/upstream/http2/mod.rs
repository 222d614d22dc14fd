//! HTTP/2 connections to endpoints: one per worker and endpoint carries many requests, another is
//! made only when it has no room. Knows streams and nothing of routing, retries or clients.
//!
//! [`Sessions`] finds or makes a [`Session`]; a [`Place`] in one is what a request holds.

mod fault;
mod place;
mod session;
mod sessions;

pub(crate) use fault::{is_leaving, reason_of};
pub(crate) use place::Place;
pub(super) use sessions::Sessions;

#[cfg(test)]
mod tests;
