//! From compiled things and problems back to file, line and column, only when someone asks.
//! Knows which object came from where; the YAML itself is re-read by the source.

use std::collections::HashMap;

use propylon_model::{FieldPath, ObjectKey, Problem, Source, World};
use propylon_snapshot::{ObjectName, Origin, Snapshot};
use propylon_source::file::{Place, Positions};

/// Finds positions; files are read at most once.
#[derive(Debug, Default)]
pub(crate) struct Places {
    positions: Positions,
    sources: HashMap<ObjectName, Source>,
}

impl Places {
    /// Positions of the objects of a world.
    #[must_use]
    pub(crate) fn of(world: &World) -> Self {
        let sources = world.objects().map(|object| {
            let meta = object.meta();
            let ObjectKey { kind, namespace, name } = &meta.key;
            let kind = kind.name().into();
            let name = ObjectName { kind, namespace: (**namespace).into(), name: (**name).into() };
            (name, meta.source.clone())
        });
        Self { positions: Positions::default(), sources: sources.collect() }
    }

    /// Where a problem is.
    pub(crate) fn problem(&mut self, problem: &Problem) -> Option<Place> {
        self.positions.place(problem)
    }

    /// Where a compiled thing was written.
    pub(crate) fn origin(&mut self, snapshot: &Snapshot, origin: Origin) -> Option<Place> {
        self.listed_origin(snapshot, origin, "http")
    }

    /// Where a compiled thing was written that comes from a list of a VirtualService.
    pub(crate) fn listed_origin(
        &mut self,
        snapshot: &Snapshot,
        origin: Origin,
        list: &str,
    ) -> Option<Place> {
        let object = &snapshot.objects[origin.object.0 as usize];
        let source = self.sources.get(object)?;
        self.positions.of(source, &listed_field(&object.kind, origin, list), false)
    }
}

/// The field that an origin means.
#[must_use]
pub(crate) fn field(kind: &str, origin: Origin) -> FieldPath {
    listed_field(kind, origin, "http")
}

/// The field that an origin means in a list of a VirtualService: `http`, `tls` or `tcp`.
fn listed_field(kind: &str, origin: Origin, list: &str) -> FieldPath {
    let named = ObjectName { kind: kind.into(), namespace: "".into(), name: "".into() };
    let Some(list) = named.list(list) else { return FieldPath::root() };
    let entry = FieldPath::spec().key(list).index(origin.entry as usize);
    match origin.matching {
        Some(matching) => entry.key("match").index(matching as usize),
        None => entry,
    }
}

/// An origin in the API's words: `VirtualService default/reviews http[0].match[1]`.
#[must_use]
pub(crate) fn origin_text(snapshot: &Snapshot, origin: Origin) -> String {
    listed_origin_text(snapshot, origin, "http")
}

/// The same of what comes from a list of a VirtualService: `VirtualService default/db tcp[0]`.
#[must_use]
pub(crate) fn listed_origin_text(snapshot: &Snapshot, origin: Origin, list: &str) -> String {
    let object = &snapshot.objects[origin.object.0 as usize];
    let field = listed_field(&object.kind, origin, list).to_string();
    let field = field.strip_prefix("spec.").unwrap_or(&field);
    let text = format!("{} {}/{} {field}", object.kind, object.namespace, object.name);
    text.trim_end().to_owned()
}

/// `file:line`, as terminals and editors understand it; empty where unknown.
#[must_use]
pub(crate) fn place_text(place: Option<&Place>) -> String {
    place.map(|place| format!("{}:{}", place.path.display(), place.line)).unwrap_or_default()
}
