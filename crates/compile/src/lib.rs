//! Model to snapshot: the one translation of Istio's traffic API into what the data plane decides on.
//!
//! Pure and total: `compile` never fails, reads no file and no clock, and gives the same snapshot for
//! the same objects in whatever order they came. What has no effect becomes a [`Problem`]. It sits
//! between `source`, which finds objects, and `proxy`, which has never heard of them.

pub mod admission;
pub mod host;
pub mod visibility;

use std::collections::BTreeMap;

use propylon_model::{Labels, Problem, World};
use propylon_snapshot::Snapshot;

/// What the world is compiled for: the gateway workload itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The workload's labels, which Gateway selectors, `sourceLabels` and policies select.
    pub labels: Labels,
    /// The workload's namespace, which visibility and `sourceNamespace` look at.
    pub namespace: String,
    /// The cluster domain behind `.svc.`, used to complete short host names.
    pub domain: String,
    /// Ports to bind instead of those that Gateways declare (`--port-map 80=8080`).
    pub port_map: BTreeMap<u16, u16>,
    /// Serve although a security policy selects this gateway and is not enforced.
    pub allow_unenforced_policies: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            labels: Labels::from([("istio".to_owned(), "ingressgateway".to_owned())]),
            namespace: "istio-system".to_owned(),
            domain: "cluster.local".to_owned(),
            port_map: BTreeMap::new(),
            allow_unenforced_policies: false,
        }
    }
}

/// A snapshot, and everything the authors of its objects should know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compiled {
    /// What the data plane serves.
    pub snapshot: Snapshot,
    /// What has no effect, or another than intended; sorted, without repetition.
    pub problems: Vec<Problem>,
}

/// Compiles all objects for one gateway workload.
///
/// Never fails: an object that cannot be translated costs its own effect and becomes a problem.
#[must_use]
pub fn compile(world: &World, options: &Options) -> Compiled {
    let _ = (world, options);
    Compiled::default()
}

/// What changed between two snapshots, in the words of the reload line: `+1 route`, `-2 hosts`,
/// `~ cluster outbound|80||x`. Empty where requests cannot tell the two apart.
#[must_use]
pub fn summary(old: &Snapshot, new: &Snapshot) -> Vec<String> {
    let _ = (old, new);
    Vec::new()
}
