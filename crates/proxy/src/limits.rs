//! Everything that a client, an upstream or a burst can make grow, with its bound and the reason.

use std::time::Duration;

/// Bytes of a buffer that a head is read into. Nearly every request fits, browsers' cookies
/// included.
pub const SMALL_BUFFER_BYTES: usize = 16 * 1024;

/// Bytes of a buffer that bodies and uncommonly large heads go through. It must hold the largest
/// allowed head; beyond this size system calls no longer get cheaper per byte.
pub const LARGE_BUFFER_BYTES: usize = 128 * 1024;

/// Body bytes that are copied behind their head so that both leave in one slice; beyond this the
/// copy costs more than the kernel's handling of two.
pub const JOINED_BODY_BYTES_MAX: usize = 4 * 1024;

/// Bytes of an answer that is no gRPC's that become the message of a gRPC status: Envoy's bound.
pub const GRPC_WEB_MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Content that is joined into one frame of HTTP/2: what every peer takes as one. Small messages
/// that come together then cost one frame's work, here and at the peer.
pub const JOINED_FRAME_BYTES_MAX: usize = 16 * 1024;

/// Room that a chunked body is read into at least. Bytes behind its end are the next request and
/// have to fit too; with less room, large uploads behind a long head would be read in tiny steps.
pub const CHUNKED_BODY_ROOM_BYTES_MIN: usize = 8 * 1024;

/// Small buffers a worker keeps for reuse; more are given back to the allocator.
pub const SMALL_BUFFERS_KEPT_MAX: usize = 256;

/// Large buffers a worker keeps for reuse.
pub const LARGE_BUFFERS_KEPT_MAX: usize = 16;

/// Desks (indexes, lists of lines, texts of heads) a worker keeps; one is in use per busy
/// connection.
pub const DESKS_KEPT_MAX: usize = 256;

/// A text of a head that grew beyond this many bytes is not kept.
pub const TEXT_BYTES_KEPT_MAX: usize = 64 * 1024;

/// Open client connections per worker; more are closed as they are accepted, so that descriptors
/// remain for upstreams.
pub const CLIENT_CONNECTIONS_MAX: usize = 65_536;

/// Share of the process's file descriptors (its soft limit) that client connections may take, in
/// per cent. The others are for upstreams, probes, the admin pages and files.
pub const CLIENT_DESCRIPTORS_PERCENT: u64 = 75;

/// Connections that wait for `accept`, per listening socket; the kernel lowers it to `somaxconn`.
pub const ACCEPT_BACKLOG: i32 = 4096;

/// Connections accepted in a row before other tasks of the worker get their turn.
pub const ACCEPT_BATCH_MAX: usize = 64;

/// Wait after `accept` failed for want of descriptors or memory.
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Bytes of a TLS ClientHello, record headers included, that are read to find the server name:
/// Envoy's bound. Post-quantum key shares make hellos of about 2 KiB.
pub const HELLO_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a PROXY protocol header (version 2 with its additions). Load balancers send some
/// hundred; a certificate among the additions still fits.
pub const PROXY_HEADER_BYTES_MAX: usize = 4 * 1024;

/// Time for everything that must come before a connection's first request or byte: a PROXY
/// protocol header, a ClientHello. Envoy's `listener_filters_timeout`.
pub const PREFACE_TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of the one buffer per worker that TCP connections are relayed through: large, because
/// fewer system calls are what bulk transfers gain from.
pub const RELAY_BUFFER_BYTES: usize = 256 * 1024;

/// Bytes of the one buffer per worker that ciphertext is read into: as many as a body is read in at
/// once.
pub const CIPHERTEXT_BUFFER_BYTES: usize = LARGE_BUFFER_BYTES;

/// Bytes one direction of a TCP connection moves before other connections of the worker get their
/// turn: about the time of a hundred small requests.
pub const RELAY_TURN_BYTES: usize = 1024 * 1024;

/// Collections of one MongoDB listener that are counted by name, per worker; others count together.
/// Clients choose these names.
pub const MONGO_COLLECTIONS_MAX: usize = 256;

