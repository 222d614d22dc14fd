//! Telemetry: access logs, metrics and traces.
//!
//! Data only; providers are named here and defined in the mesh configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::proto::{Several, at_most_one, duration, proto_enum};
use crate::security::ProviderRef;
use crate::selector::{TargetRef, WorkloadSelector};

/// What workloads report.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Telemetry {
    /// Workloads it is for; absent means the namespace.
    pub selector: Option<WorkloadSelector>,
    /// The object it is attached to; superseded.
    #[serde(alias = "target_ref")]
    pub target_ref: Option<TargetRef>,
    /// Objects it is attached to.
    #[serde(alias = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// Traces.
    pub tracing: Vec<Tracing>,
    /// Metrics.
    pub metrics: Vec<Metrics>,
    /// Access logs.
    #[serde(alias = "access_logging")]
    pub access_logging: Vec<AccessLogging>,
}

/// Which requests are traced, and how.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tracing {
    /// Which side of the proxy.
    pub r#match: Option<ModeSelector>,
    /// Where spans go.
    pub providers: Vec<ProviderRef>,
    /// Share of requests in percent; absent means the parent's.
    #[serde(alias = "random_sampling_percentage")]
    pub random_sampling_percentage: Option<f64>,
    /// Propagate context, but report nothing.
    #[serde(alias = "disable_span_reporting")]
    pub disable_span_reporting: Option<bool>,
    /// Further tags.
    #[serde(alias = "custom_tags")]
    pub custom_tags: BTreeMap<String, CustomTag>,
    /// Whether the request id decides.
    #[serde(alias = "use_request_id_for_trace_sampling")]
    pub use_request_id_for_trace_sampling: Option<bool>,
    /// Whether Istio's tags are added; absent means yes.
    #[serde(alias = "enable_istio_tags")]
    pub enable_istio_tags: Option<bool>,
    /// Leave trace headers alone.
    #[serde(alias = "disable_context_propagation")]
    pub disable_context_propagation: Option<bool>,
}

/// Which side of the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ModeSelector {
    /// The side.
    pub mode: TrafficMode,
}

proto_enum! {
    /// Which side of the proxy a setting is for.
    pub enum TrafficMode("mode") {
        /// Both.
        ClientAndServer = 0 "CLIENT_AND_SERVER",
        /// Outbound; a gateway counts as client.
        Client = 1 "CLIENT",
        /// Inbound.
        Server = 2 "SERVER",
    }
}

/// A further tag of spans.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "CustomTagFields")]
pub struct CustomTag {
    /// Where a tag's value comes from.
    pub value: Option<TagValue>,
}

/// Where a tag's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagValue {
    /// A fixed text.
    Literal(LiteralTag),
    /// An environment variable.
    Environment(TagSource),
    /// A request header.
    Header(TagSource),
    /// An Envoy format string.
    Formatter(LiteralTag),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct CustomTagFields {
    literal: Option<LiteralTag>,
    environment: Option<TagSource>,
    header: Option<TagSource>,
    formatter: Option<LiteralTag>,
}

impl TryFrom<CustomTagFields> for CustomTag {
    type Error = Several;

    fn try_from(fields: CustomTagFields) -> Result<Self, Several> {
        let value = at_most_one([
            ("literal", fields.literal.map(TagValue::Literal)),
            ("environment", fields.environment.map(TagValue::Environment)),
            ("header", fields.header.map(TagValue::Header)),
            ("formatter", fields.formatter.map(TagValue::Formatter)),
        ])?;
        Ok(Self { value })
    }
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LiteralTag {
    /// The text.
    pub value: String,
}

/// A named source of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TagSource {
    /// Its name.
    pub name: String,
    /// What is used where it is missing.
    #[serde(alias = "default_value")]
    pub default_value: String,
}

/// Changes of metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Metrics {
    /// Which providers it is for.
    pub providers: Vec<ProviderRef>,
    /// The changes, in order.
    pub overrides: Vec<MetricsOverride>,
    /// How often they are reported.
    #[serde(alias = "reporting_interval", deserialize_with = "duration::optional")]
    pub reporting_interval: Option<Duration>,
}

/// A change of some metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MetricsOverride {
    /// Which; absent means all.
    pub r#match: Option<MetricSelector>,
    /// Whether they are off.
    pub disabled: Option<bool>,
    /// Changes of tags.
    #[serde(alias = "tag_overrides")]
    pub tag_overrides: BTreeMap<String, TagOverride>,
}

/// Which metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "MetricSelectorFields")]
pub struct MetricSelector {
    /// Which metric a change is for.
    pub metric: Option<MetricMatch>,
    /// Which side of the proxy.
    pub mode: TrafficMode,
}

/// Which metric a change is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricMatch {
    /// One of Istio's.
    Istio(IstioMetric),
    /// Another one by name.
    Custom(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct MetricSelectorFields {
    metric: Option<IstioMetric>,
    #[serde(alias = "custom_metric")]
    custom_metric: Option<String>,
    mode: TrafficMode,
}

impl TryFrom<MetricSelectorFields> for MetricSelector {
    type Error = Several;

    fn try_from(fields: MetricSelectorFields) -> Result<Self, Several> {
        let metric = at_most_one([
            ("metric", fields.metric.map(MetricMatch::Istio)),
            ("customMetric", fields.custom_metric.map(MetricMatch::Custom)),
        ])?;
        Ok(Self { metric, mode: fields.mode })
    }
}

proto_enum! {
    /// Istio's metrics.
    pub enum IstioMetric("metric") {
        /// All.
        All = 0 "ALL_METRICS",
        /// `istio_requests_total`.
        RequestCount = 1 "REQUEST_COUNT",
        /// `istio_request_duration_milliseconds`.
        RequestDuration = 2 "REQUEST_DURATION",
        /// `istio_request_bytes`.
        RequestSize = 3 "REQUEST_SIZE",
        /// `istio_response_bytes`.
        ResponseSize = 4 "RESPONSE_SIZE",
        /// `istio_tcp_connections_opened_total`.
        TcpOpenedConnections = 5 "TCP_OPENED_CONNECTIONS",
        /// `istio_tcp_connections_closed_total`.
        TcpClosedConnections = 6 "TCP_CLOSED_CONNECTIONS",
        /// `istio_tcp_sent_bytes_total`.
        TcpSentBytes = 7 "TCP_SENT_BYTES",
        /// `istio_tcp_received_bytes_total`.
        TcpReceivedBytes = 8 "TCP_RECEIVED_BYTES",
        /// `istio_request_messages_total`.
        GrpcRequestMessages = 9 "GRPC_REQUEST_MESSAGES",
        /// `istio_response_messages_total`.
        GrpcResponseMessages = 10 "GRPC_RESPONSE_MESSAGES",
    }
}

/// A change of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TagOverride {
    /// What happens to it.
    pub operation: TagOperation,
    /// The new value, a CEL expression.
    pub value: String,
}

proto_enum! {
    /// What happens to a tag.
    pub enum TagOperation("operation") {
        /// Set.
        Upsert = 0 "UPSERT",
        /// Removed.
        Remove = 1 "REMOVE",
    }
}

/// Which requests are logged, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AccessLogging {
    /// Which side of the proxy.
    pub r#match: Option<ModeSelector>,
    /// Where lines go.
    pub providers: Vec<ProviderRef>,
    /// Whether it is off.
    pub disabled: Option<bool>,
    /// Which requests.
    pub filter: Option<LogFilter>,
}

/// Which requests are logged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LogFilter {
    /// A CEL expression.
    pub expression: String,
}
