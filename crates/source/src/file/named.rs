//! Files that objects name: certificates, keys and lists of TLS servers and of TLS to endpoints,
//! and the workload's own. Reads their bytes for the compiler and notices when they change. It
//! parses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use propylon_model::destination_rule::{ClientTls, ClientTlsMode, TrafficPolicy};
use propylon_model::gateway::{ServerTls, ServerTlsMode, TlsCertificate};
use propylon_model::{
    DestinationRule, FileKey, Files, Labels, SecretBytes, WorkloadEntry, WorkloadFiles, World,
};

/// Which files the objects of a world name, and how they stood when they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedFiles {
    traces: BTreeMap<PathBuf, Trace>,
}

/// What tells that a file is another one than before.
type Trace = Option<(SystemTime, u64)>;

/// Reads the files that the objects of a world name. Absolute paths are looked up below `root`.
/// Total: what cannot be read becomes a sentence.
#[must_use]
pub fn read_named(world: &World, root: Option<&Path>) -> (Files, NamedFiles) {
    let mut files = Files::new();
    let mut named = NamedFiles::default();
    for key in names(world) {
        let place = below(root, &key);
        // The trace first: a change while reading is noticed afterwards.
        named.traces.insert(place.clone(), trace(&place));
        let read = read(&place).map(SecretBytes::new).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file {}", place.display()),
            _ => error.to_string(),
        });
        files.insert(key, read);
    }
    (files, named)
}

impl NamedFiles {
    /// True if one of the files is another one now, or came or went.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.traces.iter().any(|(path, before)| trace(path) != *before)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.traces.len()
    }
}

/// Absolute paths as they are found below another root.
fn below(root: Option<&Path>, key: &FileKey) -> PathBuf {
    let path = match key {
        FileKey::Beside(path) => return path.clone(),
        FileKey::Absolute(path) => path,
    };
    match (root, path.strip_prefix("/")) {
        (Some(root), Ok(inside)) => root.join(inside),
        (None, _) | (_, Err(_)) => path.clone(),
    }
}

fn names(world: &World) -> BTreeSet<FileKey> {
    let mut names = BTreeSet::new();
    for gateway in &world.gateways {
        for tls in gateway.spec.servers.iter().filter_map(|server| server.tls.as_ref()) {
            let written = paths(tls).into_iter().filter(|path| !path.is_empty());
            names.extend(written.map(|path| FileKey::of(&gateway.meta.source, path)));
        }
    }
    for rule in &world.destination_rules {
        for tls in client_settings(&rule.spec) {
            let written = client_paths(tls).into_iter().filter(|path| !path.is_empty());
            names.extend(written.map(|path| FileKey::of(&rule.meta.source, path)));
        }
    }
    if has_mutual_endpoints(world) {
        let own = WorkloadFiles::PLACES.into_iter().flat_map(WorkloadFiles::paths);
        names.extend(own.map(|path| FileKey::Absolute(path.into())));
    }
    names
}

/// True if some endpoint may speak the mesh's mutual TLS without being told to: then the workload's
/// own certificate is wanted.
fn has_mutual_endpoints(world: &World) -> bool {
    let labelled = |labels: &Labels| labels.get(TLS_MODE.0).is_some_and(|mode| mode == TLS_MODE.1);
    let entry = |one: &WorkloadEntry| labelled(&one.labels) || !one.service_account.is_empty();
    world.pods.iter().any(|object| labelled(&object.meta.labels))
        || world.endpoint_slices.iter().any(|object| labelled(&object.meta.labels))
        || world.endpoints.iter().any(|object| labelled(&object.meta.labels))
        || world.service_entries.iter().any(|object| object.spec.endpoints.iter().any(entry))
        || world
            .workload_entries
            .iter()
            .any(|object| labelled(&object.meta.labels) || entry(&object.spec))
}

/// The label of endpoints that speak mutual TLS themselves.
const TLS_MODE: (&str, &str) = ("security.istio.io/tlsMode", "istio");

/// Every TLS setting of a rule: its own, its ports' and its subsets'.
fn client_settings(rule: &DestinationRule) -> impl Iterator<Item = &ClientTls> {
    let subsets = rule.subsets.iter().filter_map(|subset| subset.traffic_policy.as_ref());
    rule.traffic_policy.iter().chain(subsets).flat_map(|policy: &TrafficPolicy| {
        let ports = policy.port_level_settings.iter().filter_map(|port| port.tls.as_ref());
        policy.tls.iter().chain(ports)
    })
}

fn client_paths(tls: &ClientTls) -> Vec<&str> {
    let ClientTls {
        mode,
        client_certificate,
        private_key,
        ca_certificates,
        ca_crl,
        credential_name: _,
        subject_alt_names: _,
        sni: _,
        insecure_skip_verify: _,
    } = tls;
    match mode {
        ClientTlsMode::Disable => Vec::new(),
        ClientTlsMode::IstioMutual => WorkloadFiles::PLACES.map(WorkloadFiles::paths).concat(),
        ClientTlsMode::Simple | ClientTlsMode::Mutual => {
            vec![client_certificate, private_key, ca_certificates, ca_crl]
        }
    }
}

fn paths(tls: &ServerTls) -> Vec<&str> {
    let ServerTls {
        server_certificate,
        private_key,
        ca_certificates,
        ca_crl,
        tls_certificates,
        https_redirect: _,
        mode,
        credential_name: _,
        credential_names: _,
        ca_cert_credential_name: _,
        subject_alt_names: _,
        verify_certificate_spki: _,
        verify_certificate_hash: _,
        min_protocol_version: _,
        max_protocol_version: _,
        cipher_suites: _,
        ecdh_curves: _,
        insecure_skip_verify: _,
    } = tls;
    let mut paths: Vec<&str> = vec![server_certificate, private_key, ca_certificates, ca_crl];
    if *mode == ServerTlsMode::IstioMutual {
        paths.extend(WorkloadFiles::PLACES.map(WorkloadFiles::paths).concat());
    }
    for pair in tls_certificates {
        let TlsCertificate { server_certificate, private_key, ca_certificates } = pair;
        paths.extend([&**server_certificate, private_key, ca_certificates]);
    }
    paths
}

fn trace(path: &Path) -> Trace {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(NAMED_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > NAMED_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {NAMED_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Bytes of one certificate, key or list: room for the largest bundle of public authorities.
const NAMED_BYTES_MAX: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
