//! Weight problems, as sentences.

use propylon_model::Severity::Info;

use crate::analyze::testing::{GATEWAY, WEB, finds, healthy, routes};

fn weighted(first: &str, second: &str) -> String {
    let http = format!(
        "  - route: [{{destination: {{host: web}}{first}}}, {{destination: {{host: web}}{second}}}]"
    );
    format!("{GATEWAY}{WEB}{}", routes(&http))
}

#[test]
fn a_weight_left_out_beside_others_means_nothing() {
    let yaml = weighted(", weight: 100", "");
    finds(&yaml, Info, "GW2008", "spec.http[0].route[1]", &["left out", "no requests"]);
}

#[test]
fn weights_are_relative_to_their_sum() {
    healthy(&weighted(", weight: 80", ", weight: 20"));
    let words = ["add up to 4", "web 25%", "web 75%"];
    finds(&weighted(", weight: 1", ", weight: 3"), Info, "GW2008", "spec.http[0].route", &words);
}
