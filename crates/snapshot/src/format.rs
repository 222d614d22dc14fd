//! Envoy's format strings, compiled: `%REQ(x)%`, `%DOWNSTREAM_REMOTE_ADDRESS%` ...
//! Used for header values, later for access logs. It knows what a variable is called and how it
//! is printed; where the value comes from is the business of [`Variables`].

mod parse;
mod render;
mod time;
mod variables;

pub use time::TimeFormat;
pub use variables::{AddressOf, AddressPart, Number, Text, Variables};

/// A header variable: `NAME?FALLBACK`, cut to a length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderVariable {
    /// Lower-case name; pseudo-headers start with a colon.
    pub name: Box<str>,
    /// Lower-case name of the header that is taken when the first is absent.
    pub fallback: Option<Box<str>>,
    /// Longest value in bytes.
    pub limit: Option<usize>,
}

/// One part of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Text as it is.
    Literal(Box<str>),
    /// `%REQ(...)%`.
    RequestHeader(HeaderVariable),
    /// `%RESP(...)%`.
    ResponseHeader(HeaderVariable),
    /// `%TRAILER(...)%`.
    ResponseTrailer(HeaderVariable),
    /// `%START_TIME(...)%`.
    StartTime(TimeFormat),
    /// `%DOWNSTREAM_REMOTE_ADDRESS%` and its like.
    Address(AddressOf, AddressPart),
    /// A number.
    Number(Number),
    /// A text.
    Text(Text),
    /// A variable that Envoy knows and Propylon cannot supply yet; it prints as absent.
    Unsupported(Box<str>),
}

/// A format that Envoy would refuse; the text says where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFormat(pub String);

/// A compiled format string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    source: Box<str>,
    segments: Box<[Segment]>,
}

impl Format {
    /// Compiles Envoy's syntax: `%NAME%`, `%NAME(argument)%`, `%NAME(argument):length%`, and `%%`
    /// for a percent sign.
    ///
    /// # Errors
    /// A single `%`, a variable that Envoy does not know, and arguments that do not fit it.
    pub fn parse(source: &str) -> Result<Self, BadFormat> {
        Ok(Self { source: source.into(), segments: parse::segments(source)?.into() })
    }

    /// The format as the user wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its parts, in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The text, if it is the same for every request.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match &*self.segments {
            [] => Some(""),
            [Segment::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The variables that Propylon cannot supply yet, in order of appearance.
    pub fn unsupported(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Unsupported(name) => Some(&**name),
            Segment::Number(number) => not_counted(*number),
            Segment::Text(Text::ConnectionTerminationDetails) => {
                Some("CONNECTION_TERMINATION_DETAILS")
            }
            Segment::Text(Text::UpstreamTransportFailure) => {
                Some("UPSTREAM_TRANSPORT_FAILURE_REASON")
            }
            _ => None,
        })
    }

    /// Appends the value for one request as headers have it: what is absent is empty.
    pub fn render(&self, variables: &dyn Variables, out: &mut Vec<u8>) {
        self.render_or(variables, b"", out);
    }

    /// Appends the value for one request with a text in place of every absent variable (Envoy's
    /// access logs print `-`).
    pub fn render_or(&self, variables: &dyn Variables, absent: &[u8], out: &mut Vec<u8>) {
        for segment in &self.segments {
            if !segment.render(variables, out) {
                out.extend_from_slice(absent);
            }
        }
    }
}

/// The name of a number that no connection counts yet.
fn not_counted(number: Number) -> Option<&'static str> {
    match number {
        Number::BytesReceived => Some("BYTES_RECEIVED"),
        Number::BytesSent => Some("BYTES_SENT"),
        Number::RequestDuration => Some("REQUEST_DURATION"),
        Number::ResponseTxDuration => Some("RESPONSE_TX_DURATION"),
        Number::RequestHeadersBytes => Some("REQUEST_HEADERS_BYTES"),
        Number::ResponseHeadersBytes => Some("RESPONSE_HEADERS_BYTES"),
        Number::ResponseCode
        | Number::Duration
        | Number::ResponseDuration
        | Number::ConnectionId
        | Number::UpstreamAttempts => None,
    }
}

#[cfg(test)]
mod tests;
