//! Tests of what `/clusters` shows.

use std::time::Duration;

use propylon_proxy::{ClusterStatus, EndpointHealth, InUse, Loads};
use propylon_snapshot::{Address, Endpoint, Locality, Outlier, Snapshot};

use super::{Clusters, rule};

fn status() -> ClusterStatus {
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
            left: Some(Duration::from_secs(53)),
        }],
        used: InUse::default(),
        counters: vec![("upstream_rq_total", 3)],
    }
}

fn shown<T>(look: impl FnOnce(&Clusters<'_>) -> T) -> T {
    let (snapshot, statuses, loads) = (Snapshot::default(), [status()], Loads::default());
    look(&Clusters { snapshot: &snapshot, statuses: &statuses, loads: &loads, now: 100 })
}

fn rules() -> Outlier {
    Outlier {
        server_errors: Some(5),
        gateway_errors: Some(3),
        local_errors: None,
        statuses: [].into(),
        interval: Duration::from_secs(10),
        base_time: Duration::from_secs(30),
        max_time: Duration::from_secs(300),
        percent_max: 10,
        panic_percent: 0,
    }
}

#[test]
fn clusters_are_printed_as_envoy_prints_them() {
    let text = shown(|clusters| clusters.text());
    for line in [
        "outbound|80||a.b::observability_name::outbound|80||a.b\n",
        "outbound|80||a.b::default_priority::max_connections::4294967295\n",
        "outbound|80||a.b::default_priority::max_pending_requests::4294967295\n",
        "outbound|80||a.b::upstream_rq_total::3\n",
        "outbound|80||a.b::127.0.0.1:18000::cx_active::0\n",
        "outbound|80||a.b::127.0.0.1:18000::weight::2\n",
        "outbound|80||a.b::127.0.0.1:18000::region::eu\n",
        "outbound|80||a.b::127.0.0.1:18000::priority::1\n",
        "outbound|80||a.b::127.0.0.1:18000::health_flags::/failed_outlier_check\n",
        "outbound|80||a.b::127.0.0.1:18000::ejection_cause::consecutive_5xx\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn clusters_as_json_have_envoys_shape_and_what_it_lacks_apart() {
    let json = shown(|clusters| clusters.json());
    let cluster = &json["cluster_statuses"][0];
    assert_eq!(cluster["propylon"]["counters"]["upstream_rq_total"], 3);
    let host = &cluster["host_statuses"][0];
    assert_eq!(host["address"]["socket_address"]["port_value"], 18000);
    assert_eq!(host["health_status"]["failed_outlier_check"], true);
    assert_eq!(host["weight"], 2);
    let ejection = &host["propylon"]["ejection"];
    assert_eq!(ejection["since"], "1970-01-01T00:01:33Z");
    assert_eq!(ejection["until"], "1970-01-01T00:02:33Z");
}

#[test]
fn an_ejection_names_the_field_that_made_it() {
    let all = rules();
    let said = |cause, rules: &Outlier| rule(cause, rules).unwrap_or_default();
    assert_eq!(
        said("consecutive_5xx", &all),
        "consecutive5xxErrors 5: 5 responses with 5xx or none at all in a row"
    );
    assert_eq!(
        said("consecutive_gateway_failure", &all),
        "consecutiveGatewayErrors 3: 3 responses with 502, 503 or 504 or none at all in a row"
    );
    let split = Outlier { local_errors: Some(2), statuses: [500, 429].into(), ..all };
    assert_eq!(
        said("consecutive_5xx", &split),
        "consecutive5xxErrors 5: 5 responses with 500, 429 in a row"
    );
    assert!(said("consecutive_local_origin_failure", &split).contains("2 failures to connect"));
    assert_eq!(said("consecutive_gateway_failure", &Outlier { gateway_errors: None, ..split }), "");
}
