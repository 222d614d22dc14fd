//! Where the stages of a compilation leave what they have to say to the authors of objects.
//! Knows order and repetition, not meaning.

use propylon_model::{FieldPath, Object, Problem, Severity};

/// Codes of what the translation itself finds. Validation and analysis have their own.
pub(crate) mod code {
    /// A field or kind that is read and has no effect yet.
    pub(crate) const NOT_IN_EFFECT: &str = "GW0100";
    /// A server that is not served yet; its port stays closed.
    pub(crate) const SERVER_CLOSED: &str = "GW0201";
    /// A server that no route is bound to; its port stays closed.
    pub(crate) const SERVER_UNBOUND: &str = "GW0202";
    /// A route for a server name that another one on the same port has already.
    pub(crate) const SERVER_NAME_TAKEN: &str = "GW0203";
    /// Routes of connections that no server takes.
    pub(crate) const ROUTE_UNUSED: &str = "GW0204";
    /// A certificate, key or list that cannot be read: handshakes fail for one server's names.
    pub(crate) const CREDENTIAL_FILE: &str = "GW0205";
    /// A TLS setting that this gateway cannot carry out.
    pub(crate) const TLS_LIMIT: &str = "GW0206";
    /// A service's port that a sidecar cannot tell from another's.
    pub(crate) const OUTBOUND_TAKEN: &str = "GW0207";
    /// A security policy that selects this gateway and is not enforced yet.
    pub(crate) const UNENFORCED: &str = "GW0301";
    /// A rule that is not served because a part of it cannot be translated.
    pub(crate) const RULE_DROPPED: &str = "GW0401";
    /// A delegate that cannot stand in for its route.
    pub(crate) const DELEGATE: &str = "GW0402";
    /// A destination that must not be used yet; its requests are answered 503.
    pub(crate) const DESTINATION_CLOSED: &str = "GW0403";
    /// An address of an endpoint that cannot be used.
    pub(crate) const ENDPOINT: &str = "GW0404";
    /// Endpoints that speak mutual TLS and get plaintext.
    pub(crate) const MUTUAL_TLS: &str = "GW0405";
    /// Connections that do not go through the tunnel that seems to be meant.
    pub(crate) const TUNNEL: &str = "GW0406";
    /// An endpoint that is the workload itself.
    pub(crate) const OWN_ENDPOINT: &str = "GW0407";
    /// An object that is not admitted; its last good version stays in force.
    pub(crate) const LAST_GOOD: &str = "GW0501";
}

/// Problems found so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Keeps one.
    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Keeps several.
    pub(crate) fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.0.extend(problems);
    }

    /// Keeps an error.
    pub(crate) fn error<S>(
        &mut self,
        code: &'static str,
        object: &Object<S>,
        field: FieldPath,
        message: impl Into<String>,
    ) {
        self.push(Problem::of(Severity::Error, code, object, field, message));
    }

    /// Keeps a warning.
    pub(crate) fn warning<S>(
        &mut self,
        code: &'static str,
        object: &Object<S>,
        field: FieldPath,
        message: impl Into<String>,
    ) {
        self.push(Problem::of(Severity::Warning, code, object, field, message));
    }

    /// All of them: errors first, each once, in an order that does not depend on the stages.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
