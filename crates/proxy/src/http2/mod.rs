//! HTTP/2 connections below their streams: the I/O seam as the `h2` crate wants it, and a meter
//! that keeps peers from making us work for nothing. Used on both sides; knows no routing.
//!
//! `frames` finds the frames in a stream of bytes, `meter` weighs them, [`Wire`] carries them.
//! What came on a stream and waits for the other side has [`Arrived`]; a stream that carries bytes
//! for somebody else is a [`Tunnel`].

mod arrived;
mod frames;
mod fuzz;
mod meter;
mod tunnel;
mod wire;

pub(crate) use arrived::{Arrived, Ending};
pub(crate) use fuzz::fuzz_frames;
pub(crate) use meter::{Flood, Role};
pub(crate) use tunnel::Tunnel;
pub(crate) use wire::{Watch, Wire};

/// What a client sends before its first frame (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the first bytes of a connection say about its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It speaks HTTP/2, and said so without being asked.
    Http2,
    /// It may be about to say so.
    Undecided,
    /// It speaks something else.
    Other,
}

/// Looks for the HTTP/2 preface at the start of a connection. One comparison of one byte is all
/// that nearly every other connection pays.
pub(crate) fn opening(bytes: &[u8]) -> Opening {
    let len = bytes.len().min(PREFACE.len());
    match bytes.first() {
        None => Opening::Undecided,
        Some(b'P') if bytes[..len] == PREFACE[..len] => {
            if len == PREFACE.len() {
                Opening::Http2
            } else {
                Opening::Undecided
            }
        }
        Some(_) => Opening::Other,
    }
}

#[cfg(test)]
mod tests;
