//! The admin server (15000) and the readiness servers (15020, 15021): what they answer and to whom.
//! They look at what is served and count nothing themselves; the data plane never waits for them.

mod access;
mod clusters;
mod home;
mod page;
mod ready;
mod stats;
mod view;

pub(crate) use page::Admin;
pub(crate) use ready::Ready;
