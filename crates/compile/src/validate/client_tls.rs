//! TLS towards endpoints: what each mode needs and excludes.

use propylon_model::destination_rule::{ClientTls, ClientTlsMode};

use super::code;
use super::report::{Findings, Place};

/// How a credential names a ConfigMap.
const CONFIG_MAP: &str = "configmap://";

/// Checks TLS settings of a client.
pub(super) fn check(out: &mut Findings<'_>, place: &Place<'_>, tls: &ClientTls) {
    let ClientTls {
        mode,
        client_certificate,
        private_key,
        ca_certificates,
        credential_name,
        subject_alt_names,
        sni: _,
        insecure_skip_verify,
        ca_crl,
    } = tls;
    check_config_map(out, place, credential_name);
    let own = matches!(mode, ClientTlsMode::Simple | ClientTlsMode::Mutual);
    let unverified = [
        ("caCertificates", !ca_certificates.is_empty()),
        ("subjectAltNames", !subject_alt_names.is_empty()),
        ("credentialName", *mode == ClientTlsMode::Simple && !credential_name.is_empty()),
    ];
    if own && *insecure_skip_verify == Some(true) {
        for (field, _) in unverified.iter().filter(|(_, set)| *set) {
            out.error(
                code::CONFLICT,
                &place.key(field),
                format!("insecureSkipVerify verifies nothing, so `{field}` contradicts it"),
                format!("remove `insecureSkipVerify`, or remove `{field}`"),
            );
        }
    }
    let files = [
        ("clientCertificate", client_certificate),
        ("privateKey", private_key),
        ("caCertificates", ca_certificates),
        ("caCrl", ca_crl),
    ];
    if own && !credential_name.is_empty() {
        for (field, _) in files.iter().filter(|(_, path)| !path.is_empty()) {
            out.error(
                code::CONFLICT,
                &place.key(field),
                format!(
                    "with `credentialName` everything is in the Secret, so `{field}` contradicts it"
                ),
                format!("remove `{field}` or `credentialName`"),
            );
        }
        return;
    }
    if *mode == ClientTlsMode::Mutual {
        for (field, path) in &files[..2] {
            if path.is_empty() {
                out.error(
                    code::TLS,
                    place,
                    format!("MUTUAL shows a client certificate, but `{field}` is missing"),
                    format!("add `{field}:` with a path, or `credentialName:` with a Secret"),
                );
            }
        }
    }
    if *mode == ClientTlsMode::IstioMutual {
        check_mesh(out, place, tls, &files[..3]);
    }
}

fn check_mesh(
    out: &mut Findings<'_>,
    place: &Place<'_>,
    tls: &ClientTls,
    files: &[(&str, &String)],
) {
    let credential = [("credentialName", &tls.credential_name)];
    for (field, _) in files.iter().chain(&credential).filter(|(_, value)| !value.is_empty()) {
        out.error(
            code::TLS,
            &place.key(field),
            format!("ISTIO_MUTUAL uses the mesh's own certificates, so `{field}` contradicts it"),
            format!("remove `{field}`, or write `mode: MUTUAL`"),
        );
    }
}

fn check_config_map(out: &mut Findings<'_>, place: &Place<'_>, credential: &str) {
    let Some(reference) = credential.strip_prefix(CONFIG_MAP) else { return };
    let own = &out.meta().key.namespace;
    let fine = reference.split_once('/').is_some_and(|(namespace, name)| {
        *namespace == **own && !name.is_empty() && !name.contains('/')
    });
    if !fine {
        let help = format!("write `configmap://{own}/name`");
        out.error(
            code::TLS,
            &place.key("credentialName"),
            format!("`{credential}` must name a ConfigMap of namespace {own}"),
            help,
        );
    }
}
