//! What is made anew, and what is kept.

use std::sync::Arc;

use propylon_model::{AnyObject, Kind, World};
use propylon_snapshot::{Discovery, Snapshot};
use serde_json::{Value, json};

use super::Compiler;
use crate::validate::testing::named;
use crate::{Options, compile};

fn gateway() -> AnyObject {
    let port = json!({"number": 80, "name": "http", "protocol": "HTTP"});
    named(Kind::Gateway, "gw", json!({"servers": [{"port": port, "hosts": ["*"]}]}))
}

fn routes(path: &str) -> AnyObject {
    let http = json!([{"match": [{"uri": {"prefix": path}}],
                       "route": [{"destination": {"host": "a.com"}}]}]);
    named(Kind::VirtualService, "r", json!({"hosts": ["*"], "gateways": ["gw"], "http": http}))
}

fn entry(port: u32, endpoints: &[&str]) -> AnyObject {
    let endpoints: Vec<Value> = endpoints.iter().map(|one| json!({"address": one})).collect();
    let ports = json!([{"number": port, "name": "http", "protocol": "HTTP"}]);
    let spec = json!({"hosts": ["a.com"], "ports": ports, "resolution": "STATIC",
                      "endpoints": endpoints});
    named(Kind::ServiceEntry, "a", spec)
}

/// Compiles worlds one after another; objects that are equal are the same ones, as admission sees
/// to.
fn compiled(worlds: &[Vec<AnyObject>]) -> Vec<Snapshot> {
    let mut compiler = Compiler::default();
    let mut known: Vec<AnyObject> = Vec::new();
    let worlds = worlds.iter().map(|objects| {
        let shared = objects.iter().map(|object| {
            if !known.contains(object) {
                known.push(object.clone());
            }
            known.iter().find(|one| *one == object).unwrap_or(object).clone()
        });
        let world = World::from_objects(shared.collect::<Vec<_>>());
        let compiled = compiler.compile(&world, &Options::default());
        assert_eq!(compiled, compile(&world, &Options::default()));
        compiled.snapshot
    });
    worlds.collect()
}

fn endpoints(snapshot: &Snapshot) -> usize {
    match &snapshot.clusters[0].discovery {
        Discovery::Static(endpoints) => endpoints.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_change_of_endpoints_recompiles_no_route() {
    let world = |endpoints: &[&str]| vec![gateway(), routes("/a"), entry(80, endpoints)];
    let made = compiled(&[world(&["10.0.0.1"]), world(&["10.0.0.1", "10.0.0.2"]), world(&[])]);
    assert_eq!(made.iter().map(endpoints).collect::<Vec<_>>(), [1, 2, 0]);
    assert!(made.iter().all(|one| Arc::ptr_eq(&one.tables, &made[0].tables)));
}

#[test]
fn a_change_of_anything_else_recompiles_all() {
    let made = compiled(&[
        vec![gateway(), routes("/a"), entry(80, &["10.0.0.1"])],
        vec![gateway(), routes("/b"), entry(80, &["10.0.0.2"])],
        vec![gateway(), routes("/b"), entry(81, &["10.0.0.2"])],
    ]);
    assert!(made.windows(2).all(|two| !Arc::ptr_eq(&two[0].tables, &two[1].tables)));
}

#[test]
fn other_options_recompile_all() {
    let world = World::from_objects(vec![gateway(), routes("/a"), entry(80, &["10.0.0.1"])]);
    let mut compiler = Compiler::default();
    compiler.compile(&world, &Options::default());
    let elsewhere = Options { namespace: "elsewhere".to_owned(), ..Options::default() };
    assert_eq!(compiler.compile(&world, &elsewhere), compile(&world, &elsewhere));
}
