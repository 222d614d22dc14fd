//! Replays the kept fuzzing corpus through the snapshot's fuzz functions, on stable Rust.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what broke")]

use std::fs;
use std::path::Path;

use propylon_snapshot::{fuzz_format, fuzz_host_lookup, fuzz_path, fuzz_pattern};

#[test]
fn every_kept_host_is_looked_up_as_the_rule_says() {
    replay("host_lookup", fuzz_host_lookup);
}

#[test]
fn every_kept_path_is_normalised_soundly() {
    replay("path", fuzz_path);
}

#[test]
fn every_kept_format_is_read_soundly() {
    replay("format", fuzz_format);
}

#[test]
fn every_kept_pattern_is_compiled_soundly() {
    replay("pattern", fuzz_pattern);
}

fn replay(target: &str, fuzz: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        println!("{}", path.display());
        fuzz(&bytes);
        replayed += 1;
    }
    assert!(replayed > 3, "the corpus of {target} is gone");
}
