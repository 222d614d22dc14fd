//! All objects of one moment, in the order that decides conflicts.
//!
//! The compiler's whole input. Objects are shared, so that an unchanged one costs nothing on a
//! reload.

use std::sync::Arc;

use crate::mesh_config::MeshConfig;
use crate::{Kind, Meta, Object};

use crate::destination_rule::DestinationRule;
use crate::gateway::Gateway;
use crate::kubernetes::{
    ConfigMap, Deployment, EndpointSlice, Endpoints, Namespace, Node, Pod, Secret, Service,
};
use crate::security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
use crate::service_entry::{ServiceEntry, WorkloadEntry, WorkloadGroup};
use crate::sidecar::{EnvoyFilter, ProxyConfig, Sidecar, WasmPlugin};
use crate::telemetry::Telemetry;
use crate::virtual_service::VirtualService;

/// One list, one variant and one arm for each kind.
macro_rules! kinds {
    ($($kind:ident $list:ident,)+) => {
        /// An object of any kind.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AnyObject {
            $(#[doc = concat!("A ", stringify!($kind), ".")] $kind(Arc<Object<$kind>>),)+
        }

        impl AnyObject {
            /// What every object carries.
            #[must_use]
            pub fn meta(&self) -> &Meta {
                match self {
                    $(Self::$kind(object) => &object.meta,)+
                }
            }

            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)+
                }
            }
        }

        $(
            impl From<Object<$kind>> for AnyObject {
                fn from(object: Object<$kind>) -> Self {
                    Self::$kind(Arc::new(object))
                }
            }
        )+

        /// All objects of one moment. Each list is in Istio's order: age, then name, then
        /// namespace.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct World {
            $(#[doc = concat!("All objects of kind ", stringify!($kind), ".")]
            pub $list: Vec<Arc<Object<$kind>>>,)+
            /// Settings of the mesh; `None` means Istio's defaults.
            pub mesh: Option<MeshConfig>,
            /// Contents of the files that objects name.
            pub files: crate::Files,
            /// Objects that were found and are not valid, of which no earlier version is in force.
            /// They have no effect; they explain what is missing.
            pub rejected: Vec<AnyObject>,
        }

        impl World {
            /// A world of these objects, whatever their order.
            #[must_use]
            pub fn from_objects(objects: impl IntoIterator<Item = AnyObject>) -> Self {
                let mut world = Self::default();
                for object in objects {
                    match object {
                        $(AnyObject::$kind(object) => world.$list.push(object),)+
                    }
                }
                $(world.$list.sort_by(|a, b| age_order(&a.meta, &b.meta));)+
                world
            }

            /// Adds an object at its place. One with the same key gives way.
            pub fn insert(&mut self, object: AnyObject) {
                match object {
                    $(AnyObject::$kind(object) => place(&mut self.$list, object),)+
                }
            }

            /// All objects, kind by kind.
            pub fn objects(&self) -> impl Iterator<Item = AnyObject> + '_ {
                std::iter::empty()
                    $(.chain(self.$list.iter().cloned().map(AnyObject::$kind)))+
            }
        }
    };
}

kinds! {
    Gateway gateways,
    VirtualService virtual_services,
    DestinationRule destination_rules,
    ServiceEntry service_entries,
    WorkloadEntry workload_entries,
    WorkloadGroup workload_groups,
    Sidecar sidecars,
    EnvoyFilter envoy_filters,
    ProxyConfig proxy_configs,
    AuthorizationPolicy authorization_policies,
    RequestAuthentication request_authentications,
    PeerAuthentication peer_authentications,
    Telemetry telemetries,
    WasmPlugin wasm_plugins,
    Service services,
    Endpoints endpoints,
    EndpointSlice endpoint_slices,
    Pod pods,
    Deployment deployments,
    Secret secrets,
    ConfigMap config_maps,
    Namespace namespaces,
    Node nodes,
}

/// Istio's order of configuration: creation time, then name, then namespace. Objects without a
/// time, as in files, count as equally old, and as older than those that have one.
fn age_order(a: &Meta, b: &Meta) -> std::cmp::Ordering {
    let rank =
        |meta: &Meta| (meta.created.clone(), meta.key.name.clone(), meta.key.namespace.clone());
    rank(a).cmp(&rank(b))
}

fn place<S>(list: &mut Vec<Arc<Object<S>>>, object: Arc<Object<S>>) {
    list.retain(|other| other.meta.key != object.meta.key);
    let position = list.partition_point(|other| age_order(&other.meta, &object.meta).is_le());
    list.insert(position, object);
}

#[cfg(test)]
mod tests;
