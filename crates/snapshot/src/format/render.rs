//! Printing one segment of a format for one request.

use std::io::Write;
use std::net::SocketAddr;

use super::{AddressPart, HeaderVariable, Segment, Variables};

impl Segment {
    /// Appends the value; false, and nothing appended, if it is absent.
    pub(super) fn render(&self, variables: &dyn Variables, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Literal(text) => {
                out.extend_from_slice(text.as_bytes());
                true
            }
            Self::RequestHeader(header) => {
                header.render(|name| variables.request_header(name), out)
            }
            Self::ResponseHeader(header) => {
                header.render(|name| variables.response_header(name), out)
            }
            Self::ResponseTrailer(header) => {
                header.render(|name| variables.response_trailer(name), out)
            }
            Self::StartTime(format) => {
                format.render(variables.start_time(), out);
                true
            }
            Self::Address(of, part) => present(variables.address(*of), |address| {
                push_address(address, *part, out);
            }),
            Self::Number(which) => present(variables.number(*which), |number| {
                push(out, format_args!("{number}"));
            }),
            Self::Text(which) => present(variables.text(*which), |text| {
                out.extend_from_slice(text.as_bytes());
            }),
            Self::Unsupported(_) => false,
        }
    }
}

impl HeaderVariable {
    fn render<'v>(&self, value: impl Fn(&str) -> Option<&'v [u8]>, out: &mut Vec<u8>) -> bool {
        let found = value(&self.name).or_else(|| value(self.fallback.as_deref()?));
        present(found, |value| {
            let length = self.limit.map_or(value.len(), |limit| limit.min(value.len()));
            out.extend_from_slice(&value[..length]);
        })
    }
}

fn present<T>(value: Option<T>, print: impl FnOnce(T)) -> bool {
    value.map(print).is_some()
}

fn push_address(address: SocketAddr, part: AddressPart, out: &mut Vec<u8>) {
    match part {
        AddressPart::Whole => push(out, format_args!("{address}")),
        AddressPart::WithoutPort => push(out, format_args!("{}", address.ip())),
        AddressPart::Port => push(out, format_args!("{}", address.port())),
    }
}

/// Writing to memory cannot fail.
pub(super) fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(text);
}
