//! Finds what a TLS server or client shows and trusts: bytes of Secrets in the gateway's namespace,
//! or of files. It looks in Istio's places and keys; it parses nothing.

use propylon_model::gateway::{ServerTls, TlsCertificate};
use propylon_model::{Object, Secret, SecretBytes, Source};
use propylon_snapshot::{Credential, Identity, Opaque};

use crate::view::View;

/// The pairs of keys that a server certificate is stored under, in Istio's order.
const CERTIFICATE_KEYS: [(&str, &str); 2] = [("cert", "key"), ("tls.crt", "tls.key")];
/// The keys that authorities are stored under.
const AUTHORITY_KEYS: [&str; 2] = ["cacert", "ca.crt"];
/// The keys that revocation lists are stored under.
const REVOCATION_KEYS: [&str; 2] = ["crl", "ca.crl"];
/// The key of an OCSP response in DER.
const STAPLE_KEY: &str = "tls.ocsp-staple";
/// What the name of a Secret with authorities ends with.
const AUTHORITY_SUFFIX: &str = "-cacert";
/// Istio offers at most one certificate for each of two key types.
const CERTIFICATES_MAX: usize = 2;

/// Where a server's credentials are looked up.
pub(crate) struct Vault<'w> {
    /// The world, and the namespace of the gateway workload, which has its Secrets.
    pub(crate) view: &'w View<'w>,
    /// Where the object was written, for relative paths.
    pub(crate) source: &'w Source,
}

