//! Mutual TLS that nobody asked for: endpoints that are known to speak the mesh's, where no
//! DestinationRule says what to speak (Istio's automatic mutual TLS). It makes the settings; which
//! endpoints get them is said by each.

use propylon_model::security::MutualTlsMode;
use propylon_model::{FieldPath, Labels, WorkloadFiles};
use propylon_snapshot::ClientTls;

use super::Clusters;
use crate::credential::Vault;
use crate::destinations::endpoints::TLS_MODE;
use crate::destinations::registry::{Behind, Port, Service};
use crate::destinations::tls_client;
use crate::problems::{Problems, code};
use crate::selection::in_order;

impl<'w> Clusters<'_, 'w> {
    /// Mutual TLS with those endpoints of a service's port that speak it, if there are any and the
    /// workload has a certificate. Without one plaintext stays, which is said once for a service.
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
        let mutual = candidates.iter().find(|one| one.is_mutual())?;
        let vault = Vault { view: self.view, source: service.source() };
        let made = tls_client::automatic((service, port.number, subset), &vault, self.view);
        if made.is_some() {
            return made;
        }
        let [first, second] = WorkloadFiles::PLACES.map(|place| place.chain);
        let (key, value) = TLS_MODE;
        let message = format!(
            "endpoint `{}` of {} speaks the mesh's mutual TLS ({key}: {value}, or a service \
             account), and this workload has no certificate to speak it with: mount it with its \
             key and the mesh's authorities at {first} or {second}. It gets plaintext",
            mutual.address, service.host
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
}
