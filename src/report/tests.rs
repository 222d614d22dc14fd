//! Tests of what a reload says, and of how much.

use std::path::PathBuf;
use std::sync::Arc;

use propylon_model::{Code, FieldPath, Kind, ObjectKey, Problem, Severity, Source};

use super::{ALIKE_SHOWN_MAX, Files, PROBLEMS_SHOWN_MAX, Tally, clock, selection, stays, unshown};

fn problem(severity: Severity, code: &'static str) -> Problem {
    Problem {
        severity,
        code: Code(code),
        object: None,
        source: Source::File { path: Arc::new(PathBuf::from("a.yaml")), document: 0, item: None },
        field: FieldPath::root(),
        at_key: false,
        message: "x".to_owned(),
        help: String::new(),
        position: None,
        notes: Vec::new(),
    }
}

fn said_of(problems: &[Problem], held: &[ObjectKey]) -> String {
    stays(2, Files { problems, held })
}

fn rules(name: &str) -> ObjectKey {
    ObjectKey { kind: Kind::VirtualService, namespace: "default".into(), name: name.into() }
}

#[test]
fn a_last_good_version_is_named_only_where_one_serves() {
    let problems = [problem(Severity::Error, "GW2001")];
    assert_eq!(said_of(&[], &[]), "generation 2 stays: no change");
    assert_eq!(said_of(&problems, &[]), "generation 2 stays: no change; 1 error in the files");
    assert_eq!(
        said_of(&problems, &[rules("shop")]),
        "generation 2 stays: 1 error; last good version of VirtualService default/shop serves"
    );
    assert_eq!(
        said_of(&problems, &[rules("a"), rules("b"), rules("c")]),
        "generation 2 stays: 1 error; last good versions of VirtualService default/a and \
         2 other objects serve"
    );
}

#[test]
fn a_screenful_of_problems_is_shown_whole() {
    let problems = vec![problem(Severity::Error, "GW2001"); PROBLEMS_SHOWN_MAX];
    let (shown, rest) = selection(&problems);
    assert_eq!(shown.len(), PROBLEMS_SHOWN_MAX);
    assert_eq!(unshown(&rest), None);
}

#[test]
fn of_thousands_of_problems_every_code_is_shown_and_the_rest_counted() {
    let mut problems = vec![problem(Severity::Error, "GW2001"); 9_990];
    problems.push(problem(Severity::Error, "IST0101"));
    let (shown, rest) = selection(&problems);
    assert_eq!(shown.len(), ALIKE_SHOWN_MAX + 1);
    assert_eq!(shown[ALIKE_SHOWN_MAX].code, Code("IST0101"));
    let text = "9985 more problems (9985 GW2001): `propylon check` shows all";
    assert_eq!(unshown(&rest).as_deref(), Some(text));
}

#[test]
fn a_line_for_a_file_of_logs_says_when() {
    let now = clock();
    assert_eq!(now.len(), "2026-11-21T08:39:12Z".len(), "{now}");
    assert!(now.ends_with('Z'), "{now}");
}

#[test]
fn a_tally_names_only_what_there_is() {
    let text = |errors, warnings, notes| Tally { errors, warnings, notes }.text();
    assert_eq!(text(0, 0, 0), "no problems");
    assert_eq!(text(1, 0, 2), "1 error, 2 notes");
    assert_eq!(text(2, 1, 0), "2 errors, 1 warning");
}
