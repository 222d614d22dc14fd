//! Gateway: which ports the workload opens, for which hosts, with which TLS.
//!
//! Plain data as written; whether ports, hosts and certificates make sense is the compiler's to
//! say.

use serde::Deserialize;

use crate::Labels;
use crate::proto::proto_enum;

/// A set of ports that gateway workloads open, and the hosts they serve there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Gateway {
    /// The ports with their hosts, in the order that decides conflicts.
    pub servers: Vec<Server>,
    /// Labels of the workloads that serve this; empty means every gateway workload.
    pub selector: Labels,
}

/// One port of a gateway: protocol, hosts and TLS settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Server {
    /// The port to listen on.
    pub port: Port,
    /// Address or `unix://` path to listen on; empty means all addresses.
    pub bind: String,
    /// Hosts served, each as `[namespace/]host`; the namespace may be `*` or `.`.
    pub hosts: Vec<String>,
    /// TLS settings, or the redirect to HTTPS.
    pub tls: Option<ServerTls>,
    /// Never implemented by Istio; accepted and without effect.
    #[serde(alias = "default_endpoint")]
    pub default_endpoint: String,
    /// A name for statistics; should be unique.
    pub name: String,
}

/// A port of a Gateway's server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Port {
    /// The port number; valid are 1 to 65535, and 0 with a Unix socket.
    pub number: u32,
    /// HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS ..., in any case.
    pub protocol: String,
    /// A label for the port; required, unique inside one Gateway.
    pub name: String,
    /// Withdrawn by Istio; any value but 0 is an error.
    #[serde(alias = "target_port")]
    pub target_port: u32,
}

/// Server side TLS settings (Istio's `ServerTLSSettings`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServerTls {
    /// Answer every plaintext request with a redirect to HTTPS.
    #[serde(alias = "https_redirect")]
    pub https_redirect: bool,
    /// How TLS is handled. Leaving it out means PASSTHROUGH, as in Istio.
    pub mode: ServerTlsMode,
    /// Path of the server's certificate chain in PEM.
    #[serde(alias = "server_certificate")]
    pub server_certificate: String,
    /// Path of the server's private key in PEM.
    #[serde(alias = "private_key")]
    pub private_key: String,
    /// Path of the authorities that client certificates are verified against.
    #[serde(alias = "ca_certificates")]
    pub ca_certificates: String,
    /// Path of a certificate revocation list.
    #[serde(alias = "ca_crl")]
    pub ca_crl: String,
    /// Secret that holds certificate and key.
    #[serde(alias = "credential_name")]
    pub credential_name: String,
    /// Secrets with certificates for different key types; one or two.
    #[serde(alias = "credential_names")]
    pub credential_names: Vec<String>,
    /// Secret or ConfigMap with the authorities for client certificates.
    #[serde(alias = "ca_cert_credential_name")]
    pub ca_cert_credential_name: String,
    /// Certificates from files for different key types; one or two.
    #[serde(alias = "tls_certificates")]
    pub tls_certificates: Vec<TlsCertificate>,
    /// Names of which a client certificate must carry one.
    #[serde(alias = "subject_alt_names")]
    pub subject_alt_names: Vec<String>,
    /// Base64 SHA-256 of public keys of acceptable client certificates.
    #[serde(alias = "verify_certificate_spki")]
    pub verify_certificate_spki: Vec<String>,
    /// Hex SHA-256 of acceptable client certificates.
    #[serde(alias = "verify_certificate_hash")]
    pub verify_certificate_hash: Vec<String>,
    /// Lowest protocol version; TLS_AUTO means TLS 1.2.
    #[serde(alias = "min_protocol_version")]
    pub min_protocol_version: TlsProtocol,
    /// Highest protocol version; TLS_AUTO means TLS 1.3.
    #[serde(alias = "max_protocol_version")]
    pub max_protocol_version: TlsProtocol,
    /// Cipher suites for TLS 1.2 by OpenSSL name; empty means Envoy's defaults.
    #[serde(alias = "cipher_suites")]
    pub cipher_suites: Vec<String>,
    /// Key exchange groups; empty means Envoy's defaults.
    #[serde(alias = "ecdh_curves")]
    pub ecdh_curves: Vec<String>,
    /// Accept client certificates that do not verify.
    #[serde(alias = "insecure_skip_verify")]
    pub insecure_skip_verify: Option<bool>,
}

/// A certificate and key from files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsCertificate {
    /// Path of the certificate chain in PEM.
    #[serde(alias = "server_certificate")]
    pub server_certificate: String,
    /// Path of the private key in PEM.
    #[serde(alias = "private_key")]
    pub private_key: String,
    /// Path of the authorities for client certificates.
    #[serde(alias = "ca_certificates")]
    pub ca_certificates: String,
}

proto_enum! {
    /// How a server treats TLS.
    pub enum ServerTlsMode("TLS mode") {
        /// Route by server name, do not decrypt.
        Passthrough = 0 "PASSTHROUGH",
        /// Terminate TLS with a server certificate.
        Simple = 1 "SIMPLE",
        /// Terminate TLS and require a client certificate.
        Mutual = 2 "MUTUAL",
        /// Forward by Istio's own server names, without VirtualService.
        AutoPassthrough = 3 "AUTO_PASSTHROUGH",
        /// Mutual TLS with the mesh's certificates.
        IstioMutual = 4 "ISTIO_MUTUAL",
        /// Terminate TLS and verify a client certificate if there is one.
        OptionalMutual = 5 "OPTIONAL_MUTUAL",
    }
}

proto_enum! {
    /// A TLS protocol version.
    pub enum TlsProtocol("TLS protocol version") {
        /// The default.
        Auto = 0 "TLS_AUTO",
        /// TLS 1.0.
        V1_0 = 1 "TLSV1_0",
        /// TLS 1.1.
        V1_1 = 2 "TLSV1_1",
        /// TLS 1.2.
        V1_2 = 3 "TLSV1_2",
        /// TLS 1.3.
        V1_3 = 4 "TLSV1_3",
    }
}
