//! TLS settings of a Gateway's server: exactly one source of certificates, and what each mode
//! needs.

use std::collections::HashSet;

use propylon_model::gateway::{ServerTls, ServerTlsMode, TlsCertificate, TlsProtocol};

use super::code;
use super::report::{Findings, Place};

/// Istio offers at most one certificate for each of two key types.
const CERTIFICATES_MAX: usize = 2;

/// The cipher suites of Istio's API.
const CIPHER_SUITES: [&str; 15] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
];

/// Checks a server's TLS settings by themselves, whatever the port's protocol.
pub(super) fn check(out: &mut Findings<'_>, place: &Place<'_>, tls: &ServerTls) {
    check_protocol(out, place, tls);
    check_ciphers(out, place, tls);
    match tls.mode {
        ServerTlsMode::IstioMutual => check_mesh_certificates(out, place, tls),
        ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough => {
            check_passthrough(out, place, tls);
            check_one_source(out, place, tls);
        }
        ServerTlsMode::Simple | ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual => {
            check_one_source(out, place, tls);
            check_termination(out, place, tls);
        }
    }
}

fn check_protocol(out: &mut Findings<'_>, place: &Place<'_>, tls: &ServerTls) {
    let old = matches!(tls.min_protocol_version, TlsProtocol::V1_0 | TlsProtocol::V1_1);
    if old && tls.cipher_suites.is_empty() {
        out.warning(
            code::TLS,
            &place.key("minProtocolVersion"),
            "the default cipher suites need TLS 1.2, so older clients still cannot connect",
            "raise it to TLSV1_2, or name old suites in `cipherSuites`",
        );
    }
}

fn check_ciphers(out: &mut Findings<'_>, place: &Place<'_>, tls: &ServerTls) {
    let list = place.key("cipherSuites");
    let mut seen = HashSet::new();
    for (position, suite) in tls.cipher_suites.iter().enumerate() {
        let here = list.index(position);
        if !CIPHER_SUITES.contains(&suite.as_str()) {
            out.warning(
                code::VALUE,
                &here,
                format!("cipher suite `{suite}` is not known and is ignored"),
                format!("write OpenSSL's name, such as `{}`", CIPHER_SUITES[0]),
            );
        } else if !seen.insert(suite) {
            out.warning(
                code::DUPLICATE,
                &here,
                format!("cipher suite `{suite}` is named twice; the second is ignored"),
                "remove it",
            );
        }
    }
}

/// The fields that carry certificates, with whether each is set.
fn certificate_fields(tls: &ServerTls) -> [(&'static str, bool); 6] {
    [
        ("serverCertificate", !tls.server_certificate.is_empty()),
        ("privateKey", !tls.private_key.is_empty()),
        ("caCertificates", !tls.ca_certificates.is_empty()),
        ("tlsCertificates", !tls.tls_certificates.is_empty()),
        ("credentialName", !tls.credential_name.is_empty()),
        ("credentialNames", !tls.credential_names.is_empty()),
    ]
}

fn check_mesh_certificates(out: &mut Findings<'_>, place: &Place<'_>, tls: &ServerTls) {
    for (field, set) in certificate_fields(tls) {
        if set {
            out.error(
                code::TLS,
                &place.key(field),
                format!(
                    "ISTIO_MUTUAL uses the mesh's own certificates, so `{field}` contradicts it"
                ),
                format!("remove `{field}`, or write `mode: MUTUAL`"),
            );
        }
    }
}

fn check_passthrough(out: &mut Findings<'_>, place: &Place<'_>, tls: &ServerTls) {
    let crl = [("caCrl", !tls.ca_crl.is_empty())];
    for (field, set) in certificate_fields(tls).into_iter().chain(crl) {
        if set {
            out.warning(
                code::NO_EFFECT,
                &place.key(field),
                format!(
                    "{} does not decrypt, so `{field}` is ignored and HTTP routes are never used",
                    tls.mode.name()
                ),
                "write `mode: SIMPLE` to terminate TLS here",
            );
        }
    }
}

fn check_one_source(out: &mut Findings<'_>, place: &Place<'_>, tls: &ServerTls) {
    let files = !tls.server_certificate.is_empty() && !tls.private_key.is_empty();
    let sources = [
        ("serverCertificate", files),
        ("credentialName", !tls.credential_name.is_empty()),
        ("credentialNames", !tls.credential_names.is_empty()),
        ("tlsCertificates", !tls.tls_certificates.is_empty()),
    ];
    let named: Vec<_> = sources.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    if let [first, second, ..] = named[..] {
        out.error(
            code::CONFLICT,
            &place.key(second),
            format!("`{first}` and `{second}` both give the server certificate"),
            format!("keep one of them: {}", named.join(", ")),
        );
    }
}

fn check_termination(out: &mut Findings<'_>, place: &Place<'_>, tls: &ServerTls) {
    let from_secret = !tls.credential_name.is_empty() || !tls.credential_names.is_empty();
    if from_secret {
        return check_secret_fields(out, place, tls);
    }
    let mode = tls.mode.name();
    if tls.mode != ServerTlsMode::Simple && tls.ca_certificates.is_empty() {
        out.error(
            code::TLS,
            place,
            format!("{mode} verifies client certificates, but no authority is given"),
            "add `caCertificates:` with the path of the authorities, or use `credentialName`",
        );
    }
    if tls.tls_certificates.is_empty() {
        check_pair(out, place, mode, &tls.server_certificate, &tls.private_key);
    }
    if tls.tls_certificates.len() > CERTIFICATES_MAX {
        out.warning(
            code::TLS,
            &place.key("tlsCertificates"),
            format!("only the first {CERTIFICATES_MAX} certificates are offered"),
            "keep one RSA and one ECDSA certificate",
        );
    }
    let list = place.key("tlsCertificates");
    for (position, certificate) in tls.tls_certificates.iter().enumerate() {
        let TlsCertificate { server_certificate, private_key, ca_certificates: _ } = certificate;
        check_pair(out, &list.index(position), mode, server_certificate, private_key);
    }
    if !tls.ca_crl.is_empty() && tls.mode == ServerTlsMode::Simple {
        out.error(
            code::TLS,
            &place.key("caCrl"),
            "SIMPLE asks for no client certificate, so there is nothing to revoke",
            "write `mode: MUTUAL`, or remove `caCrl`",
        );
    }
}

fn check_secret_fields(out: &mut Findings<'_>, place: &Place<'_>, tls: &ServerTls) {
    if tls.credential_names.len() > CERTIFICATES_MAX {
        out.warning(
            code::TLS,
            &place.key("credentialNames"),
            format!("only the first {CERTIFICATES_MAX} Secrets are used"),
            "keep one RSA and one ECDSA certificate",
        );
    }
    if !tls.ca_crl.is_empty() && !tls.credential_name.is_empty() {
        out.error(
            code::TLS,
            &place.key("caCrl"),
            "with `credentialName` the revocation list is part of the Secret",
            "put it under the key `ca.crl` of the Secret and remove `caCrl`",
        );
    }
}

fn check_pair(out: &mut Findings<'_>, place: &Place<'_>, mode: &str, chain: &str, key: &str) {
    for (field, value, what) in
        [("serverCertificate", chain, "certificate"), ("privateKey", key, "private key")]
    {
        if value.is_empty() {
            out.error(
                code::TLS,
                place,
                format!("{mode} terminates TLS here, but no server {what} is given"),
                format!("add `credentialName:` with a Secret, or `{field}:` with a path"),
            );
        }
    }
}
