//! Which certificates there are: each with what it says, where it came from and which servers show
//! or trust it. Public parts only; keys are never looked at.

use propylon_model::Severity;
use propylon_proxy::tls::{CertificateFacts, certificates_in};
use propylon_snapshot::{ClientCheck, Opaque, ServerTls, Snapshot};
use serde_json::{Value, json};

use super::judge::{Age, servers};
use super::moment;

/// The certificates of one TLS server.
pub(crate) struct Server {
    /// Where it listens, and the names that it answers.
    pub(crate) used_by: String,
    /// What it shows: its own certificate of each credential, without those that signed it.
    pub(crate) own: Vec<Listed>,
    /// What client certificates are verified with.
    pub(crate) authorities: Vec<Listed>,
}

/// One certificate, or why there is none.
pub(crate) struct Listed {
    /// The Secret or the files that it came from.
    pub(crate) source: String,
    /// What it says.
    pub(crate) facts: Result<CertificateFacts, String>,
}

impl Listed {
    /// How it stands with a certificate, in a word for people and how much that matters.
    pub(crate) fn state(&self, now: i64) -> (&'static str, Option<Severity>) {
        match self.facts.as_ref().map(|facts| Age::of(facts, now)) {
            Err(_) => ("broken", Some(Severity::Error)),
            Ok(Age::Expired) => ("EXPIRED", Some(Severity::Warning)),
            Ok(Age::Early) => ("not yet valid", Some(Severity::Warning)),
            Ok(Age::Ending) => ("ends soon", Some(Severity::Warning)),
            Ok(Age::Good) => ("valid", None),
        }
    }
}

/// The certificates of every TLS server of a snapshot, in its order.
#[must_use]
pub(crate) fn of(snapshot: &Snapshot) -> Vec<Server> {
    let servers = servers(snapshot);
    servers
        .map(|(address, chain, settings)| {
            let ServerTls { certificates, clients, .. } = &**settings;
            let own = certificates.iter().flat_map(|one| {
                let pem = one.read.as_ref().map(|identity| &identity.chain);
                listed(&one.name, pem.map_err(|why| &**why)).into_iter().take(1)
            });
            let authorities = match clients {
                ClientCheck::None => Vec::new(),
                ClientCheck::Verify { authorities, .. } => {
                    listed(&authorities.name, authorities.read.as_ref().map_err(|why| &**why))
                }
            };
            let used_by = format!("{address} {}", chain.names.join(" "));
            Server { used_by, own: own.collect(), authorities }
        })
        .collect()
}

fn listed(source: &str, pem: Result<&Opaque, &str>) -> Vec<Listed> {
    let facts = pem.map_err(str::to_owned).and_then(certificates_in);
    let facts = match facts {
        Ok(all) if all.is_empty() => Err("there is no certificate that can be parsed".to_owned()),
        other => other,
    };
    match facts {
        Ok(all) => {
            let with_source = |facts| Listed { source: source.to_owned(), facts: Ok(facts) };
            all.into_iter().map(with_source).collect()
        }
        Err(why) => vec![Listed { source: source.to_owned(), facts: Err(why) }],
    }
}

/// All of them as Envoy's `/certs` has them. Broken ones are not in it, as they are not there.
#[must_use]
pub(crate) fn envoy_json(snapshot: &Snapshot, now: i64) -> Value {
    let list = |all: &[Listed]| {
        let good = all.iter().filter_map(|one| Some((one, one.facts.as_ref().ok()?)));
        good.map(|(one, facts)| details(&one.source, facts, now)).collect::<Vec<_>>()
    };
    let entries = of(snapshot).into_iter().map(
        |server| json!({ "ca_cert": list(&server.authorities), "cert_chain": list(&server.own) }),
    );
    json!({ "certificates": entries.collect::<Vec<_>>() })
}

fn details(source: &str, facts: &CertificateFacts, now: i64) -> Value {
    let left = moment::days(now, facts.not_after).max(0);
    json!({
        "path": source,
        "serial_number": facts.serial,
        "subject_alt_names": alternative_names(facts),
        // Protobuf writes 64-bit numbers as text.
        "days_until_expiration": left.to_string(),
        "valid_from": moment::text(facts.not_before),
        "expiration_time": moment::text(facts.not_after),
    })
}

/// Envoy lists mailboxes nowhere.
fn alternative_names(facts: &CertificateFacts) -> Vec<Value> {
    let dns = facts.dns.iter().map(|name| json!({ "dns": name }));
    let uris = facts.uris.iter().map(|uri| json!({ "uri": uri }));
    let is_address = |name: &&String| name.parse::<std::net::IpAddr>().is_ok();
    let addresses = facts.others.iter().filter(is_address);
    let addresses = addresses.map(|address| json!({ "ip_address": address }));
    dns.chain(uris).chain(addresses).collect()
}
