//! What the tutorials' services answer: httpbin, Bookinfo's productpage, the user service, an echo.
//! Only the paths that the tutorials ask for, with the headers their transcripts print.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};
use serde_json::{Map, Value, json};

use crate::http_server::{Answer, Answering, HTML, JSON, Serve, answer, empty};

/// One service of the tutorials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    /// httpbin's `/status`, `/delay`, `/get`, `/headers`, `/ip`, `/anything`.
    Httpbin,
    /// Bookinfo's product page.
    ProductPage,
    /// A service whose version shows in its five-byte answer.
    User {
        /// JSON text without the line end.
        body: &'static str,
    },
    /// Answers with the request it got.
    Echo,
}

impl Serve for Backend {
    fn answer(&self, request: Request<Incoming>, _local: SocketAddr) -> Answering<'_> {
        let backend = *self;
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let wants_body = match backend {
                Self::Httpbin => parts.uri.path().starts_with("/anything"),
                Self::Echo => true,
                Self::ProductPage | Self::User { .. } => false,
            };
            let body = if wants_body { read(body).await } else { Some(Bytes::new()) };
            let Some(body) = body else { return empty(StatusCode::PAYLOAD_TOO_LARGE) };
            if backend == Self::Httpbin
                && let Some(delay) = delay(parts.uri.path())
            {
                tokio::time::sleep(delay).await;
            }
            backend.reply(&parts, &body)
        })
    }
}

impl Backend {
    fn reply(self, request: &Parts, body: &[u8]) -> Answer {
        match self {
            Self::Httpbin => httpbin(request, body),
            Self::ProductPage => product_page(request.uri.path()),
            Self::User { body } => {
                answer(StatusCode::OK, "application/json; charset=utf-8", format!("{body}\n"))
            }
            Self::Echo => answer(StatusCode::OK, JSON, pretty(&told(request, body))),
        }
    }
}

fn httpbin(request: &Parts, body: &[u8]) -> Answer {
    let path = request.uri.path();
    let mut reply = if let Some(code) = path.strip_prefix("/status/") {
        match code.parse().ok().and_then(|code| StatusCode::from_u16(code).ok()) {
            // An interim status is no answer; httpbin itself is confused by it too.
            Some(status) if !status.is_informational() => answer(status, HTML, Bytes::new()),
            _ => answer(StatusCode::BAD_REQUEST, HTML, "Invalid status code"),
        }
    } else {
        let told = told(request, body);
        let part = |names: &[&str]| {
            let chosen: Map<String, Value> =
                names.iter().map(|name| ((*name).to_owned(), told[*name].clone())).collect();
            answer(StatusCode::OK, JSON, pretty(&Value::Object(chosen)))
        };
        match path {
            "/get" => part(&["args", "headers", "origin", "url"]),
            "/headers" => part(&["headers"]),
            "/ip" => part(&["origin"]),
            _ if path.starts_with("/anything") => answer(StatusCode::OK, JSON, pretty(&told)),
            _ if delay(path).is_some() => part(&["args", "headers", "origin", "url"]),
            _ => answer(StatusCode::NOT_FOUND, HTML, "Not Found"),
        }
    };
    let headers = reply.headers_mut();
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    headers.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
    reply
}

/// `/delay/{seconds}`, at most ten, as httpbin has it.
fn delay(path: &str) -> Option<Duration> {
    let seconds: f64 = path.strip_prefix("/delay/")?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok().map(|delay| delay.min(DELAY_MAX))
}

fn product_page(path: &str) -> Answer {
    if path != "/productpage" {
        return answer(StatusCode::NOT_FOUND, HTML, "Not Found");
    }
    let mut page = PRODUCT_PAGE_HEAD.to_owned();
    while page.len() + PRODUCT_PAGE_LINE.len() + PRODUCT_PAGE_TAIL.len() <= PRODUCT_PAGE_BYTES {
        page.push_str(PRODUCT_PAGE_LINE);
    }
    let room = PRODUCT_PAGE_BYTES.saturating_sub(page.len() + PRODUCT_PAGE_TAIL.len());
    page.extend(std::iter::repeat_n(' ', room));
    page.push_str(PRODUCT_PAGE_TAIL);
    let mut reply = answer(StatusCode::OK, HTML, page);
    reply.headers_mut().insert("vary", HeaderValue::from_static("Cookie"));
    reply
}

/// Everything a request said, as httpbin's `/anything` tells it.
fn told(request: &Parts, body: &[u8]) -> Value {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &request.headers {
        let line = match headers.get(name.as_str()) {
            Some(Value::String(earlier)) => format!("{earlier},{}", text(value)),
            _ => text(value),
        };
        headers.insert(name.as_str().to_owned(), Value::String(line));
    }
    let header = |name: HeaderName| request.headers.get(&name).map(text).unwrap_or_default();
    let args: Map<String, Value> = request
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), Value::String(value.to_owned())))
        .collect();
    let host = header(hyper::header::HOST);
    let origin = header(HeaderName::from_static("x-forwarded-for"));
    json!({
        "args": args,
        "data": String::from_utf8_lossy(body),
        "headers": headers,
        "method": request.method.as_str(),
        "origin": origin,
        "url": format!("http://{host}{}", request.uri),
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

async fn read(body: Incoming) -> Option<Bytes> {
    Limited::new(body, BODY_BYTES_MAX).collect().await.ok().map(http_body_util::Collected::to_bytes)
}

/// httpbin's own limit.
const DELAY_MAX: Duration = Duration::from_secs(10);
/// Bytes of a request body that is told back; a demo needs no more.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of Bookinfo's product page, as the tutorial's transcript shows.
const PRODUCT_PAGE_BYTES: usize = 7712;
const PRODUCT_PAGE_HEAD: &str = "<!DOCTYPE html>\n<html>\n\
     <head><title>Simple Bookstore App</title></head>\n<body>\n\
     <h1>The Comedy of Errors</h1>\n";
const PRODUCT_PAGE_LINE: &str =
    "<p>One of Shakespeare's early plays: two sets of twins, one city, many mistakes.</p>\n";
const PRODUCT_PAGE_TAIL: &str = "</body>\n</html>\n";

#[cfg(test)]
mod tests;
