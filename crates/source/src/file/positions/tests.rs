//! Lines and columns of fields.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use propylon_model::{FieldPath, Source};

use super::{Place, Positions};

const TEXT: &str = "\
# a comment
apiVersion: v1
kind: List
items:
- metadata: {name: first}
- metadata:
    name: second
  spec:
    export_to:
    - \".\"
    http:
    - match:
      - uri:
          prefix: /a
---
kind: X
spec: {hosts: [\"ä\", \"b\"]}
";

fn place(item: Option<usize>, document: usize, field: &FieldPath, at_key: bool) -> Option<Place> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.yaml");
    fs::write(&path, TEXT).unwrap();
    let source = Source::File { path: Arc::new(path), document, item };
    Positions::new().of(&source, field, at_key)
}

fn shown(item: Option<usize>, document: usize, field: &FieldPath, at_key: bool) -> String {
    let place = place(item, document, field, at_key).unwrap();
    format!("{}:{} {}", place.line, place.column, &TEXT[place.span.clone()])
}

#[test]
fn a_short_value_is_shown_itself() {
    let uri = FieldPath::spec().key("http").index(0).key("match").index(0).key("uri");
    assert_eq!(shown(Some(1), 0, &uri.key("prefix"), false), "14:19 /a");
    assert_eq!(shown(Some(1), 0, &uri.key("prefix"), true), "14:11 prefix");
}

#[test]
fn a_collection_is_shown_by_its_key_or_its_first_words() {
    let http = FieldPath::spec().key("http");
    assert_eq!(shown(Some(1), 0, &http, false), "11:5 http");
    assert_eq!(shown(Some(1), 0, &http.index(0), false), "12:7 match");
}

#[test]
fn a_field_in_the_other_spelling_is_found() {
    assert_eq!(shown(Some(1), 0, &FieldPath::spec().key("exportTo").index(0), false), "10:7 \".\"");
}

#[test]
fn a_field_that_is_not_written_is_shown_by_what_is_around_it() {
    let uri = FieldPath::spec().key("http").index(0).key("match").index(0).key("uri");
    assert_eq!(shown(Some(1), 0, &uri.key("regex").key("x"), false), "13:9 uri");
    assert_eq!(shown(Some(1), 0, &FieldPath::root().key("status"), false), "7:11 second");
}

#[test]
fn an_object_is_shown_by_its_name() {
    assert_eq!(shown(Some(0), 0, &FieldPath::root(), false), "5:20 first");
    assert_eq!(shown(Some(1), 0, &FieldPath::root(), false), "7:11 second");
    assert_eq!(shown(None, 1, &FieldPath::root(), false), "16:1 kind");
}

#[test]
fn columns_count_characters_and_spans_count_bytes() {
    let host = FieldPath::spec().key("hosts").index(1);
    assert_eq!(shown(None, 1, &host, false), "17:21 \"b\"");
}

#[test]
fn what_is_gone_has_no_place() {
    assert_eq!(place(None, 7, &FieldPath::root(), false), None);
    assert_eq!(place(Some(7), 0, &FieldPath::root(), false), None);
    let source =
        Source::File { path: Arc::new(PathBuf::from("/nonexistent")), document: 0, item: None };
    assert_eq!(Positions::new().of(&source, &FieldPath::root(), false), None);
}
