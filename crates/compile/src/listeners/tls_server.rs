//! TLS settings of one server, translated: Istio's defaults, the mesh's, the server's own. What the
//! gateway cannot do is said; a server is never served with less protection than it asks for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use propylon_model::gateway::{ServerTls as Written, ServerTlsMode, TlsProtocol};
use propylon_model::mesh_config::MeshTlsProtocol;
use propylon_model::{FieldPath, WorkloadFiles};
use propylon_snapshot::{
    CipherSuite, ClientCheck, Credential, Identity, Opaque, ServerTls, TlsGroup, TlsVersion,
};

use crate::credential::{Vault, secret_names};
use crate::destinations::tls_client::{known as parsed, workload};
use crate::listeners::gateway::OpenServer;
use crate::problems::{Problems, code};
use crate::view::View;

/// The settings of a server that ends TLS.
///
/// # Errors
/// Why it must stay closed.
pub(crate) fn settings(
    server: &OpenServer<'_>,
    written: &Written,
    view: &View<'_>,
    problems: &mut Problems,
) -> Result<ServerTls, String> {
    let place = server.field().key("tls");
    let vault = Vault { view, source: &server.gateway.meta.source };
    if written.mode == ServerTlsMode::IstioMutual {
        return Ok(mesh(server, written, (&vault, view), &place, problems));
    }
    let (min_version, max_version) = versions(server, written, view, &place, problems)?;
    let certificates = vault.identities(written);
    if secret_names(written).is_empty() {
        for certificate in &certificates {
            report_unread(server, certificate, &place, problems);
        }
    }
    let clients = clients(server, written, &vault, &place, problems)?;
    let mesh = view.mesh.tls_defaults();
    let suites = chosen(&written.cipher_suites, mesh.map(|mesh| &mesh.cipher_suites));
    let groups = chosen(&written.ecdh_curves, mesh.map(|mesh| &mesh.ecdh_curves));
    let cipher_suites = known(
        (suites, CipherSuite::parse, "cipher suite"),
        (server, &place.key("cipherSuites")),
        problems,
    );
    let groups = known(
        (groups, TlsGroup::parse, "key exchange group"),
        (server, &place.key("ecdhCurves")),
        problems,
    );
    let min_version = lowest(min_version, suites, &cipher_suites);
    if min_version > max_version {
        return Err("none of its cipher suites can be offered".to_owned());
    }
    Ok(ServerTls { certificates, clients, min_version, max_version, cipher_suites, groups })
}

/// The lowest version that is offered: without a suite of those that are asked for there is no TLS
/// 1.2. TLS 1.3 has suites of its own, which cannot be configured.
fn lowest(version: TlsVersion, asked: &[String], offered: &[CipherSuite]) -> TlsVersion {
    if !asked.is_empty() && offered.is_empty() { TlsVersion::V1_3 } else { version }
}

/// Mutual TLS with the workload's own certificate, for clients with one of the same authorities. As
/// in Istio, any identity of the mesh is accepted where `subjectAltNames` names none: the trust
/// domain is the authorities' to guard. The mesh's settings hold, not the server's.
fn mesh(
    server: &OpenServer<'_>,
    written: &Written,
    (vault, view): (&Vault<'_>, &View<'_>),
    place: &FieldPath,
    problems: &mut Problems,
) -> ServerTls {
    report_idle(server, written, place, problems);
    let (identity, roots) = workload(vault).unwrap_or_else(nowhere);
    report_unread(server, &identity, place, problems);
    let revoked = Some(written.ca_crl.as_str()).filter(|path| !path.is_empty());
    let revoked = revoked.map(|path| vault.list_in(path));
    if let Some(revoked) = &revoked {
        report_unread(server, revoked, place, problems);
    }
    let mesh = view.mesh.mutual_tls();
    let suites = mesh.map_or(&[][..], |mesh| &mesh.cipher_suites);
    // Those that cannot be offered are reported once for the whole mesh, by `effect`.
    let cipher_suites = parsed(suites, CipherSuite::parse);
    let min_version = match mesh.map(|mesh| mesh.min_protocol_version) {
        Some(MeshTlsProtocol::V1_3) => TlsVersion::V1_3,
        Some(MeshTlsProtocol::V1_2 | MeshTlsProtocol::Auto) | None => TlsVersion::V1_2,
    };
    ServerTls {
        certificates: vec![identity],
        clients: ClientCheck::Verify {
            required: true,
            authorities: Box::new(roots),
            revoked: revoked.map(Box::new),
            names: written.subject_alt_names.iter().map(|name| name.as_str().into()).collect(),
            keys: Vec::new(),
            certificates: Vec::new(),
            accept_unverified: written.insecure_skip_verify == Some(true),
        },
        min_version: lowest(min_version, suites, &cipher_suites),
        max_version: TlsVersion::V1_3,
        cipher_suites,
        groups: Vec::new(),
    }
}

