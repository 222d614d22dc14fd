//! Tests of what counts as a new problem.

use std::path::PathBuf;
use std::sync::Arc;

use propylon_model::{Code, FieldPath, Problem, Severity, Source};

use super::missing_from;

fn problem(message: &str, document: usize) -> Problem {
    Problem {
        severity: Severity::Error,
        code: Code("GW0001"),
        object: None,
        source: Source::File { path: Arc::new(PathBuf::from("a.yaml")), document, item: None },
        field: FieldPath::root(),
        at_key: false,
        message: message.to_owned(),
        help: String::new(),
        position: None,
        notes: Vec::new(),
    }
}

#[test]
fn a_problem_that_only_moved_is_neither_new_nor_solved() {
    let (before, after) = ([problem("x", 0)], [problem("x", 3)]);
    assert!(missing_from(&before, &after).is_empty());
    assert!(missing_from(&after, &before).is_empty());
}

#[test]
fn a_new_problem_and_a_solved_one_are_told_apart() {
    let (before, after) = ([problem("x", 0)], [problem("y", 0)]);
    assert_eq!(missing_from(&before, &after), after);
    assert_eq!(missing_from(&after, &before), before);
}
