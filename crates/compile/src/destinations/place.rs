//! Where things run: region, zone and subzone of the workload itself and of endpoints, and the
//! labels that say so, as Istio reads them. It compares nothing; `near` does.

use std::borrow::Cow;

use propylon_model::Labels;
use propylon_snapshot::Locality;

use crate::Options;

/// Kubernetes' label of a node's region.
pub(crate) const REGION: &str = "topology.kubernetes.io/region";
/// Kubernetes' label of a node's zone.
pub(crate) const ZONE: &str = "topology.kubernetes.io/zone";
/// Istio's label of a node's subzone.
pub(crate) const SUBZONE: &str = "topology.istio.io/subzone";
/// Istio's label of a workload's network.
pub(crate) const NETWORK: &str = "topology.istio.io/network";
/// Kubernetes' label of a node's name.
pub(crate) const HOSTNAME: &str = "kubernetes.io/hostname";

/// The names of these labels before they were settled.
const REGION_BEFORE: &str = "failure-domain.beta.kubernetes.io/region";
const ZONE_BEFORE: &str = "failure-domain.beta.kubernetes.io/zone";
/// Labels of workloads that say everything at once, the newer one first.
const WHOLE: [&str; 2] = ["topology.istio.io/locality", "istio-locality"];

/// Reads `region/zone/subzone`, from the left as far as given.
pub(crate) fn locality(text: &str) -> Locality {
    let mut parts = text.split('/').map(Box::from);
    let mut next = || parts.next().unwrap_or_default();
    Locality { region: next(), zone: next(), subzone: next() }
}

/// What the labels of a workload say of its place at once; labels cannot hold slashes, so dots
/// stand for them.
pub(crate) fn of_workload(labels: &Labels) -> Option<Cow<'_, str>> {
    let text = WHOLE.iter().find_map(|name| labels.get(*name)).filter(|text| !text.is_empty())?;
    Some(if text.contains('/') { text.into() } else { text.replace('.', "/").into() })
}

/// What the labels of a node say of its place.
pub(crate) fn of_node(labels: &Labels) -> Option<String> {
    let label = |name: &str, before: &str| {
        let text = labels.get(name).or_else(|| labels.get(before));
        text.map_or("", String::as_str)
    };
    let (region, zone) = (label(REGION, REGION_BEFORE), label(ZONE, ZONE_BEFORE));
    let subzone = label(SUBZONE, SUBZONE);
    let any = [region, zone, subzone].iter().any(|part| !part.is_empty());
    any.then(|| format!("{region}/{zone}/{subzone}"))
}

/// The workload that the world is compiled for.
pub(crate) struct Own<'o> {
    /// Where it runs; empty where nothing says.
    pub(crate) locality: Locality,
    labels: &'o Labels,
}

impl<'o> Own<'o> {
    /// Where the options say: themselves, else the labels of a node among those of the workload,
    /// else its own.
    pub(crate) fn of(options: &'o Options) -> Self {
        let Options { labels, locality: said, .. } = options;
        let said = said.as_deref().map(Cow::Borrowed);
        let text = said.or_else(|| of_node(labels).map(Cow::Owned)).or_else(|| of_workload(labels));
        Self { locality: text.map_or_else(Locality::default, |text| locality(&text)), labels }
    }

    /// True if nothing at all is known of it.
    pub(crate) fn is_unknown(&self) -> bool {
        self.labels.is_empty() && self.locality == Locality::default()
    }

    /// A label, topology included; empty without it.
    pub(crate) fn label(&self, name: &str) -> &str {
        label(self.labels, &self.locality, name).unwrap_or_default()
    }
}

/// A label of a workload at a place: the place says more of itself than labels do.
pub(crate) fn label<'a>(labels: &'a Labels, at: &'a Locality, name: &str) -> Option<&'a str> {
    let part = match name {
        REGION => &at.region,
        ZONE => &at.zone,
        SUBZONE => &at.subzone,
        _ => "",
    };
    Some(part).filter(|part| !part.is_empty()).or_else(|| labels.get(name).map(String::as_str))
}

#[cfg(test)]
mod tests;
