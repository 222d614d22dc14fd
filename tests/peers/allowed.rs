//! The differences from Envoy that are on purpose, read from `differences.txt`. Each stands in
//! docs/differences.md under its heading, with the reason; one that no longer shows is a failure.

use crate::outcome::{Outcome, Speech};
use crate::table::Request;

/// One difference: which requests it shows in, and what we do instead of what Envoy does.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The heading in docs/differences.md.
    pub(crate) heading: String,
    speech: Speech,
    instead: Instead,
    requests: Vec<String>,
}

/// What we do instead.
#[derive(Debug)]
enum Instead {
    /// We answer this line and forward nothing.
    Refuse(String),
    /// We answer this line, and origins see what they see of Envoy.
    Answer(String),
    /// We serve the request: an answer with this line, and an origin sees it.
    Serve(String),
    /// Lines that start like one of these differ, and they alone.
    Lines(Vec<String>),
}

/// Reads the list: `# --- heading`, perhaps `over HTTP/2`, then `instead <kind> <text>`, then whole
/// lines of the table.
pub(crate) fn read(text: &str) -> Vec<Difference> {
    let mut all: Vec<Difference> = Vec::new();
    let mut heading = String::new();
    let mut speech = Speech::Http1;
    for line in text.lines() {
        if let Some(next) = line.strip_prefix("# --- ") {
            next.clone_into(&mut heading);
            speech = Speech::Http1;
        } else if line == "over HTTP/2" {
            speech = Speech::Http2;
        } else if let Some(instead) = line.strip_prefix("instead ") {
            let instead = Instead::read(instead);
            let heading = heading.clone();
            all.push(Difference { heading, speech, instead, requests: Vec::new() });
        } else if !line.is_empty() && !line.starts_with("# ") {
            let difference = all.last_mut().expect("`instead` before the first request");
            difference.requests.push(line.to_owned());
        }
    }
    all
}

impl Instead {
    fn read(text: &str) -> Self {
        let (kind, rest) = text.split_once(' ').expect("a kind and a text");
        match kind {
            "refuse" => Self::Refuse(format!("answer {rest}")),
            "answer" => Self::Answer(format!("answer {rest}")),
            "serve" => Self::Serve(format!("answer {rest}")),
            "lines" => Self::Lines(rest.split(" ; ").map(str::to_owned).collect()),
            other => panic!("differences.txt: `instead {other}` is unknown"),
        }
    }

    /// Whether our outcome differs from Envoy's in this way and in no other.
    fn explains(&self, theirs: &Outcome, own: &Outcome) -> bool {
        match self {
            Self::Refuse(line) => own.lines.contains(line) && arrivals(own).is_empty(),
            Self::Answer(line) => own.lines.contains(line) && arrivals(own) == arrivals(theirs),
            Self::Serve(line) => own.lines.contains(line) && !arrivals(own).is_empty(),
            Self::Lines(starts) => without(theirs, starts) == without(own, starts),
        }
    }
}

impl Difference {
    /// Whether this difference is what makes our outcome for this request another than Envoy's.
    pub(crate) fn explains(
        &self,
        request: &Request,
        speech: Speech,
        theirs: &Outcome,
        own: &Outcome,
    ) -> bool {
        self.speech == speech
            && self.requests.contains(&request.line)
            && self.instead.explains(theirs, own)
    }
}

/// What origins received.
fn arrivals(outcome: &Outcome) -> Vec<&String> {
    outcome
        .lines
        .iter()
        .filter(|line| !line.starts_with("answer") && !line.starts_with("interim"))
        .collect()
}

fn without<'a>(outcome: &'a Outcome, starts: &[String]) -> Vec<&'a String> {
    let differs = |line: &&String| starts.iter().any(|start| line.starts_with(start.as_str()));
    outcome.lines.iter().filter(|line| !differs(line)).collect()
}
