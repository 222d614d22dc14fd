//! Reading format strings: Envoy's grammar and its table of variables.

use super::{AddressOf, AddressPart, BadFormat, HeaderVariable, Number, Segment, Text, TimeFormat};

/// Variables that Envoy 1.40 knows and Propylon cannot supply yet; they print as absent. Some
/// take an argument, which is not looked at.
const UNSUPPORTED: &[&str] = &[
    "ACCESS_LOG_TYPE",
    "BYTES_RETRANSMITTED",
    "CEL",
    "CLUSTER_METADATA",
    "COALESCE",
    "COMMON_DURATION",
    "CUSTOM_FLAGS",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "DOWNSTREAM_DETECTED_CLOSE_TYPE",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "DOWNSTREAM_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_HEADER_BYTES_SENT",
    "DOWNSTREAM_LOCAL_CLOSE_REASON",
    "DOWNSTREAM_LOCAL_DNS_SAN",
    "DOWNSTREAM_LOCAL_EMAIL_SAN",
    "DOWNSTREAM_LOCAL_IP_SAN",
    "DOWNSTREAM_LOCAL_OTHERNAME_SAN",
    "DOWNSTREAM_LOCAL_SUBJECT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT",
    "DOWNSTREAM_PEER_CERT_V_END",
    "DOWNSTREAM_PEER_CERT_V_START",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256",
    "DOWNSTREAM_PEER_CHAIN_SERIALS",
    "DOWNSTREAM_PEER_DNS_SAN",
    "DOWNSTREAM_PEER_EMAIL_SAN",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_IP_SAN",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_OTHERNAME_SAN",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_SESSION_ID",
    "DOWNSTREAM_TLS_VERSION",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "DOWNSTREAM_WIRE_BYTES_RECEIVED",
    "DOWNSTREAM_WIRE_BYTES_SENT",
    "DYNAMIC_METADATA",
    "EMIT_TIME",
    "EMIT_TIME_LOCAL",
    "ENVIRONMENT",
    "FILTER_CHAIN_NAME",
    "FILTER_STATE",
    "GRPC_STATUS",
    "GRPC_STATUS_NUMBER",
    "LOCAL_REPLY_BODY",
    "METADATA",
    "PACKETS_RETRANSMITTED",
    "PATH",
    "QUERY_PARAM",
    "QUERY_PARAMS",
    "REQUEST_TX_DURATION",
    "REQ_WITHOUT_QUERY",
    "RESPONSE_FLAGS_LONG",
    "RESPONSE_TRAILERS_BYTES",
    "ROUNDTRIP_DURATION",
    "START_TIME_LOCAL",
    "TLS_JA3_FINGERPRINT",
    "TLS_JA4_FINGERPRINT",
    "TRACE_ID",
    "SPAN_ID",
    "UPSTREAM_CONNECTION_ID",
    "UPSTREAM_CONNECTION_POOL_READY_DURATION",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "UPSTREAM_DETECTED_CLOSE_TYPE",
    "UPSTREAM_FILTER_STATE",
    "UPSTREAM_HEADER_BYTES_RECEIVED",
    "UPSTREAM_HEADER_BYTES_SENT",
    "UPSTREAM_HOSTS_ATTEMPTED",
    "UPSTREAM_HOST_NAME",
    "UPSTREAM_HOST_NAMES_ATTEMPTED",
    "UPSTREAM_HOST_NAME_WITHOUT_PORT",
    "UPSTREAM_LOCAL_CLOSE_REASON",
    "UPSTREAM_LOCAL_DNS_SAN",
    "UPSTREAM_LOCAL_IP_SAN",
    "UPSTREAM_LOCAL_URI_SAN",
    "UPSTREAM_METADATA",
    "UPSTREAM_PEER_CERT",
    "UPSTREAM_PEER_CERT_V_END",
    "UPSTREAM_PEER_CERT_V_START",
    "UPSTREAM_PEER_DNS_SAN",
    "UPSTREAM_PEER_IP_SAN",
    "UPSTREAM_PEER_ISSUER",
    "UPSTREAM_PEER_SUBJECT",
    "UPSTREAM_PEER_URI_SAN",
    "UPSTREAM_TLS_CIPHER",
    "UPSTREAM_TLS_SESSION_ID",
    "UPSTREAM_TLS_VERSION",
    "UPSTREAM_WIRE_BYTES_RECEIVED",
    "UPSTREAM_WIRE_BYTES_SENT",
    "VIRTUAL_CLUSTER_NAME",
];

