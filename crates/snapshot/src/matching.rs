//! Whether a rule applies to a request head, and if not, which condition stands in the way.
//! One code path serves the data plane and `explain`: a match is the absence of a mismatch.

use crate::{Head, HeaderMatch, Matcher, PathMatch, QueryMatch};

/// The first condition of a matcher that a request does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch<'m> {
    /// The path differs.
    Path(&'m PathMatch),
    /// The method differs.
    Method,
    /// The scheme differs.
    Scheme,
    /// The authority differs.
    Authority,
    /// No line of the header exists.
    HeaderAbsent(&'m HeaderMatch),
    /// Lines of the header exist, and none satisfies the test.
    HeaderDiffers(&'m HeaderMatch),
    /// A header that must not be there, or must not satisfy its test, does (`withoutHeaders`).
    HeaderForbidden(&'m HeaderMatch),
    /// The query parameter is absent.
    QueryAbsent(&'m QueryMatch),
    /// The first occurrence of the query parameter does not satisfy the test.
    QueryDiffers(&'m QueryMatch),
}

impl PathMatch {
    /// Tests a normalised path without its query.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact { text, ignore_case: false } => **text == *path,
            Self::Exact { text, ignore_case: true } => text.eq_ignore_ascii_case(path),
            Self::Prefix { text, ignore_case: false } => path.starts_with(&**text),
            Self::Prefix { text, ignore_case: true } => path
                .as_bytes()
                .get(..text.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes())),
            Self::Regex(pattern) => pattern.matches(path.as_bytes()),
        }
    }
}

impl HeaderMatch {
    /// What stands in the way, if anything. Envoy tests every line by itself; an inverted test
    /// (`withoutHeaders`) takes an absent header for an empty text.
    #[must_use]
    pub fn mismatch(&self, head: &Head<'_>) -> Option<Mismatch<'_>> {
        let mut present = false;
        let mut satisfied = false;
        for value in head.values(&self.name) {
            present = true;
            satisfied = self.test.as_ref().is_none_or(|test| test.matches(value));
            if satisfied {
                break;
            }
        }
        if self.invert {
            let absent_satisfies =
                || !present && self.test.as_ref().is_some_and(|test| test.matches(b""));
            return (satisfied || absent_satisfies()).then_some(Mismatch::HeaderForbidden(self));
        }
        match (satisfied, present) {
            (true, _) => None,
            (false, true) => Some(Mismatch::HeaderDiffers(self)),
            (false, false) => Some(Mismatch::HeaderAbsent(self)),
        }
    }
}

impl QueryMatch {
    /// What stands in the way, if anything. Only the first occurrence counts, undecoded; a
    /// parameter without `=` is empty (Envoy's rule).
    #[must_use]
    pub fn mismatch(&self, query: Option<&str>) -> Option<Mismatch<'_>> {
        match first_parameter(query.unwrap_or(""), &self.name) {
            None => Some(Mismatch::QueryAbsent(self)),
            Some(value) => {
                let satisfied =
                    self.test.as_ref().is_none_or(|test| test.matches(value.as_bytes()));
                (!satisfied).then_some(Mismatch::QueryDiffers(self))
            }
        }
    }
}

/// The value of the first `name=value` or `name` among the `&`-separated parts of a query.
fn first_parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (key == name && !part.is_empty()).then_some(value)
    })
}

impl Matcher {
    /// True if every condition holds.
    #[must_use]
    pub fn matches(&self, head: &Head<'_>) -> bool {
        // Most rules fail by their path; that test alone decides about them.
        self.path.matches(head.path) && self.mismatch(head).is_none()
    }

    /// The first condition that does not hold; `None` if the matcher matches.
    #[must_use]
    pub fn mismatch(&self, head: &Head<'_>) -> Option<Mismatch<'_>> {
        self.mismatches(head).next()
    }

    /// Every condition that does not hold, cheapest conditions first. Lazy: the first item costs
    /// no more than the test itself.
    pub fn mismatches<'m, 'h>(
        &'m self,
        head: &'h Head<'h>,
    ) -> impl Iterator<Item = Mismatch<'m>> + use<'m, 'h> {
        let path = (!self.path.matches(head.path)).then_some(Mismatch::Path(&self.path));
        let others = [
            (&self.method, head.method, Mismatch::Method),
            (&self.scheme, head.scheme.as_str(), Mismatch::Scheme),
            (&self.authority, head.authority, Mismatch::Authority),
        ];
        path.into_iter()
            .chain(others.into_iter().filter_map(|(test, text, mismatch)| {
                let fails = test.as_ref().is_some_and(|test| !test.matches(text.as_bytes()));
                fails.then_some(mismatch)
            }))
            .chain(self.headers.iter().filter_map(move |header| header.mismatch(head)))
            .chain(self.query.iter().filter_map(move |query| query.mismatch(head.query)))
    }
}

#[cfg(test)]
mod tests;
