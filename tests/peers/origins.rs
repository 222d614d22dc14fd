//! The origins behind both gateways. The path says how the recording origin answers
//! (`/kind/<kind>`); the others fail in one way each.

use std::io;

use crate::harness::origin::{Conversation, Origin, Received, empty, ok};
use crate::http2_origin::Http2Origin;
use crate::outcome::Speech;

/// Every origin of the world, by its placeholder.
pub(crate) struct Origins {
    pub(crate) origin: Recording,
    pub(crate) copy: Origin,
    pub(crate) closes: Origin,
    pub(crate) garbage: Origin,
    pub(crate) silent: Origin,
}

/// The origin that records what it gets and answers as the path says.
pub(crate) enum Recording {
    Http1(Origin),
    Http2(Http2Origin),
}

impl Recording {
    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Http1(origin) => origin.port(),
            Self::Http2(origin) => origin.port,
        }
    }

    fn take(&self) -> Vec<Received> {
        match self {
            Self::Http1(origin) => origin.take(),
            Self::Http2(origin) => origin.take(),
        }
    }
}

impl Origins {
    /// `speech` is what the recording origin speaks.
    pub(crate) fn start(speech: Speech) -> Self {
        let origin = match speech {
            Speech::Http1 => Recording::Http1(Origin::talks(recording)),
            Speech::Http2 => Recording::Http2(Http2Origin::replies(|received| {
                reply(received, kind(received).as_deref())
            })),
        };
        Self {
            origin,
            copy: Origin::says("copied"),
            closes: Origin::talks(|conversation| conversation.request().map(drop)),
            garbage: Origin::talks(|conversation| {
                conversation.request()?;
                conversation.write("this is not HTTP\r\n\r\n")?;
                conversation.rest().map(drop)
            }),
            silent: Origin::talks(|conversation| {
                while conversation.request()?.is_some() {}
                Ok(())
            }),
        }
    }

    /// What arrived anywhere since the last time, in the order of origins.
    pub(crate) fn drain(&self) -> Vec<(&'static str, Received)> {
        let recorded = self.origin.take().into_iter().map(|received| ("origin", received));
        let mut all: Vec<_> = recorded.collect();
        for (name, origin) in [
            ("copy", &self.copy),
            ("closes", &self.closes),
            ("garbage", &self.garbage),
            ("silent", &self.silent),
        ] {
            all.extend(origin.take().into_iter().map(|received| (name, received)));
        }
        all
    }
}

fn recording(conversation: &mut Conversation) -> io::Result<()> {
    while let Some(received) = conversation.request()? {
        let kind = kind(&received);
        let reply = reply(&received, kind.as_deref());
        conversation.write(&reply)?;
        if closes_after(kind.as_deref()) {
            return Ok(());
        }
    }
    Ok(())
}

/// The kind of answer that the path asks for.
fn kind(received: &Received) -> Option<String> {
    received.target().split_once("/kind/").map(|(_, kind)| kind.to_owned())
}

/// Kinds of answers that are about how HTTP/1 is framed.
const FRAMED: [&str; 29] = [
    "connection-close",
    "hop",
    "reason",
    "no-reason",
    "http10",
    "until-close",
    "chunked-head",
    "junk",
    "two-heads",
    "short",
    "304-body",
    "head-body",
    "chunked-extension",
    "upper-chunked",
    "101",
    "websocket",
    "both-lengths",
    "two-lengths",
    "equal-lengths",
    "bad-length",
    "bad-chunk",
    "bad-status",
    "no-colon",
    "space-colon",
    "obs-fold",
    "nul",
    "gzip-coding",
    "204-length",
    "large-head",
];

/// Whether the answer to this line of the table can be said in HTTP/2.
pub(crate) fn is_sayable(line: &str) -> bool {
    let kind = line.split_once("/kind/").map_or("", |(_, rest)| rest);
    let kind = kind.split([' ', '?']).next().unwrap_or_default();
    !FRAMED.contains(&kind)
}

fn closes_after(kind: Option<&str>) -> bool {
    matches!(kind, Some("until-close" | "connection-close" | "http10" | "both-lengths" | "short"))
}

/// The answer for a kind, as bytes.
fn reply(received: &Received, kind: Option<&str>) -> String {
    let Some(kind) = kind else { return plain(received) };
    let with = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\ncontent-length: 2\r\n\r\nok");
    match kind {
        "server" => with("server: upstream"),
        "date" => with("date: Mon, 01 Jan 2024 00:00:00 GMT"),
        "connection-close" => with("connection: close"),
        "hop" => with(concat!(
            "connection: x-hop, keep-alive\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n",
            "proxy-connection: keep-alive\r\nupgrade: h2c\r\ntrailer: x-t"
        )),
        "envoy" => with(concat!(
            "x-envoy-upstream-service-time: 7\r\nx-envoy-decorator-operation: op\r\n",
            "x-envoy-attempt-count: 9\r\nx-envoy-overloaded: true\r\nx-envoy-immediate-health-",
            "check-fail: true\r\nx-envoy-other: kept\r\nx-request-id: theirs\r\nvia: 1.1 x"
        )),
        "twice" => with("x-a: 1\r\nX-A: 2"),
        "cookies" => with("set-cookie: a=b\r\nset-cookie: c=d"),
        "reason" => "HTTP/1.1 299 Odd But Fine\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "no-reason" => "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n".to_owned(),
        "100" => format!("HTTP/1.1 100 Continue\r\n\r\n{}", ok("late")),
        "103" => format!("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n{}", ok("late")),
        "http10" => "HTTP/1.0 200 OK\r\n\r\nold".to_owned(),
        "until-close" => "HTTP/1.1 200 OK\r\n\r\nuntil the end".to_owned(),
        "empty" => empty("200 OK"),
        "head" => "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n".to_owned(),
        "chunked-head" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
        "204" => "HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n".to_owned(),
        "304" => "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\ncontent-length: 9\r\n\r\n".to_owned(),
        "404" => empty("404 Not Found"),
        "500" => empty("500 Internal Server Error"),
        "502" => empty("502 Bad Gateway"),
        "503" => empty("503 Service Unavailable"),
        kind if kind.starts_with("grpc") => grpc(kind),
        "chunked" => chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        "chunked-trailers" => chunked("3\r\nabc\r\n0\r\nx-trailer: 1\r\n\r\n"),
        other => odd(other),
    }
}

