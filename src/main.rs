//! The `propylon` binary: wiring only.
fn main() {}
