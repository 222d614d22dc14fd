//! Advice for misspelt and misplaced fields.

use propylon_model::{DestinationRule, Gateway, VirtualService};

use super::{edits, for_field, nearest};
use crate::file::decode::{Outline, outline};

fn advice(written: &str, place: &str, outline: &[Outline]) -> String {
    let message = outline.iter().find(|message| message.place == place).unwrap();
    for_field(written, place, message.fields, "spec", outline)
}

#[test]
fn edits_count_swapped_neighbours_once() {
    assert_eq!(edits("hosts", "hosts"), 0);
    assert_eq!(edits("hots", "host"), 1);
    assert_eq!(edits("retrys", "retries"), 2);
    assert_eq!(edits("", "abc"), 3);
}

#[test]
fn only_near_names_are_suggested() {
    let names = ["gateways", "hosts", "http"];
    assert_eq!(nearest("gateway", names.into_iter()), Some("gateways"));
    assert_eq!(nearest("Hosts", names.into_iter()), Some("hosts"));
    assert_eq!(nearest("labels", names.into_iter()), None);
}

#[test]
fn the_outline_of_a_type_has_all_its_messages() {
    let outline = outline::<VirtualService>();
    for place in ["", "http[]", "http[].match[].headers.*", "tls[].route[].destination.port"] {
        assert!(outline.iter().any(|message| message.place == place), "{place}");
    }
}

#[test]
fn a_misspelt_field_gets_its_spelling() {
    let outline = outline::<VirtualService>();
    assert_eq!(advice("gateway", "", &outline), "did you mean `gateways`?");
    assert_eq!(advice("retrys", "http[]", &outline), "did you mean `retries`?");
    assert_eq!(advice("EXPORTTO", "", &outline), "did you mean `exportTo`?");
}

#[test]
fn a_misplaced_field_gets_its_place() {
    let routes = outline::<VirtualService>();
    assert_eq!(advice("weight", "http[]", &routes), "`weight` belongs under `spec.http[].route[]`");
    assert_eq!(
        advice("host", "http[].route[]", &routes),
        "`host` belongs under `spec.http[].route[].destination`"
    );
    assert_eq!(advice("hosts", "http[]", &routes), "`hosts` belongs under `spec`");
    let servers = outline::<Gateway>();
    assert_eq!(
        advice("number", "servers[]", &servers),
        "`number` belongs under `spec.servers[].port`"
    );
    let rules = outline::<DestinationRule>();
    assert_eq!(
        advice("simple", "trafficPolicy", &rules),
        "`simple` belongs under `spec.trafficPolicy.loadBalancer` or under \
         `spec.trafficPolicy.portLevelSettings[].loadBalancer`"
    );
}

#[test]
fn a_field_that_is_nowhere_gets_the_known_ones() {
    let outline = outline::<Gateway>();
    assert_eq!(advice("zzzzzz", "", &outline), "known here: servers, selector");
}
