//! TLS towards destinations that begins too rarely or too often: requests in plaintext to a port
//! that speaks HTTPS, and TLS of clients that a DestinationRule wraps in TLS once more.

use propylon_model::destination_rule::ClientTlsMode;
use propylon_model::{Problem, Severity};

use super::code;
use super::index::{Index, Reach};
use super::uses::Use;
use crate::destinations::protocol::Protocol;
use crate::destinations::registry::{Port, Service};
use crate::destinations::traffic_policy::Policy;

/// Checks what routes of this workload send to services.
pub(super) fn check(index: &Index<'_, '_>, uses: &[Use<'_>], out: &mut Vec<Problem>) {
    for one in uses.iter().filter(|one| one.reach == Reach::Here && !one.copy) {
        let namespace = &one.object.meta.key.namespace;
        let Some(service) = index.registry.find_for(&one.host, namespace) else { continue };
        let Some(port) = port(one, service) else { continue };
        let rule = index.rules.find(&service.host, service.namespace);
        let subset = Some(one.destination.subset.as_str()).filter(|name| !name.is_empty());
        let tls = rule.and_then(|rule| Policy::of(rule, port.number, subset).tls);
        let mode = tls.as_ref().map(|(tls, ..)| tls.mode);
        if one.takes("http") {
            // In the mesh endpoints may be spoken to in mutual TLS without being asked for it.
            let outside = !service.is_of_the_mesh();
            if mode.is_none() && port.protocol == Protocol::Tls && outside {
                plaintext(one, service, port, out);
            }
        } else if let Some((settings, rule, field)) = tls
            && one.takes("tls")
            && matches!(settings.mode, ClientTlsMode::Simple | ClientTlsMode::Mutual)
        {
            let problem = twice(one, service, port).note(rule, field, "TLS begins here again");
            out.push(problem);
        }
    }
}

/// The port that a destination means, where that is certain.
fn port<'s>(one: &Use<'_>, service: &'s Service<'_>) -> Option<&'s Port> {
    match (&one.destination.port, service.ports.as_slice()) {
        (Some(chosen), _) => service.port(u16::try_from(chosen.number).ok()?),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

fn plaintext(one: &Use<'_>, service: &Service<'_>, port: &Port, out: &mut Vec<Problem>) {
    let (host, number) = (&service.host, port.number);
    let message = format!(
        "{host} speaks HTTPS on port {number}, and no DestinationRule begins TLS: it gets these \
         requests in plaintext"
    );
    let help = format!(
        "add a DestinationRule for {host} with `portLevelSettings: [{{port: {{number: {number}}}, \
         tls: {{mode: SIMPLE}}}}]`"
    );
    let problem =
        Problem::of(Severity::Warning, code::ORIGINATION, one.object, one.field.clone(), message);
    out.push(problem.help(help));
}

fn twice(one: &Use<'_>, service: &Service<'_>, port: &Port) -> Problem {
    let message = format!(
        "the TLS that clients speak is handed on to {} port {}, whose DestinationRule begins TLS: \
         it gets TLS within TLS",
        service.host, port.number
    );
    let problem =
        Problem::of(Severity::Warning, code::ORIGINATION, one.object, one.field.clone(), message);
    problem.help("let clients speak plaintext to this port, or take `tls` out of the rule")
}

#[cfg(test)]
mod tests;
