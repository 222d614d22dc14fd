//! One compilation's fixed points: the world in Istio's order, the options and the mesh settings.
//! Every stage borrows it; it decides nothing itself.

use std::collections::HashMap;

use propylon_model::{Object, Secret, World};

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
