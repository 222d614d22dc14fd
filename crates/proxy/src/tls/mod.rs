//! TLS on client connections and to endpoints: which settings answer a ClientHello, the handshakes,
//! the stream behind them, and what is known of certificates. Nothing outside names the library.
//!
//! In the order of a connection: `handshake` reads the hello and chooses, `terminator` has the
//! parsed certificates of the chosen server, `verify` judges the client's, `stream` carries bytes.
//! To endpoints: `originator` has a cluster's settings parsed, `originate` shakes hands, `trust`
//! judges the endpoint's certificate, `trouble` says what went wrong.

mod certificate;
mod credential;
pub(crate) mod fuzz;
mod handshake;
mod originate;
mod originator;
mod staple;
mod stream;
mod subject;
mod terminator;
mod trouble;
mod trust;
mod verify;

pub use certificate::{CertificateFacts, certificates_in};
pub use credential::BadCredential;
pub use originator::inspect_client;
pub use terminator::{inspect, revocations_end};

pub(crate) use handshake::{Handshake, Protocol, Refused, accept};
pub(crate) use originate::{Purpose, originate, shown};
pub(crate) use originator::{Originator, Originators, Sessions};
pub(crate) use stream::TlsStream;
pub(crate) use terminator::{Terminator, Terminators};
pub(crate) use trouble::Trouble;