/// Compiles a format; neighbouring literals come out as one.
pub(super) fn segments(source: &str) -> Result<Vec<Segment>, BadFormat> {
    let mut segments = Vec::new();
    let mut literal = String::new();
    let mut rest = source;
    while let Some(percent) = rest.find('%') {
        literal.push_str(&rest[..percent]);
        let behind = &rest[percent + 1..];
        if let Some(after) = behind.strip_prefix('%') {
            literal.push('%');
            rest = after;
            continue;
        }
        let position = source.len() - behind.len();
        let command = Command::read(behind).ok_or_else(|| {
            BadFormat(format!(
                "no variable stands behind the % at position {position}; a percent sign is %%"
            ))
        })?;
        if !literal.is_empty() {
            segments.push(Segment::Literal(std::mem::take(&mut literal).into()));
        }
        rest = &behind[command.length..];
        segments.push(command.segment()?);
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        segments.push(Segment::Literal(literal.into()));
    }
    Ok(segments)
}

/// `NAME(argument):limit%` as written.
struct Command<'s> {
    name: &'s str,
    argument: Option<&'s str>,
    limit: Option<usize>,
    /// Bytes taken, the closing percent sign included.
    length: usize,
}

impl<'s> Command<'s> {
    /// Reads what stands behind a `%`. An argument ends at the first `)` behind which the command
    /// ends too, so it may hold percent signs and brackets.
    fn read(text: &'s str) -> Option<Self> {
        let is_name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let name_end = text.bytes().position(|byte| !is_name(byte))?;
        if name_end == 0 {
            return None;
        }
        let (name, rest) = text.split_at(name_end);
        let Some(inner) = rest.strip_prefix('(') else {
            let (limit, taken) = Self::tail(rest)?;
            return Some(Self { name, argument: None, limit, length: name_end + taken });
        };
        inner.match_indices(')').find_map(|(close, _)| {
            let (limit, taken) = Self::tail(&inner[close + 1..])?;
            let length = name_end + "()".len() + close + taken;
            Some(Self { name, argument: Some(&inner[..close]), limit, length })
        })
    }

    /// `:limit%` or `%`.
    fn tail(text: &str) -> Option<(Option<usize>, usize)> {
        if text.starts_with('%') {
            return Some((None, 1));
        }
        let digits = text.strip_prefix(':')?;
        let end = digits.find('%')?;
        let limit = digits[..end].parse().ok().filter(|_| !digits.starts_with('+'))?;
        Some((Some(limit), end + ":%".len()))
    }

    fn segment(&self) -> Result<Segment, BadFormat> {
        match self.name {
            "REQ" | "REQUEST_HEADER" => return self.header().map(Segment::RequestHeader),
            "RESP" | "RESPONSE_HEADER" => return self.header().map(Segment::ResponseHeader),
            "TRAILER" | "RESPONSE_TRAILER" => return self.header().map(Segment::ResponseTrailer),
            "START_TIME" => {
                self.refuse_limit()?;
                return TimeFormat::parse(self.argument.unwrap_or("")).map(Segment::StartTime);
            }
            name if UNSUPPORTED.contains(&name) => return Ok(Segment::Unsupported(name.into())),
            _ => {}
        }
        let segment = simple(self.name)
            .ok_or_else(|| BadFormat(format!("%{}% is no variable that Envoy knows", self.name)))?;
        self.refuse_limit()?;
        match self.argument {
            Some(argument) if !argument.is_empty() && self.name != "RESPONSE_CODE_DETAILS" => {
                Err(BadFormat(format!("%{}% takes no argument", self.name)))
            }
            _ => Ok(segment),
        }
    }

