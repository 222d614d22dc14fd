//! Summaries, as sentences.
