//! RE2 expressions, as sentences.
