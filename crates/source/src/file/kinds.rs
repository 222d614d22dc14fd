//! Which kinds there are, in which groups and versions, and how each is read.
//!
//! Kinds that Propylon does not read are sorted here too: nothing a user writes is passed over
//! without a word.

use propylon_model::{
    AnyObject, AuthorizationPolicy, ConfigMap, Deployment, DestinationRule, EndpointSlice,
    Endpoints, EnvoyFilter, FieldPath, Gateway, Kind, Meta, Namespace, Node, Object,
    PeerAuthentication, Pod, ProxyConfig, RequestAuthentication, Secret, Service, ServiceEntry,
    Severity, Sidecar, Telemetry, VirtualService, WasmPlugin, WorkloadEntry, WorkloadGroup,
};
use serde::Deserialize;

use super::decode::{Decoded, Outline, Strictness, decode, outline};
use super::suggest;
use super::yaml;

/// A kind that is read.
pub(crate) struct KindEntry {
    pub(crate) kind: Kind,
    group: &'static str,
    /// The first one is recommended.
    versions: &'static [&'static str],
    /// Which part of the document is the kind's own.
    pub(crate) part: Part,
    /// Reads that part.
    pub(crate) read: fn(&yaml::Node, &FieldPath, Strictness) -> Decoded<Made>,
    /// The messages inside it.
    pub(crate) outline: fn() -> Vec<Outline>,
}

/// Becomes an object once what every object carries is known, too.
pub(crate) type Made = Box<dyn FnOnce(Meta) -> AnyObject>;

/// Which part of a document a kind's type describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `spec`, of one of Istio's kinds: every field is known.
    IstioSpec,
    /// `spec`, of a Kubernetes kind: some fields are known.
    Spec,
    /// The whole document.
    Whole,
}

/// What an `apiVersion` and a `kind` mean.
pub(crate) enum Lookup {
    Known(&'static KindEntry),
    /// A list of objects.
    List,
    /// One that exists, but matters to no gateway or is not read: how bad, and what to say.
    Foreign {
        severity: Severity,
        message: String,
        help: String,
    },
    /// A version that the kind does not have.
    WrongVersion {
        message: String,
        help: String,
    },
    /// No such kind in a group of Istio's.
    Unknown {
        message: String,
        help: String,
    },
}

impl KindEntry {
    /// `networking.istio.io/v1`.
    pub(crate) fn api_version(&self) -> String {
        let version = self.versions.first().copied().unwrap_or_default();
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }
}

/// The entry of a kind.
pub(crate) fn entry(kind: Kind) -> Option<&'static KindEntry> {
    KINDS.iter().find(|entry| entry.kind == kind)
}

/// Finds out what a document is.
pub(crate) fn look_up(api_version: &str, kind: &str) -> Lookup {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let named = || KINDS.iter().filter(|entry| entry.kind.name() == kind);
    if let Some(entry) = named().find(|entry| entry.group == group) {
        if entry.versions.contains(&version) {
            return Lookup::Known(entry);
        }
        return Lookup::WrongVersion {
            message: format!("`{version}` is not a version of {kind}, so it is not read"),
            help: format!("write `apiVersion: {}`", entry.api_version()),
        };
    }
    if kind == "List" || is_list(group, kind) {
        return Lookup::List;
    }
    if group == "extensions.istio.io" && kind == "TrafficExtension" {
        return foreign(Severity::Warning, format!("{kind} is not yet in effect"), "");
    }
    if group.ends_with("istio.io") {
        return unknown_istio(group, kind);
    }
    foreign_kind(api_version, group, kind)
}

fn is_list(group: &str, kind: &str) -> bool {
    let Some(single) = kind.strip_suffix("List") else { return false };
    KINDS.iter().any(|entry| entry.group == group && entry.kind.name() == single)
}

fn unknown_istio(group: &str, kind: &str) -> Lookup {
    let elsewhere = KINDS.iter().find(|entry| entry.kind.name() == kind);
    let names = || KINDS.iter().filter(|e| e.group.ends_with("istio.io")).map(|e| e.kind.name());
    let help = match elsewhere {
        Some(entry) => {
            format!("{kind} is in another group: write `apiVersion: {}`", entry.api_version())
        }
        None => match suggest::nearest(kind, names()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known kinds are {}", names().collect::<Vec<_>>().join(", ")),
        },
    };
    Lookup::Unknown { message: format!("`{group}` has no kind `{kind}`, so it is not read"), help }
}

