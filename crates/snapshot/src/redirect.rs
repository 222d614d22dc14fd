//! What becomes of a path: rewrites on the way up, and the location of a redirect.
//! Byte for byte Envoy's arithmetic, slashes that look wrong included.

use crate::{
    BadPattern, DirectResponse, Head, Matcher, PathMatch, PathRewrite, Pattern, Redirect,
    RedirectPath, RedirectPort, Scheme,
};

impl Matcher {
    /// What is left of a matched path behind the part that a rewrite replaces. A prefix match
    /// keeps the rest; a rule without a path test counts as prefix `/`; every other match covers
    /// the whole path.
    fn rest<'p>(&self, path: &'p str) -> &'p str {
        let matched = match &self.path {
            PathMatch::Any => usize::from(path.starts_with('/')),
            PathMatch::Prefix { text, .. } => text.len(),
            PathMatch::Exact { .. } | PathMatch::Regex(_) => path.len(),
        };
        path.get(matched..).unwrap_or("")
    }
}

impl PathRewrite {
    /// Appends the rewritten path; the query is the caller's and stays.
    ///
    /// `matcher` is that of the rule the rewrite belongs to, `path` a path it matches. Slashes are
    /// not mended: prefix `/q` to `/` makes `//foo` of `/q/foo`.
    pub fn apply(&self, matcher: &Matcher, path: &str, out: &mut String) {
        match self {
            Self::Uri(uri) => {
                out.push_str(uri);
                out.push_str(matcher.rest(path));
            }
            Self::Regex { pattern, replacement } => {
                pattern.replace_all(path, replacement, out);
            }
        }
    }

    /// A rewrite of every match of an expression, `\1` naming a group and `\0` the whole match.
    ///
    /// # Errors
    /// When the expression is not RE2, or the replacement names a group that is not there.
    pub fn regex(expression: &str, replacement: &str) -> Result<Self, BadPattern> {
        let pattern = Pattern::search(expression)?;
        pattern.check_replacement(replacement)?;
        Ok(Self::Regex { pattern, replacement: replacement.into() })
    }
}

impl Redirect {
    /// The whole URL of the answer to `head`, which `matcher` matches.
    #[must_use]
    pub fn location(&self, matcher: &Matcher, head: &Head<'_>) -> String {
        let scheme = self.scheme.unwrap_or(head.scheme);
        let mut out = String::with_capacity(
            "https://:65535/".len() + head.authority.len() + head.target_len(),
        );
        out.push_str(scheme.as_str());
        out.push_str("://");
        self.push_host(scheme, head, &mut out);
        let path_at = out.len();
        match &self.path {
            RedirectPath::Keep => head.push_target(&mut out),
            RedirectPath::Replace(path) => {
                out.push_str(path);
                if !path.contains('?') {
                    head.push_query(&mut out);
                }
            }
            RedirectPath::Prefix(prefix) => {
                out.push_str(prefix);
                out.push_str(matcher.rest(head.path));
                head.push_query(&mut out);
            }
        }
        if !out[path_at..].starts_with('/') {
            out.insert(path_at, '/');
        }
        out
    }

    fn push_host(&self, scheme: Scheme, head: &Head<'_>, out: &mut String) {
        let host = match (&self.authority, self.port) {
            (Some(authority), RedirectPort::Keep) => authority,
            (Some(authority), RedirectPort::Number(_)) => without_port(authority).0,
            (None, RedirectPort::Number(_)) => without_port(head.authority).0,
            (None, RedirectPort::Keep) => kept_host(scheme, head),
        };
        out.push_str(host);
        if let RedirectPort::Number(port) = self.port {
            out.push(':');
            out.push_str(&port.to_string());
        }
    }
}

impl DirectResponse {
    /// The `location` of a direct answer: Envoy sends the request's own URL with 201 and 3xx.
    #[must_use]
    pub fn location(&self, head: &Head<'_>) -> Option<String> {
        if self.status != 201 && !(300..400).contains(&self.status) {
            return None;
        }
        let mut out =
            String::with_capacity("https://".len() + head.authority.len() + head.target_len());
        out.push_str(head.scheme.as_str());
        out.push_str("://");
        out.push_str(head.authority);
        head.push_target(&mut out);
        Some(out)
    }
}

/// The request's authority, its port left out if the scheme changes and the port was the old
/// scheme's default (Envoy's rule); every other port stays.
fn kept_host<'h>(scheme: Scheme, head: &Head<'h>) -> &'h str {
    let (host, port) = without_port(head.authority);
    let default = match head.scheme {
        Scheme::Http => ":80",
        Scheme::Https => ":443",
    };
    if scheme != head.scheme && port == default { host } else { head.authority }
}

/// Splits an authority in front of its port's colon; the port part is empty where there is none.
fn without_port(authority: &str) -> (&str, &str) {
    let colon = if authority.starts_with('[') {
        authority.rfind("]:").map(|bracket| bracket + 1)
    } else {
        authority.rfind(':')
    };
    authority.split_at(colon.unwrap_or(authority.len()))
}

#[cfg(test)]
mod tests;
