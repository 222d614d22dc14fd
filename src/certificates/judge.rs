//! What is wrong with the certificates of TLS servers: broken ones, expired ones, those that soon
//! will be. What could not even be read is the compiler's to report. Remembers what it has parsed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use propylon_model::{FieldPath, Gateway, Object, Problem, Severity};
use propylon_proxy::tls::{self, BadCredential, CertificateFacts};
use propylon_snapshot::{ClientCheck, ObjectName, ServerTls, Serves, Snapshot, Termination};
use propylon_snapshot::{Origin, TlsChain};

use super::moment;

/// The Gateways that problems are told of.
pub(crate) type Gateways = [Arc<Object<Gateway>>];

/// Parsed settings of the servers of the last look.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    known: HashMap<Box<str>, Known>,
}

/// One server's settings, and what came of parsing them.
#[derive(Debug)]
struct Known {
    settings: Arc<ServerTls>,
    outcome: Result<Vec<CertificateFacts>, BadCredential>,
    /// Where it is broken, the certificate before it is shown.
    has_past: bool,
}

impl Known {
    fn new(settings: &Arc<ServerTls>, before: Option<&Self>) -> Self {
        let has_past = before.is_some_and(|before| {
            // Whom to accept is never taken from the past.
            let same = ServerTls {
                certificates: settings.certificates.clone(),
                ..(*before.settings).clone()
            };
            same == **settings && (before.outcome.is_ok() || before.has_past)
        });
        Self { settings: Arc::clone(settings), outcome: tls::inspect(settings), has_past }
    }
}

/// What is wrong with the certificates of a snapshot's servers, judged once.
#[must_use]
pub(crate) fn problems(snapshot: &Snapshot, gateways: &Gateways, now: SystemTime) -> Vec<Problem> {
    Judge::default().look(snapshot, gateways, now)
}

impl Judge {
    /// What is wrong with the certificates of a snapshot's servers. Only those are parsed that the
    /// look before did not have.
    pub(crate) fn look(
        &mut self,
        snapshot: &Snapshot,
        gateways: &Gateways,
        now: SystemTime,
    ) -> Vec<Problem> {
        let mut known = std::mem::take(&mut self.known);
        let mut problems = Vec::new();
        for (address, chain, settings) in servers(snapshot) {
            if !was_read(settings) {
                continue;
            }
            let key: Box<str> = format!("{address} {}", chain.names.join(" ")).into();
            let entry = match known.remove(&key) {
                Some(entry) if *entry.settings == **settings => entry,
                before => Known::new(settings, before.as_ref()),
            };
            let name = &snapshot.objects[chain.origin.object.0 as usize];
            judge(&chain.names, &entry, moment::seconds(now), &mut |severity, message| {
                problems.extend(problem(name, chain.origin, gateways, severity, message));
            });
            self.known.insert(key, entry);
        }
        problems.sort();
        problems.dedup();
        problems
    }
}

/// Every server that ends TLS, with the address of its listener.
pub(super) fn servers(
    snapshot: &Snapshot,
) -> impl Iterator<Item = (&propylon_snapshot::Bind, &TlsChain, &Arc<ServerTls>)> {
    snapshot.listeners.iter().flat_map(|listener| {
        let chains = match &listener.serves {
            Serves::Tls(names) => names.chains(),
            _ => &[],
        };
        chains.iter().filter_map(|chain| match &chain.termination {
            Termination::Terminate(settings) => Some((&listener.bind, chain, settings)),
            Termination::Passthrough => None,
        })
    })
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

fn judge(names: &[Box<str>], known: &Known, now: i64, report: &mut dyn FnMut(Severity, String)) {
    let names = names.join(", ");
    let facts = match &known.outcome {
        Ok(facts) => facts,
        Err(error) => {
            let effect = match known.has_past {
                true => format!("the certificate before it is shown for {names}"),
                false => format!("TLS handshakes for {names} fail"),
            };
            let message = format!("{error}; {effect} until it is mended");
            return report(Severity::Error, message);
        }
    };
    if let Some((list, end)) = tls::revocations_end(&known.settings).filter(|(_, end)| *end < now) {
        report(
            Severity::Error,
            format!(
                "{list}: the revocation list ENDED on {}; the client certificates that it speaks \
                 of are refused by {names} until there is a newer one",
                moment::text(end)
            ),
        );
    }
    for (certificate, facts) in known.settings.certificates.iter().zip(facts) {
        let name = &certificate.name;
        let (from, until) = (moment::text(facts.not_before), moment::text(facts.not_after));
        match Age::of(facts, now) {
            Age::Expired => report(
                Severity::Warning,
                format!(
                    "{name}: the certificate EXPIRED on {until}; it is shown all the same, and \
                     clients that verify it refuse {names}"
                ),
            ),
            Age::Early => report(
                Severity::Warning,
                format!("{name}: the certificate is not valid before {from}"),
            ),
            Age::Ending => report(
                Severity::Warning,
                format!("{name}: the certificate expires soon, on {until}; renew it for {names}"),
            ),
            Age::Good => {}
        }
    }
}

/// What a moment is in a certificate's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// It is not valid yet.
    Early,
    /// It is valid.
    Good,
    /// It ends within [`SOON`], and within the last third of its life: those that live shortly are
    /// renewed late.
    Ending,
    /// It is not valid any more.
    Expired,
}

/// Fourteen days, in seconds: who renews by hand has a chance, and what renews by itself has done
/// so long before.
const SOON: i64 = 14 * 24 * 60 * 60;

impl Age {
    pub(super) fn of(facts: &CertificateFacts, now: i64) -> Self {
        let left = facts.not_after.saturating_sub(now);
        let life = facts.not_after.saturating_sub(facts.not_before);
        if left < 0 {
            Self::Expired
        } else if now < facts.not_before {
            Self::Early
        } else if left < SOON.min(life / 3) {
            Self::Ending
        } else {
            Self::Good
        }
    }
}

fn problem(
    name: &ObjectName,
    origin: Origin,
    gateways: &Gateways,
    severity: Severity,
    message: String,
) -> Option<Problem> {
    let gateway = gateways.iter().find(|gateway| {
        let key = &gateway.meta.key;
        *key.name == *name.name && *key.namespace == *name.namespace
    })?;
    let field = FieldPath::spec().key("servers").index(origin.entry as usize).key("tls");
    Some(Problem::of(severity, CREDENTIAL, gateway, field, message))
}

/// The compiler's code of credentials that cannot be used.
pub(super) const CREDENTIAL: &str = "GW0205";

#[cfg(test)]
mod tests;
