//! The order of objects, which decides conflicts.

use std::path::PathBuf;
use std::sync::Arc;

use super::{AnyObject, World};
use crate::{Gateway, Kind, Labels, Meta, Object, ObjectKey, Source};

fn gateway(namespace: &str, name: &str, created: Option<&str>) -> AnyObject {
    let key = ObjectKey { kind: Kind::Gateway, namespace: namespace.into(), name: name.into() };
    let source = Source::File { path: Arc::new(PathBuf::from("a.yaml")), document: 0, item: None };
    let created = created.map(str::to_owned);
    let meta = Meta { key, labels: Labels::new(), annotations: Labels::new(), created, source };
    Object { meta, spec: Gateway::default() }.into()
}

fn names(world: &World) -> Vec<String> {
    let keys = world.gateways.iter().map(|object| &object.meta.key);
    keys.map(|key| format!("{}/{}", key.namespace, key.name)).collect()
}

#[test]
fn objects_are_ordered_by_age_then_name_then_namespace() {
    let world = World::from_objects([
        gateway("b", "x", None),
        gateway("a", "old", Some("2020-01-01T00:00:00Z")),
        gateway("a", "new", Some("2021-01-01T00:00:00Z")),
        gateway("a", "y", None),
        gateway("a", "x", None),
    ]);
    assert_eq!(names(&world), ["a/x", "b/x", "a/y", "a/old", "a/new"]);
}

#[test]
fn the_order_of_reading_does_not_matter() {
    let objects = [gateway("a", "1", None), gateway("a", "2", None), gateway("b", "1", None)];
    let forward = World::from_objects(objects.clone());
    let backward = World::from_objects(objects.iter().rev().cloned());
    assert_eq!(forward, backward);
    let mut inserted = World::default();
    objects.into_iter().rev().for_each(|object| inserted.insert(object));
    assert_eq!(forward, inserted);
}

#[test]
fn an_object_with_the_same_key_gives_way_to_the_inserted_one() {
    let mut world = World::from_objects([gateway("a", "x", None)]);
    world.insert(gateway("a", "x", Some("2020-01-01T00:00:00Z")));
    assert_eq!(names(&world), ["a/x"]);
    assert!(world.gateways[0].meta.created.is_some());
    assert_eq!(world.objects().count(), 1);
}
