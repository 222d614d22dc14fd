//! Secrets that servers name: whether they exist where the gateway looks, with the keys it needs.

use propylon_model::gateway::{ServerTls, ServerTlsMode};
use propylon_model::{FieldPath, Gateway, Object, Problem, Secret, Severity};

use super::code;
use super::index::Index;
use super::nearest::question;

/// The pairs of keys that a server certificate is stored under.
const CERTIFICATE_KEYS: [(&str, &str); 2] = [("cert", "key"), ("tls.crt", "tls.key")];
/// The keys that authorities are stored under.
const AUTHORITY_KEYS: [&str; 2] = ["cacert", "ca.crt"];
/// What the name of a Secret with authorities ends with.
const AUTHORITY_SUFFIX: &str = "-cacert";

/// Checks the servers that this workload opens.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    for gateway in &index.view.world.gateways {
        let name = format!("{}/{}", gateway.meta.key.namespace, gateway.meta.key.name);
        if !index.is_selected(&name) {
            continue;
        }
        for (position, server) in gateway.spec.servers.iter().enumerate() {
            let Some(tls) = &server.tls else { continue };
            let place = FieldPath::spec().key("servers").index(position).key("tls");
            check_server(index, gateway, &place, tls, out);
        }
    }
}

fn check_server(
    index: &Index<'_, '_>,
    gateway: &Object<Gateway>,
    place: &FieldPath,
    tls: &ServerTls,
    out: &mut Vec<Problem>,
) {
    let needs_authority = match tls.mode {
        ServerTlsMode::Simple => false,
        ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual => true,
        ServerTlsMode::Passthrough
        | ServerTlsMode::AutoPassthrough
        | ServerTlsMode::IstioMutual => return,
    };
    let single = [(place.key("credentialName"), &tls.credential_name)];
    let several = tls.credential_names.iter().enumerate();
    let several = several.map(|(at, name)| (place.key("credentialNames").index(at), name));
    for (field, name) in single.into_iter().chain(several) {
        // Other schemes name something that is no Secret of this world.
        if !name.is_empty() && !name.contains("://") && !name.starts_with("file-") {
            let authority = needs_authority && tls.ca_cert_credential_name.is_empty();
            check_secret(index, gateway, &field, name, authority, out);
        }
    }
}

fn check_secret(
    index: &Index<'_, '_>,
    gateway: &Object<Gateway>,
    field: &FieldPath,
    name: &str,
    needs_authority: bool,
    out: &mut Vec<Problem>,
) {
    let problem = |message: String| {
        Problem::of(Severity::Error, code::CREDENTIAL, gateway, field.clone(), message)
    };
    let Some(secret) = find(index, name) else {
        let namespace = &index.view.options.namespace;
        let message = format!(
            "Secret {namespace}/{name} does not exist, so TLS handshakes fail until it does"
        );
        return out.push(problem(message).help(missing_advice(index, name)));
    };
    let has = |key: &str| secret.spec.data.get(key).is_some_and(|value| !value.reveal().is_empty());
    let pair = CERTIFICATE_KEYS.iter().any(|(chain, key)| has(chain) && has(key));
    if !pair {
        let keys: Vec<_> = secret.spec.data.keys().map(String::as_str).collect();
        let message = format!(
            "Secret {name} has no certificate and key, so TLS handshakes fail; its keys are: {}",
            if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
        );
        let help = "put them under `tls.crt` and `tls.key`, or `cert` and `key`";
        return out.push(problem(message).help(help).note(secret, FieldPath::root(), "the Secret"));
    }
    let separate = find(index, &format!("{name}{AUTHORITY_SUFFIX}"));
    let authority = AUTHORITY_KEYS.iter().any(|key| has(key)) || separate.is_some();
    if needs_authority && !authority {
        let message = format!(
            "Secret {name} has no authority to verify client certificates with, so no client can \
             connect"
        );
        let help = format!("put it under `ca.crt`, or into a Secret {name}{AUTHORITY_SUFFIX}");
        out.push(problem(message).help(help));
    }
}

/// Istio looks for Secrets in the namespace of the gateway workload.
fn find<'w>(index: &Index<'_, 'w>, name: &str) -> Option<&'w Object<Secret>> {
    index.view.secret(name)
}

fn missing_advice(index: &Index<'_, '_>, name: &str) -> String {
    let secrets = &index.view.world.secrets;
    let namespace = &index.view.options.namespace;
    if let Some(other) = secrets.iter().find(|secret| *secret.meta.key.name == *name) {
        return format!(
            "Secrets are looked up in the gateway's namespace, {namespace}, and this one is in {}: \
             move it, or start with --namespace {}",
            other.meta.key.namespace, other.meta.key.namespace
        );
    }
    let own = secrets.iter().filter(|secret| *secret.meta.key.namespace == **namespace);
    question(name, own.map(|secret| &*secret.meta.key.name)).unwrap_or_else(|| {
        format!(
            "add a Secret `{name}` of type kubernetes.io/tls to namespace {namespace}, or name \
             files with `serverCertificate` and `privateKey`"
        )
    })
}

#[cfg(test)]
mod tests;