/// The workload's certificate where it is in none of its places.
fn nowhere() -> (Credential<Identity>, Credential<Opaque>) {
    let [first, second] = WorkloadFiles::PLACES;
    let why: Box<str> = format!(
        "mode ISTIO_MUTUAL needs the workload's own certificate, and there is neither {} nor {} \
         with its key and the mesh's authorities beside it",
        first.chain, second.chain
    )
    .into();
    let name: Box<str> = "the workload's own certificate".into();
    (Credential { name: name.clone(), read: Err(why.clone()) }, Credential { name, read: Err(why) })
}

/// Says which fields are not looked at in mode ISTIO_MUTUAL. Those that name certificates are
/// refused by validation.
fn report_idle(
    server: &OpenServer<'_>,
    written: &Written,
    place: &FieldPath,
    problems: &mut Problems,
) {
    let idle = [
        ("minProtocolVersion", written.min_protocol_version != TlsProtocol::Auto),
        ("maxProtocolVersion", written.max_protocol_version != TlsProtocol::Auto),
        ("cipherSuites", !written.cipher_suites.is_empty()),
        ("ecdhCurves", !written.ecdh_curves.is_empty()),
        ("caCertCredentialName", !written.ca_cert_credential_name.is_empty()),
        ("verifyCertificateSpki", !written.verify_certificate_spki.is_empty()),
        ("verifyCertificateHash", !written.verify_certificate_hash.is_empty()),
    ];
    for (field, _) in idle.iter().filter(|(_, idle)| *idle) {
        let message = format!("`{field}` has no effect with mode ISTIO_MUTUAL");
        problems.warning(code::NOT_IN_EFFECT, server.gateway, place.key(*field), message);
    }
}

/// The server's own list, or the mesh's where it has none.
fn chosen<'w>(own: &'w [String], mesh: Option<&'w Vec<String>>) -> &'w [String] {
    if own.is_empty() { mesh.map_or(&[], Vec::as_slice) } else { own }
}

/// Names, what makes a setting of one, and what such a setting is called.
type Wanted<'a, T> = (&'a [String], fn(&str) -> Option<T>, &'a str);

