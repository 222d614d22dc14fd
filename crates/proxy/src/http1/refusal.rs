//! Every rule by which the codec refuses a message, one variant each.
//! It knows which `Reason` a refusal becomes on either side; it does not know how that is answered.

use propylon_snapshot::Reason;

/// Why a message cannot be trusted. After a refusal nothing more may be read from the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// The request line or status line is malformed, or has more than one space between its parts.
    #[error("malformed first line")]
    FirstLine,
    /// A method that is not in Envoy's table.
    #[error("unknown method")]
    UnknownMethod,
    /// Neither HTTP/1.0 nor HTTP/1.1; HTTP/0.9 among them.
    #[error("unsupported protocol version")]
    Version,
    /// A response status below 100 or not of three digits.
    #[error("malformed status code")]
    Status,
    /// A request target of no known form, or a form that the method does not have.
    #[error("malformed request target")]
    Target,
    /// A fragment in the request target (Envoy: `path_normalization_failed`).
    #[error("fragment in the request target")]
    Fragment,
    /// No Host, or an empty one.
    #[error("no Host header")]
    NoHost,
    /// More than one Host line.
    #[error("several Host headers")]
    SeveralHosts,
    /// A Host or authority with user information, blanks, a path or a bad port.
    #[error("malformed host")]
    BadHost,
    /// A header name that is no token, white space before the colon, or a folded line.
    #[error("malformed header name or folded line")]
    LineName,
    /// A control character in a header value.
    #[error("control character in a header value")]
    LineValue,
    /// A line feed without a carriage return, a carriage return without a line feed, or empty lines
    /// before the first line (one is allowed before a request).
    #[error("malformed line end")]
    LineEnd,
    /// More than [`super::HEAD_BYTES_MAX`] bytes in a head.
    #[error("head too large")]
    HeadTooLarge,
    /// More than [`super::HEAD_LINES_MAX`] lines in a head.
    #[error("too many header lines")]
    TooManyLines,
    /// A Content-Length that is not one number of at most 2^63-1.
    #[error("malformed Content-Length")]
    BadLength,
    /// More than one Content-Length line, equal or not.
    #[error("several Content-Length headers")]
    SeveralLengths,
    /// Both Content-Length and Transfer-Encoding.
    #[error("both Content-Length and Transfer-Encoding")]
    BothLengths,
    /// Any Transfer-Encoding but one line that says `chunked`, or one in HTTP/1.0.
    #[error("unacceptable Transfer-Encoding")]
    TransferEncoding,
    /// A length where the status forbids a body (1xx and 204).
    #[error("a body length where there is no body")]
    LengthWithoutBody,
    /// Connection nominates a line that must not be stripped, or too many lines.
    #[error("unacceptable Connection header")]
    Connection,
    /// A WebSocket handshake that is not a GET without a body.
    #[error("malformed WebSocket handshake")]
    Handshake,
    /// A chunk size that is no number of at most 2^63-1 in at most 16 digits, or a malformed
    /// extension behind it.
    #[error("malformed chunk head")]
    ChunkHead,
    /// Chunk data that does not end where its size says.
    #[error("malformed chunk end")]
    ChunkEnd,
    /// A malformed or forbidden trailer line.
    #[error("malformed or forbidden trailer")]
    Trailer,
    /// More than [`super::HEAD_BYTES_MAX`] bytes or [`super::HEAD_LINES_MAX`] lines of trailers.
    #[error("trailers too large")]
    TrailersTooLarge,
    /// The peer closed the connection before the body's end.
    #[error("message cut short")]
    CutShort,
}

impl Refusal {
    /// What the client that sent the message is told.
    #[must_use]
    pub fn of_request(self) -> Reason {
        match self {
            Self::NoHost => Reason::MissingHost,
            Self::Fragment => Reason::BadPath,
            Self::HeadTooLarge => Reason::HeadTooLarge,
            Self::TooManyLines => Reason::TooManyHeaders,
            Self::CutShort => Reason::ClientGone,
            // Envoy answers a transfer coding it does not know with 501. Ambiguity about framing is
            // not worth a finer answer: every one but a lone `chunked` is a bad request.
            _ => Reason::BadRequest,
        }
    }

    /// What the client is told about an upstream that sent the message.
    #[must_use]
    pub fn of_response(self) -> Reason {
        match self {
            Self::HeadTooLarge | Self::TooManyLines => Reason::UpstreamHeadTooLarge,
            Self::CutShort => Reason::UpstreamReset,
            _ => Reason::UpstreamProtocol,
        }
    }
}
