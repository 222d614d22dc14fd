//! What `run` tells its user: problems first, what listens where, and one line per reload.
//! Lines for people, or one JSON event each; the events themselves are decided by the reload loop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use propylon_model::{Problem, Severity};
use propylon_proxy::ListenerStatus;
use propylon_snapshot::{Listener, RouteTable, Serves, Snapshot, Then, TlsChain};
use propylon_source::file::Positions;

use crate::cli::flags::LogFormat;
use crate::cli::out;

/// Where reports go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    /// Lines or JSON events.
    pub format: LogFormat,
}

impl Report {
    /// Problems that were not there before.
    pub(crate) fn problems(self, problems: &[Problem]) {
        let mut positions = Positions::new();
        for problem in problems {
            match self.format {
                LogFormat::Human => {
                    let text = positions.render(problem, out::colour_on_stderr());
                    out::complain(&format!("{}\n\n", text.trim_end()));
                }
                LogFormat::Json => event(problem, &mut positions, "problem"),
            }
        }
    }

    /// Problems that went away.
    pub(crate) fn solved(self, problems: &[Problem]) {
        let mut positions = Positions::new();
        for problem in problems {
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
    }

    /// What listens where, at the start.
    pub(crate) fn listening(self, snapshot: &Snapshot, statuses: &[ListenerStatus]) {
        let rows: Vec<Vec<String>> =
            snapshot.listeners.iter().map(|listener| row(snapshot, listener, statuses)).collect();
        if rows.is_empty() {
            self.line("nothing listens: no HTTP server of a Gateway selects this workload");
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
                self.error(&format!("cannot listen: {error}"));
            }
        }
    }

    /// A generation went live.
    pub(crate) fn live(
        self,
        generation: u64,
        took: Duration,
        changes: &[String],
        problems: &[Problem],
    ) {
        let changes = match changes {
            [] => "no route changed".to_owned(),
            changes if changes.len() > CHANGES_SHOWN_MAX => {
                let rest = changes.len() - CHANGES_SHOWN_MAX;
                format!("{} and {rest} more", changes[..CHANGES_SHOWN_MAX].join(", "))
            }
            changes => changes.join(", "),
        };
        let errors = match errors(problems) {
            0 => String::new(),
            n => format!("; {} in the files", count(n, "error")),
        };
        let took = millis(took);
        self.line(&format!("generation {generation} live in {took}: {changes}{errors}"));
    }

    /// A reading changed nothing that requests could notice.
    pub(crate) fn stays(self, generation: u64, problems: &[Problem]) {
        let why = match errors(problems) {
            0 => "no change".to_owned(),
            1 => "1 error, last good configuration serves".to_owned(),
            n => format!("{n} errors, last good configuration serves"),
        };
        self.line(&format!("generation {generation} stays: {why}"));
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

fn row(snapshot: &Snapshot, listener: &Listener, statuses: &[ListenerStatus]) -> Vec<String> {
    let status = statuses.iter().find(|status| status.bind == listener.bind);
    let (word, bound) = match status.map(|status| &status.outcome) {
        Some(Ok(bound)) => ("listening", bound.to_string()),
        Some(Err(_)) => ("closed", listener.bind.to_string()),
        None => ("waiting", listener.bind.to_string()),
    };
    let tables = || listener.tables().map(|table| snapshot.table(table));
    let hosts = tables().map(|table| table.hosts().len()).sum();
    let routes = tables().map(rules).sum();
    let gateway = &snapshot.objects[listener.origin.object.0 as usize];
    vec![
        word.to_owned(),
        bound,
        protocol(listener).to_owned(),
        format!("({} {}/{} port {})", gateway.kind, gateway.namespace, gateway.name, listener.port),
        format!("{}, {}", count(hosts, "host"), count(routes, "route")),
    ]
}

/// What a listener speaks, for people.
#[must_use]
pub(crate) fn protocol(listener: &Listener) -> &'static str {
    match &listener.serves {
        Serves::Http(_) => "HTTP",
        Serves::Tcp(_) => "TCP",
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
