//! What is asked of every proxy: the rows of the report.

use crate::frames::Line;
use crate::link::HOST;

/// One row.
#[derive(Clone, Copy)]
pub struct Workload {
    pub name: &'static str,
    /// Where it comes in.
    pub entry: Entry,
    /// What is sent.
    pub load: Load,
}

/// A proxy's port, by what is spoken there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// HTTP/1.1 in plaintext.
    Http,
    /// HTTP/2 in plaintext, which some proxies want a port of its own for.
    Http2,
    /// TLS 1.3, with HTTP/1.1 or HTTP/2 inside.
    Tls,
    /// gRPC in plaintext, to a backend that speaks HTTP/2.
    Grpc,
    /// Bytes that are handed on to the HTTP backend.
    Tcp,
    /// Bytes that are handed on from the source.
    Source,
}

/// How a proxy is loaded.
#[derive(Clone, Copy)]
pub enum Load {
    /// Keep-alive connections, each with one request at a time.
    /// `upload` counts the bytes of each request's body.
    Requests { request: &'static str, upload: usize, secured: bool },
    /// A few connections with many streams each.
    Streams { call: Call, secured: bool },
    /// A connection for every request.
    Connections { handshake: Option<Handshake> },
    /// Few connections that take what they get.
    Bulk,
}

/// How a connection begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    Full,
    Resumed,
}

/// The only kind of message of an HTTP/2 connection.
#[derive(Clone, Copy)]
pub enum Call {
    Get,
    Grpc,
}

/// What the CPU time is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Request,
    Connection,
    Handshake,
    Gibibyte,
}

const SMALL: &str = "GET /api/v1/items HTTP/1.1\r\nHost: bench.local\r\n\r\n";
const LARGE: &str = "GET /static/64k HTTP/1.1\r\nHost: bench.local\r\n\r\n";
const UPLOAD: &str = "POST /api/v1/items HTTP/1.1\r\nHost: bench.local\r\n\
    Content-Type: application/octet-stream\r\nContent-Length: 65536\r\n\r\n";
const BROWSER: &str = concat!(
    "GET /api/v1/items/42?sort=asc&page=3 HTTP/1.1\r\nHost: bench.local\r\n",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) ",
    "Gecko/20100101 Firefox/143.0\r\n",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n",
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n",
    "Accept-Encoding: gzip, deflate, br, zstd\r\n",
    "Referer: http://bench.local/api/v1/\r\nDNT: 1\r\nSec-GPC: 1\r\n",
    "Cookie: session=5f2c1e4d7a9b4c3e8d6f0a1b2c3d4e5f; theme=dark; consent=yes\r\n",
    "Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\n",
    "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nPriority: u=0, i\r\n\r\n",
);

/// What is asked when only the connection matters.
pub const ASKED: &str = SMALL;

/// Bytes of the body of an upload.
pub const UPLOAD_BYTES: usize = 65536;

/// The answer to the small request has this many bytes.
pub const SMALL_ANSWER_BYTES: usize = 5;

/// A gRPC message both ways: not compressed, 13 bytes, one field with a text.
pub const GRPC_MESSAGE: &[u8] = b"\x00\x00\x00\x00\x0d\x0a\x0bhello world";

const fn row(name: &'static str, entry: Entry, load: Load) -> Workload {
    Workload { name, entry, load }
}

const fn requests(request: &'static str, secured: bool) -> Load {
    Load::Requests { request, upload: 0, secured }
}

const fn uploads(secured: bool) -> Load {
    Load::Requests { request: UPLOAD, upload: UPLOAD_BYTES, secured }
}

/// In the order of the report.
pub const WORKLOADS: &[Workload] = &[
    row("HTTP/1.1 small GET", Entry::Http, requests(SMALL, false)),
    row("HTTP/1.1 browser-like head", Entry::Http, requests(BROWSER, false)),
    row("HTTP/1.1 64 KiB bodies", Entry::Http, requests(LARGE, false)),
    row("HTTP/1.1 64 KiB uploads", Entry::Http, uploads(false)),
    row("TLS 1.3 small GET", Entry::Tls, requests(SMALL, true)),
    row("TLS 1.3 64 KiB bodies", Entry::Tls, requests(LARGE, true)),
    row("TLS 1.3 64 KiB uploads", Entry::Tls, uploads(true)),
    row(
        "TLS 1.3 full handshake, one GET",
        Entry::Tls,
        Load::Connections { handshake: Some(Handshake::Full) },
    ),
    row(
        "TLS 1.3 resumed handshake, one GET",
        Entry::Tls,
        Load::Connections { handshake: Some(Handshake::Resumed) },
    ),
    row("HTTP/2 small GET", Entry::Http2, Load::Streams { call: Call::Get, secured: false }),
    row("HTTP/2 over TLS small GET", Entry::Tls, Load::Streams { call: Call::Get, secured: true }),
    row("gRPC unary", Entry::Grpc, Load::Streams { call: Call::Grpc, secured: false }),
    row("TCP small messages", Entry::Tcp, requests(SMALL, false)),
    row("TCP connection, one message", Entry::Tcp, Load::Connections { handshake: None }),
    row("TCP bulk, per GiB", Entry::Source, Load::Bulk),
];

impl Workload {
    pub fn unit(&self) -> Unit {
        match self.load {
            Load::Requests { .. } | Load::Streams { .. } => Unit::Request,
            Load::Connections { handshake: None } => Unit::Connection,
            Load::Connections { handshake: Some(_) } => Unit::Handshake,
            Load::Bulk => Unit::Gibibyte,
        }
    }
}

impl Call {
    /// The request's head.
    pub fn lines(self) -> &'static [Line] {
        // Static table: 2 is GET, 3 POST, 6 http, 7 https, 4 :path, 1 :authority, 31 content-type.
        match self {
            Self::Get => &[
                Line::Static(2),
                Line::Static(6),
                Line::Named(1, HOST),
                Line::Named(4, "/api/v1/items"),
            ],
            Self::Grpc => &[
                Line::Static(3),
                Line::Static(6),
                Line::Named(1, HOST),
                Line::Named(4, "/bench.Greeter/SayHello"),
                Line::Named(31, "application/grpc"),
                Line::New("te", "trailers"),
                Line::Named(58, "grpc-bench/1.0"),
            ],
        }
    }

    /// The request's body.
    pub fn body(self) -> &'static [u8] {
        match self {
            Self::Get => &[],
            Self::Grpc => GRPC_MESSAGE,
        }
    }

    /// Bytes of the answer's body.
    pub fn answer_bytes(self) -> usize {
        match self {
            Self::Get => SMALL_ANSWER_BYTES,
            Self::Grpc => GRPC_MESSAGE.len(),
        }
    }
}
