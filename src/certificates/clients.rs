//! What is wrong with the credentials of TLS towards endpoints, told where a DestinationRule names
//! them. What could not even be read is the compiler's to report.

use std::sync::Arc;
use std::time::SystemTime;

use propylon_model::destination_rule::{ClientTls as Written, TrafficPolicy};
use propylon_model::{DestinationRule, FieldPath, Object, Problem, Severity};
use propylon_proxy::tls;
use propylon_snapshot::{Authorities, ClientTls, ServerCheck, Snapshot};

use super::judge::{Age, CREDENTIAL};
use super::moment;

/// The DestinationRules that problems are told of.
pub(crate) type Rules = [Arc<Object<DestinationRule>>];

/// What is wrong with the credentials that the clusters of a snapshot were given.
#[must_use]
pub(crate) fn problems(snapshot: &Snapshot, rules: &Rules, now: SystemTime) -> Vec<Problem> {
    let mut problems = Vec::new();
    for cluster in &snapshot.clusters {
        let Some(settings) = cluster.tls.as_deref().filter(|settings| was_read(settings)) else {
            continue;
        };
        let Some((severity, name, message)) = judge(settings, moment::seconds(now)) else {
            continue;
        };
        problems.extend(
            places(rules, &name).into_iter().map(|(rule, field)| {
                Problem::of(severity, CREDENTIAL, rule, field, message.clone())
            }),
        );
    }
    problems.sort();
    problems.dedup();
    problems
}

fn was_read(settings: &ClientTls) -> bool {
    let servers = match &settings.servers {
        ServerCheck::None => true,
        ServerCheck::Verify { authorities, revoked, .. } => {
            let listed = match authorities {
                Authorities::System => true,
                Authorities::Listed(listed) => listed.read.is_ok(),
            };
            listed && revoked.as_ref().is_none_or(|list| list.read.is_ok())
        }
    };
    servers && settings.identity.as_ref().is_none_or(|identity| identity.read.is_ok())
}

/// What is wrong with a cluster's credentials: how badly, with which, and in words.
fn judge(settings: &ClientTls, now: i64) -> Option<(Severity, String, String)> {
    let facts = match tls::inspect_client(settings) {
        Ok(facts) => facts?,
        Err(error) => {
            let message = format!("{error}; requests are answered 503 until it is mended");
            return Some((Severity::Error, error.name, message));
        }
    };
    let name = &settings.identity.as_ref()?.name;
    let (from, until) = (moment::text(facts.not_before), moment::text(facts.not_after));
    let message = match Age::of(&facts, now) {
        Age::Expired => format!(
            "{name}: the certificate EXPIRED on {until}; it is shown all the same, and endpoints \
             that verify it refuse the gateway"
        ),
        Age::Early => format!("{name}: the certificate is not valid before {from}"),
        Age::Ending => format!("{name}: the certificate expires soon, on {until}; renew it"),
        Age::Good => return None,
    };
    Some((Severity::Warning, name.to_string(), message))
}

/// The settings of DestinationRules that a credential of this name was found by.
fn places<'w>(rules: &'w Rules, name: &str) -> Vec<(&'w Object<DestinationRule>, FieldPath)> {
    let mut found = Vec::new();
    for rule in rules {
        for (written, field) in blocks(&rule.spec) {
            let secret = name.strip_prefix("Secret ").and_then(|name| name.split('/').next_back());
            let pair = format!("{} and {}", written.client_certificate, written.private_key);
            let key = match secret {
                Some(secret) if names_secret(written, secret) => "credentialName",
                Some(_) => continue,
                None if pair == name => "clientCertificate",
                None if written.ca_certificates == name => "caCertificates",
                None if written.ca_crl == name => "caCrl",
                None => continue,
            };
            found.push((&**rule, field.key(key)));
        }
    }
    found
}

fn names_secret(written: &Written, secret: &str) -> bool {
    let name = written.credential_name.trim_start_matches("kubernetes://");
    !name.is_empty() && (secret == name || secret.strip_suffix("-cacert") == Some(name))
}

/// Every TLS setting of a rule and where it is written.
fn blocks(rule: &DestinationRule) -> Vec<(&Written, FieldPath)> {
    let mut policies: Vec<(&TrafficPolicy, FieldPath)> = Vec::new();
    let own = FieldPath::spec().key("trafficPolicy");
    policies.extend(rule.traffic_policy.as_ref().map(|policy| (policy, own)));
    for (position, subset) in rule.subsets.iter().enumerate() {
        let place = FieldPath::spec().key("subsets").index(position).key("trafficPolicy");
        policies.extend(subset.traffic_policy.as_ref().map(|policy| (policy, place)));
    }
    let mut blocks = Vec::new();
    for (policy, place) in policies {
        blocks.extend(policy.tls.as_ref().map(|tls| (tls, place.key("tls"))));
        for (position, port) in policy.port_level_settings.iter().enumerate() {
            let place = place.key("portLevelSettings").index(position).key("tls");
            blocks.extend(port.tls.as_ref().map(|tls| (tls, place)));
        }
    }
    blocks
}
