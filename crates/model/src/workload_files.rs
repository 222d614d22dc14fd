//! Where Istio mounts a workload's own certificates, which mutual TLS within the mesh uses.

/// The files of one place, as absolute paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkloadFiles {
    /// The chain, the workload's own certificate first.
    pub chain: &'static str,
    /// The private key.
    pub key: &'static str,
    /// The authorities of the mesh.
    pub roots: &'static str,
}

impl WorkloadFiles {
    /// The places, in the order in which Istio's agent looks at them.
    pub const PLACES: [Self; 2] = [
        Self {
            chain: "/var/run/secrets/workload-spiffe-credentials/cert-chain.pem",
            key: "/var/run/secrets/workload-spiffe-credentials/key.pem",
            roots: "/var/run/secrets/workload-spiffe-credentials/root-cert.pem",
        },
        Self {
            chain: "/etc/certs/cert-chain.pem",
            key: "/etc/certs/key.pem",
            roots: "/etc/certs/root-cert.pem",
        },
    ];

    /// Its paths.
    #[must_use]
    pub fn paths(self) -> [&'static str; 3] {
        let Self { chain, key, roots } = self;
        [chain, key, roots]
    }
}
