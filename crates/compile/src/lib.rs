//! Model to snapshot: the one translation of Istio's traffic API into what the data plane decides
//! on.
//!
//! Pure and total: `compile` never fails, reads no file and no clock, and gives the same snapshot
//! for the same objects in whatever order they came. What has no effect becomes a [`Problem`]. It
//! sits between `source`, which finds objects, and `proxy`, which has never heard of them.

pub mod admission;
pub mod analyze;
pub mod host;
pub mod validate;
pub mod visibility;

mod mesh;
mod scope;
mod selection;
mod view;

mod destinations;
mod listeners;
mod renewal;
mod routes;

mod credential;
mod effect;
mod objects;
mod own_endpoint;
mod problems;
mod security;
mod summary;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ipnet::IpNet;
use propylon_model::{Gateway, Labels, Object, Problem, World};
use propylon_snapshot::{Cluster, Listener, Snapshot};

pub use renewal::Compiler;
pub use summary::summary;

use destinations::cluster::{Clusters, Finished};
use destinations::registry::Registry;
use listeners::outbound::Leaving;
use listeners::route_table::Tables;
use listeners::{gateway, merge};
use objects::Objects;
use problems::Problems;
use routes::http_route::Builder;
use routes::virtual_service::{self, Bound};
use scope::Scope;
use view::View;

/// What "all addresses" means to a server that names no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Families {
    /// `0.0.0.0`, Istio's choice for a workload with an IPv4 address.
    #[default]
    V4,
    /// `::`, Istio's choice for a workload with IPv6 addresses alone.
    V6,
    /// Both (Istio's `ISTIO_DUAL_STACK`).
    Both,
}

/// What the world is compiled for: the gateway workload itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The workload's labels, which Gateway selectors, `sourceLabels` and policies select.
    pub labels: Labels,
    /// The workload's namespace, which visibility and `sourceNamespace` look at.
    pub namespace: String,
    /// Where the workload runs, as `region/zone/subzone`; `None`: its labels say.
    pub locality: Option<String>,
    /// The cluster domain behind `.svc.`, used to complete short host names.
    pub domain: String,
    /// Ports to bind instead of those that Gateways declare (`--port-map 80=8080`).
    pub port_map: BTreeMap<u16, u16>,
    /// What a server without `bind` binds.
    pub families: Families,
    /// Serve although a security policy selects this gateway and is not enforced.
    pub allow_unenforced_policies: bool,
    /// Tell a TLS client that asks for an unknown server name so, instead of resetting it.
    pub alert_unknown_names: bool,
    /// What the workload is to others.
    pub role: Role,
    /// Look up the hosts of ServiceEntries with resolution NONE where the address that a client
    /// meant is not known.
    pub resolve_none: bool,
    /// Addresses that names which clients choose may lead to although they are not public.
    pub allowed_destinations: Vec<IpNet>,
}

/// What a workload is to others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Role {
    /// It serves the Gateways that select it.
    #[default]
    Gateway,
    /// It stands beside an application and takes what leaves that.
    Sidecar(Leg),
}

/// Where a sidecar takes what leaves its application.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leg {
    /// Where captured connections are redirected to.
    pub captured: Vec<SocketAddr>,
    /// Where an explicit HTTP proxy answers.
    pub proxy: Vec<SocketAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            labels: Labels::from([("istio".to_owned(), "ingressgateway".to_owned())]),
            namespace: "istio-system".to_owned(),
            locality: None,
            domain: "cluster.local".to_owned(),
            port_map: BTreeMap::new(),
            families: Families::default(),
            allow_unenforced_policies: false,
            role: Role::Gateway,
            resolve_none: false,
            allowed_destinations: Vec::new(),
            alert_unknown_names: false,
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
    whole(world, options).compiled()
}

/// A snapshot, with what endpoints have no say in kept apart from the rest of what is to be said.
struct Parts {
    snapshot: Snapshot,
    /// Problems that stay as long as nothing but endpoints changes.
    lasting: Problems,
    /// All others.
    passing: Problems,
}

impl Parts {
    fn compiled(self) -> Compiled {
        let Self { snapshot, lasting, passing: mut problems } = self;
        problems.extend(lasting);
        Compiled { snapshot, problems: problems.finish() }
    }
}

fn whole(world: &World, options: &Options) -> Parts {
    let view = View::new(world, options);
    let mut problems = Problems::default();
    let gateways = gateways(&view);
    let servers = gateway::servers(&view, &gateways, &mut problems);
    let merged = merge::merge(&servers, &mut problems);
    let bound = virtual_service::visible(&view, &mut problems);
    let closed = security::closes(&view, &mut problems);
    let clusters = Clusters::new(&view);
    let mut builder = Builder { view: &view, clusters, objects: Objects::default(), problems };
    let scope = Scope::of(&view);
    let made = match &options.role {
        Role::Gateway => {
            let mut tables = Tables::new(&bound);
            for merged in merged.values() {
                tables.add(merged, &mut builder);
            }
            tables.report_unused(&servers, &mut builder);
            Made::Serving(tables)
        }
        Role::Sidecar(leg) => Made::Leaving(Leaving::new(&bound, &scope, &mut builder), leg),
    };
    let Builder { clusters, objects, problems: lasting, .. } = builder;
    let registry = clusters.registry();
    let Finished { clusters, ids, problems: mut passing } = clusters.finish();
    let (listeners, tables) = match made {
        Made::Serving(tables) => tables.finish(&ids),
        Made::Leaving(leaving, leg) => leaving.finish(leg, &ids),
    };
    judge(&view, &bound, (&registry, &clusters, &listeners), &mut passing);
    let snapshot = Snapshot {
        listeners,
        tables: tables.into(),
        clusters,
        http: view.mesh.http_settings(world, options),
        objects: objects.into_names(),
        proxy_protocol: view.mesh.proxy_protocol(),
        alert_unknown_names: options.alert_unknown_names,
        dns_refresh: view.mesh.dns_refresh(),
        closed,
    };
    Parts { snapshot, lasting, passing }
}

/// The Gateways that this workload serves.
fn gateways<'w>(view: &View<'w>) -> Vec<&'w Object<Gateway>> {
    match view.options.role {
        Role::Gateway => gateway::selected(view),
        Role::Sidecar(_) => Vec::new(),
    }
}

/// Says what there is to say of the whole world, its endpoints among it.
fn judge(
    view: &View<'_>,
    bound: &[Bound<'_>],
    (registry, clusters, listeners): (&Registry<'_>, &[Cluster], &[Listener]),
    problems: &mut Problems,
) {
    effect::report(view, &gateways(view), problems);
    own_endpoint::report(registry, (clusters, listeners), problems);
    problems.extend(analyze::within(view, bound));
}

/// What a workload's role makes of its objects, before clusters have their final ids.
enum Made<'b, 'w> {
    Serving(Tables<'b, 'w>),
    Leaving(Leaving<'b, 'w>, &'b Leg),
}
