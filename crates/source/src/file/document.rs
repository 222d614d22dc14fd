//! From a document's tree to objects, with everything that is wrong said at once.
//!
//! A document is an object, or a `List` of them. Knows nothing of files beyond the source it is
//! given.

use std::sync::Arc;

use propylon_model::{
    AnyObject, Code, FieldPath, Kind, Meta, ObjectKey, Problem, Severity, Source,
};

use super::codes;
use super::decode::{Fault, Outline, Strictness, UnknownField};
use super::kinds::{self, KindEntry, Lookup, Made, Part};
use super::metadata::{Metadata, metadata};
use super::suggest;
use super::yaml::{Extent, Mark, Node, Value};

/// What documents became.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collected {
    pub(crate) objects: Vec<AnyObject>,
    pub(crate) problems: Vec<Problem>,
}

/// Reads one document.
pub(crate) fn read(root: &Node, source: &Source, namespace: &Arc<str>, out: &mut Collected) {
    let mut reading = Reading { source: source.clone(), namespace, key: None, out };
    reading.document(root);
}

/// One document while it is read.
struct Reading<'r> {
    source: Source,
    namespace: &'r Arc<str>,
    key: Option<ObjectKey>,
    out: &'r mut Collected,
}

impl Reading<'_> {
    fn document(&mut self, root: &Node) {
        if !matches!(root.value, Value::Map(_)) {
            let message = "this document is not an object: it has no `apiVersion` and `kind`";
            let help = match root.text() {
                Some(text) if text.contains(':') => "a space belongs behind the colon of a key",
                _ => "",
            };
            let (message, help) = (message.to_owned(), help.to_owned());
            self.problem_at(root.extent, codes::NOT_AN_OBJECT, message, help);
            return;
        }
        let text = |key: &str| root.get(key).and_then(Node::text).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if api_version.is_empty() || kind.is_empty() {
            self.nameless(root, api_version, kind);
            return;
        }
        match kinds::look_up(api_version, kind) {
            Lookup::Known(entry) => self.object(root, entry),
            Lookup::List => self.list(root),
            Lookup::Foreign { severity, message, help } => {
                let name = root.get("metadata").and_then(|node| node.get("name"));
                let name = name.and_then(Node::text).map(|name| format!(" ({kind} `{name}`)"));
                let message = message + &name.unwrap_or_default();
                self.problem(severity, codes::UNKNOWN_KIND, path(&["kind"]), message, help);
            }
            Lookup::WrongVersion { message, help } => {
                self.error(codes::WRONG_VERSION, path(&["apiVersion"]), message, help);
            }
            Lookup::Unknown { message, help } => {
                self.error(codes::UNKNOWN_KIND, path(&["kind"]), message, help);
            }
        }
    }

    /// A document without `apiVersion` or `kind`: says so, and checks what it seems to be.
    fn nameless(&mut self, root: &Node, api_version: &str, kind: &str) {
        let missing = match (api_version, kind) {
            ("", "") => "`apiVersion` and `kind`",
            ("", _) => "`apiVersion`",
            _ => "`kind`",
        };
        let spec = root.get("spec");
        let guess = spec.and_then(kinds::guess).or_else(|| kinds::guess(root));
        let help = guess.map_or(String::new(), |entry| {
            let (version, kind) = (entry.api_version(), entry.kind);
            format!(
                "it looks like a {kind}: begin it with `apiVersion: {version}` and `kind: {kind}`"
            )
        });
        let message = format!("this document has no {missing}, so it is not read");
        self.problem_at(first_key(root), codes::NOT_AN_OBJECT, message, help);
        if let (Some(spec), Some(entry)) = (spec, guess) {
            self.part(spec, entry, &FieldPath::spec());
        }
    }

    fn list(&mut self, root: &Node) {
        let Some(items) = root.get("items").filter(|items| !items.is_null()) else { return };
        let Value::List(items) = &items.value else {
            let message = "`items` of a list must be a list".to_owned();
            self.error(codes::NOT_AN_OBJECT, path(&["items"]), message, String::new());
            return;
        };
        let Source::File { path, document, item } = &self.source;
        if item.is_some() {
            let message = "a list inside a list is not read".to_owned();
            self.error(codes::NOT_AN_OBJECT, FieldPath::root(), message, String::new());
            return;
        }
        for (position, node) in items.iter().enumerate() {
            let source =
                Source::File { path: path.clone(), document: *document, item: Some(position) };
            read(node, &source, self.namespace, self.out);
        }
    }

    fn object(&mut self, root: &Node, entry: &'static KindEntry) {
        let before = self.out.problems.len();
        let meta = self.meta(root, entry.kind);
        if entry.part == Part::IstioSpec {
            self.unknown_root_keys(root, entry);
        }
        let nothing = Node { extent: root.extent, value: Value::Map(Vec::new()) };
        let (node, at) = match entry.part {
            Part::Whole => (root, FieldPath::root()),
            Part::Spec | Part::IstioSpec => {
                let spec = root.get("spec").filter(|spec| !spec.is_null());
                (spec.unwrap_or(&nothing), FieldPath::spec())
            }
        };
        let made = self.part(node, entry, &at);
        if let (Some(meta), Some(made)) = (meta, made)
            && self.out.problems[before..].iter().all(|p| p.severity != Severity::Error)
        {
            self.out.objects.push(made(meta));
        }
    }

    fn meta(&mut self, root: &Node, kind: Kind) -> Option<Meta> {
        let at = path(&["metadata"]);
        let Some(node) = root.get("metadata").filter(|node| !node.is_null()) else {
            let message = format!("this {kind} has no `metadata.name`, so it is not read");
            self.problem_at(first_key(root), codes::NOT_AN_OBJECT, message, String::new());
            return None;
        };
        let decoded = metadata(node);
        self.key = node.get("name").and_then(Node::text).map(|name| {
            let namespace = node.get("namespace").and_then(Node::text).unwrap_or_default();
            self.key_of(kind, namespace, name)
        });
        let read = match decoded.result {
            Ok(read) => read,
            Err(faults) => {
                faults.into_iter().for_each(|fault| self.fault(fault));
                self.unknown(decoded.unknown, &at, "metadata", &[]);
                return None;
            }
        };
        let Metadata { name, namespace, labels, annotations, creation_timestamp } = read;
        if name.is_empty() {
            let message = format!("this {kind} has no `metadata.name`, so it is not read");
            self.error(codes::NOT_AN_OBJECT, at, message, String::new());
            return None;
        }
        let key = self.key_of(kind, &namespace, &name);
        self.unknown(decoded.unknown, &at, "metadata", &[]);
        Some(Meta {
            key,
            labels,
            annotations,
            created: creation_timestamp,
            source: self.source.clone(),
        })
    }

    fn key_of(&self, kind: Kind, namespace: &str, name: &str) -> ObjectKey {
        let namespace = match (kind, namespace) {
            (Kind::Namespace | Kind::Node, _) => "".into(),
            (_, "") => Arc::clone(self.namespace),
            (_, namespace) => namespace.into(),
        };
        ObjectKey { kind, namespace, name: name.into() }
    }

    fn unknown_root_keys(&mut self, root: &Node, entry: &KindEntry) {
        let Value::Map(entries) = &root.value else { return };
        let unknown = entries.iter().filter(|entry| !ROOT_KEYS.contains(&entry.key.as_str()));
        let unknown = unknown.map(|entry| UnknownField {
            parent: FieldPath::root(),
            name: entry.key.clone(),
            known: ROOT_KEYS,
        });
        let mut outline = (entry.outline)();
        for message in &mut outline {
            let place = std::mem::take(&mut message.place);
            message.place = if place.is_empty() { "spec".into() } else { format!("spec.{place}") };
        }
        outline.push(Outline { place: "metadata".to_owned(), fields: METADATA_KEYS });
        self.unknown(unknown.collect(), &FieldPath::root(), "", &outline);
    }

    /// Reads the kind's own part.
    fn part(&mut self, node: &Node, entry: &KindEntry, at: &FieldPath) -> Option<Made> {
        let strictness = match entry.part {
            Part::IstioSpec => Strictness::Message,
            Part::Spec | Part::Whole => Strictness::Partial,
        };
        let decoded = (entry.read)(node, at, strictness);
        if !decoded.unknown.is_empty() {
            let outline = (entry.outline)();
            self.unknown(decoded.unknown, at, &at.to_string(), &outline);
        }
        match decoded.result {
            Ok(made) => Some(made),
            Err(faults) => {
                for fault in faults {
                    match entry.kind {
                        Kind::Secret => self.secret_fault(fault),
                        _ => self.fault(fault),
                    }
                }
                None
            }
        }
    }

    /// A fault in a Secret: its message must not repeat what is written there.
    fn secret_fault(&mut self, fault: Fault) {
        let path = fault.path.unwrap_or_default();
        let message = format!("`{path}` of this Secret cannot be read");
        let help = "`data` maps names to texts in base64, `stringData` to plain texts; numbers \
                    and booleans must be quoted";
        self.error(codes::SCHEMA, path, message, help.to_owned());
    }

    fn unknown(
        &mut self,
        fields: Vec<UnknownField>,
        root: &FieldPath,
        prefix: &str,
        outline: &[Outline],
    ) {
        for UnknownField { parent, name, known } in fields {
            let place = relative_place(&parent, root);
            let help = suggest::for_field(&name, &place, known, prefix, outline);
            let message = match parent.to_string().as_str() {
                "" => format!("unknown field `{name}`"),
                parent => format!("unknown field `{name}` in `{parent}`"),
            };
            self.error(codes::SCHEMA, parent.key(name), message, help);
            if let Some(problem) = self.out.problems.last_mut() {
                problem.at_key = true;
            }
        }
    }

    fn fault(&mut self, fault: Fault) {
        let Fault { path, message, help, at_key } = fault;
        self.error(codes::SCHEMA, path.unwrap_or_default(), message, help);
        if let Some(problem) = self.out.problems.last_mut() {
            problem.at_key = at_key;
        }
    }

    fn error(&mut self, code: &'static str, field: FieldPath, message: String, help: String) {
        self.problem(Severity::Error, code, field, message, help);
    }

    fn problem(
        &mut self,
        severity: Severity,
        code: &'static str,
        field: FieldPath,
        message: String,
        help: String,
    ) {
        self.out.problems.push(Problem {
            severity,
            code: Code(code),
            object: self.key.clone(),
            source: self.source.clone(),
            field,
            at_key: false,
            message,
            help,
            position: None,
            notes: Vec::new(),
        });
    }

    /// A problem of the document itself, which no field names.
    fn problem_at(&mut self, extent: Extent, code: &'static str, message: String, help: String) {
        self.error(code, FieldPath::root(), message, help);
        let Mark { line, column, .. } = extent.start;
        if let Some(problem) = self.out.problems.last_mut() {
            problem.position = Some((line as usize, column as usize));
        }
    }
}

fn path(keys: &[&str]) -> FieldPath {
    keys.iter().fold(FieldPath::root(), |path, key| path.key(*key))
}

fn first_key(node: &Node) -> Extent {
    match &node.value {
        Value::Map(entries) => entries.first().map_or(node.extent, |entry| entry.key_extent),
        Value::Scalar(_) | Value::List(_) => node.extent,
    }
}

/// `http[].route[]` for `spec.http[0].route[1]` below `spec`.
fn relative_place(path: &FieldPath, root: &FieldPath) -> String {
    let steps = path.steps().iter().skip(root.steps().len());
    steps.fold(String::new(), |place, step| match step {
        propylon_model::Step::Key(key) if place.is_empty() => key.clone(),
        propylon_model::Step::Key(key) => format!("{place}.{key}"),
        propylon_model::Step::Index(_) => format!("{place}[]"),
    })
}

/// Keys of every object of Istio's.
const ROOT_KEYS: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];

/// Keys of `metadata` that people write.
const METADATA_KEYS: &[&str] = &["name", "namespace", "labels", "annotations"];

#[cfg(test)]
mod tests;
