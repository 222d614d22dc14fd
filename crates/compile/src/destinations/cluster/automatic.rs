//! Mutual TLS that nobody asked for: endpoints that are known to speak the mesh's, where no
//! DestinationRule says what to speak (Istio's automatic mutual TLS). Envoy decides for each
//! endpoint; here a cluster speaks one thing, and says so where its endpoints do not.

use propylon_model::security::MutualTlsMode;
use propylon_model::{FieldPath, Labels, Object, ServiceEntry, WorkloadFiles};
use propylon_snapshot::ClientTls;

use super::{Clusters, TLS_MODE};
use crate::credential::Vault;
use crate::destinations::endpoints::Candidate;
use crate::destinations::registry::{Behind, Port, Service};
use crate::destinations::tls_client;
use crate::problems::{Problems, code};
use crate::selection::in_order;

impl<'w> Clusters<'_, 'w> {
    /// Mutual TLS with a service's port, if all of its endpoints speak it and the workload has a
    /// certificate. Where something is missing plaintext stays, and why is said once for a service.
    pub(super) fn automatic(
        &self,
        (service, port, subset): (&Service<'w>, &Port, &str),
        labels: Option<&Labels>,
        problems: &mut Problems,
    ) -> Option<ClientTls> {
        if !service.is_of_the_mesh() || !self.view.mesh.auto_mtls() || self.is_disabled(service) {
            return None;
        }
        let mut candidates = match service.behind {
            Behind::Kubernetes(object) => self.supply.of_service(object, port.position),
            Behind::Entry(_) => self.candidates(service, port),
        };
        candidates.retain(|one| labels.is_none_or(|labels| one.carries(labels)));
        let (mutual, plain): (Vec<_>, Vec<_>) =
            candidates.iter().partition(|one| self.is_mutual(service, one));
        let first = mutual.first()?;
        let vault = Vault { view: self.view, source: service.source() };
        let made = tls_client::automatic((service, port.number, subset), &vault, self.view);
        let why = match (plain.first(), &made) {
            (None, Some(_)) => return made,
            (Some(plain), _) => format!(
                "and `{}` does not: endpoints of one service are spoken to alike",
                plain.address
            ),
            (None, None) => {
                let [first, second] = WorkloadFiles::PLACES.map(|place| place.chain);
                format!(
                    "and this workload has no certificate to speak it with: mount it with its key \
                     and the mesh's authorities at {first} or {second}"
                )
            }
        };
        let (key, value) = TLS_MODE;
        let message = format!(
            "endpoint `{}` of {} speaks the mesh's mutual TLS ({key}: {value}, or a service \
             account), {why}. All get plaintext",
            first.address, service.host
        );
        let field = FieldPath::spec();
        match service.behind {
            Behind::Kubernetes(object) => {
                problems.warning(code::MUTUAL_TLS, object, field, message);
            }
            Behind::Entry(object) => problems.warning(code::MUTUAL_TLS, object, field, message),
        }
        None
    }

    /// True if a namespace's PeerAuthentication, or the mesh's, says that its workloads take
    /// plaintext only.
    fn is_disabled(&self, service: &Service<'w>) -> bool {
        let modes = |namespace: &str| {
            // Of several the oldest counts, as in Istio.
            let policies = in_order(&self.view.world.peer_authentications).into_iter();
            let of_all = policies.filter(|policy| {
                let everybody = policy.spec.selector.as_ref();
                let everybody = everybody.is_none_or(|one| one.match_labels.is_empty());
                *policy.meta.key.namespace == *namespace && everybody
            });
            let mut modes = of_all.filter_map(|policy| policy.spec.mtls.as_ref());
            modes.next().map(|one| one.mode).filter(|mode| *mode != MutualTlsMode::Unset)
        };
        let mode = modes(service.namespace).or_else(|| modes(self.view.mesh.root_namespace()));
        mode == Some(MutualTlsMode::Disable)
    }

    /// True if an endpoint is labelled so, or runs as a service account and is not labelled
    /// otherwise.
    fn is_mutual(&self, service: &Service<'w>, candidate: &Candidate<'_>) -> bool {
        match (candidate.labels.get(TLS_MODE.0), service.behind) {
            (Some(mode), _) => mode == TLS_MODE.1,
            (None, Behind::Kubernetes(_)) => false,
            (None, Behind::Entry(object)) => self.runs_as_somebody(object, candidate.address),
        }
    }

    fn runs_as_somebody(&self, object: &Object<ServiceEntry>, address: &str) -> bool {
        let listed = object.spec.endpoints.iter();
        let selected = self.view.world.workload_entries.iter();
        let namespace = &object.meta.key.namespace;
        let selected = selected.filter(|one| one.meta.key.namespace == *namespace);
        let selected = selected.filter(|_| object.spec.workload_selector.is_some());
        let mut all = listed.chain(selected.map(|one| &one.spec));
        all.any(|one| one.address == address && !one.service_account.is_empty())
    }
}
