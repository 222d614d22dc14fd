//! Format strings, as sentences.
