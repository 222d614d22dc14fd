//! Certificates as `check` judges them: parsed as the first handshake would, dates included. The
//! serving program parses lazily instead. Knows what is wrong; whether it matters is the caller's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use propylon_model::destination_rule::{ClientTls as WrittenTls, TrafficPolicy};
use propylon_model::{DestinationRule, FieldPath, Object, Problem, Severity, World};
use propylon_proxy::tls::{self, CertificateFacts};
use propylon_snapshot::{
    Authorities, ClientCheck, ClientTls, ServerCheck, ServerTls, Serves, Snapshot, Termination,
    TlsChain,
};

/// What is wrong with the certificates that the servers and clusters of a snapshot were given. What
/// could not even be read is reported by the compiler.
#[must_use]
pub(crate) fn problems(snapshot: &Snapshot, world: &World, now: SystemTime) -> Vec<Problem> {
    let chains = snapshot.listeners.iter().flat_map(|listener| match &listener.serves {
        Serves::Tls(names) => names.chains(),
        Serves::Http(_) | Serves::Tcp(_) => &[],
    });
    let mut problems = Vec::new();
    for chain in chains {
        if let Termination::Terminate(settings) = &chain.termination
            && was_read(settings)
        {
            judge(chain, settings, now, &mut |severity, message| {
                problems.extend(problem(snapshot, world, chain, severity, message));
            });
        }
    }
    for cluster in &snapshot.clusters {
        let Some(settings) = cluster.tls.as_deref().filter(|settings| client_was_read(settings))
        else {
            continue;
        };
        let Some((severity, name, message)) = judge_client(settings, now) else { continue };
        let consequence = match severity {
            Severity::Error => "; requests are answered 503 until it is mended",
            Severity::Warning | Severity::Info => "",
        };
        problems.extend(places(world, &name).into_iter().map(|(rule, field)| {
            let message = format!("{message}{consequence}");
            Problem::of(severity, CREDENTIAL, rule, field, message)
        }));
    }
    problems.sort();
    problems.dedup();
    problems
}

fn client_was_read(settings: &ClientTls) -> bool {
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
fn judge_client(settings: &ClientTls, now: SystemTime) -> Option<(Severity, String, String)> {
    match tls::inspect_client(settings) {
        Err(error) => Some((Severity::Error, error.name.clone(), error.to_string())),
        Ok(facts) => {
            let identity = settings.identity.as_ref()?;
            let message = dated(&identity.name, &facts?, now)?;
            Some((Severity::Warning, identity.name.to_string(), message))
        }
    }
}

/// The settings of DestinationRules that a credential of this name was found by.
fn places<'w>(world: &'w World, name: &str) -> Vec<(&'w Object<DestinationRule>, FieldPath)> {
    let mut found = Vec::new();
    for rule in &world.destination_rules {
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

fn names_secret(written: &WrittenTls, secret: &str) -> bool {
    let name = written.credential_name.trim_start_matches("kubernetes://");
    !name.is_empty() && (secret == name || secret.strip_suffix("-cacert") == Some(name))
}

/// Every TLS setting of a rule and where it is written.
fn blocks(rule: &DestinationRule) -> Vec<(&WrittenTls, FieldPath)> {
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

fn was_read(settings: &ServerTls) -> bool {
    let clients = match &settings.clients {
        ClientCheck::None => true,
        ClientCheck::Verify { authorities, revoked, .. } => {
            authorities.read.is_ok() && revoked.as_ref().is_none_or(|list| list.read.is_ok())
        }
    };
    clients && settings.certificates.iter().all(|certificate| certificate.read.is_ok())
}

fn judge(
    chain: &TlsChain,
    settings: &ServerTls,
    now: SystemTime,
    report: &mut dyn FnMut(Severity, String),
) {
    let names = chain.names.join(", ");
    let facts = match tls::inspect(settings) {
        Ok(facts) => facts,
        Err(error) => {
            let message = format!("{error}; TLS handshakes for {names} fail until it is mended");
            return report(Severity::Error, message);
        }
    };
    for (certificate, facts) in settings.certificates.iter().zip(facts) {
        if let Some(message) = dated(&certificate.name, &facts, now) {
            report(Severity::Warning, message);
        }
    }
}

/// Says that a certificate is out of date, if it is.
fn dated(name: &str, facts: &CertificateFacts, now: SystemTime) -> Option<String> {
    let (from, until) = (moment(facts.not_before), moment(facts.not_after));
    if until < now {
        let date = httpdate::fmt_http_date(until);
        return Some(format!("{name}: the certificate expired on {date}"));
    }
    (from > now).then(|| {
        let date = httpdate::fmt_http_date(from);
        format!("{name}: the certificate is not valid before {date}")
    })
}

/// Dates before 1970 and beyond the system's count become the nearest one that it has.
fn moment(seconds: i64) -> SystemTime {
    let seconds = u64::try_from(seconds).unwrap_or(0).min(LAST_SECOND);
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn problem(
    snapshot: &Snapshot,
    world: &World,
    chain: &TlsChain,
    severity: Severity,
    message: String,
) -> Option<Problem> {
    let name = &snapshot.objects[chain.origin.object.0 as usize];
    let gateway = world.gateways.iter().find(|gateway| {
        let key = &gateway.meta.key;
        *key.name == *name.name && *key.namespace == *name.namespace
    })?;
    let field = FieldPath::spec().key("servers").index(chain.origin.entry as usize).key("tls");
    Some(Problem::of(severity, CREDENTIAL, gateway, field, message))
}

/// The compiler's code of credentials that cannot be used.
const CREDENTIAL: &str = "GW0205";
/// The last second of the year 9999, which dates in certificates cannot exceed.
const LAST_SECOND: u64 = 253_402_300_799;
