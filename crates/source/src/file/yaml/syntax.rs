//! Advice for texts that are not YAML.
//!
//! The parser says what it did not expect; most people want to know what to type instead.

use granit_parser::{ErrorKind, ScanError};

use super::fault::{Fault, mark};
use crate::file::codes;

/// What is wrong at a place of a text, and what to do about it.
pub(super) fn fault(error: &ScanError, text: &str) -> Fault {
    let mark = mark(error.marker());
    let offset = (mark.offset as usize).min(text.len());
    let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
    let line = &before[before.rfind('\n').map_or(0, |newline| newline + 1)..];
    let word = after.split(|c: char| c.is_whitespace() || ",]}".contains(c)).next();
    let word = word.unwrap_or_default();
    let fenced = line.starts_with("```") || line.is_empty() && after.starts_with("```");
    let (message, help) = match copied_from_a_page(text, fenced) {
        Some(advice) => (format!("this is not YAML: {}", error.info()), advice.to_owned()),
        None => sentence(error, word),
    };
    Fault { code: codes::SYNTAX, mark, message, help }
}

/// Documents are copied together with the command or the fence around them.
fn copied_from_a_page(text: &str, fenced: bool) -> Option<&'static str> {
    let first = text.trim_start().lines().next().unwrap_or_default();
    if fenced {
        return Some("the lines with ``` are not part of the document: leave them out");
    }
    let command = first.trim_start_matches(['$', ' ']);
    (command.starts_with("kubectl ") || command.starts_with("cat ")).then_some(
        "the text begins with a shell command: keep only the lines between `<<EOF` and `EOF`",
    )
}

fn sentence(error: &ScanError, word: &str) -> (String, String) {
    let plain = |help: &str| (format!("this is not YAML: {}", error.info()), help.to_owned());
    match error.kind() {
        ErrorKind::UnknownAnchor | ErrorKind::MissingAnchorOrAliasName if word.starts_with('*') => {
            let message = format!("`{word}` must be quoted: a bare `*` names an anchor in YAML");
            (message, format!("write \"{word}\""))
        }
        ErrorKind::UnexpectedCharacter { .. } if !word.is_empty() => {
            plain("put the value in quotes, if this is one")
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => plain("indent with spaces, not with tabs"),
        ErrorKind::MappingValueNotAllowed => {
            plain("check the indentation, and put values that contain `: ` in quotes")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            plain("a key needs `: ` behind it; check the indentation of a longer text")
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::UnexpectedEofFlowMapping => {
            plain("close `{` with `}`, and put `,` between its entries")
        }
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::UnexpectedEofFlowSequence => {
            plain("close `[` with `]`, and put `,` between its entries")
        }
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar
        | ErrorKind::DocumentIndicatorInQuotedScalar => {
            plain("close the quotes; a quote inside of them needs `\\\"`")
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::InvalidIndentation
        | ErrorKind::InvalidBlockScalarIndent => {
            plain("check the indentation: what belongs together begins in the same column")
        }
        _ => plain(""),
    }
}
