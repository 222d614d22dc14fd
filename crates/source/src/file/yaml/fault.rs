//! What is wrong with a text, and where.

use granit_parser::Marker;

use super::Mark;

/// Why a document has no tree.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) mark: Mark,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// A place as the parser tells it.
pub(super) fn mark(marker: &Marker) -> Mark {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Mark {
        offset: narrow(marker.byte_offset().unwrap_or(0)),
        line: narrow(marker.line()),
        column: narrow(marker.col() + 1),
    }
}
