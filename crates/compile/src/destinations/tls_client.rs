//! TLS towards the endpoints of one cluster, translated as istiod and Envoy understand a
//! DestinationRule. What has no effect is said; nothing is sent in plaintext that asks for TLS.

use propylon_model::destination_rule::{ClientTls as Written, ClientTlsMode};
use propylon_model::{DestinationRule, FieldPath, Labels, Object, WorkloadFiles};
use propylon_snapshot::{
    Authorities, CipherSuite, ClientTls, Credential, Identity, Offers, Opaque, ServerCheck,
    SniName, TlsGroup,
};

use crate::credential::Vault;
use crate::destinations::registry::{Behind, Service};
use crate::destinations::service_entry;
use crate::problems::{Problems, code};
use crate::selection::selects;
use crate::view::View;

/// The settings that a DestinationRule asks for, and for which cluster.
pub(crate) struct Asked<'a, 'w> {
    pub(crate) written: &'w Written,
    pub(crate) object: &'w Object<DestinationRule>,
    pub(crate) field: &'a FieldPath,
    pub(crate) service: &'a Service<'w>,
    pub(crate) port: u16,
    pub(crate) subset: &'a str,
    /// HTTP/2 is spoken to the endpoints.
    pub(crate) http2: bool,
}

/// The settings of a cluster; `None` for plaintext.
///
/// # Errors
/// Why nothing may be sent.
pub(crate) fn settings(
    asked: &Asked<'_, '_>,
    view: &View<'_>,
    problems: &mut Problems,
) -> Result<Option<ClientTls>, String> {
    let vault = Vault { view, source: &asked.object.meta.source };
    report_idle(asked, problems);
    let mutual = match asked.written.mode {
        ClientTlsMode::Disable => return Ok(None),
        ClientTlsMode::IstioMutual => return mesh(asked, &vault, view).map(Some),
        ClientTlsMode::Simple => false,
        ClientTlsMode::Mutual => true,
    };
    let written = asked.written;
    let secret = Some(written.credential_name.as_str()).filter(|name| !name.is_empty());
    let identity = mutual.then(|| match secret {
        Some(name) => vault.identity_of(name),
        None => vault.identity_in(&written.client_certificate, &written.private_key),
    });
    let field = |file| if secret.is_some() { "credentialName" } else { file };
    if let Some(identity) = &identity {
        report_unread(asked, identity, field("clientCertificate"), problems);
    }
    let servers = servers(asked, &vault, secret, problems);
    let mesh = view.mesh.tls_defaults();
    let suites = mesh.map_or(&[][..], |mesh| &mesh.cipher_suites);
    let groups = mesh.map_or(&[][..], |mesh| &mesh.ecdh_curves);
    Ok(Some(ClientTls {
        identity,
        servers,
        asks_for: match written.sni.as_str() {
            "" => SniName::OfRequest,
            name => SniName::Fixed(name.into()),
        },
        offers: if asked.http2 { Offers::Http2 } else { Offers::Plain },
        cipher_suites: known(suites, CipherSuite::parse),
        groups: known(groups, TlsGroup::parse),
    }))
}

fn servers(
    asked: &Asked<'_, '_>,
    vault: &Vault<'_>,
    secret: Option<&str>,
    problems: &mut Problems,
) -> ServerCheck {
    let written = asked.written;
    if written.insecure_skip_verify == Some(true) {
        return ServerCheck::None;
    }
    let authorities = match (secret, written.ca_certificates.as_str()) {
        (Some(name), _) => Some((vault.authorities_of(name), "credentialName")),
        (None, "") => None,
        (None, path) => Some((vault.list_in(path), "caCertificates")),
    };
    let authorities = match authorities {
        None => Authorities::System,
        Some((listed, field)) => {
            report_unread(asked, &listed, field, problems);
            Authorities::Listed(Box::new(listed))
        }
    };
    let revoked = match (secret, written.ca_crl.as_str()) {
        (Some(name), _) => vault.revoked_of(name),
        (None, "") => None,
        (None, path) => Some(vault.list_in(path)),
    };
    if let Some(revoked) = &revoked {
        report_unread(asked, revoked, "caCrl", problems);
    }
    // The ServiceEntry's names do not take the place of the request's: both must be there.
    let own = &written.subject_alt_names;
    let names = match asked.service.behind {
        Behind::Entry(entry) if own.is_empty() => &entry.spec.subject_alt_names,
        Behind::Entry(_) | Behind::Kubernetes(_) => own,
    };
    ServerCheck::Verify {
        authorities,
        revoked: revoked.map(Box::new),
        names: boxed(names),
        of_request: written.sni.is_empty() && own.is_empty(),
    }
}

