//! TLS on client connections: which settings answer a ClientHello, the handshake, the stream behind
//! it, and what is known of the client's certificate. Nothing outside names the TLS library.
//!
//! In the order of a connection: `handshake` reads the hello and chooses, `terminator` has the
//! parsed certificates of the chosen server, `verify` judges the client's, `stream` carries bytes.

mod certificate;
mod credential;
pub(crate) mod fuzz;
mod handshake;
mod stream;
mod terminator;
mod verify;

pub use certificate::{CertificateFacts, certificates_in};
pub use credential::BadCredential;
pub use terminator::inspect;

pub(crate) use handshake::{Handshake, Protocol, Refused, accept};
pub(crate) use stream::TlsStream;
pub(crate) use terminator::{Terminator, Terminators};
