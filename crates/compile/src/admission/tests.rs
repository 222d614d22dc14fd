//! Admission, as sentences.
