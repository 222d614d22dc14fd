//! Balancers that cannot know what they need, as sentences.

use propylon_model::Severity::Warning;

use super::*;
use crate::Options;
use crate::analyze::analyze;
use crate::analyze::testing::{WEB, finds, lacks, world};

fn rule(policy: &str) -> String {
    let rule = format!(
        "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: rule}}
spec: {{host: web, trafficPolicy: {policy}}}
"
    );
    WEB.to_owned() + &rule
}

const FAILOVER: &str = "{outlierDetection: {maxEjectionPercent: 100}, loadBalancer: \
                        {localityLbSetting: {failover: [{from: eu, to: us}]}}}";

#[test]
fn places_mean_nothing_to_a_gateway_that_has_none() {
    let field = "spec.trafficPolicy.loadBalancer.localityLbSetting";
    finds(&rule(FAILOVER), Warning, "GW2018", field, &["--locality"]);
    let options = Options { locality: Some("eu/a".to_owned()), ..Options::default() };
    let found = analyze(&world(&rule(FAILOVER)), &options);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn labels_of_its_node_say_where_a_gateway_is() {
    let mut options = Options::default();
    options.labels.insert(REGION.to_owned(), "eu".to_owned());
    assert!(analyze(&world(&rule(FAILOVER)), &options).is_empty());
}

#[test]
fn what_compares_no_places_needs_none() {
    for setting in [
        "{enabled: false, failover: [{from: eu, to: us}]}",
        "{failoverPriority: [version]}",
        "{distribute: [{from: '*', to: {eu: 100}}]}",
    ] {
        lacks(&rule(&format!("{{loadBalancer: {{localityLbSetting: {setting}}}}}")), "GW2018");
    }
}

#[test]
fn the_original_destination_is_no_sidecars_trap() {
    let passthrough = rule("{loadBalancer: {simple: PASSTHROUGH}}");
    let field = "spec.trafficPolicy.loadBalancer.simple";
    finds(&passthrough, Warning, "GW2019", field, &["503"]);
    let role = Role::Sidecar(crate::Leg::default());
    let found = analyze(&world(&passthrough), &Options { role, ..Options::default() });
    assert!(found.iter().all(|problem| problem.code.0 != "GW2019"), "{found:#?}");
}
