//! What the user wrote, typed: the kinds of Istio's traffic API and the Kubernetes kinds a
//! gateway reads.
//!
//! Plain data with serde. It knows neither files nor clusters nor sockets; sources fill it, the
//! compiler reads it. Field names, defaults and oneofs follow Istio's protobuf definitions.

mod field_path;
mod files;
mod meta;
mod problem;
mod workload_files;
mod world;

pub mod destination_rule;
pub mod gateway;
pub mod kubernetes;
pub mod mesh_config;
mod proto;
pub mod proxy_defaults;
pub mod security;
pub mod selector;
pub mod service_entry;
pub mod sidecar;
pub mod telemetry;
pub mod virtual_service;

pub use field_path::{FieldPath, Step};
pub use files::{FileKey, Files};
pub use meta::{Kind, Labels, Meta, Object, ObjectKey, Source};
pub use problem::{Code, Note, Problem, Severity};
pub use workload_files::WorkloadFiles;
pub use world::{AnyObject, World};

pub use destination_rule::DestinationRule;
pub use gateway::Gateway;
pub use kubernetes::{
    ConfigMap, Deployment, EndpointSlice, Endpoints, Namespace, Node, Pod, Secret, SecretBytes,
    Service,
};
pub use mesh_config::MeshConfig;
pub use security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
pub use service_entry::{ServiceEntry, WorkloadEntry, WorkloadGroup};
pub use sidecar::{EnvoyFilter, ProxyConfig, Sidecar, WasmPlugin};
pub use telemetry::Telemetry;
pub use virtual_service::VirtualService;
