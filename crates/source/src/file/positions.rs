//! Finds lines and columns again, when someone asks.
//!
//! Objects keep only document and field, so that a hundred thousand of them stay small. A report
//! reads each file that it mentions once; a `Positions` therefore lives as long as one report.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use propylon_model::{FieldPath, Kind, Problem, Source, Step};

use super::yaml::{self, Document, Extent, Node, Value};

/// A piece of a file. Lines and columns count from 1, columns in characters; the end is just
/// behind the last character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Line of the beginning.
    pub line: usize,
    /// Column of the beginning.
    pub column: usize,
    /// Line of the end.
    pub end_line: usize,
    /// Column of the end.
    pub end_column: usize,
    /// The same in bytes of the file's text.
    pub span: Range<usize>,
}

/// Turns fields of objects into places in files.
#[derive(Debug, Default)]
pub struct Positions {
    files: HashMap<PathBuf, Option<Parsed>>,
}

#[derive(Debug)]
struct Parsed {
    text: String,
    documents: Vec<Document>,
}

impl Positions {
    /// Nothing is read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a problem is. `None` if its file cannot be read any more, or no part of it is meant.
    pub fn place(&mut self, problem: &Problem) -> Option<Place> {
        let Source::File { path, .. } = &problem.source;
        let parsed = self.parsed(path)?;
        problem_place(problem, parsed)
    }

    /// Where a field is: its value, or with `at_key` its key. The nearest written field around
    /// one that is not written.
    pub fn of(&mut self, source: &Source, field: &FieldPath, at_key: bool) -> Option<Place> {
        let Source::File { path, .. } = source;
        let parsed = self.parsed(path)?;
        field_place(source, field, at_key, parsed)
    }

    /// The same in a text at hand, for fuzzing.
    pub(crate) fn place_in(&mut self, problem: &Problem, text: &str) -> Option<Place> {
        let Source::File { path, .. } = &problem.source;
        let parse = || Parsed { text: text.to_owned(), documents: yaml::parse(text) };
        let parsed = self.files.entry(path.to_path_buf()).or_insert_with(|| Some(parse()));
        problem_place(problem, parsed.as_ref()?)
    }

    /// The text of a file that a place is in.
    pub(crate) fn text(&mut self, path: &Path) -> Option<&str> {
        self.parsed(path).map(|parsed| parsed.text.as_str())
    }

    fn parsed(&mut self, path: &Path) -> Option<&Parsed> {
        let read = || {
            let text = std::fs::read_to_string(path).ok()?;
            let documents = yaml::parse(&text);
            Some(Parsed { text, documents })
        };
        self.files.entry(path.to_path_buf()).or_insert_with(read).as_ref()
    }
}

fn problem_place(problem: &Problem, parsed: &Parsed) -> Option<Place> {
    let Source::File { path, .. } = &problem.source;
    match problem.position {
        Some((line, column)) => Some(word_at(path, &parsed.text, line, column)),
        None => field_place(&problem.source, &problem.field, problem.at_key, parsed),
    }
}

fn field_place(source: &Source, field: &FieldPath, at_key: bool, parsed: &Parsed) -> Option<Place> {
    let Source::File { path, document, item } = source;
    let root = parsed.documents.get(*document)?.root.as_ref().ok()?.as_ref()?;
    let root = match item {
        None => root,
        Some(position) => match &root.get("items")?.value {
            Value::List(items) => items.get(*position)?,
            Value::Scalar(_) | Value::Map(_) => return None,
        },
    };
    Some(place(path, field_extent(root, field, at_key)))
}

/// The piece of a document that shows a field best: a short value itself, else its key.
fn field_extent(root: &Node, field: &FieldPath, at_key: bool) -> Extent {
    let steps = field.steps();
    if steps.is_empty() {
        return object_extent(root);
    }
    let mut node = root;
    let mut shown = None;
    for (position, step) in steps.iter().enumerate() {
        let last = position + 1 == steps.len();
        match (step, &node.value) {
            (Step::Key(key), Value::Map(_)) => {
                let Some(entry) = node.entry(key) else { break };
                let value = &entry.value;
                let show_key = at_key && last || !is_short(value);
                shown = Some(if show_key { entry.key_extent } else { value.extent });
                node = value;
            }
            (Step::Index(index), Value::List(items)) => {
                let Some(item) = items.get(*index) else { break };
                shown = Some(first_words(item));
                node = item;
            }
            _ => break,
        }
    }
    shown.unwrap_or_else(|| object_extent(root))
}

/// An object is best shown by its name.
fn object_extent(root: &Node) -> Extent {
    let name = root.get("metadata").and_then(|metadata| metadata.get("name"));
    name.filter(|name| is_short(name)).map_or_else(|| first_words(root), |name| name.extent)
}

fn first_words(node: &Node) -> Extent {
    match &node.value {
        Value::Scalar(_) => node.extent,
        Value::Map(entries) => entries.first().map_or(node.extent, |entry| entry.key_extent),
        Value::List(items) => items.first().map_or(node.extent, first_words),
    }
}

/// A scalar that is written, on one line.
fn is_short(node: &Node) -> bool {
    let Extent { start, end } = node.extent;
    matches!(node.value, Value::Scalar(_)) && start.line == end.line && end.offset > start.offset
}

fn place(path: &Path, extent: Extent) -> Place {
    let Extent { start, end } = extent;
    Place {
        path: path.to_path_buf(),
        line: start.line as usize,
        column: start.column as usize,
        end_line: end.line as usize,
        end_column: end.column as usize,
        span: start.offset as usize..end.offset as usize,
    }
}

/// The word that begins at a line and a column.
fn word_at(path: &Path, text: &str, line: usize, column: usize) -> Place {
    let mut start = 0;
    let mut rest = "";
    for (position, content) in text.split_inclusive('\n').enumerate() {
        if position + 1 == line {
            rest = content.trim_end();
            break;
        }
        start += content.len();
    }
    let before: usize = rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
    let word = rest[before..].split_whitespace().next().unwrap_or_default();
    let word = if rest[before..].starts_with(char::is_whitespace) { "" } else { word };
    let word = word.strip_suffix(':').unwrap_or(word);
    Place {
        path: path.to_path_buf(),
        line,
        column,
        end_line: line,
        end_column: column + word.chars().count(),
        span: start + before..start + before + word.len(),
    }
}

/// Whether the lines around a place must not be shown, because they may hold secrets.
pub(crate) fn is_secret(problem: &Problem, text: &str, line: usize) -> bool {
    if let Some(object) = &problem.object {
        return object.kind == Kind::Secret;
    }
    let mut secret = false;
    for (position, content) in text.lines().enumerate() {
        if content.starts_with("---") {
            if position + 1 >= line {
                break;
            }
            secret = false;
        }
        let plain = content.replace(['"', ' ', ',', '-'], "");
        secret |= plain.contains("kind:Secret");
    }
    secret
}

#[cfg(test)]
mod tests;
