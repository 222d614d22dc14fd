//! placeholder header

pub mod http1;
