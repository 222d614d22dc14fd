//! What Services and namespaces say of near endpoints: Kubernetes' `trafficDistribution` and
//! Istio's annotation of the same meaning.

use std::collections::HashMap;

use propylon_model::{Object, World};

use crate::destinations::place::{HOSTNAME, NETWORK, REGION, SUBZONE, ZONE};
use crate::destinations::registry::{Behind, Service};

/// The annotation on Services, ServiceEntries and namespaces.
const ANNOTATION: &str = "networking.istio.io/traffic-distribution";

/// Which endpoints of a service come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TrafficDistribution {
    /// All alike.
    #[default]
    Any,
    /// Those of the same zone, then of the same region and network.
    SameZone,
    /// Those of the same node, then of the same subzone, zone, region and network.
    SameNode,
}

impl TrafficDistribution {
    /// The labels that order endpoints; `None`: none does.
    pub(crate) fn labels(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Any => None,
            Self::SameZone => Some(&[NETWORK, REGION, ZONE]),
            Self::SameNode => Some(&[NETWORK, REGION, ZONE, SUBZONE, HOSTNAME]),
        }
    }

    fn parse(text: &str, equal: fn(&str, &str) -> bool) -> Option<Self> {
        match text {
            _ if equal(text, "PreferClose") || equal(text, "PreferSameZone") => {
                Some(Self::SameZone)
            }
            _ if equal(text, "PreferSameNode") => Some(Self::SameNode),
            _ => None,
        }
    }
}

/// What namespaces say.
pub(crate) struct Distributions<'w>(HashMap<&'w str, &'w str>);

impl<'w> Distributions<'w> {
    /// Those of a world.
    pub(crate) fn new(world: &'w World) -> Self {
        let said = world.namespaces.iter();
        let said = said.filter_map(|object| Some((&*object.meta.key.name, annotation(object)?)));
        Self(said.collect())
    }

    /// Of a service: its field, else its annotation, else that of its namespace.
    pub(crate) fn of(&self, service: &Service<'_>) -> TrafficDistribution {
        let (field, annotation) = match service.behind {
            Behind::Kubernetes(object) => {
                (object.spec.traffic_distribution.as_str(), annotation(object))
            }
            Behind::Entry(object) => ("", annotation(object)),
        };
        let written = TrafficDistribution::parse(field, |a, b| a == b);
        // An annotation is read without case, and one that says nothing known means all alike.
        let annotated = || annotation.or_else(|| self.0.get(service.namespace).copied());
        let read = |text: &str| TrafficDistribution::parse(text, |a, b| a.eq_ignore_ascii_case(b));
        written.or_else(|| read(annotated()?)).unwrap_or_default()
    }
}

fn annotation<S>(object: &Object<S>) -> Option<&str> {
    let text = object.meta.annotations.get(ANNOTATION)?;
    Some(text.as_str()).filter(|text| !text.is_empty())
}
