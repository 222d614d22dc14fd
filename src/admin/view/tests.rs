//! Tests of what admin shows.

use std::time::Duration;

use propylon_proxy::{ClusterStatus, EndpointHealth};
use propylon_snapshot::{Address, Endpoint, Locality};

use super::{clusters, clusters_json, config, server_info};
use crate::status::{Phase, Served};

fn cluster() -> ClusterStatus {
    ClusterStatus {
        name: "outbound|80||a.b".into(),
        endpoints: vec![Endpoint {
            weight: 2,
            locality: Locality { region: "eu".into(), ..Locality::default() },
            priority: 1,
            ..Endpoint::at(Address::Ip("127.0.0.1:18000".parse().unwrap()))
        }],
        states: vec![EndpointHealth {
            ejected: true,
            ejections: 2,
            cause: Some("consecutive_5xx"),
            since: Some(Duration::from_secs(7)),
        }],
        counters: vec![("upstream_rq_total", 3)],
    }
}

#[test]
fn clusters_are_printed_as_envoy_prints_them() {
    let text = clusters(&[cluster()]);
    assert!(text.contains("outbound|80||a.b::upstream_rq_total::3\n"), "{text}");
    assert!(text.contains("outbound|80||a.b::127.0.0.1:18000::weight::2\n"), "{text}");
    assert!(text.contains("outbound|80||a.b::127.0.0.1:18000::region::eu\n"), "{text}");
    assert!(text.contains("outbound|80||a.b::127.0.0.1:18000::priority::1\n"), "{text}");
    let flags = "outbound|80||a.b::127.0.0.1:18000::health_flags::/failed_outlier_check\n";
    assert!(text.contains(flags), "{text}");
    assert!(text.contains("18000::ejection_cause::consecutive_5xx\n"), "{text}");
}

#[test]
fn clusters_as_json_name_endpoints_and_counters() {
    let json = clusters_json(&[cluster()]);
    assert_eq!(json["clusters"][0]["endpoints"][0]["address"], "127.0.0.1:18000");
    assert_eq!(json["clusters"][0]["endpoints"][0]["healthy"], false);
    assert_eq!(json["clusters"][0]["endpoints"][0]["ejected_for_s"], 7);
    assert_eq!(json["clusters"][0]["counters"]["upstream_rq_total"], 3);
}

#[test]
fn before_the_first_configuration_nothing_is_served() {
    let json = config(&Served::default(), &[]);
    assert_eq!(json["generation"], 0);
    assert_eq!(json["listeners"].as_array().map(Vec::len), Some(0));
}

#[test]
fn the_server_tells_its_state_in_envoys_words() {
    let json = server_info(Phase::Live, Duration::from_secs(61), std::time::UNIX_EPOCH);
    assert_eq!(json["state"], "LIVE");
    assert_eq!(json["uptime_all_epochs"], "61s");
}
