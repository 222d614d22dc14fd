//! Named files: where they are looked up, and when they count as changed.

use std::sync::Arc;

use super::*;
use propylon_model::gateway::{Gateway, Server};
use propylon_model::{AnyObject, Kind, Labels, Meta, Object, ObjectKey, Source};

fn world(folder: &Path, certificate: &str) -> World {
    let tls = ServerTls { server_certificate: certificate.to_owned(), ..ServerTls::default() };
    let server = Server { tls: Some(tls), ..Server::default() };
    let path = Arc::new(folder.join("gateway.yaml"));
    let key = ObjectKey { kind: Kind::Gateway, namespace: "default".into(), name: "web".into() };
    let meta = Meta {
        key,
        labels: Labels::new(),
        annotations: Labels::new(),
        created: None,
        source: Source::File { path, document: 0, item: None },
    };
    let spec = Gateway { servers: vec![server], ..Gateway::default() };
    World::from_objects([AnyObject::from(Object { meta, spec })])
}

fn content(world: &mut World, root: Option<&Path>, written: &str) -> Result<Vec<u8>, String> {
    world.files = read_named(world, root).0;
    let source = world.gateways[0].meta.source.clone();
    world.file(&source, written).map(|bytes| bytes.reveal().to_vec())
}

#[test]
fn a_relative_path_is_found_beside_the_object_and_an_absolute_one_below_the_root() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("etc")).unwrap();
    std::fs::write(folder.path().join("a.pem"), "beside").unwrap();
    std::fs::write(folder.path().join("etc/b.pem"), "below").unwrap();
    let mut beside = world(folder.path(), "a.pem");
    assert_eq!(content(&mut beside, Some(folder.path()), "a.pem"), Ok(b"beside".to_vec()));
    let mut below = world(folder.path(), "/etc/b.pem");
    assert_eq!(content(&mut below, Some(folder.path()), "/etc/b.pem"), Ok(b"below".to_vec()));
}

#[test]
fn a_missing_file_is_said_with_the_path_that_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(folder.path(), "/etc/none.pem");
    let why = content(&mut world, Some(folder.path()), "/etc/none.pem").unwrap_err();
    assert!(why.contains(&folder.path().join("etc/none.pem").display().to_string()), "{why}");
}

#[test]
fn a_file_that_grows_comes_or_goes_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pem");
    let world = world(folder.path(), "a.pem");
    let (_, absent) = read_named(&world, None);
    assert!(!absent.changed());
    std::fs::write(&path, "one").unwrap();
    assert!(absent.changed());
    let (_, present) = read_named(&world, None);
    assert!(!present.changed());
    std::fs::write(&path, "longer").unwrap();
    assert!(present.changed());
}
