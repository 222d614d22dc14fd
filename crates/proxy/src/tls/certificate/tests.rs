//! Facts of certificates.
