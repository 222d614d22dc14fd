//! The data plane: takes requests in, decides them by the snapshot, and sends them on.
//!
//! It knows the snapshot; it has never heard of YAML, Kubernetes or xDS. Modules stand in the order
//! of a request's travel. Start with [`DataPlane`].

mod aim;
mod arrival;
mod balance;
mod buffers;
mod captured;
mod clock;
#[doc(hidden)]
pub mod fuzz;
mod grpc_web;
mod guests;
mod http;
pub mod http1;
mod http2;
mod io;
pub mod limits;
mod listener;
mod plane;
mod running;
mod runtime;
mod tcp;
mod telemetry;
pub mod tls;
mod upstream;
mod welcome;
mod worker;

pub use listener::{ListenError, ListenerStatus, holder_of};
pub use plane::{DataPlane, Options};
pub use upstream::{
    ClusterStatus, EndpointHealth, InUse, Load, Loads, Resolve, ResolveError, Resolved, Resolving,
    SystemResolver,
};
