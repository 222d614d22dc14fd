//! Admission, as sentences.

use std::path::PathBuf;

use propylon_model::{AnyObject, Kind, Severity};
use serde_json::json;

use super::Ledger;
use crate::validate::testing::named;

fn service_entry(name: &str, host: &str) -> AnyObject {
    let port = json!({"number": 80, "name": "http", "protocol": "HTTP"});
    named(Kind::ServiceEntry, name, json!({"hosts": [host], "ports": [port], "resolution": "DNS"}))
}

fn broken(name: &str) -> AnyObject {
    named(Kind::ServiceEntry, name, json!({"hosts": [], "resolution": "DNS"}))
}

fn hosts(world: &propylon_model::World) -> Vec<&str> {
    world.service_entries.iter().flat_map(|one| &one.spec.hosts).map(String::as_str).collect()
}

#[test]
fn a_valid_object_is_in_force() {
    let (world, problems) = Ledger::default().admit(vec![service_entry("a", "a.com")], &[]);
    assert_eq!(hosts(&world), ["a.com"]);
    assert!(problems.is_empty());
}

#[test]
fn a_broken_new_object_is_left_out_and_its_siblings_stay() {
    let objects = vec![broken("a"), service_entry("b", "b.com")];
    let (world, problems) = Ledger::default().admit(objects, &[]);
    assert_eq!(hosts(&world), ["b.com"]);
    assert!(problems.iter().all(|problem| problem.object.as_ref().unwrap().name == "a".into()));
    assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
}

#[test]
fn a_broken_object_keeps_its_last_good_version_and_says_so() {
    let mut ledger = Ledger::default();
    ledger.admit(vec![service_entry("a", "first.com")], &[]);
    ledger.admit(vec![service_entry("a", "second.com")], &[]);
    ledger.admit(vec![service_entry("a", "second.com")], &[]);
    let (world, problems) = ledger.admit(vec![broken("a")], &[]);
    assert_eq!(hosts(&world), ["second.com"]);
    assert!(problems.iter().any(|problem| problem.message.contains("last good version")));
    assert_eq!(ledger.held().len(), 1);
    ledger.admit(vec![service_entry("a", "third.com")], &[]);
    assert!(ledger.held().is_empty());
}

#[test]
fn objects_of_a_file_that_could_not_be_read_stay() {
    let mut ledger = Ledger::default();
    ledger.admit(vec![service_entry("a", "a.com")], &[]);
    let (world, _) = ledger.admit(Vec::new(), &[PathBuf::from("test.yaml")]);
    assert_eq!(hosts(&world), ["a.com"]);
    assert_eq!(ledger.held().len(), 1);
    let (world, _) = ledger.admit(Vec::new(), &[PathBuf::from("other.yaml")]);
    assert!(hosts(&world).is_empty(), "its own file was read and does not have it");
}

#[test]
fn an_object_that_is_gone_from_readable_files_is_gone() {
    let mut ledger = Ledger::default();
    ledger.admit(vec![service_entry("a", "a.com"), service_entry("b", "b.com")], &[]);
    let (world, _) = ledger.admit(vec![service_entry("b", "b.com")], &[]);
    assert_eq!(hosts(&world), ["b.com"]);
}

#[test]
fn a_removed_object_has_no_last_good_version_to_come_back() {
    let mut ledger = Ledger::default();
    ledger.admit(vec![service_entry("a", "a.com")], &[]);
    ledger.admit(Vec::new(), &[]);
    let (world, _) = ledger.admit(vec![broken("a")], &[]);
    assert!(hosts(&world).is_empty());
    assert_eq!(world.rejected, [broken("a")], "it explains what is missing");
}

#[test]
fn of_two_objects_with_one_key_the_first_counts() {
    let objects = vec![service_entry("a", "first.com"), service_entry("a", "second.com")];
    let (world, _) = Ledger::default().admit(objects, &[]);
    assert_eq!(hosts(&world), ["first.com"]);
}
