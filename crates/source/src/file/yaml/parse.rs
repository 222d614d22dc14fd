//! From text to trees: one document after the other, each with its own faults.
//!
//! Sits on granit-parser's events. Bounded in documents, nodes and depth, and in what aliases may
//! expand to, so that a small file cannot become a large tree.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::fault::{Fault, mark};
use super::{Entry, Extent, Mark, Node, Scalar, Value};
use super::{lost_indentation, syntax};
use crate::file::codes;

/// One document of a text.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its tree, `None` for an empty one; or what is wrong with it.
    pub(crate) root: Result<Option<Node>, Vec<Fault>>,
}

/// All documents of a text, in order. What is beyond the limits of a file is not read, and said.
pub(crate) fn parse(text: &str) -> Vec<Document> {
    let options = granit_parser::options! {
        emit_comments: false,
        block_nesting_limit: DEPTH_MAX,
        flow_nesting_limit: DEPTH_MAX,
    };
    let chunks = lost_indentation::chunks(text);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents: Vec<Document> = Vec::new();
    let mut line = 1;
    let mut nodes = 0;
    loop {
        let mut tree = Tree::new(&mut nodes);
        let outcome = one_document(&mut parser, text, &mut tree, &mut line);
        let faults = tree.faults;
        let (root, more) = match outcome {
            Outcome::End => break,
            Outcome::Done(root) if faults.is_empty() => (Ok(root), true),
            Outcome::Done(_) => (Err(faults), true),
            Outcome::Broken(fault) => {
                let more = parser.proceed_next_document().unwrap_or(false);
                (Err(faults.into_iter().chain([fault]).collect()), more)
            }
            Outcome::TooLarge(fault) => {
                let more = nodes <= NODES_MAX && parser.proceed_next_document().unwrap_or(false);
                (Err(vec![fault]), more)
            }
        };
        let lost = lost_indentation::fault_at(&chunks, line);
        documents.push(Document { root: lost.map_or(root, |fault| Err(vec![fault])) });
        if documents.len() == DOCUMENTS_MAX {
            documents.push(Document { root: Err(vec![too_many_documents(line)]) });
            break;
        }
        if !more {
            break;
        }
    }
    documents
}

enum Outcome {
    End,
    Done(Option<Node>),
    Broken(Fault),
    TooLarge(Fault),
}

/// Reads up to the end of one document. `line` becomes a line of it.
fn one_document<'t>(
    parser: &mut Parser<'t, granit_parser::StrInput<'t>>,
    text: &str,
    tree: &mut Tree<'_>,
    line: &mut u32,
) -> Outcome {
    loop {
        let (event, span) = match parser.next_event() {
            None => return Outcome::End,
            Some(Err(error)) => {
                *line = mark(error.marker()).line;
                return Outcome::Broken(syntax::fault(&error, text));
            }
            Some(Ok(pair)) => pair,
        };
        match event {
            Event::StreamEnd => return Outcome::End,
            Event::DocumentStart(..) => *line = mark(&span.start).line,
            Event::DocumentEnd => return Outcome::Done(tree.root.take()),
            event => {
                if event.is_node() {
                    *line = mark(&span.start).line;
                }
                if let Err(fault) = tree.grow(event, &span) {
                    return Outcome::TooLarge(fault);
                }
            }
        }
    }
}

/// A tree while its events arrive.
struct Tree<'n> {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, (Node, Size)>,
    faults: Vec<Fault>,
    /// Nodes of the whole text so far, aliases expanded.
    nodes: &'n mut usize,
    /// Nodes that were copied for anchors and aliases of this document.
    copies: usize,
}

/// A collection that is not closed yet.
struct Open {
    start: Mark,
    anchor: usize,
    size: Size,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, Extent)> },
}

/// How many nodes a tree has, and how deep it is.
#[derive(Debug, Clone, Copy)]
struct Size {
    nodes: usize,
    depth: usize,
}

impl<'n> Tree<'n> {
    fn new(nodes: &'n mut usize) -> Self {
        Self {
            open: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            faults: Vec::new(),
            nodes,
            copies: 0,
        }
    }

    fn grow(&mut self, event: Event<'_>, span: &Span) -> Result<(), Fault> {
        let extent = Extent { start: mark(&span.start), end: mark(&span.end) };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = self.is_text(style, tag.as_deref(), extent.start);
                let value = Value::Scalar(Scalar { text: text.into_owned(), quoted });
                self.spend(1, extent.start)?;
                self.place(Node { extent, value }, Size { nodes: 1, depth: 1 }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(extent.start, anchor, Items::List(Vec::new()));
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                self.begin(extent.start, anchor, Items::Map { entries: Vec::new(), key: None });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(extent.end),
            Event::Alias(id) => self.alias(id, extent),
            _ => Ok(()),
        }
    }

    fn is_text(&mut self, style: ScalarStyle, tag: Option<&Tag>, at: Mark) -> bool {
        let Some(tag) = tag else { return style != ScalarStyle::Plain };
        match tag.core_suffix() {
            Some("str" | "binary" | "timestamp") => true,
            Some("int" | "float" | "bool" | "null") => false,
            _ => {
                let message = format!("the tag `{}` has no meaning here", tag.original());
                self.fault(codes::SYNTAX, at, message, "leave it out");
                true
            }
        }
    }

    fn begin(&mut self, start: Mark, anchor: usize, items: Items) {
        self.open.push(Open { start, anchor, size: Size { nodes: 1, depth: 1 }, items });
    }

