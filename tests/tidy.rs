//! The rules of the house that a program can check: file headers, sizes, names, the arrows between
//! crates, and that examples, goldens and reasons have what belongs to them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what broke by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use propylon_snapshot::Reason;

/// Code lines (neither blank nor comment) of one file; beyond it, a file tells more than one story.
const CODE_LINES_MAX: usize = 500;

/// Columns of a line.
const COLUMNS_MAX: usize = 100;

/// Lines of the `//!` header that opens every file.
const HEADER_LINES_MAX: usize = 12;

/// Words that say nothing about what a thing is.
const BANNED_WORDS: [&str; 9] =
    ["manager", "handler", "helper", "helpers", "util", "utils", "context", "data", "info"];

/// Names that keep a banned word because it is the term of the trade.
const ALLOWED_NAMES: [&str; 1] = ["DataPlane"];

/// Which of our crates each crate may depend on. A line here is a decision, not a convenience.
const ARROWS: [(&str, &[&str]); 6] = [
    ("propylon-model", &[]),
    ("propylon-snapshot", &[]),
    ("propylon-source", &["propylon-model"]),
    ("propylon-compile", &["propylon-model", "propylon-snapshot"]),
    ("propylon-proxy", &["propylon-snapshot"]),
    (
        "propylon",
        &[
            "propylon-compile",
            "propylon-model",
            "propylon-proxy",
            "propylon-snapshot",
            "propylon-source",
        ],
    ),
];

/// What the code below a folder may not name, within its crate: such arrows would run backwards.
const FLOORS: [(&str, &[&str]); 9] = [
    ("compile/src/destinations", &["routes", "listeners"]),
    ("compile/src/routes", &["listeners"]),
    ("proxy/src/http1", &["http", "tcp", "listener", "upstream"]),
    ("proxy/src/http2", &["http", "tcp", "listener", "upstream"]),
    ("proxy/src/tls", &["http", "tcp", "listener", "upstream"]),
    ("proxy/src/balance", &["http", "tcp", "listener", "upstream"]),
    ("proxy/src/upstream", &["http", "tcp"]),
    ("proxy/src/tcp", &["http", "listener"]),
    ("proxy/src/listener", &["http"]),
];

#[test]
fn every_file_opens_with_a_header() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        let header = text.lines().take_while(|line| line.starts_with("//!")).count();
        if header == 0 || header > HEADER_LINES_MAX {
            wrong.push(format!("{}: {header} header lines", path.display()));
        }
    }
    assert_none(&wrong, "files without a `//!` header of 1 to 12 lines");
}

#[test]
fn no_file_is_longer_than_one_story() {
    let wrong: Vec<String> = rust_files()
        .into_iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (path, code_lines(&text)))
        .filter(|(_, lines)| *lines > CODE_LINES_MAX)
        .map(|(path, lines)| format!("{}: {lines} code lines", path.display()))
        .collect();
    assert_none(&wrong, "files of more than 500 code lines");
}

#[test]
fn no_line_is_wider_than_a_screen() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        for (number, line) in text.lines().enumerate() {
            if line.chars().count() > COLUMNS_MAX {
                wrong.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert_none(&wrong, "lines of more than 100 columns");
}

#[test]
fn names_say_what_a_thing_is() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if stem.split(['_', '-']).any(is_banned) {
            wrong.push(format!("{}: the file's name", path.display()));
        }
        for name in text.lines().filter_map(type_name) {
            if !ALLOWED_NAMES.contains(&name) && words(name).iter().any(|word| is_banned(word)) {
                wrong.push(format!("{}: `{name}`", path.display()));
            }
        }
    }
    assert_none(&wrong, "types or files named after nothing (manager, handler, util ...)");
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, ours) in workspace_dependencies() {
        let Some(may) = allowed.get(name.as_str()) else {
            wrong.push(format!("{name} is a crate without a line in ARROWS"));
            continue;
        };
        for dependency in ours.iter().filter(|dependency| !may.contains(&dependency.as_str())) {
            wrong.push(format!("{name} -> {dependency}"));
        }
        seen.insert(name);
    }
    assert_none(&wrong, "dependencies against the arrows");
    assert_eq!(seen.len(), ARROWS.len(), "a crate of ARROWS is gone from the workspace");
}

#[test]
fn folders_know_only_what_lies_before_them() {
    let (files, mut wrong) = (rust_files(), Vec::new());
    for (folder, forbidden) in FLOORS {
        let folder = Path::new("crates").join(folder);
        let inside = || files.iter().filter(|(path, _)| path.starts_with(&folder));
        assert!(inside().next().is_some(), "{} of FLOORS is gone", folder.display());
        for (path, text) in inside() {
            let named = forbidden.iter().filter(|name| text.contains(&format!("crate::{name}::")));
            wrong.extend(named.map(|name| format!("{} names {name}", path.display())));
        }
    }
    assert_none(&wrong, "arrows between folders that run backwards");
}

