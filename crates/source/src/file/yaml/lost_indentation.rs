//! Notices documents whose indentation is lost, as happens when they are copied from a web page.
//!
//! Such a text fails in a dozen ways that say nothing; one sentence says what happened. Looks at
//! lines only, because the parser may not get far.

use super::{Fault, Mark};
use crate::file::codes;

/// The lines between two document markers.
pub(crate) struct Chunk {
    /// Its first line, from 1.
    first_line: u32,
    /// The keys that stand at the margin though they belong deeper, with the first one's place.
    lost: Option<(Mark, Vec<String>)>,
}

/// The chunks of a text.
pub(crate) fn chunks(text: &str) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut first_line = 1;
    let mut lines = Vec::new();
    let mut line = 0;
    let mut offset = 0;
    for text in text.split_inclusive('\n') {
        line += 1;
        if text.starts_with("---") {
            chunks.push(Chunk { first_line, lost: lost_keys(&lines) });
            first_line = line;
            lines.clear();
        } else {
            lines.push((Mark { offset, line, column: 1 }, text.trim_end()));
        }
        offset = offset.saturating_add(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }
    chunks.push(Chunk { first_line, lost: lost_keys(&lines) });
    chunks
}

/// The one fault of the document around a line, if its indentation is lost.
pub(crate) fn fault_at(chunks: &[Chunk], line: u32) -> Option<Fault> {
    let position = chunks.partition_point(|chunk| chunk.first_line <= line);
    let (mark, keys) = chunks.get(position.checked_sub(1)?)?.lost.as_ref()?;
    let shown = keys.iter().take(KEYS_SHOWN).map(|key| format!("`{key}`")).collect::<Vec<_>>();
    let more = if keys.len() > KEYS_SHOWN { " and others" } else { "" };
    let message = format!(
        "the indentation of this document is lost: {}{more} stand at the left margin but belong \
         under `metadata` and `spec`",
        shown.join(", ")
    );
    let help = "indent what belongs to a key by two spaces more than the key, level by level";
    Some(Fault { code: codes::INDENTATION_LOST, mark: *mark, message, help: help.to_owned() })
}

fn lost_keys(lines: &[(Mark, &str)]) -> Option<(Mark, Vec<String>)> {
    let written = || lines.iter().filter(|(_, text)| !text.is_empty() && !text.starts_with('#'));
    let pairs = written().zip(written().skip(1));
    let lost = pairs.into_iter().any(|((_, head), (_, next))| match (key(head), key(next)) {
        (Some(("metadata", "")), Some((next, _))) => METADATA_KEYS.contains(&next),
        (Some(("spec", "")), Some((next, _))) => !ROOT_KEYS.contains(&next),
        _ => false,
    });
    if !lost {
        return None;
    }
    let mut keys: Vec<String> = Vec::new();
    let mut first = None;
    for (mark, text) in written() {
        let Some((name, _)) = key(text) else { continue };
        if !ROOT_KEYS.contains(&name) {
            first.get_or_insert(*mark);
            if !keys.iter().any(|key| key == name) {
                keys.push(name.to_owned());
            }
        }
    }
    Some((first?, keys))
}

/// The key that stands at the left margin of a line, and what follows it without comment.
fn key(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once(':')?;
    let rest = rest.trim();
    let rest = if rest.starts_with('#') { "" } else { rest };
    let plain = name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_./".contains(&c));
    (plain && !name.is_empty() && !name.starts_with('-')).then_some((name, rest))
}

/// Keys that belong at the left margin of an object with a `spec`.
const ROOT_KEYS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// Keys that can only follow `metadata:` from inside.
const METADATA_KEYS: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// Enough to recognise the document, few enough for a sentence.
const KEYS_SHOWN: usize = 4;
