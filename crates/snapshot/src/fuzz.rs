//! Entry points for fuzzing: any bytes in, no panic out, and the promises that hold for all inputs.
//! Property tests call them on stable Rust; a coverage-guided fuzzer may as well.

use std::sync::Arc;

use crate::{
    Format, ObjectId, Origin, PathNormalization, Pattern, RouteTable, RuleList, VirtualHost,
    normalize,
};

/// Hosts of a table and one authority, separated by line breaks: the look-up must agree with a
/// plain reading of the rule "exact, then longest suffix, then any".
#[doc(hidden)]
pub fn fuzz_host_lookup(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (authority, domains) = text.split_once('\n').unwrap_or((text, "*"));
    let origin = Origin { object: ObjectId(0), entry: 0, matching: None };
    let rules = Arc::new(RuleList::new(Vec::new()));
    let host = |domain: &str| VirtualHost {
        domain: domain.to_ascii_lowercase().into(),
        require_tls: false,
        rules: Arc::clone(&rules),
        origin,
    };
    let table = RouteTable::new("fuzz", domains.split('\n').map(host).collect());
    let host = crate::host_of(authority).to_ascii_lowercase();
    let rank = |domain: &str| match domain.strip_prefix('*') {
        None => (domain == host).then_some(usize::MAX),
        Some(suffix) => {
            let fits = suffix.is_empty() || host.len() > suffix.len() && host.ends_with(suffix);
            fits.then_some(suffix.len())
        }
    };
    let best = table.hosts().iter().filter_map(|host| rank(&host.domain)).max();
    let chosen = table.lookup(authority).and_then(|host| rank(&host.domain));
    assert_eq!(chosen, best, "{authority:?} among {domains:?}");
}

/// A path: what comes out is stable under a second pass, absolute, and free of dot segments.
#[doc(hidden)]
pub fn fuzz_path(bytes: &[u8]) {
    let Ok(path) = std::str::from_utf8(bytes) else { return };
    for how in [
        PathNormalization::None,
        PathNormalization::Base,
        PathNormalization::MergeSlashes,
        PathNormalization::DecodeAndMergeSlashes,
    ] {
        let Ok(normal) = normalize(path, how) else { continue };
        assert!(normal.starts_with('/') || normal == "*", "{path:?} gives {normal:?}");
        if how != PathNormalization::None {
            let dots = normal.split('/').any(|segment| matches!(segment, "." | ".."));
            assert!(!dots, "{path:?} gives {normal:?}");
        }
    }
}

/// A format string: what is accepted prints its own source where it holds no variable.
#[doc(hidden)]
pub fn fuzz_format(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(format) = Format::parse(text) else { return };
    if let Some(literal) = format.as_literal() {
        assert_eq!(literal.replace('%', "%%"), text);
    }
}

/// An expression, a line break, a text: nothing that is accepted may panic.
#[doc(hidden)]
pub fn fuzz_pattern(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (expression, subject) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(pattern) = Pattern::full(expression) {
        let _matched = pattern.matches(subject.as_bytes());
    }
}
