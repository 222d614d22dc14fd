//! Istio's StringMatch, compiled: exact text, prefix, or an RE2 expression.

use regex::bytes::{Captures, Regex, RegexBuilder};

use crate::re2::translate;

/// A compiled RE2 expression. [`Pattern::full`] must match a whole text (Istio's matches),
/// [`Pattern::search`] any part of it (Istio's regex rewrites).
#[derive(Debug, Clone)]
pub struct Pattern {
    source: Box<str>,
    whole: bool,
    regex: Regex,
}

/// A regular expression that does not compile; the text says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(pub String);

impl From<regex::Error> for BadPattern {
    fn from(error: regex::Error) -> Self {
        Self(error.to_string())
    }
}

impl Pattern {
    /// Compiles `source` as a full match.
    ///
    /// # Errors
    /// When `source` is no valid RE2 expression or its program is too large.
    pub fn full(source: &str) -> Result<Self, BadPattern> {
        let regex = compile(&format!(r"\A(?:{})\z", translate(source)?))?;
        Ok(Self { source: source.into(), whole: true, regex })
    }

    /// Compiles `source` as a search, for replacements.
    ///
    /// # Errors
    /// When `source` is no valid RE2 expression or its program is too large.
    pub fn search(source: &str) -> Result<Self, BadPattern> {
        let regex = compile(&translate(source)?)?;
        Ok(Self { source: source.into(), whole: false, regex })
    }

    /// The expression as the user wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// True if the text matches: the whole of it for [`Pattern::full`].
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// Checks a replacement text: RE2 knows `\0` to `\9` and `\\`, and nothing else behind a
    /// backslash.
    ///
    /// # Errors
    /// When it names a group that the expression does not have, or escapes another letter.
    pub fn check_replacement(&self, replacement: &str) -> Result<(), BadPattern> {
        let mut bytes = replacement.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'\\' {
                continue;
            }
            match bytes.next() {
                Some(b'\\') => {}
                Some(digit @ b'0'..=b'9') if usize::from(digit - b'0') < self.groups() => {}
                Some(digit @ b'0'..=b'9') => {
                    return Err(BadPattern(format!(
                        "the replacement names group \\{}, and the expression has {}",
                        char::from(digit),
                        self.groups() - 1
                    )));
                }
                _ => {
                    return Err(BadPattern(
                        "in a replacement a backslash stands before a digit or a backslash".into(),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Groups, the whole match included.
    fn groups(&self) -> usize {
        self.regex.captures_len()
    }

    /// Appends `text` with every match replaced. Groups that took no part are empty; malformed
    /// escapes, which [`Pattern::check_replacement`] refuses, vanish.
    pub(crate) fn replace_all(&self, text: &str, replacement: &str, out: &mut String) {
        let text = text.as_bytes();
        let mut result = Vec::with_capacity(text.len() + replacement.len());
        let mut copied = 0;
        for captures in self.regex.captures_iter(text) {
            let Some(whole) = captures.get(0) else { continue };
            result.extend_from_slice(&text[copied..whole.start()]);
            expand(replacement, &captures, &mut result);
            copied = whole.end();
        }
        result.extend_from_slice(&text[copied..]);
        out.push_str(&String::from_utf8_lossy(&result));
    }
}

/// Envoy's RE2 knows bytes, not letters.
fn compile(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression).unicode(false).build()
}

/// Appends RE2's replacement text for one match.
fn expand(replacement: &str, captures: &Captures<'_>, out: &mut Vec<u8>) {
    let mut bytes = replacement.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'\\') => out.push(b'\\'),
            Some(digit @ b'0'..=b'9') => {
                if let Some(group) = captures.get(usize::from(digit - b'0')) {
                    out.extend_from_slice(group.as_bytes());
                }
            }
            _ => {}
        }
    }
}

/// Patterns are equal if they were written alike and are used alike.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.whole == other.whole
    }
}
impl Eq for Pattern {}

/// One test of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StringMatch {
    /// The whole text.
    Exact(Box<str>),
    /// How it starts.
    Prefix(Box<str>),
    /// A full-match expression.
    Regex(Pattern),
}

impl StringMatch {
    /// Tests a text, byte for byte.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => exact.as_bytes() == text,
            Self::Prefix(prefix) => text.starts_with(prefix.as_bytes()),
            Self::Regex(pattern) => pattern.matches(text),
        }
    }
}

#[cfg(test)]
mod tests;
