//! Visibility, as sentences.

use super::*;

fn list(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|&entry| entry.to_owned()).collect()
}

#[test]
fn an_object_is_public_unless_it_says_otherwise() {
    assert_eq!(of(&[], &[], "a", "b"), Some(Visibility::Public));
    assert_eq!(of(&list(&["*"]), &list(&["."]), "a", "b"), Some(Visibility::Public));
}

#[test]
fn the_mesh_default_fills_an_empty_list() {
    assert_eq!(of(&[], &list(&["."]), "a", "b"), None);
    assert_eq!(of(&[], &list(&["."]), "a", "a"), Some(Visibility::Private));
}

#[test]
fn a_named_namespace_sees_it_and_others_do_not() {
    assert_eq!(of(&list(&["b"]), &[], "a", "b"), Some(Visibility::Named));
    assert_eq!(of(&list(&["b"]), &[], "a", "c"), None);
    assert_eq!(of(&list(&[".", "b"]), &[], "a", "a"), Some(Visibility::Private));
}

#[test]
fn a_tilde_hides_it_from_everybody() {
    assert_eq!(of(&list(&["~"]), &[], "a", "a"), None);
}
