//! What `run` tells its user: problems first, what listens where, and one line per reload.
//! Lines for people, or one JSON event each; the events themselves are decided by the reload loop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use propylon_model::{Code, ObjectKey, Problem, Severity};
use propylon_proxy::ListenerStatus;
use propylon_snapshot::{Listener, RouteTable, Serves, Snapshot, Then, TlsChain};
use propylon_source::file::Positions;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::cli::connections;
use crate::cli::flags::LogFormat;
use crate::cli::out;

/// Where reports go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    /// Lines or JSON events.
    pub format: LogFormat,
}

impl Report {
    /// Problems that were not there before. Of very many, some of every code are shown and the rest
    /// is counted.
    pub(crate) fn problems(self, problems: &[Problem]) {
        let mut positions = Positions::new();
        let (shown, rest) = selection(problems);
        for problem in shown {
            match self.format {
                LogFormat::Human => {
                    let text = positions.render(problem, out::colour_on_stderr());
                    out::complain(&format!("{}\n\n", text.trim_end()));
                }
                LogFormat::Json => event(problem, &mut positions, "problem"),
            }
        }
        if let Some(rest) = unshown(&rest) {
            match self.format {
                LogFormat::Human => out::complain(&format!("... {rest}\n\n")),
                LogFormat::Json => tracing::warn!("{rest}"),
            }
        }
    }

    /// Problems that went away.
    pub(crate) fn solved(self, problems: &[Problem]) {
        // A note says what follows from a problem; it goes with it.
        let gone = problems.iter().filter(|problem| problem.severity != Severity::Info);
        let gone: Vec<&Problem> = gone.collect();
        let mut positions = Positions::new();
        for &problem in gone.iter().take(SOLVED_SHOWN_MAX) {
            match self.format {
                LogFormat::Human => {
                    let object = problem.object.as_ref().map(|key| format!(" {key}:"));
                    let object = object.unwrap_or_default();
                    let Problem { code, message, .. } = problem;
                    out::complain(&format!("solved[{code}]:{object} {message}"));
                }
                LogFormat::Json => event(problem, &mut positions, "solved"),
            }
        }
        if let Some(rest) = gone.len().checked_sub(SOLVED_SHOWN_MAX).filter(|rest| *rest > 0) {
            let text = format!("{} solved", count(rest, "more problem"));
            match self.format {
                LogFormat::Human => out::complain(&format!("... {text}")),
                LogFormat::Json => tracing::info!("{text}"),
            }
        }
    }

    /// What listens where, at the start.
    pub(crate) fn listening(self, snapshot: &Snapshot, statuses: &[ListenerStatus]) {
        let rows: Vec<Vec<String>> =
            snapshot.listeners.iter().map(|listener| row(snapshot, listener, statuses)).collect();
        if rows.is_empty() {
            self.line("nothing listens: no server of a valid Gateway selects this workload");
        }
        match self.format {
            LogFormat::Human if !rows.is_empty() => self.line(out::table(&rows).trim_end()),
            LogFormat::Human => {}
            LogFormat::Json => rows.iter().for_each(|row| self.line(&row.join(" "))),
        }
        self.unbound(statuses);
    }

    /// Listeners that could not be bound, each with why.
    pub(crate) fn unbound(self, statuses: &[ListenerStatus]) {
        for status in statuses {
            if let Err(error) = &status.outcome {
                self.error(&format!("cannot listen: {error}; trying again every few seconds"));
            }
        }
    }

    /// A generation went live.
    pub(crate) fn live(
        self,
        generation: u64,
        took: Duration,
        changes: &[String],
        files: Files<'_>,
    ) {
        let changes = match changes {
            [] => "no route changed".to_owned(),
            changes if changes.len() > CHANGES_SHOWN_MAX => {
                let rest = changes.len() - CHANGES_SHOWN_MAX;
                format!("{} and {rest} more", changes[..CHANGES_SHOWN_MAX].join(", "))
            }
            changes => changes.join(", "),
        };
        let took = millis(took);
        let (errors, kept) = (files.errors(), files.kept().map(|kept| format!("; {kept}")));
        let (errors, kept) = (errors.unwrap_or_default(), kept.unwrap_or_default());
        self.event(&format!("generation {generation} live in {took}: {changes}{errors}{kept}"));
    }

    /// A reading changed nothing that requests could notice.
    pub(crate) fn stays(self, generation: u64, files: Files<'_>) {
        self.event(&stays(generation, files));
    }

