//! Objects for tests, written as JSON, and questions about what validation says of them.

use std::path::PathBuf;
use std::sync::Arc;

use propylon_model::{AnyObject, Kind, Labels, Meta, Object, ObjectKey, Problem, Severity, Source};
use serde_json::Value;

use super::object;

/// An object of namespace `default` with this spec (Kubernetes kinds without one: the whole).
pub(crate) fn named(kind: Kind, name: &str, spec: Value) -> AnyObject {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    let meta = Meta {
        key: ObjectKey { kind, namespace: namespace.into(), name: name.into() },
        labels: Labels::new(),
        annotations: Labels::new(),
        created: None,
        source: Source::File {
            path: Arc::new(PathBuf::from("test.yaml")),
            document: 0,
            item: None,
        },
    };
    typed(kind, meta, spec)
}

fn typed(kind: Kind, meta: Meta, spec: Value) -> AnyObject {
    macro_rules! read {
        ($($kind:ident)+) => {
            match kind {
                $(Kind::$kind => AnyObject::$kind(Arc::new(Object {
                    meta,
                    spec: serde_json::from_value(spec).unwrap(),
                })),)+
            }
        };
    }
    read!(
        Gateway VirtualService DestinationRule ServiceEntry WorkloadEntry WorkloadGroup Sidecar
        EnvoyFilter ProxyConfig AuthorizationPolicy RequestAuthentication PeerAuthentication
        Telemetry WasmPlugin Service Endpoints EndpointSlice Pod Deployment Secret ConfigMap
        Namespace Node
    )
}

/// What validation says about an object `default/it`.
pub(crate) fn problems(kind: Kind, spec: Value) -> Vec<Problem> {
    object(&named(kind, "it", spec))
}

/// Asserts that validation finds nothing.
#[track_caller]
pub(crate) fn healthy(kind: Kind, spec: Value) {
    let found = problems(kind, spec);
    assert!(found.is_empty(), "unexpected problems: {found:#?}");
}

/// Asserts exactly one problem, at this field, whose message or help has these words.
#[track_caller]
pub(crate) fn only(found: &[Problem], severity: Severity, field: &str, words: &[&str]) {
    assert_eq!(found.len(), 1, "one problem expected: {found:#?}");
    has(found, severity, field, words);
}

/// Asserts a problem at this field whose message or help has these words.
#[track_caller]
pub(crate) fn has(found: &[Problem], severity: Severity, field: &str, words: &[&str]) {
    let fits =
        |problem: &&Problem| problem.severity == severity && problem.field.to_string() == field;
    let said = |problem: &Problem| format!("{} | {}", problem.message, problem.help);
    let with_words = found
        .iter()
        .filter(fits)
        .any(|problem| words.iter().all(|word| said(problem).contains(word)));
    assert!(with_words, "no {severity:?} at {field} saying {words:?} in {found:#?}");
}

/// Asserts an error.
#[track_caller]
pub(crate) fn refused(kind: Kind, spec: Value, field: &str, words: &[&str]) {
    has(&problems(kind, spec), Severity::Error, field, words);
}

/// Asserts exactly one problem, a warning.
#[track_caller]
pub(crate) fn warned(kind: Kind, spec: Value, field: &str, words: &[&str]) {
    only(&problems(kind, spec), Severity::Warning, field, words);
}
