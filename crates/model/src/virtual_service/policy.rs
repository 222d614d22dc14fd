//! Policies of an HTTP route: retries, faults, copies, cross-origin rules.
//!
//! Data only; percentages and codes are kept as written so that the compiler can judge them.

use std::time::Duration;

use serde::Deserialize;

use super::{Destination, StringMatch};
use crate::proto::{Several, at_most_one, duration, proto_enum};

/// When and how often to try again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpRetry {
    /// Number of retries after the first try; 0 or less disables them.
    pub attempts: i32,
    /// Time for each try, the first included.
    #[serde(alias = "per_try_timeout", deserialize_with = "duration::optional")]
    pub per_try_timeout: Option<Duration>,
    /// Comma-separated conditions; empty means Istio's default ones.
    #[serde(alias = "retry_on")]
    pub retry_on: String,
    /// Whether retries may go to other localities.
    #[serde(alias = "retry_remote_localities")]
    pub retry_remote_localities: Option<bool>,
    /// Whether retries avoid endpoints tried before; absent means yes.
    #[serde(alias = "retry_ignore_previous_hosts")]
    pub retry_ignore_previous_hosts: Option<bool>,
    /// Base of the exponential back-off; absent means 25 ms.
    #[serde(deserialize_with = "duration::optional")]
    pub backoff: Option<Duration>,
}

/// Faults to inject.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FaultInjection {
    /// Waiting before the request is forwarded.
    pub delay: Option<Delay>,
    /// Answering with an error instead of forwarding.
    pub abort: Option<Abort>,
}

/// A delay and how often it happens.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(try_from = "DelayFields")]
pub struct Delay {
    /// Share of requests in percent; superseded by `percentage`.
    pub percent: i32,
    /// How long a delay is.
    pub delay_type: Option<DelayType>,
    /// Share of requests; absent means none.
    pub percentage: Option<Percent>,
}

/// How long a delay is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DelayType {
    /// Always this long.
    Fixed(std::time::Duration),
    /// Not implemented by Istio.
    Exponential(std::time::Duration),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct DelayFields {
    percent: i32,
    #[serde(alias = "fixed_delay", deserialize_with = "duration::optional")]
    fixed_delay: Option<std::time::Duration>,
    #[serde(alias = "exponential_delay", deserialize_with = "duration::optional")]
    exponential_delay: Option<std::time::Duration>,
    percentage: Option<Percent>,
}

impl TryFrom<DelayFields> for Delay {
    type Error = Several;

    fn try_from(fields: DelayFields) -> Result<Self, Several> {
        let delay_type = at_most_one([
            ("fixedDelay", fields.fixed_delay.map(DelayType::Fixed)),
            ("exponentialDelay", fields.exponential_delay.map(DelayType::Exponential)),
        ])?;
        Ok(Self { percent: fields.percent, delay_type, percentage: fields.percentage })
    }
}

/// An error and how often it happens.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(try_from = "AbortFields")]
pub struct Abort {
    /// Which error an abort answers with.
    pub error: Option<AbortError>,
    /// Share of requests; absent means none.
    pub percentage: Option<Percent>,
}

/// Which error an abort answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AbortError {
    /// An HTTP status; valid are 200 to 599.
    HttpStatus(i32),
    /// A gRPC status by name.
    GrpcStatus(String),
    /// Not implemented by Istio.
    Http2Error(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct AbortFields {
    #[serde(alias = "http_status")]
    http_status: Option<i32>,
    #[serde(alias = "grpc_status")]
    grpc_status: Option<String>,
    #[serde(alias = "http2_error")]
    http2_error: Option<String>,
    percentage: Option<Percent>,
}

impl TryFrom<AbortFields> for Abort {
    type Error = Several;

    fn try_from(fields: AbortFields) -> Result<Self, Several> {
        let error = at_most_one([
            ("httpStatus", fields.http_status.map(AbortError::HttpStatus)),
            ("grpcStatus", fields.grpc_status.map(AbortError::GrpcStatus)),
            ("http2Error", fields.http2_error.map(AbortError::Http2Error)),
        ])?;
        Ok(Self { error, percentage: fields.percentage })
    }
}

/// A destination that gets copies of requests.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpMirror {
    /// Where copies go.
    pub destination: Destination,
    /// Share of requests copied; absent means all.
    pub percentage: Option<Percent>,
}

/// A share in percent.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Percent {
    /// Valid are 0 to 100.
    pub value: f64,
}

/// Cross-origin resource sharing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CorsPolicy {
    /// Allowed origins, exact or `*`; superseded by `allow_origins`.
    #[serde(alias = "allow_origin")]
    pub allow_origin: Vec<String>,
    /// Allowed origins.
    #[serde(alias = "allow_origins")]
    pub allow_origins: Vec<StringMatch>,
    /// Allowed methods.
    #[serde(alias = "allow_methods")]
    pub allow_methods: Vec<String>,
    /// Request headers that may be used.
    #[serde(alias = "allow_headers")]
    pub allow_headers: Vec<String>,
    /// Response headers that scripts may read.
    #[serde(alias = "expose_headers")]
    pub expose_headers: Vec<String>,
    /// How long a preflight may be cached; whole seconds.
    #[serde(alias = "max_age", deserialize_with = "duration::optional")]
    pub max_age: Option<Duration>,
    /// Whether credentials may be sent.
    #[serde(alias = "allow_credentials")]
    pub allow_credentials: Option<bool>,
    /// What happens to preflights from other origins.
    #[serde(alias = "unmatched_preflights")]
    pub unmatched_preflights: UnmatchedPreflights,
}

proto_enum! {
    /// What happens to preflight requests that no allowed origin sent.
    pub enum UnmatchedPreflights("unmatchedPreflights") {
        /// The default: forward.
        Unspecified = 0 "UNSPECIFIED",
        /// Forward them.
        Forward = 1 "FORWARD",
        /// Answer them with 200 and no permission.
        Ignore = 2 "IGNORE",
    }
}