    fn refuse_limit(&self) -> Result<(), BadFormat> {
        match self.limit {
            None => Ok(()),
            Some(_) => Err(BadFormat(format!("%{}% takes no length", self.name))),
        }
    }

    /// `NAME?FALLBACK`.
    fn header(&self) -> Result<HeaderVariable, BadFormat> {
        let argument = self.argument.unwrap_or("");
        let (name, fallback) = match argument.split_once('?') {
            None => (argument, None),
            Some((name, fallback)) => (name, Some(fallback)),
        };
        if name.is_empty() {
            return Err(BadFormat(format!("%{}% needs the name of a header", self.name)));
        }
        if fallback.is_some_and(|fallback| fallback.contains('?')) {
            return Err(BadFormat(format!("%{}% takes one alternative header", self.name)));
        }
        Ok(HeaderVariable {
            name: name.to_ascii_lowercase().into(),
            fallback: fallback.filter(|f| !f.is_empty()).map(|f| f.to_ascii_lowercase().into()),
            limit: self.limit,
        })
    }
}

/// Variables that are a name and nothing else.
fn simple(name: &str) -> Option<Segment> {
    let number = match name {
        "RESPONSE_CODE" => Number::ResponseCode,
        "BYTES_RECEIVED" => Number::BytesReceived,
        "BYTES_SENT" => Number::BytesSent,
        "DURATION" => Number::Duration,
        "REQUEST_DURATION" => Number::RequestDuration,
        "RESPONSE_DURATION" => Number::ResponseDuration,
        "RESPONSE_TX_DURATION" => Number::ResponseTxDuration,
        "CONNECTION_ID" => Number::ConnectionId,
        "UPSTREAM_REQUEST_ATTEMPT_COUNT" => Number::UpstreamAttempts,
        "REQUEST_HEADERS_BYTES" => Number::RequestHeadersBytes,
        "RESPONSE_HEADERS_BYTES" => Number::ResponseHeadersBytes,
        _ => return text(name).or_else(|| address(name)),
    };
    Some(Segment::Number(number))
}

fn text(name: &str) -> Option<Segment> {
    Some(Segment::Text(match name {
        "PROTOCOL" => Text::Protocol,
        "UPSTREAM_PROTOCOL" => Text::UpstreamProtocol,
        "RESPONSE_CODE_DETAILS" => Text::ResponseCodeDetails,
        "CONNECTION_TERMINATION_DETAILS" => Text::ConnectionTerminationDetails,
        "RESPONSE_FLAGS" => Text::ResponseFlags,
        "UPSTREAM_HOST" => Text::UpstreamHost,
        "UPSTREAM_CLUSTER" => Text::UpstreamCluster,
        "UPSTREAM_CLUSTER_RAW" => Text::UpstreamClusterRaw,
        "UPSTREAM_TRANSPORT_FAILURE_REASON" => Text::UpstreamTransportFailure,
        "REQUESTED_SERVER_NAME" => Text::RequestedServerName,
        "ROUTE_NAME" => Text::RouteName,
        "HOSTNAME" => Text::Hostname,
        "STREAM_ID" | "UNIQUE_ID" => Text::StreamId,
        _ => return None,
    }))
}

fn address(name: &str) -> Option<Segment> {
    let ends = [
        ("DOWNSTREAM_REMOTE_", AddressOf::DownstreamRemote),
        ("DOWNSTREAM_DIRECT_REMOTE_", AddressOf::DownstreamDirectRemote),
        ("DOWNSTREAM_LOCAL_", AddressOf::DownstreamLocal),
        ("DOWNSTREAM_DIRECT_LOCAL_", AddressOf::DownstreamDirectLocal),
        ("UPSTREAM_LOCAL_", AddressOf::UpstreamLocal),
        ("UPSTREAM_REMOTE_", AddressOf::UpstreamRemote),
    ];
    ends.iter().find_map(|(lead, of)| {
        let part = match name.strip_prefix(lead)? {
            "ADDRESS" => AddressPart::Whole,
            "ADDRESS_WITHOUT_PORT" => AddressPart::WithoutPort,
            "PORT" => AddressPart::Port,
            _ => return None,
        };
        Some(Segment::Address(*of, part))
    })
}
