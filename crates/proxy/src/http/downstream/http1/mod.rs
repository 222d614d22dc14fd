//! Clients that speak HTTP/1: one request after another on a connection.
//!
//! `client` is the connection, `serve` reads heads, `body` is what lies behind one, `answer` writes
//! what comes down, `linger` closes without losing it.

mod answer;
mod body;
mod client;
mod linger;
mod serve;

pub(in crate::http) use self::client::Client;
pub(in crate::http) use self::serve::serve;
