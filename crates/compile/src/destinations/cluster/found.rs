//! How a cluster finds its endpoints: those that Kubernetes and ServiceEntries supply, by their
//! addresses, and how near each is.

use std::net::IpAddr;
use std::sync::Arc;

use propylon_model::FieldPath;
use propylon_model::service_entry::Resolution;
use propylon_snapshot::{Address, Asked, Discovery, DnsTarget, Endpoint, LocalityWeight};

use super::{Clusters, Sought};
use crate::Role;
use crate::destinations::endpoints::Candidate;
use crate::destinations::near::{Near, Seat};
use crate::destinations::place::Own;
use crate::destinations::registry::{Behind, Port, Service};
use crate::destinations::traffic_distribution::TrafficDistribution;
use crate::problems::{Problems, code};

/// What a cluster's endpoints are, and the weights of their localities where these count.
type Found = (Discovery, Option<Arc<[LocalityWeight]>>);

impl<'w> Clusters<'_, 'w> {
    /// How the endpoints of a port are found.
    pub(super) fn discovery(
        &self,
        service: &Service<'w>,
        port: &Port,
        sought: &Sought<'_, 'w>,
        problems: &mut Problems,
    ) -> Found {
        if let Some(asked) = self.asked(service, port) {
            return (Discovery::Asked(asked), None);
        }
        if sought.policy.passes_through() {
            return (self.passed_through(), None);
        }
        let (candidates, resolution) = match service.behind {
            Behind::Kubernetes(object) => {
                (self.supply.of_service(object, port.position), Resolution::Static)
            }
            Behind::Entry(object) => {
                let resolution = object.spec.resolution;
                (self.candidates(service, port), resolution)
            }
        };
        let distribution = self.distributions.of(service);
        let chosen = candidates.iter().filter(|candidate| {
            (candidate.ready || counts_unready(sought, distribution))
                && sought.labels.is_none_or(|labels| candidate.carries(labels))
        });
        let mut seats: Vec<Seat<'_, Target>> = Vec::new();
        for candidate in chosen {
            match target(candidate) {
                Some(Target::Name(..)) if resolution == Resolution::Static => {
                    report_address(service, candidate, problems);
                }
                Some(kept) => {
                    let weight = candidate.weight.max(1);
                    seats.push(Seat { candidate, weight, priority: 0, kept });
                }
                None => report_address(service, candidate, problems),
            }
        }
        let mut seen = std::collections::HashSet::new();
        seats.retain(|seat| seen.insert(seat.kept.clone()));
        let resolved = matches!(resolution, Resolution::Dns | Resolution::DnsRoundRobin);
        let near = self.near(sought, distribution, resolved);
        let localities = near.arrange(&Own::of(self.view.options), &mut seats);
        let (fixed, names) = split(seats, sought.automatic);
        if !resolved {
            return (Discovery::Static(fixed.into()), localities);
        }
        let first_only = resolution == Resolution::DnsRoundRobin;
        (Discovery::Dns { names: names.into(), fixed: fixed.into(), first_only }, localities)
    }

    /// The mesh's outlier detection alone makes names fail over, but not listed endpoints (Istio).
    fn near(
        &self,
        sought: &Sought<'_, 'w>,
        distribution: TrafficDistribution,
        resolved: bool,
    ) -> Near<'w> {
        let mesh = self.view.mesh;
        let fails_over = sought.policy.outlier.is_some() || (resolved && mesh.outlier().is_some());
        Near::of(sought.policy.load_balancer, distribution, mesh, fails_over)
    }

    /// Where `simple: PASSTHROUGH` leads: captured connections go where they were meant to; at a
    /// gateway none was captured, and there is nowhere to go.
    fn passed_through(&self) -> Discovery {
        match self.view.options.role {
            Role::Gateway => Discovery::Static([].into()),
            Role::Sidecar(_) => Discovery::Asked(Asked {
                original: true,
                names: [].into(),
                port: 0,
                allowed: [].into(),
            }),
        }
    }
}

/// Endpoints that are not ready get no requests, but count where it is decided whether the others
/// can stand the load. Not so where health may come to be overlooked (Istio).
fn counts_unready(sought: &Sought<'_, '_>, distribution: TrafficDistribution) -> bool {
    let panics = sought.policy.outlier.is_some_and(|outlier| outlier.min_health_percent > 0);
    !panics || distribution != TrafficDistribution::Any
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Target {
    Address(Address),
    Name(Box<str>, u16),
}

/// Reads an address; `None` where it or its port cannot be used.
fn target(candidate: &Candidate<'_>) -> Option<Target> {
    if let Some(path) = candidate.address.strip_prefix("unix://") {
        let address = match path.strip_prefix('@') {
            Some(name) => Address::Abstract(name.into()),
            None => Address::Unix(path.into()),
        };
        let is_usable = path.starts_with(['/', '@']);
        return is_usable.then_some(Target::Address(address));
    }
    let port = u16::try_from(candidate.port).ok().filter(|port| *port > 0)?;
    if let Ok(ip) = candidate.address.parse::<IpAddr>() {
        return Some(Target::Address(Address::Ip((ip, port).into())));
    }
    let name = candidate.address;
    let is_name = !name.is_empty() && !name.contains(['*', '/', ':', ' ']);
    is_name.then(|| Target::Name(name.into(), port))
}

/// Endpoints that have addresses, and those whose addresses are looked up.
fn split(seats: Vec<Seat<'_, Target>>, automatic: bool) -> (Vec<Endpoint>, Vec<DnsTarget>) {
    let (mut fixed, mut names) = (Vec::new(), Vec::new());
    for Seat { candidate, weight, priority, kept } in seats {
        let locality = candidate.place.clone();
        let plaintext = automatic && !candidate.is_mutual();
        match kept {
            Target::Address(address) => {
                let ready = candidate.ready;
                let one = Endpoint { weight, locality, priority, ready, ..Endpoint::at(address) };
                fixed.push(Endpoint { plaintext, ..one });
            }
            Target::Name(name, port) => {
                names.push(DnsTarget { name, port, weight, locality, priority, plaintext });
            }
        }
    }
    (fixed, names)
}

fn report_address(service: &Service<'_>, candidate: &Candidate<'_>, problems: &mut Problems) {
    let message = format!(
        "endpoint `{}` port {} of {} is no address that can be used here, so it gets no requests",
        candidate.address, candidate.port, service.host
    );
    match service.behind {
        Behind::Kubernetes(object) => {
            problems.warning(code::ENDPOINT, object, FieldPath::spec(), message);
        }
        Behind::Entry(object) => {
            problems.warning(code::ENDPOINT, object, FieldPath::spec().key("endpoints"), message);
        }
    }
}