fn foreign_kind(api_version: &str, group: &str, kind: &str) -> Lookup {
    if let Some(entry) = KINDS.iter().find(|entry| entry.kind.name() == kind)
        && !group.contains('.')
    {
        return Lookup::WrongVersion {
            message: format!("`{api_version}` has no kind {kind}, so it is not read"),
            help: format!("write `apiVersion: {}`", entry.api_version()),
        };
    }
    if group == "gateway.networking.k8s.io" {
        let message = format!("{kind} of the Gateway API is not read");
        return foreign(
            Severity::Warning,
            message,
            "write it as Istio's Gateway and VirtualService",
        );
    }
    if group == "networking.k8s.io" && kind.starts_with("Ingress") {
        let message = format!("{kind} is not read");
        return foreign(
            Severity::Warning,
            message,
            "write it as Istio's Gateway and VirtualService",
        );
    }
    let plain = match group {
        "" => CORE_KINDS.contains(&kind),
        _ => KUBERNETES_GROUPS.contains(&group),
    };
    if plain {
        let message = format!("a gateway needs no {kind}, so it is passed over");
        return foreign(Severity::Info, message, "");
    }
    let core = KINDS.iter().filter(|entry| entry.group == group).map(|entry| entry.kind.name());
    let help = suggest::nearest(kind, core).map(|name| format!("did you mean `{name}`?"));
    let message = format!("the kind `{kind}` is unknown, so it is passed over");
    foreign(Severity::Warning, message, &help.unwrap_or_default())
}

fn foreign(severity: Severity, message: String, help: &str) -> Lookup {
    Lookup::Foreign { severity, message, help: help.to_owned() }
}

/// The kind that a document without `kind` seems to be, by the fields of its `spec`.
pub(crate) fn guess(spec: &yaml::Node) -> Option<&'static KindEntry> {
    let has = |field: &str| spec.get(field).is_some();
    let kind = if has("servers") {
        Kind::Gateway
    } else if has("hosts") && (has("http") || has("tls") || has("tcp")) {
        Kind::VirtualService
    } else if has("host") && (has("subsets") || has("trafficPolicy")) {
        Kind::DestinationRule
    } else if has("hosts") && (has("resolution") || has("location") || has("endpoints")) {
        Kind::ServiceEntry
    } else {
        return None;
    };
    entry(kind)
}

fn read<T>(node: &yaml::Node, at: &FieldPath, strictness: Strictness) -> Decoded<Made>
where
    T: for<'de> Deserialize<'de> + 'static,
    AnyObject: From<Object<T>>,
{
    let Decoded { result, unknown } = decode::<T>(node, at, strictness);
    let make = |spec: T| -> Made { Box::new(|meta| Object { meta, spec }.into()) };
    Decoded { result: result.map(make), unknown }
}

macro_rules! kinds {
    ($($kind:ident in $group:literal, $versions:expr, $part:ident;)+) => {
        static KINDS: &[KindEntry] = &[$(KindEntry {
            kind: Kind::$kind,
            group: $group,
            versions: $versions,
            part: Part::$part,
            read: read::<$kind>,
            outline: outline::<$kind>,
        },)+];
    };
}

kinds! {
    Gateway in "networking.istio.io", NETWORKING, IstioSpec;
    VirtualService in "networking.istio.io", NETWORKING, IstioSpec;
    DestinationRule in "networking.istio.io", NETWORKING, IstioSpec;
    ServiceEntry in "networking.istio.io", NETWORKING, IstioSpec;
    WorkloadEntry in "networking.istio.io", NETWORKING, IstioSpec;
    WorkloadGroup in "networking.istio.io", NETWORKING, IstioSpec;
    Sidecar in "networking.istio.io", NETWORKING, IstioSpec;
    EnvoyFilter in "networking.istio.io", &["v1alpha3"], IstioSpec;
    ProxyConfig in "networking.istio.io", &["v1beta1"], IstioSpec;
    AuthorizationPolicy in "security.istio.io", &["v1", "v1beta1"], IstioSpec;
    RequestAuthentication in "security.istio.io", &["v1", "v1beta1"], IstioSpec;
    PeerAuthentication in "security.istio.io", &["v1", "v1beta1"], IstioSpec;
    Telemetry in "telemetry.istio.io", &["v1", "v1alpha1"], IstioSpec;
    WasmPlugin in "extensions.istio.io", &["v1alpha1"], IstioSpec;
    Service in "", &["v1"], Spec;
    Endpoints in "", &["v1"], Whole;
    EndpointSlice in "discovery.k8s.io", &["v1", "v1beta1"], Whole;
    Pod in "", &["v1"], Whole;
    Deployment in "apps", &["v1", "v1beta1", "v1beta2"], Spec;
    Secret in "", &["v1"], Whole;
    ConfigMap in "", &["v1"], Whole;
    Namespace in "", &["v1"], Whole;
    Node in "", &["v1"], Whole;
}

const NETWORKING: &[&str] = &["v1", "v1beta1", "v1alpha3"];

/// Kinds of the core group that belong to a cluster and mean nothing to a gateway.
const CORE_KINDS: &[&str] = &[
    "ServiceAccount",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ReplicationController",
    "PodTemplate",
    "LimitRange",
    "ResourceQuota",
    "Event",
    "Binding",
];

/// Groups of Kubernetes whose kinds mean nothing to a gateway.
const KUBERNETES_GROUPS: &[&str] = &[
    "apps",
    "batch",
    "policy",
    "autoscaling",
    "extensions",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "certificates.k8s.io",
    "apiextensions.k8s.io",
    "admissionregistration.k8s.io",
    "apiregistration.k8s.io",
    "events.k8s.io",
    "node.k8s.io",
    "kustomize.config.k8s.io",
];