/// Bytes of a MongoDB collection's name that is counted by name: MongoDB's own bound.
pub const MONGO_NAME_BYTES_MAX: usize = 255;

/// Bytes of a MongoDB message; more is not MongoDB. Its own bound is 48,000,000.
pub const MONGO_MESSAGE_BYTES_MAX: usize = 48_000_000;

/// Time for a request head, from its first byte to its last. Longer is a slow-loris or a broken
/// client.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Time for a TLS handshake, from the accepted connection to its end: Istio's default.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// Time a client connection may be without a request: Envoy's default.
pub const CLIENT_IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// How often idle connections are looked at. Coarse on purpose: nothing depends on the exact
/// moment.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Request body bytes held for a retry or a mirror: Envoy's per-connection buffer limit. A larger
/// body streams on, and cannot be sent a second time.
pub const HELD_BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long a closing connection is read from, so that the peer sees the answer and not a reset.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes thrown away while a closing connection lingers.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Interim (1xx) responses relayed per request; more are not a dialogue but a flood.
pub const INTERIM_RESPONSES_MAX: u32 = 16;

/// Mirrored requests under way per worker; more are not sent.
pub const MIRRORS_MAX: usize = 1024;

/// Time a mirrored request may take, as nobody waits for it: Envoy's default route timeout.
pub const MIRROR_TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of a mirrored request's answer that are read before its connection is given up.
pub const MIRROR_ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// How long publishing waits for the first answers of name servers.
pub const FIRST_ANSWERS_WAIT: Duration = Duration::from_secs(1);

/// How long an operator who asks for loads waits for a worker. Workers answer between requests.
pub const LOADS_WAIT: Duration = Duration::from_secs(1);

/// Names whose addresses are remembered. Clients choose names below a wildcard.
pub const NAMES_KEPT_MAX: usize = 4096;

/// Names looked up at the same time; more wait for their turn, so that name servers meet no storm.
pub const LOOKUPS_MAX: usize = 64;

/// Time for a look-up, all name servers and repetitions included.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Endpoints per worker and cluster that are kept because a client asked for them; more serve their
/// one request and keep no connection.
pub const ASKED_ENDPOINTS_MAX: usize = 4096;

/// Time for the first bytes of a captured connection that tell what it speaks. Where a client waits
/// for the server to speak first, its bytes are handed on after this.
pub const DETECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a captured connection's first line that are read to see whether it is HTTP.
pub const DETECT_BYTES_MAX: usize = 8 * 1024;

/// Bytes read at once from an HTTP/2 connection: one full frame. The codec's buffer is cleared
/// before each read, so more of it would cost connections that get little.
pub const HTTP2_READ_BYTES_MAX: usize = 16 * 1024;

/// Bytes read at once from an HTTP/2 connection that sends little.
pub const HTTP2_READ_BYTES_MIN: usize = 2 * 1024;

/// Bytes read from an HTTP/2 connection before the requests on it get their turn. What was read is
/// kept frame by frame until then, small ones at a multiple of their size.
pub const HTTP2_TURN_BYTES: usize = 128 * 1024;

/// Streams that a client may have open on an HTTP/2 connection: Envoy's default.
pub const HTTP2_CLIENT_STREAMS_MAX: u32 = 1024;

/// Bytes of content that a client may send on one HTTP/2 stream before some of them are passed on:
/// Envoy's default.
pub const HTTP2_CLIENT_STREAM_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Bytes of content that a client may send on one HTTP/2 connection before some of them are passed
/// on: Envoy's default. It bounds what a slow upstream makes us hold.
pub const HTTP2_CLIENT_CONNECTION_WINDOW_BYTES: u32 = 24 * 1024 * 1024;

/// Bytes of a request's head or trailers on HTTP/2, counted as RFC 9113 section 6.5.2 does: the
/// bound of HTTP/1 heads. It also bounds the CONTINUATION frames of one.
pub const HTTP2_CLIENT_HEADER_LIST_BYTES_MAX: u32 = 60 * 1024;

