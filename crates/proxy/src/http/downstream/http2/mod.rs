//! Clients that speak HTTP/2: one task for each open stream.
//!
//! `serve` takes streams in, `stream` answers one in a task of the `crew`; `head` is what one asks,
//! `body` what follows, `answer` what goes down, `tunnel` what an extended CONNECT opens.

mod answer;
mod body;
mod crew;
mod exchange;
mod head;
mod serve;
mod stream;
mod tunnel;

pub(crate) use self::crew::Crew;
pub(in crate::http) use self::serve::serve;
pub(crate) use self::stream::Stream;