/// Answers of gRPC: messages and trailers, a status alone, and what comes in their place.
fn grpc(kind: &str) -> String {
    let with = |status: &str, lines: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\n{lines}\r\ntransfer-encoding: chunked\r\n\r\n{body}")
    };
    let trailers = "0\r\ngrpc-status: 0\r\ngrpc-message: fine\r\nx-more: a b\r\n\r\n";
    let own = "content-type: application/grpc";
    let web = "content-type: application/grpc-web+proto";
    match kind {
        "grpc" => with("200 OK", own, &format!("7\r\n\0\0\0\0\x02hi\r\n{trailers}")),
        "grpc-proto" => {
            let own = format!("{own}+proto\r\ncontent-length-of: nothing");
            with("200 OK", &own, &format!("c\r\n\0\0\0\0\x02hi\0\0\0\0\x00\r\n{trailers}"))
        }
        "grpc-no-message" => with("200 OK", own, trailers),
        "grpc-no-trailers" => with("200 OK", own, "6\r\n\0\0\0\0\x01h\r\n0\r\n\r\n"),
        "grpc-status" => {
            format!(
                "HTTP/1.1 200 OK\r\n{own}\r\ngrpc-status: 5\r\ngrpc-message: a%20b\r\n\
                     content-length: 0\r\n\r\n"
            )
        }
        "grpc-404" => with("404 Not Found", own, &format!("7\r\n\0\0\0\0\x02hi\r\n{trailers}")),
        "grpc-web" => with("200 OK", web, "6\r\n\0\0\0\0\x01h\r\n0\r\n\r\n"),
        "grpc-web-parameters" => {
            let web = format!("{web} ; charset=utf-8");
            with("200 OK", &web, "6\r\n\0\0\0\0\x01h\r\n0\r\n\r\n")
        }
        "grpc-html" => with("200 OK", "content-type: text/html", "4\r\n<\n%>\r\n0\r\n\r\n"),
        "grpc-late" => with("503 Service Unavailable", "x-a: 1", "4\r\nlate\r\n0\r\n\r\n"),
        other => panic!("requests.txt asks for an unknown kind of answer: {other}"),
    }
}

/// Answers that say more, or less, than they should.
fn odd(kind: &str) -> String {
    let with = |lines: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n{body}");
    match kind {
        "junk" => with("content-length: 2", "okjunk"),
        "two-heads" => with("content-length: 2", &format!("ok{}", ok("again"))),
        "short" => with("content-length: 9", "short"),
        "304-body" => "HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\nok".to_owned(),
        "head-body" => with("content-length: 2", "ok"),
        "chunked-extension" => with("transfer-encoding: chunked", "2;a=b\r\nok\r\n0\r\n\r\n"),
        "upper-chunked" => with("Transfer-Encoding: CHUNKED", "2\r\nok\r\n0\r\n\r\n"),
        "101" | "websocket" => concat!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n",
            "sec-websocket-accept: b\r\n\r\n"
        )
        .to_owned(),
        other => broken(other),
    }
}

/// Answers that no strict reader takes.
fn broken(kind: &str) -> String {
    let with = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\nok");
    match kind {
        "both-lengths" => with("content-length: 2\r\ntransfer-encoding: chunked"),
        "two-lengths" => with("content-length: 2\r\ncontent-length: 3"),
        "equal-lengths" => with("content-length: 2\r\ncontent-length: 2"),
        "bad-length" => with("content-length: two"),
        "bad-chunk" => chunked("zz\r\nabc\r\n0\r\n\r\n"),
        "bad-status" => "HTTP/1.1 2000 Much\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "no-colon" => with("content-length: 2\r\nno-colon"),
        "space-colon" => with("content-length: 2\r\nx-a : 1"),
        "obs-fold" => with("content-length: 2\r\nx-a: 1\r\n 2"),
        "nul" => with("content-length: 2\r\nx-a: \0"),
        "gzip-coding" => with("transfer-encoding: gzip"),
        "204-length" => "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "many-headers" => with(&("x-a: 1\r\n".repeat(120) + "content-length: 2")),
        "large-head" => with(&format!("x-a: {}\r\ncontent-length: 2", "a".repeat(70_000))),
        other => panic!("requests.txt asks for an unknown kind of answer: {other}"),
    }
}

fn chunked(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}")
}

fn plain(received: &Received) -> String {
    let own_cors = match received.target().ends_with("/cors") {
        true => "access-control-allow-origin: *\r\naccess-control-allow-methods: PUT\r\n",
        false => "",
    };
    let body = if received.method() == "HEAD" { "" } else { "hello" };
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-kind: plain\r\nx-set: origin\r\n\
         x-add: origin\r\nx-remove: origin\r\n{own_cors}content-length: 5\r\n\r\n{body}"
    )
}
