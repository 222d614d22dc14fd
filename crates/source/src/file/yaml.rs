//! YAML as a tree with places.
//!
//! Knows syntax only: what a scalar means is decided where it is wanted, because `yes` is a
//! boolean or a mistake depending on the field.

mod fault;
mod lost_indentation;
mod parse;
mod scalar;
mod syntax;

pub(crate) use fault::Fault;
pub(crate) use parse::{Document, parse};
pub(crate) use scalar::Resolved;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// Bytes before it.
    pub(crate) offset: u32,
    /// Its line, from 1.
    pub(crate) line: u32,
    /// Its column in characters, from 1.
    pub(crate) column: u32,
}

/// From a place to just before another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) extent: Extent,
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A text and whether it stood in quotes.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// False: what the text looks like decides its type.
    pub(crate) quoted: bool,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_extent: Extent,
    pub(crate) value: Node,
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A key of this mapping, in either of the API's spellings.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        let Value::Map(entries) = &self.value else { return None };
        let exact = entries.iter().find(|entry| entry.key == key);
        exact.or_else(|| entries.iter().find(|entry| camel_case(&entry.key) == key))
    }

    /// The text of a scalar that is a text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if matches!(scalar.resolve(), Resolved::Text(_)) => {
                Some(&scalar.text)
            }
            _ => None,
        }
    }

    /// Whether nothing is written here.
    pub(crate) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar(scalar) => matches!(scalar.resolve(), Resolved::Null),
            Value::List(_) | Value::Map(_) => false,
        }
    }
}

/// `export_to` as `exportTo`; protobuf's JSON form accepts both.
pub(crate) fn camel_case(name: &str) -> String {
    let mut words = name.split('_').filter(|word| !word.is_empty());
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests;