    /// A line of the program's life after its start. Where nobody looks on, it says when.
    pub(crate) fn event(self, text: &str) {
        match self.format {
            LogFormat::Human if !out::watched() => self.line(&format!("{} {text}", clock())),
            LogFormat::Human | LogFormat::Json => self.line(text),
        }
    }

    /// Any other line of the program's life.
    pub(crate) fn line(self, text: &str) {
        match self.format {
            LogFormat::Human => {
                let _ = out::line(text);
            }
            LogFormat::Json => tracing::info!("{text}"),
        }
    }

    /// Something that was asked for does not happen, and the program goes on.
    pub(crate) fn error(self, text: &str) {
        match self.format {
            LogFormat::Human => out::complain(&format!("error: {text}")),
            LogFormat::Json => tracing::error!("{text}"),
        }
    }

    /// Something is not as the user wished, and the program goes on.
    pub(crate) fn warn(self, text: &str) {
        match self.format {
            LogFormat::Human => out::complain(&format!("warning: {text}")),
            LogFormat::Json => tracing::warn!("{text}"),
        }
    }
}

/// What is to be said about the files as they stand now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'l> {
    /// Everything that is wrong with them.
    pub problems: &'l [Problem],
    /// Objects of which an earlier version serves.
    pub held: &'l [ObjectKey],
}

impl Files<'_> {
    fn errors(self) -> Option<String> {
        match errors(self.problems) {
            0 => None,
            n => Some(format!("; {} in the files", count(n, "error"))),
        }
    }

    /// Which objects serve in an earlier version.
    fn kept(self) -> Option<String> {
        match self.held {
            [] => None,
            [one] => Some(format!("last good version of {one} serves")),
            [first, rest @ ..] => {
                let rest = count(rest.len(), "other object");
                Some(format!("last good versions of {first} and {rest} serve"))
            }
        }
    }
}

fn stays(generation: u64, files: Files<'_>) -> String {
    let why = match (errors(files.problems), files.kept()) {
        (0, None) => "no change".to_owned(),
        (n, None) => format!("no change; {} in the files", count(n, "error")),
        (0, Some(kept)) => format!("a file is being written; {kept}"),
        (n, Some(kept)) => format!("{}; {kept}", count(n, "error")),
    };
    format!("generation {generation} stays: {why}")
}

/// The problems that are shown, in their order, and how many of each code are not.
fn selection(problems: &[Problem]) -> (Vec<&Problem>, BTreeMap<Code, usize>) {
    let mut rest = BTreeMap::new();
    if problems.len() <= PROBLEMS_SHOWN_MAX {
        return (problems.iter().collect(), rest);
    }
    let mut shown = Vec::new();
    let mut seen: BTreeMap<Code, usize> = BTreeMap::new();
    for problem in problems {
        let alike = seen.entry(problem.code).or_default();
        if *alike < ALIKE_SHOWN_MAX && shown.len() < PROBLEMS_SHOWN_MAX {
            *alike += 1;
            shown.push(problem);
        } else {
            *rest.entry(problem.code).or_default() += 1;
        }
    }
    (shown, rest)
}

/// `9995 more problems (9990 GW2001, 5 IST0101): propylon check shows all`.
fn unshown(rest: &BTreeMap<Code, usize>) -> Option<String> {
    let total: usize = rest.values().sum();
    if total == 0 {
        return None;
    }
    let mut codes: Vec<(&Code, &usize)> = rest.iter().collect();
    codes.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    let codes: Vec<String> =
        codes.iter().take(CODES_COUNTED_MAX).map(|(code, n)| format!("{n} {code}")).collect();
    let total = count(total, "more problem");
    Some(format!("{total} ({}): `propylon check` shows all", codes.join(", ")))
}

