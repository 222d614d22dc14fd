//! Connections whose bytes are handed on unchanged: TCP, MongoDB, TLS that is passed through.
//!
//! In the order of travel: `forward` chooses and connects, `tunnel` leads through an HTTP proxy
//! where one is to be passed, `relay` moves bytes, `tally` counts them, `mongo` reads what they
//! say, `counters` keeps what was counted.

mod counters;
mod forward;
mod mongo;
mod relay;
mod server;
mod tally;
mod tunnel;

pub(crate) use counters::{Counters, sum};
pub(crate) use forward::open;
pub(crate) use mongo::{Decoder, Seen, Side};
pub(crate) use relay::RelayBuffer;
