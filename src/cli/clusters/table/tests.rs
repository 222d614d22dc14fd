//! What people see of a cluster.

use serde_json::json;

use super::cluster;

#[test]
fn an_ejected_endpoint_says_why_and_until_when() {
    let shown = cluster(&json!({
        "name": "outbound|80||a.b",
        "host_statuses": [
            {
                "weight": 2,
                "locality": { "region": "eu", "zone": "a", "sub_zone": "" },
                "stats": [
                    { "name": "cx_active", "value": "3" },
                    { "name": "rq_total", "value": "9" }
                ],
                "propylon": { "address": "10.0.0.1:80", "healthy": true, "unused_connections": 1 }
            },
            {
                "weight": 1,
                "locality": { "region": "", "zone": "", "sub_zone": "" },
                "stats": [{ "name": "rq_error", "value": "5" }],
                "propylon": {
                    "address": "10.0.0.2:80",
                    "healthy": false,
                    "ejections": 2,
                    "ejection": { "rule": "R", "since": "S", "until": "U" }
                }
            }
        ],
        "propylon": {
            "balancing": "LEAST_REQUEST",
            "protocol": "HTTP/1.1",
            "in_use": {
                "connections": { "used": 3, "limit": 10 },
                "requests": { "used": 2, "limit": null },
                "retries": { "used": null, "limit": null }
            }
        }
    }));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "outbound|80||a.b  1 of 2 endpoints healthy  LEAST_REQUEST, HTTP/1.1");
    assert_eq!(lines[1], "  in use: 3 of 10 connections, 2 requests");
    assert!(lines[2].starts_with("  10.0.0.1:80  weight 2  eu/a  healthy "), "{shown}");
    assert!(lines[2].ends_with("3 connections (1 unused)  0 under way, 9 in all"), "{shown}");
    assert!(lines[3].contains("EJECTED") && lines[3].ends_with(", 5 failed"), "{shown}");
    assert_eq!(lines[4], "    since S, until U or the sweep after: R (2 ejections so far)");
}

#[test]
fn a_closed_cluster_and_one_without_endpoints_say_so() {
    let shown = cluster(&json!({ "name": "c", "propylon": { "closed": "no certificate" } }));
    assert_eq!(shown, "c  no endpoint\n  closed: no certificate\n");
}

#[test]
fn endpoints_that_are_far_or_not_ready_say_so() {
    let shown = cluster(&json!({
        "name": "c",
        "host_statuses": [
            {
                "priority": 1,
                "locality": { "region": "us", "zone": "", "sub_zone": "" },
                "propylon": { "address": "10.0.0.1:80", "healthy": true, "ready": true }
            },
            { "propylon": { "address": "10.0.0.2:80", "healthy": false, "ready": false } }
        ],
    }));
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].ends_with("1 of 2 endpoints healthy"), "{shown}");
    assert!(lines[1].contains("  us, priority 1  healthy "), "{shown}");
    assert!(lines[2].contains("  NOT READY "), "{shown}");
}
