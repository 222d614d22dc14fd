//! Retry conditions: the names Istio's `retryOn` takes, and which outcomes they cover.

use crate::{Failure, Reason, Retry, RetryOn};

/// A name in `retryOn` that Istio does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no retry condition")]
pub struct BadRetryOn(pub String);

/// First and last status codes that `retryOn` accepts as a number.
const STATUSES: std::ops::RangeInclusive<u16> = 100..=599;

impl RetryOn {
    /// Reads Istio's comma-separated `retryOn`: conditions, and numbers that become retriable
    /// statuses. Empty parts are skipped. `retriable-headers` and `http3-post-connect-failure`
    /// are known and cover nothing here.
    ///
    /// # Errors
    /// The first part that is neither a condition nor a status.
    pub fn parse(text: &str) -> Result<(Self, Vec<u16>), BadRetryOn> {
        let mut on = Self::default();
        let mut statuses = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part {
                "5xx" => on.server_error = true,
                "gateway-error" => on.gateway_error = true,
                "reset" => on.reset = true,
                "reset-before-request" => on.reset_before_request = true,
                "connect-failure" => on.connect_failure = true,
                "refused-stream" => on.refused_stream = true,
                "retriable-4xx" => on.retriable_4xx = true,
                "envoy-ratelimited" => on.envoy_ratelimited = true,
                "cancelled" => on.grpc_cancelled = true,
                "deadline-exceeded" => on.grpc_deadline_exceeded = true,
                "resource-exhausted" => on.grpc_resource_exhausted = true,
                "internal" => on.grpc_internal = true,
                "unavailable" => on.grpc_unavailable = true,
                "retriable-status-codes" | "retriable-headers" | "http3-post-connect-failure" => {}
                _ => match part.parse::<u16>() {
                    Ok(status) if STATUSES.contains(&status) => statuses.push(status),
                    _ => return Err(BadRetryOn(part.to_owned())),
                },
            }
        }
        Ok((on, statuses))
    }

    /// Istio's conditions where `retries` names none:
    /// `connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes`.
    #[must_use]
    pub fn istio_default() -> Self {
        Self {
            connect_failure: true,
            refused_stream: true,
            grpc_unavailable: true,
            grpc_cancelled: true,
            ..Self::default()
        }
    }

    /// True if a try that ended for `reason`, without a response head, is to be repeated.
    /// `request_started` tells whether any byte of the request was written (Envoy counts every
    /// missing answer as a 5xx; the route's own timeout is never retried).
    #[must_use]
    pub fn covers(&self, reason: Reason, request_started: bool) -> bool {
        let Some(failure) = reason.failure() else {
            return false;
        };
        self.reset
            || self.server_error
            || self.gateway_error
            || (self.reset_before_request && !request_started)
            || (self.connect_failure && failure == Failure::Connect)
            || (self.refused_stream && failure == Failure::Refused)
    }
}

impl Retry {
    /// True if a response with this status is to be thrown away and the request repeated.
    /// `grpc_status` is that of the response head, where it has one.
    #[must_use]
    pub fn covers_response(&self, status: u16, grpc_status: Option<u8>) -> bool {
        let on = &self.on;
        let by_status = match status {
            409 => on.retriable_4xx,
            500..=599 if on.server_error => true,
            502..=504 => on.gateway_error,
            _ => false,
        };
        let by_grpc = match grpc_status {
            Some(1) => on.grpc_cancelled,
            Some(4) => on.grpc_deadline_exceeded,
            Some(8) => on.grpc_resource_exhausted,
            Some(13) => on.grpc_internal,
            Some(14) => on.grpc_unavailable,
            _ => false,
        };
        by_status || by_grpc || self.statuses.contains(&status)
    }
}

impl RetryOn {
    /// The conditions that are set, by Envoy's names: those of Istio's default policy first.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let Self {
            server_error,
            gateway_error,
            reset,
            reset_before_request,
            connect_failure,
            refused_stream,
            retriable_4xx,
            envoy_ratelimited,
            grpc_cancelled,
            grpc_deadline_exceeded,
            grpc_resource_exhausted,
            grpc_internal,
            grpc_unavailable,
        } = *self;
        let all = [
            (connect_failure, "connect-failure"),
            (refused_stream, "refused-stream"),
            (grpc_unavailable, "unavailable"),
            (grpc_cancelled, "cancelled"),
            (grpc_deadline_exceeded, "deadline-exceeded"),
            (grpc_resource_exhausted, "resource-exhausted"),
            (grpc_internal, "internal"),
            (server_error, "5xx"),
            (gateway_error, "gateway-error"),
            (reset, "reset"),
            (reset_before_request, "reset-before-request"),
            (retriable_4xx, "retriable-4xx"),
            (envoy_ratelimited, "envoy-ratelimited"),
        ];
        all.into_iter().filter_map(|(set, name)| set.then_some(name)).collect()
    }
}

#[cfg(test)]
mod tests;