impl Vault<'_> {
    /// The server's certificates: of exactly one source, as validation makes sure.
    pub(crate) fn identities(&self, tls: &ServerTls) -> Vec<Credential<Identity>> {
        let names = secret_names(tls);
        if !names.is_empty() {
            return names.into_iter().map(|name| self.identity_of(name)).collect();
        }
        if !tls.tls_certificates.is_empty() {
            let pairs = tls.tls_certificates.iter().take(CERTIFICATES_MAX);
            return pairs
                .map(|TlsCertificate { server_certificate, private_key, ca_certificates: _ }| {
                    self.identity_in(server_certificate, private_key)
                })
                .collect();
        }
        vec![self.identity_in(&tls.server_certificate, &tls.private_key)]
    }

    /// The authorities for client certificates: a Secret of their own first, then those beside
    /// the server's certificate.
    pub(crate) fn authorities(&self, tls: &ServerTls) -> Credential<Opaque> {
        if !tls.ca_cert_credential_name.is_empty() {
            return self.authorities_of(&tls.ca_cert_credential_name);
        }
        if let Some(name) = secret_names(tls).first() {
            return self.authorities_of(name);
        }
        let beside = tls.tls_certificates.iter().map(|pair| &pair.ca_certificates);
        let mut paths = std::iter::once(&tls.ca_certificates).chain(beside);
        let path = paths.find(|path| !path.is_empty());
        self.list_in(path.map_or("", String::as_str))
    }

    /// Revocation lists, if any are named.
    pub(crate) fn revoked(&self, tls: &ServerTls) -> Option<Credential<Opaque>> {
        if !tls.ca_crl.is_empty() {
            return Some(self.list_in(&tls.ca_crl));
        }
        self.revoked_of(secret_names(tls).first()?)
    }

    /// Revocation lists of a Secret, or of the one with authorities beside it.
    pub(crate) fn revoked_of(&self, name: &str) -> Option<Credential<Opaque>> {
        let separate = self.secret(&format!("{name}{AUTHORITY_SUFFIX}"));
        let secrets = separate.into_iter().chain(self.secret(name));
        let mut found = secrets.filter_map(|secret| {
            let bytes = first_of(secret, &REVOCATION_KEYS)?;
            Some(Credential { name: secret_name(secret), read: Ok(opaque(bytes)) })
        });
        found.next()
    }

    /// The certificate and key of a Secret.
    pub(crate) fn identity_of(&self, name: &str) -> Credential<Identity> {
        let full = format!("Secret {}/{}", self.view.namespace(), bare(name));
        let Some(secret) = self.secret(name) else {
            return Credential { name: full.into(), read: Err("it does not exist".into()) };
        };
        let has = |key: &str| content(secret, key);
        let mut pairs = CERTIFICATE_KEYS.iter();
        let pair = pairs.find_map(|(chain, key)| Some((has(chain)?, has(key)?)));
        let read = match pair {
            None => Err("it has no certificate and key".into()),
            Some((chain, key)) => Ok(Identity {
                chain: opaque(chain),
                key: opaque(key),
                ocsp: has(STAPLE_KEY).map(opaque),
            }),
        };
        Credential { name: full.into(), read }
    }

    /// The certificate and key of two files.
    pub(crate) fn identity_in(&self, chain: &str, key: &str) -> Credential<Identity> {
        let read = |path: &str| self.file(path);
        let both = read(chain).and_then(|chain| Ok((chain, read(key)?)));
        Credential {
            name: format!("{chain} and {key}").into(),
            read: both.map(|(chain, key)| Identity { chain, key, ocsp: None }),
        }
    }

    /// The authorities of a Secret, or of the one beside it that is made for them.
    pub(crate) fn authorities_of(&self, name: &str) -> Credential<Opaque> {
        if let Some(place) = name.strip_prefix("configmap://") {
            return self.authorities_in_config_map(place);
        }
        let separate = self.secret(&format!("{name}{AUTHORITY_SUFFIX}"));
        let candidates = separate.into_iter().chain(self.secret(name));
        for secret in candidates {
            if let Some(bytes) = first_of(secret, &AUTHORITY_KEYS) {
                return Credential { name: secret_name(secret), read: Ok(opaque(bytes)) };
            }
        }
        let name = format!("Secret {}/{}", self.view.namespace(), bare(name));
        Credential { name: name.into(), read: Err("it has no authorities (`ca.crt`)".into()) }
    }

    fn authorities_in_config_map(&self, place: &str) -> Credential<Opaque> {
        let (namespace, name) = place.split_once('/').unwrap_or((self.view.namespace(), place));
        let full: Box<str> = format!("ConfigMap {namespace}/{name}").into();
        let maps = self.view.world.config_maps.iter();
        let mut found =
            maps.filter(|map| *map.meta.key.name == *name && *map.meta.key.namespace == *namespace);
        let text = found.next().map(|map| {
            AUTHORITY_KEYS.iter().find_map(|key| map.spec.data.get(*key)).map(String::as_bytes)
        });
        let read = match text {
            None => Err("it does not exist".into()),
            Some(None) => Err("it has no authorities (`ca.crt`)".into()),
            Some(Some(text)) => Ok(Opaque::new(text)),
        };
        Credential { name: full, read }
    }

    /// The authorities or lists of a file.
    pub(crate) fn list_in(&self, path: &str) -> Credential<Opaque> {
        Credential { name: path.into(), read: self.file(path) }
    }

    fn file(&self, path: &str) -> Result<Opaque, Box<str>> {
        if path.is_empty() {
            return Err("no path is given".into());
        }
        let read = self.view.world.file(self.source, path);
        read.map(opaque).map_err(|why| format!("{path} cannot be read: {why}").into())
    }

    /// Istio looks for Secrets in the namespace of the gateway workload.
    fn secret(&self, name: &str) -> Option<&Object<Secret>> {
        self.view.secret(bare(name))
    }
}

/// The Secrets that a server names; at most two count.
pub(crate) fn secret_names(tls: &ServerTls) -> Vec<&str> {
    if tls.credential_name.is_empty() {
        tls.credential_names.iter().map(String::as_str).take(CERTIFICATES_MAX).collect()
    } else {
        vec![&tls.credential_name]
    }
}

/// `kubernetes://name` means the Secret `name`.
fn bare(name: &str) -> &str {
    name.strip_prefix("kubernetes://").unwrap_or(name)
}

fn secret_name(secret: &Object<Secret>) -> Box<str> {
    secret.meta.key.to_string().into()
}

fn first_of<'s>(secret: &'s Object<Secret>, keys: &[&str]) -> Option<&'s SecretBytes> {
    keys.iter().find_map(|key| content(secret, key))
}

fn content<'s>(secret: &'s Object<Secret>, key: &str) -> Option<&'s SecretBytes> {
    secret.spec.data.get(key).filter(|bytes| !bytes.reveal().is_empty())
}

fn opaque(bytes: &SecretBytes) -> Opaque {
    Opaque::new(bytes.reveal())
}
