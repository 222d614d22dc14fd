//! Tests of the terminal writers' pure parts.

use std::io;

use super::{table, unless_closed};

#[test]
fn a_table_aligns_its_columns_and_leaves_no_trailing_space() {
    let rows = vec![
        vec!["host".to_owned(), "rule".to_owned(), "to".to_owned()],
        vec!["a.example".to_owned(), String::new(), String::new()],
        vec!["b".to_owned(), "prefix /".to_owned(), "reviews".to_owned()],
    ];
    let expected = "host       rule      to\na.example\nb          prefix /  reviews\n";
    assert_eq!(table(&rows), expected);
}

#[test]
fn an_empty_table_is_empty_text() {
    assert_eq!(table(&[]), "");
}

#[test]
fn a_closed_pipe_is_no_failure_but_a_full_disk_is() {
    assert!(unless_closed(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
    assert!(unless_closed(Err(io::ErrorKind::StorageFull.into())).is_err());
}
