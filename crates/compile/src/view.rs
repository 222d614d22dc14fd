//! One compilation's fixed points: the world in Istio's order, the options and the mesh settings.
//! Every stage borrows it; it decides nothing itself.

use std::collections::HashMap;
use std::sync::Arc;

use propylon_model::{Labels, Meta, Object, Secret, World};

use crate::Options;
use crate::mesh::Mesh;

/// What every stage of a compilation looks at.
pub(crate) struct View<'w> {
    pub(crate) world: &'w World,
    pub(crate) options: &'w Options,
    pub(crate) mesh: Mesh<'w>,
    /// The Secrets of the gateway's namespace by name.
    secrets: HashMap<&'w str, &'w Object<Secret>>,
}

impl<'w> View<'w> {
    /// The view of a world for one gateway workload.
    pub(crate) fn new(world: &'w World, options: &'w Options) -> Self {
        let mut secrets = HashMap::new();
        for secret in &world.secrets {
            if *secret.meta.key.namespace == *options.namespace {
                secrets.entry(&*secret.meta.key.name).or_insert(&**secret);
            }
        }
        Self { world, options, mesh: Mesh::of(world), secrets }
    }

    /// A Secret of the gateway's namespace.
    pub(crate) fn secret(&self, name: &str) -> Option<&'w Object<Secret>> {
        self.secrets.get(name).copied()
    }

    /// The gateway's namespace.
    pub(crate) fn namespace(&self) -> &'w str {
        &self.options.namespace
    }
}

/// Objects in Istio's order: creation time, then name, then namespace. Those without a time, as in
/// files, count as equally old. The world keeps this order already; a world built by hand may not.
pub(crate) fn in_order<S>(list: &[Arc<Object<S>>]) -> Vec<&Object<S>> {
    let mut objects: Vec<&Object<S>> = list.iter().map(Arc::as_ref).collect();
    objects.sort_by(|a, b| age(&a.meta).cmp(&age(&b.meta)));
    objects
}

/// The sort key of [`in_order`].
pub(crate) fn age(meta: &Meta) -> (Option<&str>, &str, &str) {
    (meta.created.as_deref(), &meta.key.name, &meta.key.namespace)
}

/// True if `labels` carry every pair of `selector`. An empty selector selects everything.
pub(crate) fn selects(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}
