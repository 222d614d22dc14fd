//! Replays the kept fuzzing corpus through the YAML reader's fuzz function, on stable Rust.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what broke")]

use std::fs;
use std::path::Path;

use propylon_source::file::fuzz_yaml;

#[test]
fn every_kept_file_is_read_without_a_panic() {
    replay("yaml", fuzz_yaml);
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