/// Mutual TLS with the workload's own certificate, where it is mounted as files.
fn mesh(asked: &Asked<'_, '_>, vault: &Vault<'_>, view: &View<'_>) -> Result<ClientTls, String> {
    let Some((identity, roots)) = workload(vault) else {
        let [first, second] = WorkloadFiles::PLACES.map(|place| place.chain);
        return Err(format!(
            "mode ISTIO_MUTUAL needs the workload's own certificate, and there is neither {first} \
             nor {second} with its key and the mesh's authorities beside it"
        ));
    };
    let Asked { written, service, port, subset, .. } = asked;
    let names = match written.subject_alt_names.as_slice() {
        [] => boxed(&identities(service, view)),
        own => boxed(own),
    };
    let sni = match written.sni.as_str() {
        "" => server_name((service, *port, subset)),
        name => name.to_owned(),
    };
    Ok(mutual((identity, roots), names, sni))
}

/// Mutual TLS with a port and subset of a service, as ISTIO_MUTUAL without further fields; `None`
/// where the workload has no certificate.
pub(crate) fn automatic(
    asked: (&Service<'_>, u16, &str),
    vault: &Vault<'_>,
    view: &View<'_>,
) -> Option<ClientTls> {
    let names = boxed(&identities(asked.0, view));
    Some(mutual(workload(vault)?, names, server_name(asked)))
}

/// What clients of the mesh ask for.
fn server_name((service, port, subset): (&Service<'_>, u16, &str)) -> String {
    format!("outbound_.{port}_.{subset}_.{}", service.host)
}

fn mutual(
    (identity, roots): (Credential<Identity>, Credential<Opaque>),
    names: Vec<Box<str>>,
    sni: String,
) -> ClientTls {
    ClientTls {
        identity: Some(identity),
        servers: ServerCheck::Verify {
            authorities: Authorities::Listed(Box::new(roots)),
            revoked: None,
            names,
            of_request: false,
        },
        asks_for: SniName::Fixed(sni.into()),
        offers: Offers::Mesh,
        cipher_suites: Vec::new(),
        groups: Vec::new(),
    }
}

/// The workload's own certificate and the mesh's authorities, from the first place that has all of
/// them.
pub(crate) fn workload(vault: &Vault<'_>) -> Option<(Credential<Identity>, Credential<Opaque>)> {
    let mut places = WorkloadFiles::PLACES.into_iter();
    places.find_map(|place| {
        let identity = vault.identity_in(place.chain, place.key);
        let roots = vault.list_in(place.roots);
        (identity.read.is_ok() && roots.read.is_ok()).then_some((identity, roots))
    })
}

/// The identities that a service's workloads run as, as far as its objects say so. Where they do
/// not, any identity of the mesh will do.
fn identities(service: &Service<'_>, view: &View<'_>) -> Vec<String> {
    let world = view.world;
    let mut names = Vec::new();
    let namespace = service.namespace;
    let mut accounts: Vec<&str> = Vec::new();
    let pods_of = |labels: &Labels| {
        let pods = world.pods.iter().filter(|pod| *pod.meta.key.namespace == *namespace);
        let labels = labels.clone();
        pods.filter(move |pod| !labels.is_empty() && selects(&labels, &pod.meta.labels))
            .map(|pod| pod.spec.spec.service_account_name.as_str())
    };
    match service.behind {
        Behind::Kubernetes(object) => accounts.extend(pods_of(&object.spec.selector)),
        Behind::Entry(object) => {
            names.extend(object.spec.subject_alt_names.iter().cloned());
            accounts.extend(object.spec.endpoints.iter().map(|one| one.service_account.as_str()));
            if let Some(selector) = &object.spec.workload_selector {
                accounts.extend(pods_of(&selector.labels));
                let entries = world.workload_entries.iter().filter(|entry| {
                    *entry.meta.key.namespace == *namespace
                        && selects(&selector.labels, &service_entry::labels(entry))
                });
                accounts.extend(entries.map(|entry| entry.spec.service_account.as_str()));
            }
        }
    }
    let domain = view.mesh.trust_domain();
    let known = accounts.into_iter().filter(|account| !account.is_empty());
    names.extend(known.map(|account| format!("spiffe://{domain}/ns/{namespace}/sa/{account}")));
    names.sort();
    names.dedup();
    names
}

fn boxed(names: &[String]) -> Vec<Box<str>> {
    names.iter().map(|name| name.as_str().into()).collect()
}

/// Those of the mesh's names that can be offered, each once. The others are reported once for the
/// whole mesh, by `effect`.
pub(crate) fn known<T: PartialEq>(names: &[String], parse: fn(&str) -> Option<T>) -> Vec<T> {
    let mut list = Vec::new();
    for one in names.iter().filter_map(|name| parse(name)) {
        if !list.contains(&one) {
            list.push(one);
        }
    }
    list
}

fn report_unread<T>(
    asked: &Asked<'_, '_>,
    credential: &Credential<T>,
    field: &str,
    problems: &mut Problems,
) {
    let Err(why) = &credential.read else { return };
    let Credential { name, read: _ } = credential;
    // Files say which they are in the reason itself.
    let what = if field == "credentialName" { format!("{name}: {why}") } else { why.to_string() };
    let message = format!(
        "{what}; requests to {} port {} are answered 503 until it can be used",
        asked.service.host, asked.port
    );
    problems.error(code::CREDENTIAL_FILE, asked.object, asked.field.key(field), message);
}

/// Says which fields do nothing in this mode.
fn report_idle(asked: &Asked<'_, '_>, problems: &mut Problems) {
    let Written {
        mode,
        client_certificate,
        private_key,
        ca_certificates,
        credential_name,
        subject_alt_names,
        sni,
        insecure_skip_verify,
        ca_crl,
    } = asked.written;
    let disabled = *mode == ClientTlsMode::Disable;
    let simple = disabled || *mode == ClientTlsMode::Simple;
    let mesh = *mode == ClientTlsMode::IstioMutual;
    let unverified = *insecure_skip_verify == Some(true);
    let idle = [
        ("clientCertificate", simple && !client_certificate.is_empty()),
        ("privateKey", simple && !private_key.is_empty()),
        ("caCertificates", disabled && !ca_certificates.is_empty()),
        ("credentialName", disabled && !credential_name.is_empty()),
        ("subjectAltNames", disabled && !subject_alt_names.is_empty()),
        ("sni", disabled && !sni.is_empty()),
        ("insecureSkipVerify", (disabled || mesh) && unverified),
        ("caCrl", (disabled || mesh || unverified) && !ca_crl.is_empty()),
    ];
    for (field, _) in idle.iter().filter(|(_, idle)| *idle) {
        let beside = if *field == "caCrl" && unverified && !disabled && !mesh {
            "with `insecureSkipVerify`".to_owned()
        } else {
            format!("with mode {}", mode.name())
        };
        let message = format!("`{field}` has no effect {beside}");
        let place = asked.field.key(*field);
        problems.warning(code::NOT_IN_EFFECT, asked.object, place, message);
    }
}

#[cfg(test)]
mod tests;