/// Bytes of one HTTP/2 response that wait for a client to take them.
pub const HTTP2_CLIENT_SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Streams that we reset and remember for a moment, so that what a client has sent on them before
/// it knew is no breach. As many as may be open.
pub const HTTP2_CLIENT_RESET_STREAMS_MAX: usize = 1024;

/// Streams that a client took back before they were looked at; more are a rapid reset. All that
/// comes in one read is looked at together.
pub const HTTP2_CLIENT_RESET_PENDING_MAX: usize = 100;

/// Breaches of single streams in the life of an HTTP/2 connection, each of which makes us reset the
/// stream ("made you reset"). Envoy ends the connection with the first.
pub const HTTP2_CLIENT_ERROR_STREAMS_MAX: usize = 256;

/// Bytes that the book-keeping of small DATA frames may take per HTTP/2 connection, at 256 for each
/// frame that waits: half the connection's window. 40,000 tiny gRPC messages fit, all of which came
/// before the upstream was found that takes them.
pub const HTTP2_CLIENT_DATA_BUDGET_BYTES: usize = 12 * 1024 * 1024;

/// Time between telling an HTTP/2 client to open no more streams and refusing them: Envoy's drain
/// timeout. A client that confirms the first word is not kept waiting.
pub const HTTP2_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Streams on one HTTP/2 connection to an endpoint, where neither it nor the configuration says
/// less; another connection carries more. Envoy's default.
pub const HTTP2_STREAMS_MAX: usize = 1024;

/// Streams opened on an HTTP/2 connection before the endpoint has said how many it takes: what RFC
/// 9113 section 6.5.2 recommends to allow at least.
pub const HTTP2_STREAMS_ASSUMED: usize = 100;

/// Bytes that an endpoint may send on one HTTP/2 stream before some of them are passed on. Held in
/// memory while the client is slow, about as much as one costs on HTTP/1; far less than Envoy's 16
/// MiB, and enough for 20 Gbit/s within a data centre and 20 Mbit/s over 100 ms.
pub const HTTP2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// Bytes that an endpoint may send on one HTTP/2 connection before some of them are passed on: the
/// windows of all its streams. Clients that take nothing hold up nobody else, however many they
/// are; Envoy's 24 MiB are full with two.
pub const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * HTTP2_STREAM_WINDOW_BYTES;

/// Bytes that the book-keeping of small DATA frames may take per HTTP/2 connection to an endpoint,
/// at 256 for each frame that waits. Frames wait only while the worker is busy with others.
pub const HTTP2_DATA_BUDGET_BYTES: usize = 12 * 1024 * 1024;

/// Bytes of a response's head or trailers on HTTP/2, counted as RFC 9113 section 6.5.2 does: the
/// bound of HTTP/1 heads.
pub const HTTP2_HEADER_LIST_BYTES_MAX: u32 = 60 * 1024;

/// Bytes of one request that wait to be written to an HTTP/2 connection.
pub const HTTP2_SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Streams reset on an HTTP/2 connection that are remembered, so that what the endpoint still sends
/// on them is no breach; and breaches of single streams before the connection is given up.
pub const HTTP2_RESET_STREAMS_MAX: usize = 1024;

/// Time that a request waits for an endpoint's first HTTP/2 settings, if it depends on them. Every
/// server sends them first of all.
pub const HTTP2_SETTINGS_WAIT: Duration = Duration::from_secs(1);

/// Time for the last bytes of an HTTP/2 connection that is closed, which its peer may not read.
pub const HTTP2_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Limits that tests make shorter. Programs use the default, which is made of the constants above.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// [`HEAD_TIMEOUT`].
    pub head: Duration,
    /// [`HANDSHAKE_TIMEOUT`].
    pub handshake: Duration,
    /// [`CLIENT_IDLE_TIMEOUT`].
    pub idle: Duration,
    /// [`SWEEP_INTERVAL`].
    pub sweep: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: HEAD_TIMEOUT,
            handshake: HANDSHAKE_TIMEOUT,
            idle: CLIENT_IDLE_TIMEOUT,
            sweep: SWEEP_INTERVAL,
        }
    }
}
