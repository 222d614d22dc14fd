//! What a worker counts: one set of counters per worker, written by it alone, summed when asked.
//! Names are Envoy's, so that existing dashboards fit. It counts; it decides nothing.

mod summary;

use propylon_snapshot::Reason;

use crate::tcp;
use crate::upstream::Counter;

pub(crate) use summary::sum;

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident = $name:literal),* $(,)?) => {
        /// Counters of one worker's HTTP side.
        #[derive(Debug, Default)]
        #[repr(align(64))] // one worker's writes must not touch another's cache line
        pub(crate) struct Counters {
            $($(#[$doc])* pub $field: Counter,)*
            /// What is counted by route about connections that are handed on.
            pub tcp: tcp::Counters,
            /// One for every [`Reason`], by its position.
            reasons: Reasons,
        }

        impl Counters {
            fn plain(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($name, self.$field.get())),*].into_iter()
            }
        }
    };
}

counters! {
    /// Client connections accepted.
    connections = "http.downstream_cx_total",
    /// Client connections open now.
    connections_active = "http.downstream_cx_active",
    /// Client connections closed because there were too many.
    connections_overflow = "http.downstream_cx_overload_reject",
    /// Client connections reset because what came first was not what their listener wants: a PROXY
    /// protocol header, a ClientHello with a server name that is served.
    connections_unfit = "listener.no_filter_chain_match",
    /// Client connections closed after a long time without a request.
    connections_idle = "http.downstream_cx_idle_timeout",
    /// Client connections closed because they were asked to, draining.
    connections_drained = "http.downstream_cx_drain_close",
    /// Client connections that speak HTTP/2.
    connections_http2 = "http.downstream_cx_http2_total",
    /// HTTP/2 client connections closed for a breach of the protocol.
    http2_broken = "http2.protocol_error",
    /// HTTP/2 client connections closed because they went beyond what one may hold: header blocks
    /// without end, tiny frames, streams taken back before they are looked at.
    http2_excess = "http2.excessive_load",
    /// HTTP/2 client connections closed because they took nothing of what was sent for too long.
    http2_stuck = "http2.stuck",
    /// HTTP/2 client connections closed for too many PING frames.
    http2_ping_floods = "http2.inbound_ping_frames_flood",
    /// HTTP/2 client connections closed for too many SETTINGS frames.
    http2_settings_floods = "http2.inbound_settings_frames_flood",
    /// HTTP/2 client connections closed for too many WINDOW_UPDATE frames.
    http2_window_update_floods = "http2.inbound_window_update_frames_flood",
    /// HTTP/2 client connections closed for too many PRIORITY or unknown frames.
    http2_priority_floods = "http2.inbound_priority_frames_flood",
    /// HTTP/2 client connections closed for too many requests taken back.
    http2_reset_floods = "http.downstream_rq_too_many_premature_resets",
    /// HTTP/2 client connections closed for too many frames without content.
    http2_empty_floods = "http2.inbound_empty_frames_flood",
    /// HTTP/2 client connections closed for too many GOAWAY frames.
    http2_goaway_floods = "http2.inbound_goaway_frames_flood",
    /// Times that `accept` failed.
    accept_failures = "listener.downstream_cx_accept_failure",
    /// Connections whose TLS handshake did not end in time.
    tls_late = "listener.downstream_pre_cx_timeout",
    /// TLS handshakes that succeeded.
    tls_handshakes = "listener.ssl.handshake",
    /// TLS handshakes that resumed an earlier session.
    tls_resumed = "listener.ssl.session_reused",
    /// TLS handshakes that failed, whatever the cause.
    tls_failed = "listener.ssl.connection_error",
    /// TLS handshakes of clients without a certificate where it is required.
    tls_no_certificate = "listener.ssl.fail_verify_no_cert",
    /// TLS handshakes of clients whose certificate was not accepted.
    tls_bad_certificate = "listener.ssl.fail_verify_error",
    /// TLS handshakes that failed because the server's own certificate or key cannot be used.
    tls_no_credential = "listener.ssl.credential_error",
    /// Requests whose head was read or refused, as Envoy counts them.
    requests = "http.downstream_rq_total",
    /// Requests under way now.
    requests_active = "http.downstream_rq_active",
    /// Interim responses relayed.
    responses_1xx = "http.downstream_rq_1xx",
    /// Responses with a status of 2xx.
    responses_2xx = "http.downstream_rq_2xx",
    /// Responses with a status of 3xx.
    responses_3xx = "http.downstream_rq_3xx",
    /// Responses with a status of 4xx.
    responses_4xx = "http.downstream_rq_4xx",
    /// Responses with a status of 5xx.
    responses_5xx = "http.downstream_rq_5xx",
    /// Requests whose client went away before the answer.
    clients_gone = "http.downstream_rq_rx_reset",
    /// Responses cut off because the upstream broke off, or took too long, after its head.
    responses_cut = "http.downstream_rq_tx_reset",
    /// Responses relayed from an upstream.
    via_upstream = "http.downstream_rq_via_upstream",
    /// WebSocket tunnels opened.
    upgrades = "http.downstream_cx_upgrades_total",
    /// WebSocket tunnels open now.
    upgrades_active = "http.downstream_cx_upgrades_active",
    /// Requests sent silently once more, because a kept connection turned out dead.
    replays = "http.upstream_rq_replayed",
    /// Copies sent to mirrors.
    mirrored = "http.mirror_rq_total",
    /// Copies not sent to mirrors: too many under way, or a body too large.
    mirror_overflow = "http.mirror_rq_overflow",
    /// Tasks that ended in a panic.
    panics = "server.connection_panics",
}

/// Answers that the gateway made itself, by their reason.
#[derive(Debug)]
struct Reasons([Counter; Reason::ALL.len()]);

impl Default for Reasons {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl Counters {
    /// Counts an answer that the gateway made itself.
    pub(crate) fn count_reason(&self, reason: Reason) {
        if let Some(counter) = self.reasons.0.get(reason as usize) {
            counter.add(1);
        }
    }

    /// Counts a final response by the class of its status.
    pub(crate) fn count_status(&self, status: u16) {
        match status / 100 {
            2 => self.responses_2xx.add(1),
            3 => self.responses_3xx.add(1),
            4 => self.responses_4xx.add(1),
            5 => self.responses_5xx.add(1),
            _ => {}
        }
    }

    /// How many answers were made for `reason`.
    #[must_use]
    pub(crate) fn reason(&self, reason: Reason) -> u64 {
        self.reasons.0.get(reason as usize).map_or(0, Counter::get)
    }
}

#[cfg(test)]
mod tests;
