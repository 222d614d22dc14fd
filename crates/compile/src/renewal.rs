//! Compiling again after a change. Where nothing but endpoints changed, as happens all day in a
//! cluster, listeners and routes stay what they are and clusters alone are made anew. The outcome
//! is that of [`crate::compile`] in every case.

use std::sync::Arc;

use propylon_model::{Object, ServiceEntry, World};
use propylon_snapshot::Snapshot;

use crate::destinations::cluster::Clusters;
use crate::problems::Problems;
use crate::routes::virtual_service;
use crate::view::View;
use crate::{Compiled, Options, Parts, judge, whole};

/// Compiles one world after another.
#[derive(Debug, Default)]
pub struct Compiler {
    last: Option<Box<Last>>,
}

/// What the last world came to.
#[derive(Debug)]
struct Last {
    world: World,
    options: Options,
    snapshot: Snapshot,
    /// What was said and has nothing to do with endpoints.
    lasting: Problems,
}

impl Compiler {
    /// As [`crate::compile`] does. Objects are taken to be unchanged where they are shared with the
    /// world before.
    pub fn compile(&mut self, world: &World, options: &Options) -> Compiled {
        let last = self.last.take().filter(|last| last.options == *options);
        let parts = match last.filter(|last| same_but_endpoints(&last.world, world)) {
            Some(last) => last.renewed(world).unwrap_or_else(|| whole(world, options)),
            None => whole(world, options),
        };
        self.last = Some(Box::new(Last {
            world: world.clone(),
            options: options.clone(),
            snapshot: parts.snapshot.clone(),
            lasting: parts.lasting.clone(),
        }));
        parts.compiled()
    }
}

impl Last {
    /// The same listeners and routes, with the endpoints of `world`.
    fn renewed(self: Box<Self>, world: &World) -> Option<Parts> {
        let Self { world: _, options, snapshot, lasting } = *self;
        let view = View::new(world, &options);
        let clusters = Clusters::new(&view);
        let registry = clusters.registry();
        let (clusters, mut passing) = clusters.again(&snapshot.clusters)?;
        let bound = virtual_service::visible(&view, &mut Problems::default());
        judge(&view, &bound, (&registry, &clusters, &snapshot.listeners), &mut passing);
        Some(Parts { snapshot: Snapshot { clusters, ..snapshot }, lasting, passing })
    }
}

/// True if two worlds differ in endpoints alone: in lists of Kubernetes and of ServiceEntries, in
/// workloads, and in the nodes that say where these run.
fn same_but_endpoints(before: &World, now: &World) -> bool {
    let World {
        gateways,
        virtual_services,
        destination_rules,
        service_entries,
        workload_entries: _,
        workload_groups,
        sidecars,
        envoy_filters,
        proxy_configs,
        authorization_policies,
        request_authentications,
        peer_authentications,
        telemetries,
        wasm_plugins,
        services,
        endpoints: _,
        endpoint_slices: _,
        pods: _,
        deployments,
        secrets,
        config_maps,
        namespaces,
        nodes: _,
        mesh,
        files,
        rejected,
    } = before;
    same(gateways, &now.gateways)
        && same(virtual_services, &now.virtual_services)
        && same(destination_rules, &now.destination_rules)
        && alike(service_entries, &now.service_entries, same_service)
        && same(workload_groups, &now.workload_groups)
        && same(sidecars, &now.sidecars)
        && same(envoy_filters, &now.envoy_filters)
        && same(proxy_configs, &now.proxy_configs)
        && same(authorization_policies, &now.authorization_policies)
        && same(request_authentications, &now.request_authentications)
        && same(peer_authentications, &now.peer_authentications)
        && same(telemetries, &now.telemetries)
        && same(wasm_plugins, &now.wasm_plugins)
        && same(services, &now.services)
        && same(deployments, &now.deployments)
        && same(secrets, &now.secrets)
        && same(config_maps, &now.config_maps)
        && same(namespaces, &now.namespaces)
        && *mesh == now.mesh
        && *files == now.files
        && *rejected == now.rejected
}

/// True if all objects of two lists are the same ones.
fn same<S>(before: &[Arc<Object<S>>], now: &[Arc<Object<S>>]) -> bool {
    alike(before, now, |_, _| false)
}

/// True if all objects of two lists are the same ones, or `fits` says that they are as good as.
fn alike<S>(
    before: &[Arc<Object<S>>],
    now: &[Arc<Object<S>>],
    fits: impl Fn(&Object<S>, &Object<S>) -> bool,
) -> bool {
    let mut pairs = before.iter().zip(now);
    before.len() == now.len() && pairs.all(|(a, b)| Arc::ptr_eq(a, b) || fits(a, b))
}

/// True if two versions of a ServiceEntry differ in their endpoints at most: listeners and routes
/// see hosts, ports and addresses, and not who is behind them.
fn same_service(before: &Object<ServiceEntry>, now: &Object<ServiceEntry>) -> bool {
    let mut with_endpoints = before.spec.clone();
    with_endpoints.endpoints.clone_from(&now.spec.endpoints);
    before.meta == now.meta && with_endpoints == now.spec
}

#[cfg(test)]
mod tests;
