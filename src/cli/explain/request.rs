//! The request of `explain`: method, URL and headers as the gateway's protocol layer would see
//! them. Parses text only; routing it is the snapshot's matter.

use std::net::IpAddr;

use propylon_proxy::http1::Method;
use propylon_snapshot::{Head, HeaderName, Line, Scheme, host_of};

/// A request that was never sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// As given.
    pub(super) method: String,
    /// The URL's scheme.
    pub(super) scheme: Scheme,
    /// The Host header: given with `-H`, else the URL's host and port as written.
    pub(super) authority: String,
    /// The URL's port, or its scheme's.
    pub(super) port: u16,
    /// The path as written.
    pub(super) path: String,
    /// The URL's host, which a TLS client names in its handshake.
    pub(super) host: String,
    /// Behind the question mark.
    pub(super) query: Option<String>,
    /// The others, names in lower case.
    pub(super) headers: Vec<(String, String)>,
}

impl Request {
    /// Reads a method, a URL and `name: value` lines.
    ///
    /// # Errors
    /// A sentence that says what is not understood.
    pub(super) fn parse(method: &str, url: &str, headers: &[String]) -> Result<Self, String> {
        if Method::of(method).is_none() {
            let upper = method.to_ascii_uppercase();
            return Err(match Method::of(&upper) {
                Some(_) => format!("methods are told apart by case: write {upper}, not {method}"),
                None => format!("the gateway answers 400 to {method:?}, which is no known method"),
            });
        }
        let (scheme, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (Scheme::Http, rest),
            (None, Some(rest)) => (Scheme::Https, rest),
            (None, None) => {
                return Err(format!(
                    "{url:?} is no URL: write http://host/path or https://host/path"
                ));
            }
        };
        // A fragment stays in the browser.
        let rest = rest.split_once('#').map_or(rest, |(sent, _fragment)| sent);
        let (authority, target) = match rest.find(['/', '?']) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        if authority.is_empty() || authority.contains('@') {
            return Err(format!("{url:?} names no host"));
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let mut request = Self {
            method: method.to_owned(),
            scheme,
            authority: authority.to_owned(),
            port: port(authority, scheme)?,
            host: host_of(authority).to_owned(),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            query,
            headers: Vec::new(),
        };
        for header in headers {
            request.header(header)?;
        }
        Ok(request)
    }

    fn header(&mut self, line: &str) -> Result<(), String> {
        let (name, value) =
            line.split_once(':').ok_or_else(|| format!("write -H 'name: value', not {line:?}"))?;
        let name = HeaderName::parse(name.trim())
            .ok_or_else(|| format!("{:?} is no header name", name.trim()))?;
        let value = value.trim().to_owned();
        if name.as_str() == "host" {
            self.authority = value;
        } else {
            self.headers.push((name.as_str().to_owned(), value));
        }
        Ok(())
    }

    /// The server name of the TLS handshake; addresses are never sent as one (RFC 6066 section 3).
    pub(super) fn server_name(&self) -> Option<&str> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_err().then_some(&self.host)
    }

    /// The header lines, borrowed.
    pub(super) fn lines(&self) -> Vec<Line<'_>> {
        self.headers.iter().map(|(name, value)| Line { name, value: value.as_bytes() }).collect()
    }

    /// The head that is decided on, with the path as normalised.
    pub(super) fn head<'a>(&'a self, path: &'a str, lines: &'a [Line<'a>]) -> Head<'a> {
        Head {
            method: &self.method,
            scheme: self.scheme,
            authority: &self.authority,
            path,
            query: self.query.as_deref(),
            lines,
        }
    }
}

/// The port of an authority, or the scheme's.
fn port(authority: &str, scheme: Scheme) -> Result<u16, String> {
    let behind_host = authority.rfind(']').map_or(authority, |end| &authority[end..]);
    match behind_host.rsplit_once(':') {
        Some((_, port)) => port.parse().map_err(|_| format!("{port:?} is no port")),
        None => Ok(match scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, headers: &[&str]) -> Result<Request, String> {
        let headers: Vec<String> = headers.iter().map(|&line| line.to_owned()).collect();
        Request::parse("GET", url, &headers)
    }

    #[test]
    fn a_url_is_taken_apart_and_its_fragment_left_out() {
        let request = parse("http://a.example:8080/p/q?x=1#top", &[]).unwrap();
        assert_eq!((request.authority.as_str(), request.port), ("a.example:8080", 8080));
        assert_eq!((request.path.as_str(), request.query.as_deref()), ("/p/q", Some("x=1")));
    }

    #[test]
    fn the_scheme_gives_the_port_that_is_not_written() {
        assert_eq!(parse("http://a", &[]).unwrap().port, 80);
        assert_eq!(parse("https://a?b", &[]).unwrap().port, 443);
        assert_eq!(parse("http://[::1]", &[]).unwrap().port, 80);
        assert_eq!(parse("http://[::1]:81/", &[]).unwrap().port, 81);
    }

    #[test]
    fn a_host_header_replaces_the_host_of_the_url_as_with_curl() {
        let request = parse("http://127.0.0.1:8080/", &["Host: a.example", "X-User:qa"]).unwrap();
        assert_eq!((request.authority.as_str(), request.port), ("a.example", 8080));
        assert_eq!(request.lines(), [Line { name: "x-user", value: b"qa" }]);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (url, headers) in [
            ("a.example/", &[][..]),
            ("http:///p", &[]),
            ("http://a:b/", &[]),
            ("http://a/", &["no colon"]),
            ("http://a/", &["bad name: x"]),
        ] {
            assert!(parse(url, headers).is_err(), "{url} {headers:?}");
        }
        assert!(Request::parse("G T", "http://a/", &[]).is_err());
    }
}
