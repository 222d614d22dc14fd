//! The one canonical request head that every protocol is read into and every decision is made on.
//! Borrowed from the connection's read buffer; it owns nothing.

/// The scheme routing sees: that of the listener, or `x-forwarded-proto` of a trusted proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// Plaintext.
    #[default]
    Http,
    /// TLS, here or at a trusted proxy in front.
    Https,
}

impl Scheme {
    /// As written in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// One header line. Several lines may share a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Lower-case name.
    pub name: &'a str,
    /// Value without surrounding white space; any bytes but controls.
    pub value: &'a [u8],
}

/// A request head after the protocol layer has refused everything ambiguous and normalised the
/// path.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The scheme routing sees.
    pub scheme: Scheme,
    /// Host with port as the client wrote it (`Host`, `:authority` or the absolute form's
    /// authority).
    pub authority: &'a str,
    /// Normalised path, without query.
    pub path: &'a str,
    /// Query without the question mark; `None` where there is no question mark.
    pub query: Option<&'a str>,
    /// Header lines in order of arrival, `host` excluded.
    pub lines: &'a [Line<'a>],
}

impl<'a> Head<'a> {
    /// The values of a header, in order. `name` is lower-case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().filter(move |line| line.name == name).map(|line| line.value)
    }

    /// The first value of a header. `name` is lower-case.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// Length of path and query as [`Head::push_target`] writes them, in bytes.
    #[must_use]
    pub fn target_len(&self) -> usize {
        self.path.len() + self.query.map_or(0, |query| query.len() + 1)
    }

    /// Appends path and query (`/a?b=1`).
    pub fn push_target(&self, out: &mut String) {
        out.push_str(self.path);
        self.push_query(out);
    }

    /// Appends the query with its question mark, where there is one.
    pub fn push_query(&self, out: &mut String) {
        if let Some(query) = self.query {
            out.push('?');
            out.push_str(query);
        }
    }

    /// True for gRPC requests: `content-type` is `application/grpc` or starts with
    /// `application/grpc+` (local replies to them travel as gRPC statuses).
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.value("content-type").is_some_and(|kind| {
            kind.strip_prefix(b"application/grpc")
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
        })
    }
}