/// Those of the named things that can be served, each once; the others are reported.
fn known<T: PartialEq>(
    (names, parse, what): Wanted<'_, T>,
    (server, place): (&OpenServer<'_>, &FieldPath),
    problems: &mut Problems,
) -> Vec<T> {
    let mut list = Vec::new();
    for name in names {
        match parse(name) {
            Some(one) if !list.contains(&one) => list.push(one),
            Some(_) => {}
            None => {
                let message = format!(
                    "{what} `{name}` is not offered: this gateway's TLS library does not have it"
                );
                problems.warning(code::TLS_LIMIT, server.gateway, place.clone(), message);
            }
        }
    }
    list
}

fn versions(
    server: &OpenServer<'_>,
    written: &Written,
    view: &View<'_>,
    place: &FieldPath,
    problems: &mut Problems,
) -> Result<(TlsVersion, TlsVersion), String> {
    let mesh = view.mesh.tls_defaults().map(|mesh| mesh.min_protocol_version);
    let min = match (written.min_protocol_version, mesh) {
        (TlsProtocol::V1_3, _) | (TlsProtocol::Auto, Some(MeshTlsProtocol::V1_3)) => {
            TlsVersion::V1_3
        }
        (TlsProtocol::V1_0 | TlsProtocol::V1_1, _) => {
            let message = "TLS 1.0 and 1.1 are not offered: clients need TLS 1.2 (RFC 8996)";
            let field = place.key("minProtocolVersion");
            problems.warning(code::TLS_LIMIT, server.gateway, field, message);
            TlsVersion::V1_2
        }
        (TlsProtocol::V1_2 | TlsProtocol::Auto, _) => TlsVersion::V1_2,
    };
    let max = match written.max_protocol_version {
        TlsProtocol::Auto | TlsProtocol::V1_3 => TlsVersion::V1_3,
        TlsProtocol::V1_2 => TlsVersion::V1_2,
        TlsProtocol::V1_0 | TlsProtocol::V1_1 => {
            return Err("its highest TLS version is older than 1.2, which is not offered".into());
        }
    };
    if min > max {
        return Err("its lowest TLS version is higher than its highest".to_owned());
    }
    Ok((min, max))
}

fn clients(
    server: &OpenServer<'_>,
    written: &Written,
    vault: &Vault<'_>,
    place: &FieldPath,
    problems: &mut Problems,
) -> Result<ClientCheck, String> {
    let required = match written.mode {
        ServerTlsMode::Mutual => true,
        ServerTlsMode::OptionalMutual => false,
        ServerTlsMode::Simple => return Ok(ClientCheck::None),
        // Asked for servers of other modes only.
        ServerTlsMode::Passthrough
        | ServerTlsMode::AutoPassthrough
        | ServerTlsMode::IstioMutual => {
            return Err(format!("mode {} verifies no clients here", written.mode.name()));
        }
    };
    let authorities = vault.authorities(written);
    if secret_names(written).is_empty() {
        report_unread(server, &authorities, place, problems);
    }
    let revoked = vault.revoked(written);
    if let Some(revoked) = &revoked {
        report_unread(server, revoked, place, problems);
    }
    Ok(ClientCheck::Verify {
        required,
        authorities: Box::new(authorities),
        revoked: revoked.map(Box::new),
        names: written.subject_alt_names.iter().map(|name| name.as_str().into()).collect(),
        keys: hashes(&written.verify_certificate_spki, base64_hash)?,
        certificates: hashes(&written.verify_certificate_hash, hex_hash)?,
        accept_unverified: written.insecure_skip_verify == Some(true),
    })
}

fn report_unread<T>(
    server: &OpenServer<'_>,
    credential: &Credential<T>,
    place: &FieldPath,
    problems: &mut Problems,
) {
    if let Err(why) = &credential.read {
        let hosts = server.server.hosts.join(", ");
        let message = format!("{why}; TLS handshakes for {hosts} fail until it can be used");
        problems.error(code::CREDENTIAL_FILE, server.gateway, place.clone(), message);
    }
}

fn hashes(
    written: &[String],
    parse: fn(&str) -> Option<[u8; 32]>,
) -> Result<Vec<[u8; 32]>, String> {
    let parsed = written.iter().map(|text| {
        parse(text).ok_or_else(|| format!("`{text}` is no SHA-256 of a certificate or key"))
    });
    parsed.collect()
}

/// 64 hexadecimal digits, with or without colons.
fn hex_hash(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.bytes().filter(|byte| *byte != b':').map(hex_digit).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |a, b| a << 4 | b)).collect();
    (digits.len() == 64).then(|| bytes.try_into().ok()).flatten()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// 32 bytes in base64 with padding.
fn base64_hash(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests;
