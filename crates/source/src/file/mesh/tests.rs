//! The mesh configuration from a ConfigMap and from a file.

use std::fs;
use std::time::Duration;

use super::{mesh_config, read_mesh_config};
use crate::file::read::read_bytes;

fn map(namespace: &str, mesh: &str) -> String {
    let mesh = mesh.replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: {namespace}}}\n\
         data:\n  mesh: |\n    {mesh}\n"
    )
}

#[test]
fn the_config_map_of_the_root_namespace_comes_first() {
    let text = [map("a", "trustDomain: a"), map("istio-system", "trustDomain: b")].join("---\n");
    let read = read_bytes(text.as_bytes());
    let (mesh, problems) = mesh_config(&read.objects, "istio-system");
    assert!(problems.is_empty());
    assert_eq!(mesh.unwrap().trust_domain.as_deref(), Some("b"));
    assert!(mesh_config(&[], "istio-system").0.is_none());
}

#[test]
fn what_is_wrong_inside_the_config_map_is_said_with_its_field() {
    let read = read_bytes(map("istio-system", "connectTimeout: 5\nrootNamespac: x").as_bytes());
    let (mesh, problems) = mesh_config(&read.objects, "istio-system");
    assert!(mesh.is_none());
    let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "the mesh configuration cannot be read: unknown field `rootNamespac` (at \
             `rootNamespac` of the text)",
            "the mesh configuration cannot be read: the duration 5 needs a unit, as in `5s` (at \
             `connectTimeout` of the text)",
        ]
    );
    assert_eq!(problems[0].help, "did you mean `rootNamespace`?");
}

#[test]
fn a_file_is_a_mesh_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mesh.yaml");
    let text = "connectTimeout: 3s\ndefaultConfig:\n  gatewayTopology: {numTrustedProxies: 2}\n\
                pathNormalization: {normalization: MERGE_SLASHES}\nmeshMTLS: {minProtocolVersion: \
                TLSV1_3}\n";
    fs::write(&path, text).unwrap();
    let mesh = read_mesh_config(&path).unwrap();
    assert_eq!(mesh.connect_timeout, Some(Duration::from_secs(3)));
    let topology = mesh.default_config.unwrap().gateway_topology.unwrap();
    assert_eq!(topology.num_trusted_proxies, 2);
    fs::write(&path, "a: b: c").unwrap();
    assert_eq!(read_mesh_config(&path).unwrap_err()[0].position, Some((1, 5)));
    fs::write(&path, "").unwrap();
    assert!(read_mesh_config(&path).is_ok());
    assert!(read_mesh_config(&dir.path().join("none")).is_err());
}
