//! Counters of one cluster in one worker: written by that worker alone, summed by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds. Only the owning worker may call this: it is a load and a store, not an atomic
    /// addition.
    pub(crate) fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// Subtracts; for gauges. Only the owning worker may call this.
    pub(crate) fn sub(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(amount), Ordering::Relaxed);
    }

    /// The value as last written.
    #[must_use]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Envoy's name of a counter: its own, or the one given where it is no Rust name.
macro_rules! name_of {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $text:literal) => {
        $text
    };
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident $(= $text:literal)?),* $(,)?) => {
        /// Counters of one cluster in one worker, under Envoy's names.
        #[derive(Debug, Default)]
        #[repr(align(64))] // one worker's writes must not touch another's cache line
        pub(crate) struct ClusterCounters { $($(#[$doc])* pub $name: Counter),* }

        impl ClusterCounters {
            /// Every counter with its name.
            pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((name_of!($name $($text)?), self.$name.get())),*].into_iter()
            }
        }
    };
}

counters! {
    /// Connections made.
    upstream_cx_total,
    /// Of those, the ones that carry HTTP/1.
    upstream_cx_http1_total,
    /// Of those, the ones that carry HTTP/2.
    upstream_cx_http2_total,
    /// Connections open now, pooled ones included.
    upstream_cx_active,
    /// Connections that could not be made.
    upstream_cx_connect_fail,
    /// Of those, the ones that took too long.
    upstream_cx_connect_timeout,
    /// TCP connections of clients closed because no connection or tunnel could be made for them.
    upstream_cx_connect_attempts_exceeded,
    /// TLS handshakes that were made.
    ssl_handshake = "ssl.handshake",
    /// Of those, the ones that resumed an earlier session.
    ssl_session_reused = "ssl.session_reused",
    /// Handshakes that failed for another reason than the endpoint's certificate.
    ssl_connection_error = "ssl.connection_error",
    /// Handshakes that failed because the endpoint's certificate did not verify.
    ssl_fail_verify_error = "ssl.fail_verify_error",
    /// Handshakes that failed because the endpoint's certificate is for another name.
    ssl_fail_verify_san = "ssl.fail_verify_san",
    /// HTTP/2 connections closed because the endpoint broke the protocol or flooded, and answers
    /// to a request for a tunnel that were none.
    upstream_cx_protocol_error,
    /// HTTP/2 connections closed because the endpoint did not answer a PING in time.
    http2_keepalive_timeout,
    /// Requests sent, retries included.
    upstream_rq_total,
    /// Requests under way now.
    upstream_rq_active,
    /// Times that a connection was wanted and there were as many as there may be.
    upstream_cx_overflow,
    /// Connections closed because they had carried as many requests as they may.
    upstream_cx_max_requests,
    /// Connections closed because of their age.
    upstream_cx_max_duration_reached,
    /// Requests refused because too many waited for a connection.
    upstream_rq_pending_overflow,
    /// Requests refused because too many were under way.
    upstream_rq_active_overflow,
    /// Tries after the first.
    upstream_rq_retry,
    /// Retries that did not happen because there were too many.
    upstream_rq_retry_overflow,
    /// Requests whose route timeout passed.
    upstream_rq_timeout,
    /// Tries whose own timeout passed.
    upstream_rq_per_try_timeout,
    /// Requests whose upstream broke off before its response head.
    upstream_rq_rx_reset,
    /// Requests given up on an HTTP/2 stream that the gateway reset.
    upstream_rq_tx_reset,
    /// Requests that found no endpoint.
    upstream_cx_none_healthy,
    /// Responses with a status of 2xx.
    upstream_rq_2xx,
    /// Responses with a status of 3xx.
    upstream_rq_3xx,
    /// Responses with a status of 4xx.
    upstream_rq_4xx,
    /// Responses with a status of 5xx.
    upstream_rq_5xx,
}

impl ClusterCounters {
    /// Counts a response by the class of its status.
    pub(crate) fn count_status(&self, status: u16) {
        match status / 100 {
            2 => self.upstream_rq_2xx.add(1),
            3 => self.upstream_rq_3xx.add(1),
            4 => self.upstream_rq_4xx.add(1),
            5 => self.upstream_rq_5xx.add(1),
            _ => {}
        }
    }
}