/// This moment as `2026-11-21T08:39:12Z`.
fn clock() -> String {
    let mut text = String::new();
    // A clock that cannot be read costs its text only.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

fn event(problem: &Problem, positions: &mut Positions, what: &str) {
    let problem_json = positions.render_json(problem).to_string();
    match problem.severity {
        Severity::Error if what == "problem" => {
            tracing::error!(problem = problem_json, "{}", problem.message);
        }
        Severity::Warning if what == "problem" => {
            tracing::warn!(problem = problem_json, "{}", problem.message);
        }
        Severity::Error | Severity::Warning | Severity::Info => {
            tracing::info!(problem = problem_json, "{what}: {}", problem.message);
        }
    }
}

/// One listener in words: how it is, where, what it speaks, whose it is, how much it serves.
#[must_use]
pub(crate) fn row(
    snapshot: &Snapshot,
    listener: &Listener,
    statuses: &[ListenerStatus],
) -> Vec<String> {
    let status = statuses.iter().find(|status| status.bind == listener.bind);
    let also = listener.also.as_ref().filter(|also| {
        statuses.iter().any(|status| status.bind == **also && status.outcome.is_ok())
    });
    let also = also.map(|also| format!(" and {also}")).unwrap_or_default();
    let (word, bound) = match status.map(|status| &status.outcome) {
        Some(Ok(bound)) => ("listening", format!("{bound}{also}")),
        Some(Err(_)) => ("closed", listener.bind.to_string()),
        None => ("waiting", listener.bind.to_string()),
    };
    let tables = || listener.tables().map(|table| snapshot.table(table));
    let hosts = tables().map(|table| table.hosts().len()).sum();
    let routes = tables().map(rules).sum();
    let handed_on = connections::of(listener, snapshot);
    let serves = match handed_on.as_slice() {
        [] => format!("{}, {}", count(hosts, "host"), count(routes, "route")),
        [one] if hosts == 0 => one.row_text(snapshot),
        several => {
            let names = count(several.len(), "passed-through route");
            if hosts == 0 { names } else { format!("{}, {names}", count(hosts, "host")) }
        }
    };
    let gateway = &snapshot.objects[listener.origin.object.0 as usize];
    vec![
        word.to_owned(),
        bound,
        protocol(listener).to_owned(),
        format!("({} {}/{} port {})", gateway.kind, gateway.namespace, gateway.name, listener.port),
        serves,
    ]
}

/// What a listener speaks, for people.
#[must_use]
pub(crate) fn protocol(listener: &Listener) -> &'static str {
    match &listener.serves {
        Serves::Http(_) => "HTTP",
        Serves::Tcp(_) => "TCP",
        Serves::Captured(_) => "captured",
        Serves::Proxy(_) => "HTTP proxy",
        Serves::Tls(names) => {
            let http = |chain: &TlsChain| matches!(chain.then, Then::Http(_));
            if names.chains().iter().all(http) { "HTTPS" } else { "TLS" }
        }
    }
}

/// Distinct rules of a table; hosts share lists.
#[must_use]
pub(crate) fn rules(table: &RouteTable) -> usize {
    let mut seen = BTreeSet::new();
    table
        .hosts()
        .iter()
        .filter(|host| seen.insert(Arc::as_ptr(&host.rules)))
        .map(|host| host.rules.rules().len())
        .sum()
}

/// How many problems of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

impl Tally {
    /// Counts them.
    #[must_use]
    pub(crate) fn of(problems: &[Problem]) -> Self {
        let count = |severity| problems.iter().filter(|p| p.severity == severity).count();
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Info),
        }
    }

    /// `2 errors, 1 warning`; `no problems` where there are none.
    #[must_use]
    pub(crate) fn text(self) -> String {
        let Self { errors, warnings, notes } = self;
        let parts = [(errors, "error"), (warnings, "warning"), (notes, "note")];
        let parts: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(*n, what)).collect();
        if parts.is_empty() { "no problems".to_owned() } else { parts.join(", ") }
    }
}

/// `1 host`, `2 hosts`.
#[must_use]
pub(crate) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn errors(problems: &[Problem]) -> usize {
    problems.iter().filter(|problem| problem.severity == Severity::Error).count()
}

fn millis(took: Duration) -> String {
    match took.as_millis() {
        0 => "less than 1 ms".to_owned(),
        millis => format!("{millis} ms"),
    }
}

/// Changes that a reload line names before it only counts.
const CHANGES_SHOWN_MAX: usize = 6;
/// Problems printed at once; about what a person scrolls back through.
const PROBLEMS_SHOWN_MAX: usize = 20;
/// Problems of one code among them once there are more, so that none is hidden behind its like.
const ALIKE_SHOWN_MAX: usize = 5;
/// Codes whose unshown problems are counted by name.
const CODES_COUNTED_MAX: usize = 5;
/// Solved problems named at once.
const SOLVED_SHOWN_MAX: usize = 10;

#[cfg(test)]
mod tests;
