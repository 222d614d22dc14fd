//! The choice of the upstream protocol, as a table.

use std::time::Duration;

use propylon_model::mesh_config::MeshH2UpgradePolicy;
use propylon_model::{MeshConfig, World};

use super::*;

fn upgrading(policy: H2UpgradePolicy) -> HttpPool {
    HttpPool { h2_upgrade_policy: policy, ..HttpPool::default() }
}

fn is_http2(port: Protocol, pool: Option<&HttpPool>, mesh: &MeshConfig) -> bool {
    let world = World { mesh: Some(mesh.clone()), ..World::default() };
    matches!(of(port, pool, Mesh::of(&world)), UpstreamProtocol::Http2(_))
}

#[test]
fn a_port_that_speaks_http2_is_spoken_to_in_http2() {
    let mesh = MeshConfig::default();
    assert!(is_http2(Protocol::Http2, None, &mesh));
    assert!(is_http2(Protocol::Http2, Some(&upgrading(H2UpgradePolicy::DoNotUpgrade)), &mesh));
    for other in [Protocol::Http, Protocol::Tls, Protocol::Tcp, Protocol::Unknown] {
        assert!(!is_http2(other, None, &mesh), "{other:?}");
    }
}

#[test]
fn a_rule_upgrades_every_port_and_the_mesh_only_those_that_speak_http() {
    let plain = MeshConfig::default();
    let mesh = MeshConfig { h2_upgrade_policy: MeshH2UpgradePolicy::Upgrade, ..plain.clone() };
    let upgrade = upgrading(H2UpgradePolicy::Upgrade);
    assert!(is_http2(Protocol::Unknown, Some(&upgrade), &plain));
    assert!(is_http2(Protocol::Http, None, &mesh));
    assert!(!is_http2(Protocol::Unknown, None, &mesh));
    assert!(!is_http2(Protocol::Http, Some(&upgrading(H2UpgradePolicy::DoNotUpgrade)), &mesh));
}

#[test]
fn the_clients_protocol_comes_before_the_ports() {
    let pool = HttpPool { use_client_protocol: true, ..HttpPool::default() };
    let found = of(Protocol::Http2, Some(&pool), Mesh::of(&World::default()));
    assert_eq!(found, UpstreamProtocol::AsClient(Http2Settings::default()));
}

#[test]
fn streams_and_probes_are_taken_over() {
    let pool = HttpPool {
        max_concurrent_streams: 7,
        http2_keep_alive: Some(ConnectionKeepalive {
            interval: Some(Duration::from_secs(30)),
            timeout: Some(Duration::from_secs(5)),
        }),
        ..HttpPool::default()
    };
    let settings = Http2Settings {
        max_concurrent_streams: Some(7),
        keep_alive: Some(Http2KeepAlive {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
        }),
    };
    let found = of(Protocol::Http2, Some(&pool), Mesh::of(&World::default()));
    assert_eq!(found, UpstreamProtocol::Http2(settings));
}
