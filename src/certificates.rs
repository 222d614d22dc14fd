//! Certificates as `check` judges them: parsed as the first handshake would, dates included. The
//! serving program parses lazily instead. Knows what is wrong; whether it matters is the caller's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use propylon_model::{FieldPath, Problem, Severity, World};
use propylon_proxy::tls;
use propylon_snapshot::{ClientCheck, ServerTls, Serves, Snapshot, Termination, TlsChain};

/// What is wrong with the certificates that the servers of a snapshot were given. What could not
/// even be read is reported by the compiler.
#[must_use]
pub(crate) fn problems(snapshot: &Snapshot, world: &World, now: SystemTime) -> Vec<Problem> {
    let chains = snapshot.listeners.iter().flat_map(|listener| match &listener.serves {
        Serves::Tls(names) => names.chains(),
        Serves::Http(_) | Serves::Tcp(_) | Serves::Captured(_) | Serves::Proxy(_) => &[],
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
    problems
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
        let (from, until) = (moment(facts.not_before), moment(facts.not_after));
        let certificate = &certificate.name;
        if until < now {
            let date = httpdate::fmt_http_date(until);
            let message = format!("{certificate}: the certificate expired on {date}");
            report(Severity::Warning, message);
        } else if from > now {
            let date = httpdate::fmt_http_date(from);
            let message = format!("{certificate}: the certificate is not valid before {date}");
            report(Severity::Warning, message);
        }
    }
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
