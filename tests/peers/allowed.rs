//! The differences from Envoy that are on purpose. Each stands in docs/differences.md under its
//! heading, with the reason; a difference that no longer shows is a failure too.

use crate::outcome::Outcome;
use crate::table::Request;

/// One difference: which requests it shows in, and how Envoy's outcome becomes ours.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The heading in docs/differences.md.
    pub(crate) heading: &'static str,
    /// The requests: a part of their line in the table.
    pub(crate) requests: &'static [&'static str],
    /// What makes Envoy's outcome ours.
    pub(crate) turn: Turn,
}

/// How Envoy's outcome is turned into the one that we mean.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Our outcome is expected to be this status line's, whatever Envoy does.
    Answer(&'static str),
    /// Lines with this start are not compared.
    Lines(&'static str),
}

/// Every difference on purpose.
pub(crate) const DIFFERENCES: &[Difference] = &[];

/// Envoy's outcome with the differences on purpose taken out.
pub(crate) fn levelled(
    request: &Request,
    theirs: &Outcome,
    own: &Outcome,
    used: &mut [bool],
) -> Outcome {
    let mut theirs = theirs.clone();
    for (difference, used) in DIFFERENCES.iter().zip(used) {
        if !difference.requests.iter().any(|part| request.line.contains(part)) || theirs == *own {
            continue;
        }
        let before = theirs.clone();
        match difference.turn {
            Turn::Answer(line) => {
                if own.lines.iter().any(|own| own.starts_with(line)) {
                    theirs = own.clone();
                }
            }
            Turn::Lines(start) => {
                theirs.lines.retain(|line| !line.starts_with(start));
                let ours = own.lines.iter().filter(|line| line.starts_with(start));
                theirs.lines.extend(ours.cloned());
                if sorted(&theirs) == sorted(own) {
                    theirs = own.clone();
                }
            }
        }
        *used |= theirs != before;
    }
    theirs
}

fn sorted(outcome: &Outcome) -> Vec<String> {
    let mut lines = outcome.lines.clone();
    lines.sort();
    lines
}
