//! The readiness servers (15021 and 15020): `GET /healthz/ready` answers 200 or 503, without body.
//! Probes call it under any Host, so nothing else is told here.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use crate::http_server::{Answering, Serve, empty};
use crate::status::Status;

/// Answers probes of kubelets and load balancers.
#[derive(Debug)]
pub(crate) struct Ready(pub Arc<Status>);

impl Serve for Ready {
    fn answer(&self, request: Request<Incoming>, _local: SocketAddr) -> Answering<'_> {
        let status = status(request.method(), request.uri().path(), self.0.ready());
        Box::pin(std::future::ready(empty(status)))
    }
}

fn status(method: &Method, path: &str, ready: bool) -> StatusCode {
    if path != "/healthz/ready" {
        return StatusCode::NOT_FOUND;
    }
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_probe_path_answers_and_says_whether_it_is_ready() {
        assert_eq!(status(&Method::GET, "/healthz/ready", true), StatusCode::OK);
        assert_eq!(status(&Method::HEAD, "/healthz/ready", true), StatusCode::OK);
        assert_eq!(status(&Method::GET, "/healthz/ready", false), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(&Method::POST, "/healthz/ready", true), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(status(&Method::GET, "/", true), StatusCode::NOT_FOUND);
    }
}
