//! Clients that speak HTTP/2: one task for each stream.
//!
//! `serve` takes streams in, `stream` answers one; `head` is what one asks, `body` what follows,
//! `answer` what goes down, `tunnel` what an extended CONNECT opens.

mod answer;
mod body;
mod exchange;
mod head;
mod serve;
mod stream;
mod tunnel;

pub(in crate::http) use self::serve::serve;
