//! A request head as a protocol's codec left it: nothing ambiguous in it, nothing normalised. The
//! seam between the codecs and everything that is decided about a request.

use crate::http1::{
    FramingLine, HeadLine, Known, Method, RequestHead, TargetForm, Upgrade, Version,
};

/// The protocol that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Protocol {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

impl Protocol {
    /// As format strings write it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

impl Protocol {
    /// True for HTTP/2.
    pub(super) fn is_http2(self) -> bool {
        match self {
            Self::Http10 | Self::Http11 => false,
        }
    }
}

impl From<Version> for Protocol {
    fn from(version: Version) -> Self {
        match version {
            Version::Http10 => Self::Http10,
            Version::Http11 => Self::Http11,
        }
    }
}

/// A request head. Its lines are the client's, without those that end at this hop.
pub(super) trait Incoming {
    /// What the client speaks.
    fn protocol(&self) -> Protocol;

    /// The method.
    fn method(&self) -> Method;

    /// Host with port, as the client wrote it.
    fn authority(&self) -> &str;

    /// The path as sent, without query.
    fn path(&self) -> &str;

    /// The query without its question mark.
    fn query(&self) -> Option<&str>;

    /// The target is `*`.
    fn is_asterisk(&self) -> bool;

    /// What the client wants the connection (HTTP/1) or the stream (HTTP/2) to become.
    fn upgrade(&self) -> Upgrade;

    /// True if the client lets the connection go on after this request.
    fn keeps_alive(&self) -> bool;

    /// How the body's length is told to a next hop that speaks HTTP/1.
    fn framing_line(&self) -> FramingLine;

    /// The lines that routing sees, in order of arrival.
    fn lines(&self) -> impl Iterator<Item = HeadLine<'_>>;

    /// The values of a known header, in order.
    fn values(&self, known: Known) -> impl Iterator<Item = &[u8]>;
}

/// An HTTP/1 head: the codec's index with the bytes it was made from.
#[derive(Clone, Copy)]
pub(super) struct TextHead<'h> {
    /// The index.
    pub(super) parsed: &'h RequestHead,
    /// The bytes.
    pub(super) bytes: &'h [u8],
}

impl Incoming for TextHead<'_> {
    fn protocol(&self) -> Protocol {
        self.parsed.version().into()
    }

    fn method(&self) -> Method {
        self.parsed.method()
    }

    fn authority(&self) -> &str {
        self.parsed.authority(self.bytes)
    }

    fn path(&self) -> &str {
        self.parsed.path(self.bytes)
    }

    fn query(&self) -> Option<&str> {
        self.parsed.query(self.bytes)
    }

    fn is_asterisk(&self) -> bool {
        self.parsed.target_form() == TargetForm::Asterisk
    }

    fn upgrade(&self) -> Upgrade {
        self.parsed.upgrade()
    }

    fn keeps_alive(&self) -> bool {
        self.parsed.keeps_alive()
    }

    fn framing_line(&self) -> FramingLine {
        self.parsed.framing_line()
    }

    fn lines(&self) -> impl Iterator<Item = HeadLine<'_>> {
        self.parsed.lines().routed(self.bytes)
    }

    fn values(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.parsed.lines().values(self.bytes, known)
    }
}
