//! Header operations of a route or destination: remove, set, add.

use crate::Format;

/// A lower-case header name that is a valid token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderName(Box<str>);

impl HeaderName {
    /// Lower-cases and checks a name (RFC 9110 token). `None` if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        (!text.is_empty() && text.bytes().all(token))
            .then(|| Self(text.to_ascii_lowercase().into()))
    }

    /// The lower-case name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Replace all lines of the name, or append one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// `set`.
    Set,
    /// `add`.
    Append,
}

/// One `set` or `add`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderWrite {
    /// The header.
    pub name: HeaderName,
    /// Its value, an Envoy format string.
    pub value: Format,
    /// Replace or append.
    pub mode: WriteMode,
}

/// What one level (destination, route) does to a header list: first all removals, then the writes
/// in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderOps {
    /// Names to remove.
    pub remove: Vec<HeaderName>,
    /// Writes, in order.
    pub write: Vec<HeaderWrite>,
}

impl HeaderOps {
    /// True if it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.write.is_empty()
    }
}

/// Operations on the request that goes up and on the response that comes down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteHeaders {
    /// On the request.
    pub request: HeaderOps,
    /// On the response.
    pub response: HeaderOps,
}
