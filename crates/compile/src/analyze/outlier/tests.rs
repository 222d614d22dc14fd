//! Outlier problems, as sentences.

use propylon_model::Severity::Warning;

use crate::analyze::testing::{finds, lacks};

fn world(endpoints: usize, outlier: &str) -> String {
    let addresses: Vec<_> =
        (1..=endpoints).map(|last| format!("{{address: 10.0.0.{last}}}")).collect();
    format!(
        "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: api}}
spec:
  hosts: [api.other.com]
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  endpoints: [{}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: rule}}
spec: {{host: api.other.com, trafficPolicy: {{outlierDetection: {outlier}}}}}
",
        addresses.join(", ")
    )
}

#[test]
fn the_default_of_ten_percent_ejects_nobody_among_few() {
    let field = "spec.trafficPolicy.outlierDetection";
    let words = ["3 endpoints", "10 percent", "`maxEjectionPercent: 34`"];
    finds(&world(3, "{interval: 5s}"), Warning, "GW2015", field, &words);
    lacks(&world(10, "{interval: 5s}"), "GW2015");
}

#[test]
fn a_written_percentage_is_measured_against_the_endpoints() {
    let field = "spec.trafficPolicy.outlierDetection.maxEjectionPercent";
    finds(&world(2, "{maxEjectionPercent: 49}"), Warning, "GW2015", field, &["50"]);
    lacks(&world(2, "{maxEjectionPercent: 50}"), "GW2015");
}
