//! Destinations: services and entries to clusters, with their endpoints and everything that
//! DestinationRules say of them.

pub(crate) mod cluster;
pub(crate) mod destination_rule;
pub(crate) mod endpoints;
pub(crate) mod handing;
pub(crate) mod place;
pub(crate) mod protocol;
pub(crate) mod registry;
pub(crate) mod service_entry;
pub(crate) mod tls_client;
pub(crate) mod traffic_policy;
pub(crate) mod tunnel;

mod limits;
mod near;
mod outlier;
mod traffic_distribution;
mod upstream_protocol;
mod warmup;
