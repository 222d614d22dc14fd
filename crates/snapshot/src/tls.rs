//! TLS settings of servers and towards endpoints: certificates as they were read, whom to accept,
//! which versions.
//! Bytes are carried, compared and never shown; the data plane parses them when they are needed.

use std::fmt;
use std::sync::Arc;

/// Bytes that nobody prints: they may hold a private key. Compared by content.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Opaque(Arc<[u8]>);

impl Opaque {
    /// Takes bytes in.
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for those who parse them. Never to be printed.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

/// Says how many bytes there are, and nothing of them.
impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

/// How a server terminates TLS (Istio's `ServerTLSSettings`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// Certificates of different key types, of which the client's abilities choose; one or two.
    pub certificates: Vec<Credential<Identity>>,
    /// Whether and how client certificates are verified.
    pub clients: ClientCheck,
    /// The lowest version.
    pub min_version: TlsVersion,
    /// The highest version.
    pub max_version: TlsVersion,
    /// TLS 1.2 suites in order of preference; empty: all that are secure. TLS 1.3 is not affected.
    pub cipher_suites: Vec<CipherSuite>,
    /// Key exchange groups in order of preference; empty: the default ones.
    pub groups: Vec<TlsGroup>,
}

/// How the endpoints of a cluster are spoken to in TLS 1.2 and 1.3 (Istio's `ClientTLSSettings`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// The certificate that is shown to endpoints that ask for one.
    pub identity: Option<Credential<Identity>>,
    /// Whether and how endpoints' certificates are verified.
    pub servers: ServerCheck,
    /// The server name that is asked for.
    pub asks_for: SniName,
    /// The protocols that are offered.
    pub offers: Offers,
    /// TLS 1.2 suites in order of preference; empty: all that are secure. TLS 1.3 is not affected.
    pub cipher_suites: Vec<CipherSuite>,
    /// Key exchange groups in order of preference; empty: the default ones.
    pub groups: Vec<TlsGroup>,
}

/// Which endpoints are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCheck {
    /// All of them, whatever they show (`insecureSkipVerify`).
    None,
    /// Those whose certificate verifies.
    Verify {
        /// Who signs acceptable certificates.
        authorities: Authorities,
        /// Revocation lists in PEM.
        revoked: Option<Box<Credential<Opaque>>>,
        /// One of these must be among the certificate's alternative names; empty: any.
        names: Vec<Box<str>>,
        /// The request's host must be among them too (Envoy's `auto_san_validation`).
        of_request: bool,
    },
}

/// Who signs acceptable certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorities {
    /// The roots that the operating system trusts.
    System,
    /// These, in PEM.
    Listed(Box<Credential<Opaque>>),
}

/// The server name of a handshake (SNI).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SniName {
    /// Always this one.
    Fixed(Box<str>),
    /// The host of the request as it is sent up (Envoy's `auto_sni`); none where the bytes are no
    /// requests.
    OfRequest,
}

/// The application protocols of a handshake (ALPN).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Offers {
    /// `h2` where HTTP/2 is spoken, else none.
    #[default]
    Plain,
    /// `h2`, whatever is spoken: the port is one of HTTP/2.
    Http2,
    /// Those by which Istio's sidecars know each other, by what is spoken.
    Mesh,
}

/// Something that a Secret or files hold, or why they do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential<T> {
    /// For people: `Secret istio-system/web`, or the paths of the files.
    pub name: Box<str>,
    /// What was read, or what is wrong: handshakes fail then, for this server's names only.
    pub read: Result<T, Box<str>>,
}

/// A certificate with its key, as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain in PEM, the server's own certificate first.
    pub chain: Opaque,
    /// The private key in PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: Opaque,
    /// An OCSP response to staple, in DER.
    pub ocsp: Option<Opaque>,
}

/// Whom a server accepts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClientCheck {
    /// Everybody; no certificate is asked for (SIMPLE).
    #[default]
    None,
    /// Those who can show a certificate that verifies.
    Verify {
        /// A client without certificate is refused (MUTUAL), or accepted (OPTIONAL_MUTUAL).
        required: bool,
        /// The certificates of the authorities, in PEM.
        authorities: Box<Credential<Opaque>>,
        /// Revocation lists in PEM.
        revoked: Option<Box<Credential<Opaque>>>,
        /// One of these must be among the certificate's alternative names; empty: any.
        names: Vec<Box<str>>,
        /// SHA-256 of acceptable public keys (subjectPublicKeyInfo).
        keys: Vec<[u8; 32]>,
        /// SHA-256 of acceptable certificates. With `keys`: one of either suffices.
        certificates: Vec<[u8; 32]>,
        /// Accept a certificate although it does not verify (`insecureSkipVerify`).
        accept_unverified: bool,
    },
}

/// A TLS version that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

/// A TLS 1.2 cipher suite that is served; OpenSSL's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CipherSuite {
    /// ECDHE-ECDSA-AES128-GCM-SHA256
    EcdsaAes128,
    /// ECDHE-RSA-AES128-GCM-SHA256
    RsaAes128,
    /// ECDHE-ECDSA-AES256-GCM-SHA384
    EcdsaAes256,
    /// ECDHE-RSA-AES256-GCM-SHA384
    RsaAes256,
    /// ECDHE-ECDSA-CHACHA20-POLY1305
    EcdsaChacha20,
    /// ECDHE-RSA-CHACHA20-POLY1305
    RsaChacha20,
}

impl CipherSuite {
    /// The suite of an OpenSSL name; `None` for those that are not served.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// OpenSSL's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaAes128 => "ECDHE-ECDSA-AES128-GCM-SHA256",
            Self::RsaAes128 => "ECDHE-RSA-AES128-GCM-SHA256",
            Self::EcdsaAes256 => "ECDHE-ECDSA-AES256-GCM-SHA384",
            Self::RsaAes256 => "ECDHE-RSA-AES256-GCM-SHA384",
            Self::EcdsaChacha20 => "ECDHE-ECDSA-CHACHA20-POLY1305",
            Self::RsaChacha20 => "ECDHE-RSA-CHACHA20-POLY1305",
        }
    }

    const ALL: [Self; 6] = [
        Self::EcdsaAes128,
        Self::RsaAes128,
        Self::EcdsaAes256,
        Self::RsaAes256,
        Self::EcdsaChacha20,
        Self::RsaChacha20,
    ];
}

/// A key exchange group that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsGroup {
    /// X25519
    X25519,
    /// P-256
    P256,
    /// P-384
    P384,
    /// P-521 is not offered by the TLS library; X25519MLKEM768 is, for TLS 1.3.
    X25519MlKem768,
}

impl TlsGroup {
    /// The group of Envoy's name; `None` for those that are not served.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "X25519" => Some(Self::X25519),
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "X25519MLKEM768" => Some(Self::X25519MlKem768),
            _ => None,
        }
    }

    /// Envoy's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X25519 => "X25519",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::X25519MlKem768 => "X25519MLKEM768",
        }
    }
}
