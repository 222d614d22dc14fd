//! Rules in a dump: when they apply and what they do.

use std::borrow::Cow;

use super::page::{Page, line};
use super::policy::{self, test};
use crate::{
    Action, Destination, Forward, HashCookie, HashKey, HeaderMatch, HeaderOps, Matcher, PathMatch,
    PathRewrite, QueryMatch, Redirect, RedirectPath, RedirectPort, RouteHeaders, Rule, Snapshot,
    StringMatch, Target, WriteMode,
};

impl Snapshot {
    pub(super) fn dump_rule(&self, page: &mut Page, rule: &Rule) {
        let Rule { name, matcher: when, action, headers: ops, cors, fault, origin } = rule;
        if name.is_empty() {
            line!(page, "rule");
        } else {
            line!(page, "rule {name}");
        }
        page.inside(|page| {
            matcher(page, when);
            if let Some(fault) = fault {
                policy::fault(page, fault);
            }
            if let Some(cors) = cors {
                policy::cors(page, cors);
            }
            match action {
                Action::Forward(forward) => self.dump_forward(page, forward),
                Action::Redirect(redirect) => dump_redirect(page, redirect),
                Action::Respond(response) => {
                    let body = String::from_utf8_lossy(&response.body);
                    line!(page, "answer {} {body:?}", response.status);
                }
            }
            headers(page, ops);
            line!(page, "from {}", self.origin(*origin, "http"));
        });
    }

    fn dump_forward(&self, page: &mut Page, forward: &Forward) {
        let Forward { destinations, path, authority, timeout, retry, mirrors, hash } = forward;
        for destination in destinations {
            let Destination { target, weight, headers: ops, authority } = destination;
            line!(page, "to {} weight {weight}", self.target(target));
            page.inside(|page| {
                if let Some(authority) = authority {
                    line!(page, "authority {authority}");
                }
                headers(page, ops);
            });
        }
        match path {
            None => {}
            Some(PathRewrite::Uri(uri)) => line!(page, "path {uri:?}"),
            Some(PathRewrite::Regex { pattern, replacement }) => {
                line!(page, "path {:?} in place of regex {:?}", replacement, pattern.source());
            }
        }
        if let Some(authority) = authority {
            line!(page, "authority {authority}");
        }
        if let Some(timeout) = timeout {
            line!(page, "timeout {timeout:?}");
        }
        if let Some(retry) = retry {
            policy::retry(page, retry);
        }
        for mirror in mirrors {
            let share = policy::share(mirror.share);
            line!(page, "copy of {share} to {}", self.target(&mirror.target));
        }
        for key in hash {
            line!(page, "hash of {}", hash_key(key));
        }
    }

    pub(super) fn target<'s>(&'s self, target: &'s Target) -> Cow<'s, str> {
        match target {
            Target::Cluster(id) => Cow::Borrowed(&self.cluster(*id).name),
            Target::Missing(name) => Cow::Owned(format!("{name} (missing: nothing defines it)")),
        }
    }
}

fn hash_key(key: &HashKey) -> String {
    match key {
        HashKey::Header(name) => format!("header {name}"),
        HashKey::Cookie(cookie) => {
            let HashCookie { name, path, ttl, attributes } = &**cookie;
            let mut text = format!("cookie {name}");
            if let Some(ttl) = ttl {
                text.push_str(&format!(" ttl {ttl:?} path {path:?}"));
            }
            for (name, value) in attributes {
                text.push_str(&format!(" {name}={value}"));
            }
            text
        }
        HashKey::SourceIp => "source address".to_owned(),
        HashKey::Query(name) => format!("query parameter {name}"),
    }
}

fn dump_redirect(page: &mut Page, redirect: &Redirect) {
    let Redirect { status, scheme, authority, port, path } = redirect;
    line!(page, "redirect {status}");
    page.inside(|page| {
        if let Some(scheme) = scheme {
            line!(page, "scheme {}", scheme.as_str());
        }
        if let Some(authority) = authority {
            line!(page, "authority {authority}");
        }
        match port {
            RedirectPort::Keep => {}
            RedirectPort::Number(port) => line!(page, "port {port}"),
        }
        match path {
            RedirectPath::Keep => {}
            RedirectPath::Replace(path) => line!(page, "path {path:?}"),
            RedirectPath::Prefix(prefix) => line!(page, "prefix {prefix:?}"),
        }
    });
}

fn test_or_present(optional: Option<&StringMatch>) -> String {
    optional.map_or_else(|| "present".to_owned(), test)
}

fn matcher(page: &mut Page, matcher: &Matcher) {
    let Matcher { path, method, scheme, authority, headers, query } = matcher;
    let case = |ignore: bool| if ignore { " without case" } else { "" };
    match path {
        PathMatch::Any => {}
        PathMatch::Exact { text, ignore_case } => {
            line!(page, "when path exact {text:?}{}", case(*ignore_case));
        }
        PathMatch::Prefix { text, ignore_case } => {
            line!(page, "when path prefix {text:?}{}", case(*ignore_case));
        }
        PathMatch::Regex(pattern) => line!(page, "when path regex {:?}", pattern.source()),
    }
    for (what, condition) in [("method", method), ("scheme", scheme), ("authority", authority)] {
        if let Some(condition) = condition {
            line!(page, "when {what} {}", test(condition));
        }
    }
    for header in headers {
        let HeaderMatch { name, test, invert } = header;
        let not = if *invert { "not " } else { "" };
        line!(page, "when header {name} {not}{}", test_or_present(test.as_ref()));
    }
    for parameter in query {
        let QueryMatch { name, test } = parameter;
        line!(page, "when query {name} {}", test_or_present(test.as_ref()));
    }
}

fn headers(page: &mut Page, headers: &RouteHeaders) {
    let RouteHeaders { request, response } = headers;
    for (what, ops) in [("request", request), ("response", response)] {
        let HeaderOps { remove, write } = ops;
        for name in remove {
            line!(page, "{what} header {} removed", name.as_str());
        }
        for write in write {
            let mode = match write.mode {
                WriteMode::Set => "set to",
                WriteMode::Append => "added as",
            };
            let value = write.value.source();
            line!(page, "{what} header {} {mode} {value:?}", write.name.as_str());
        }
    }
}
