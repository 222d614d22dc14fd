//! Header operations of routes and destinations, applied to a list of borrowed lines.
//!
//! In Envoy's order: removals first, then all values are made from the lines as they are now, then
//! every `set`, then every `add`. A value that comes out empty is not written at all.

use propylon_snapshot::{HeaderOps, HeaderWrite, Line, Variables, WriteMode};

use crate::http1::Known;

/// The values of one level of operations, made from formats for one message.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    bytes: Vec<u8>,
    /// Where each write's value ends.
    ends: Vec<usize>,
}

impl Rendered {
    fn value(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(index).copied().unwrap_or_default();
        self.bytes.get(start.unwrap_or_default()..end).unwrap_or_default()
    }

    /// Makes the value of every write of `ops`.
    pub(super) fn render(&mut self, ops: &HeaderOps, variables: &dyn Variables) {
        self.bytes.clear();
        self.ends.clear();
        for write in &ops.write {
            let start = self.bytes.len();
            match write.value.as_literal() {
                Some(text) => self.bytes.extend_from_slice(text.as_bytes()),
                None => write.value.render(variables, &mut self.bytes),
            }
            blank_controls(&mut self.bytes[start..]);
            self.ends.push(self.bytes.len());
        }
    }
}

/// Removes what `ops` remove. Comes before the values of writes are made.
pub(super) fn remove(ops: &HeaderOps, lines: &mut Vec<Line<'_>>) {
    for name in &ops.remove {
        drop_name(lines, name.as_str());
    }
}

/// Writes what `ops` write, with the values made before.
pub(super) fn write<'l>(ops: &'l HeaderOps, made: &'l Rendered, lines: &mut Vec<Line<'l>>) {
    for mode in [WriteMode::Set, WriteMode::Append] {
        for (index, one) in ops.write.iter().enumerate() {
            let HeaderWrite { name, value: _, mode: wanted } = one;
            let value = made.value(index);
            if *wanted != mode || value.is_empty() || is_the_gateways(name.as_str()) {
                continue;
            }
            if mode == WriteMode::Set {
                drop_name(lines, name.as_str());
            }
            lines.push(Line { name: name.as_str(), value });
        }
    }
}

/// Puts one line in place of all of its name.
pub(super) fn set<'l>(lines: &mut Vec<Line<'l>>, name: &'l str, value: &'l [u8]) {
    drop_name(lines, name);
    lines.push(Line { name, value });
}

/// Removes all lines of a name.
pub(super) fn drop_name(lines: &mut Vec<Line<'_>>, name: &str) {
    lines.retain(|line| line.name != name);
}

/// Lines that say where a message ends and whom it is for are written by the gateway alone: a
/// configured value there could make two parsers disagree.
fn is_the_gateways(name: &str) -> bool {
    let known = Known::of(name.as_bytes());
    known.is_framing() || known.is_hop_by_hop() || known == Known::Host
}

/// A value made from a request must not be able to start another line (RFC 9110 section 5.5).
fn blank_controls(value: &mut [u8]) {
    for byte in value {
        if byte.is_ascii_control() && *byte != b'\t' {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests;