    fn end(&mut self, end: Mark) -> Result<(), Fault> {
        let Some(Open { start, anchor, size, items }) = self.open.pop() else { return Ok(()) };
        self.spend(1, start)?;
        let value = match items {
            Items::List(list) => Value::List(list),
            Items::Map { entries, .. } => Value::Map(self.finish_map(entries)),
        };
        self.place(Node { extent: Extent { start, end }, value }, size, anchor)
    }

    fn alias(&mut self, id: usize, extent: Extent) -> Result<(), Fault> {
        match self.anchors.get(&id) {
            Some((node, size)) => {
                let size = *size;
                let node = node.clone();
                self.copies += size.nodes;
                self.spend(size.nodes, extent.start)?;
                self.place(node, size, 0)
            }
            // The anchor's own collection is still open.
            None => {
                self.fault(codes::SYNTAX, extent.start, "an alias contains itself".into(), "");
                let value = Value::Scalar(Scalar { text: String::new(), quoted: false });
                self.place(Node { extent, value }, Size { nodes: 1, depth: 1 }, 0)
            }
        }
    }

    /// Counts values, those that aliases repeat included.
    fn spend(&mut self, nodes: usize, at: Mark) -> Result<(), Fault> {
        *self.nodes += nodes;
        if *self.nodes > NODES_MAX {
            let message =
                format!("the file has more than {NODES_MAX} values; the rest is not read");
            return Err(too_large(at, message, "split it into several files"));
        }
        if self.copies > COPIES_MAX {
            let message = format!("aliases repeat more than {COPIES_MAX} values");
            return Err(too_large(at, message, "write the values out, or use fewer aliases"));
        }
        Ok(())
    }

    /// Puts a complete node where it belongs.
    fn place(&mut self, node: Node, size: Size, anchor: usize) -> Result<(), Fault> {
        let at = node.extent.start;
        let depth = self.open.len() + size.depth;
        if depth > DEPTH_MAX {
            let message = format!("values are nested more than {DEPTH_MAX} levels deep");
            return Err(too_large(at, message, ""));
        }
        if anchor != 0 {
            self.copies += size.nodes;
            self.spend(size.nodes, at)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.size.nodes += size.nodes;
        parent.size.depth = parent.size.depth.max(size.depth + 1);
        match &mut parent.items {
            Items::List(list) => list.push(node),
            Items::Map { entries, key } => match key.take() {
                Some((key, key_extent)) => entries.push(Entry { key, key_extent, value: node }),
                None => match node.value {
                    Value::Scalar(scalar) => *key = Some((scalar.text, node.extent)),
                    Value::List(_) | Value::Map(_) => {
                        *key = Some((String::new(), node.extent));
                        let message = "a key must be a text, not a collection".to_owned();
                        let help =
                            "quote values that begin with `{` or `[`; render templates first";
                        self.fault(codes::SYNTAX, at, message, help);
                    }
                },
            },
        }
        Ok(())
    }

    /// Applies merge keys and finds keys that stand twice.
    fn finish_map(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut seen: HashMap<String, u32> = HashMap::with_capacity(entries.len());
        let mut kept = Vec::with_capacity(entries.len());
        let mut merged = Vec::new();
        for entry in entries {
            if entry.key == "<<" {
                self.merge(entry, &mut merged);
                continue;
            }
            match seen.entry(entry.key.clone()) {
                Slot::Vacant(slot) => {
                    slot.insert(entry.key_extent.start.line);
                    kept.push(entry);
                }
                Slot::Occupied(slot) => {
                    let line = slot.get();
                    let message = format!(
                        "`{}` stands twice in the same mapping, first in line {line}",
                        entry.key
                    );
                    let help = "keep one of them, or check the indentation of the second";
                    self.fault(codes::DUPLICATE_KEY, entry.key_extent.start, message, help);
                }
            }
        }
        for entry in merged {
            if let Slot::Vacant(slot) = seen.entry(entry.key.clone()) {
                slot.insert(entry.key_extent.start.line);
                kept.push(entry);
            }
        }
        kept
    }

    fn merge(&mut self, entry: Entry, merged: &mut Vec<Entry>) {
        match entry.value.value {
            Value::Map(entries) => merged.extend(entries),
            Value::List(maps) if maps.iter().all(|map| matches!(map.value, Value::Map(_))) => {
                for map in maps {
                    if let Value::Map(entries) = map.value {
                        merged.extend(entries);
                    }
                }
            }
            Value::Scalar(_) | Value::List(_) => {
                let message = "`<<` merges a mapping or a list of mappings".to_owned();
                self.fault(codes::SYNTAX, entry.key_extent.start, message, "");
            }
        }
    }

    fn fault(&mut self, code: &'static str, mark: Mark, message: String, help: &str) {
        self.faults.push(Fault { code, mark, message, help: help.to_owned() });
    }
}

fn too_large(mark: Mark, message: String, help: &str) -> Fault {
    Fault { code: codes::TOO_LARGE, mark, message, help: help.to_owned() }
}

fn too_many_documents(line: u32) -> Fault {
    let message = format!("the file has more than {DOCUMENTS_MAX} documents; the rest is not read");
    too_large(Mark { offset: 0, line, column: 1 }, message, "split it into several files")
}

/// Documents of one file. Ten times the largest gateway that we test.
const DOCUMENTS_MAX: usize = 1_000_000;

/// Values of one file, aliases expanded: more than 100,000 objects have, in about 500 MB.
const NODES_MAX: usize = 5_000_000;

/// Values that aliases of one document may repeat. Real ones repeat a few dozen.
const COPIES_MAX: usize = 100_000;

/// Levels of collections. Istio's deepest field is at 12; recursion must stay within a small stack.
const DEPTH_MAX: usize = 100;
