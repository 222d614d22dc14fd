//! Shadow across problems, as sentences.

use propylon_model::Severity::Warning;

use crate::analyze::testing::{GATEWAY, WEB, finds, healthy, lacks, service};

const TO_WEB: &str = "route: [{destination: {host: web}}]";

fn two(first: &str, second: &str) -> String {
    let one = |name: &str, matching: &str| {
        let http = format!("  - match: [{{uri: {matching}}}]\n    {TO_WEB}");
        service(name, "[a.example.com]", "[gw]", &http)
    };
    format!("{GATEWAY}{WEB}{}{}", one("one", first), one("two", second))
}

#[test]
fn catch_alls_come_last_so_one_beside_rules_is_healthy() {
    healthy(&two("{prefix: /}", "{prefix: /api}"));
}

#[test]
fn the_second_catch_all_of_a_host_is_never_reached() {
    let yaml = two("{prefix: /}", "{prefix: /}");
    let words = ["VirtualService default/one comes first", "a.example.com", "one catch-all"];
    finds(&yaml, Warning, "GW2005", "spec.http[0].match[0].uri", &words);
}

#[test]
fn a_broader_rule_of_an_earlier_virtual_service_shadows() {
    let words = ["never reached for host `a.example.com`", "one VirtualService in the order"];
    let yaml = two("{prefix: /api}", "{prefix: /api/v1}");
    finds(&yaml, Warning, "GW2005", "spec.http[0].match[0].uri", &words);
    lacks(&two("{prefix: /api/v1}", "{prefix: /api}"), "GW2005");
}

#[test]
fn different_hosts_do_not_shadow_each_other() {
    let http = format!("  - {TO_WEB}");
    let a = service("one", "[a.example.com]", "[gw]", &http);
    let b = service("two", "[b.example.com]", "[gw]", &http);
    healthy(&format!("{GATEWAY}{WEB}{a}{b}"));
}