#[test]
fn every_example_says_what_must_happen() {
    let mut wrong = Vec::new();
    for example in folders(&root().join("examples")) {
        if !example.join("README.md").exists() {
            wrong.push(format!("{}: no README.md", example.display()));
        }
        let steps = folders(&example);
        let places = if steps.is_empty() { vec![example] } else { steps };
        for place in places {
            let exchanges = fs::read_to_string(place.join("exchanges.txt")).unwrap_or_default();
            if !exchanges.lines().any(|line| line.starts_with("$ ")) {
                wrong.push(format!("{}: no exchanges.txt with a command", place.display()));
            }
        }
    }
    assert_none(&wrong, "examples without README or exchanges");
}

#[test]
fn every_reason_is_documented() {
    let page = root().join("docs/why-was-my-request-rejected.md");
    let text = fs::read_to_string(&page).unwrap_or_default();
    let wrong: Vec<String> = Reason::ALL
        .iter()
        .map(|reason| format!("{reason:?}"))
        .filter(|name| !text.contains(&format!("`{name}`")))
        .collect();
    assert_none(&wrong, "reasons that docs/why-was-my-request-rejected.md does not name");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let known: BTreeSet<String> = Reason::ALL.iter().map(|reason| format!("{reason:?}")).collect();
    let stale: Vec<String> = rows.filter(|row| !known.contains(*row)).map(str::to_owned).collect();
    assert_none(&stale, "reasons of that page that nothing gives");
}

#[test]
fn every_problem_code_is_documented_and_every_documented_one_exists() {
    let page = fs::read_to_string(root().join("docs/problems.md")).unwrap_or_default();
    let documented: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|cell| is_code(cell))
        .collect();
    let files = rust_files();
    let ours = files.iter().filter(|(path, _)| !is_test(path) && !path.starts_with("fuzz"));
    let quoted = ours.flat_map(|(_, text)| text.split('"'));
    let used: BTreeSet<&str> = quoted.filter(|piece| is_code(piece)).collect();
    let missing: Vec<String> = used.difference(&documented).map(ToString::to_string).collect();
    assert_none(&missing, "codes that docs/problems.md does not explain");
    let stale: Vec<String> = documented.difference(&used).map(ToString::to_string).collect();
    assert_none(&stale, "codes of docs/problems.md that nothing emits");
}

#[test]
fn every_limit_of_the_data_plane_is_documented() {
    let page = fs::read_to_string(root().join("docs/limits.md")).unwrap_or_default();
    let text = fs::read_to_string(root().join("crates/proxy/src/limits.rs")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    let wrong: Vec<String> =
        names.filter(|name| !page.contains(&format!("`{name}`"))).map(str::to_owned).collect();
    assert_none(&wrong, "limits that docs/limits.md does not name");
}

#[test]
fn no_golden_is_without_its_yaml() {
    let folder = root().join("tests/golden");
    let wrong: Vec<String> = files_below(&folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "snapshot" || end == "problems"))
        .filter(|path| !path.with_extension("yaml").exists())
        .map(|path| path.display().to_string())
        .collect();
    assert_none(&wrong, "golden files whose yaml is gone");
}

fn assert_none(wrong: &[String], what: &str) {
    assert!(wrong.is_empty(), "{} {what}:\n  {}", wrong.len(), wrong.join("\n  "));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file that is ours, with its text; paths are relative to the root.
fn rust_files() -> Vec<(PathBuf, String)> {
    let root = root();
    let mut found = Vec::new();
    for folder in ["src", "crates", "tests", "benches", "fuzz"] {
        for path in files_below(&root.join(folder)) {
            if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_path_buf(), text));
            }
        }
    }
    assert!(found.len() > 20, "the walk found only {} Rust files", found.len());
    found
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                open.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(parent)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "benches")
        || path.file_name().is_some_and(|name| name == "tests.rs")
}

fn code_lines(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// True for the name of a kind of problem: `IST` or `GW` and four digits.
fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix("IST").or_else(|| text.strip_prefix("GW"));
    digits.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// The name that this line declares, if it declares a type.
fn type_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for visibility in ["pub ", "pub(crate) ", "pub(super) "] {
        rest = rest.strip_prefix(visibility).unwrap_or(rest);
    }
    let (keyword, rest) = rest.split_once(' ')?;
    if !["struct", "enum", "trait", "type", "union"].contains(&keyword) {
        return None;
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let name = &rest[..end];
    name.starts_with(char::is_uppercase).then_some(name)
}

/// `UpstreamConnectError` as its words, lower-cased.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for letter in name.chars() {
        match words.last_mut() {
            Some(word) if !letter.is_uppercase() => word.push(letter),
            _ => words.push(letter.to_lowercase().collect()),
        }
    }
    words
}

fn is_banned(word: &str) -> bool {
    BANNED_WORDS.contains(&word)
}

/// Each crate of the workspace with those of our crates that its library or binary is built from.
fn workspace_dependencies() -> Vec<(String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut crates = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let ours = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|name| name.starts_with("propylon"))
            .map(str::to_owned)
            .collect();
        crates.push((package["name"].as_str().unwrap().to_owned(), ours));
    }
    crates
}
