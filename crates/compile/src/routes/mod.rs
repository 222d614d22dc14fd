//! Routes: VirtualServices as they count, with their delegates, and the parts of the rules that
//! they make.

pub(crate) mod fault;
pub(crate) mod http_route;
pub(crate) mod matching;
pub(crate) mod retry;
pub(crate) mod virtual_service;

mod cors;
mod delegate;
mod headers;
mod redirect;
mod route;
