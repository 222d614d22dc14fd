//! An explanation for people: a label, what is so, and where it is written, line by line.

use propylon_snapshot::{CorsReply, Forward, Mismatch, PathMatch, Rule, Tried};

use super::outlook::{Branch, Outlook, abort_status};
use super::{Findings, nearest};
use crate::cli::describe::{self, quoted};
use crate::cli::out;
use crate::place::{Places, field, origin_text, place_text};

/// The whole explanation.
pub(super) fn render(findings: &Findings<'_>, places: &mut Places) -> String {
    let mut page = Page::default();
    page.listener(findings, places);
    page.host(findings, places);
    page.rules(findings, places);
    page.outlook(findings);
    let mut text = page.text();
    for problem in &findings.problems {
        let place = place_text(places.problem(problem).as_ref());
        let severity = match problem.severity {
            propylon_model::Severity::Error => "error",
            propylon_model::Severity::Warning => "warning",
            propylon_model::Severity::Info => "note",
        };
        text.push_str(&format!("{severity}[{}]: {}  {place}\n", problem.code, problem.message));
    }
    if out::colour() { painted(&text) } else { text }
}

/// The marks in colour: they are what the eye looks for.
fn painted(text: &str) -> String {
    text.replace('✓', "\x1b[32m✓\x1b[0m")
        .replace('✗', "\x1b[31m✗\x1b[0m")
        .replace('←', "\x1b[33m←\x1b[0m")
}

/// Lines of label, text and place.
#[derive(Debug, Default)]
struct Page {
    lines: Vec<[String; 3]>,
}

impl Page {
    fn line(&mut self, label: &str, text: impl Into<String>, place: impl Into<String>) {
        self.lines.push([label.to_owned(), text.into(), place.into()]);
    }

    /// Labels in one column, places in another; long texts push only their own place.
    fn text(&self) -> String {
        let width = |text: &String| text.chars().count();
        let lengths =
            self.lines.iter().filter(|line| !line[2].is_empty()).map(|line| width(&line[1]));
        let column = lengths.filter(|length| *length <= TEXT_WIDTH_MAX).max().unwrap_or(0);
        let mut text = String::new();
        for [label, body, place] in &self.lines {
            let missing = column.saturating_sub(width(body));
            let line = format!(" {label:<LABEL_WIDTH$}{body}{}  {place}", " ".repeat(missing));
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn listener(&mut self, findings: &Findings<'_>, places: &mut Places) {
        let (snapshot, listener) = (findings.snapshot, findings.listener);
        let origin = listener.origin;
        let text = format!("{}  {}", listener.bind, origin_text(snapshot, origin));
        self.line("listener", text, place_text(places.origin(snapshot, origin).as_ref()));
    }

    fn host(&mut self, findings: &Findings<'_>, places: &mut Places) {
        let (snapshot, explanation) = (findings.snapshot, &findings.explanation);
        let Some(host) = explanation.decision.host else {
            let asked = propylon_snapshot::host_of(findings.head.authority);
            self.line("host", format!("✗ no host of this port fits {}", quoted(asked)), "");
            for near in &explanation.nearest_hosts {
                let place = place_text(places.origin(snapshot, near.origin).as_ref());
                let gateway = origin_text(snapshot, near.origin);
                self.line("nearest", format!("{}  {gateway}", near.domain), place);
            }
            return;
        };
        let kind = match host.domain.strip_prefix('*') {
            None => "exact",
            Some("") => "any host",
            Some(_) => "suffix",
        };
        let place = place_text(places.origin(snapshot, host.origin).as_ref());
        let gateway = origin_text(snapshot, host.origin);
        self.line("host", format!("{}  {kind}  {gateway}", host.domain), place);
        for other in explanation.hosts.iter().skip(1) {
            self.line("", format!("{}  fits too and is never asked", other.domain), "");
        }
        if host.require_tls {
            self.line("", "httpsRedirect: plain requests are sent to https", "");
        }
    }

    fn rules(&mut self, findings: &Findings<'_>, places: &mut Places) {
        let tried = &findings.explanation.tried;
        let hidden = tried.len().saturating_sub(RULES_SHOWN_MAX);
        let shown: Vec<&Tried<'_>> = tried
            .iter()
            .enumerate()
            .filter(|(at, _)| *at < RULES_SHOWN_MAX / 2 || *at >= RULES_SHOWN_MAX / 2 + hidden)
            .map(|(_, tried)| tried)
            .collect();
        let rows: Vec<Vec<String>> = shown.iter().map(|tried| row(findings, tried)).collect();
        let table = out::table(&rows);
        for (position, (text, tried)) in table.lines().zip(&shown).enumerate() {
            if hidden > 0 && position == RULES_SHOWN_MAX / 2 {
                self.line("", format!("… {hidden} more rules that do not match"), "");
            }
            let label = if position == 0 { "rule" } else { "" };
            let place = places.origin(findings.snapshot, tried.rule.origin);
            self.line(label, text, place_text(place.as_ref()));
        }
        if tried.is_empty() && findings.explanation.decision.host.is_some_and(|h| !h.require_tls) {
            self.line("rule", "✗ this host has no rules: no VirtualService binds to it", "");
        }
        if let Some(nearest) = nearest(&findings.explanation) {
            let origin = origin_text(findings.snapshot, nearest.rule.origin);
            self.line("nearest", format!("{origin} would match"), "");
            for mismatch in &nearest.mismatches {
                self.line("", format!("if {}", remedy(mismatch, nearest.rule)), "");
            }
        }
    }

    fn outlook(&mut self, findings: &Findings<'_>) {
        match &findings.outlook {
            Outlook::Forwarded { rule, forward, branches } => {
                self.forward(findings, rule, forward, branches);
            }
            Outlook::Redirected { status, location } => {
                self.line("answer", format!("{status} location: {location}"), "");
            }
            Outlook::Answered(response) => {
                let text = format!("{} with {} bytes", response.status, response.body.len());
                self.line("answer", text, "");
            }
            Outlook::Preflight { allowed } => {
                let allowed = if *allowed { "allowed" } else { "not allowed" };
                self.line("answer", format!("200 CORS preflight, origin {allowed}"), "");
            }
            Outlook::Aborted(abort) => {
                let (status, share) = (abort_status(abort), describe::share(abort.share));
                self.line("answer", format!("{status} injected failure ({share})"), "");
            }
            Outlook::Refused(reason) => {
                let (status, flag, detail) = (reason.status(), reason.flag(), reason.detail());
                self.line("answer", format!("{status} ({flag}, {detail})"), "");
            }
        }
    }

    fn forward(
        &mut self,
        findings: &Findings<'_>,
        rule: &Rule,
        forward: &Forward,
        branches: &[Branch<'_>],
    ) {
        self.rewrites(findings, rule, forward);
        let sum = describe::weight_sum(forward);
        let rows: Vec<Vec<String>> =
            branches.iter().map(|branch| upstream(findings, branch, branches.len(), sum)).collect();
        for (position, line) in out::table(&rows).lines().enumerate() {
            self.line(if position == 0 { "upstream" } else { "" }, line, "");
        }
        for mirror in &forward.mirrors {
            let target = describe::target(&mirror.target, findings.snapshot);
            self.line("mirror", format!("{} -> {target}", describe::share(mirror.share)), "");
        }
        self.policy(findings, rule, forward, branches);
    }

    fn rewrites(&mut self, findings: &Findings<'_>, rule: &Rule, forward: &Forward) {
        let authority = |to: &str| format!("host becomes {to}");
        let mut rewrites = Vec::new();
        if let Some(path) = &forward.path {
            rewrites.push(describe::rewrite(path, &rule.matcher));
            let mut out = String::new();
            path.apply(&rule.matcher, findings.head.path, &mut out);
            rewrites.push(format!("here {out}"));
        }
        rewrites.extend(forward.authority.as_deref().map(authority));
        let text = if rewrites.is_empty() { "(none)".to_owned() } else { rewrites.join(" · ") };
        self.line("rewrite", text, "");
        for (what, ops) in
            [("request", &rule.headers.request), ("response", &rule.headers.response)]
        {
            if !ops.is_empty() {
                self.line("headers", format!("{what}: {}", describe::header_ops(ops)), "");
            }
        }
    }

    fn policy(
        &mut self,
        findings: &Findings<'_>,
        rule: &Rule,
        forward: &Forward,
        branches: &[Branch<'_>],
    ) {
        let mut text = format!(
            "timeout {} · retries {}",
            describe::timeout(forward.timeout),
            describe::retries(forward.retry.as_ref()),
        );
        let mut balances: Vec<String> =
            branches.iter().filter_map(|b| b.cluster).map(|one| one.balance.to_string()).collect();
        balances.dedup();
        if !balances.is_empty() {
            text.push_str(&format!(" · balance {}", balances.join(", ")));
        }
        self.line("policy", text, "");
        if let Some(delay) = rule.fault.as_ref().and_then(|fault| fault.delay.as_ref()) {
            let (share, long) = (describe::share(delay.share), describe::duration(delay.duration));
            self.line("fault", format!("{share} of requests wait {long}"), "");
        }
        if let Some(abort) = rule.fault.as_ref().and_then(|fault| fault.abort.as_ref()) {
            let (share, status) = (describe::share(abort.share), abort_status(abort));
            self.line("fault", format!("{share} of requests are answered {status}"), "");
        }
        if rule.cors.is_some() {
            let text = match findings.explanation.decision.cors {
                CorsReply::Allowed(_) => "the origin is allowed",
                CorsReply::None => "no allowed origin in this request",
            };
            self.line("cors", text, "");
        }
    }
}

/// Mark and place of a rule, its conditions, and why it does not match.
fn row(findings: &Findings<'_>, tried: &Tried<'_>) -> Vec<String> {
    let Tried { rule, mismatches, .. } = tried;
    let object = &findings.snapshot.objects[rule.origin.object.0 as usize];
    let field = field(&object.kind, rule.origin).to_string();
    let field = field.strip_prefix("spec.").unwrap_or(&field).to_owned();
    let why = match mismatches.first() {
        None => "first match".to_owned(),
        Some(first) => {
            let why = describe::mismatch(first, &rule.matcher, &findings.head);
            match mismatches.len() {
                1 => why,
                n => format!("{why} (and {} more)", n - 1),
            }
        }
    };
    let mark = if mismatches.is_empty() { "✓" } else { "✗" };
    let name = format!("{mark} {}/{} {field}", object.namespace, object.name);
    vec![name, describe::matcher(&rule.matcher), why]
}

/// Share, target and endpoints of one destination.
fn upstream(findings: &Findings<'_>, branch: &Branch<'_>, of: usize, sum: u64) -> Vec<String> {
    let Branch { destination, cluster, fails } = branch;
    let mut cells = Vec::new();
    if of > 1 {
        let weight = destination.weight;
        let permille = (u64::from(weight) * 1000 + sum / 2) / sum;
        cells.push(format!("{weight}/{sum} ({}.{} %)", permille / 10, permille % 10));
    }
    cells.push(format!("-> {}", describe::target(&destination.target, findings.snapshot)));
    if let Some(cluster) = cluster {
        let mut endpoints = describe::endpoints(cluster);
        let more = endpoints.len().saturating_sub(ENDPOINTS_SHOWN_MAX);
        endpoints.truncate(ENDPOINTS_SHOWN_MAX);
        if more > 0 {
            endpoints.push(format!("{more} more"));
        }
        cells.push(endpoints.join(", "));
    }
    if let Some((reason, why)) = fails {
        cells.push(format!("← {why}: answers {} ({})", reason.status(), reason.flag()));
    }
    let ops = &destination.headers;
    for (what, ops) in [("request", &ops.request), ("response", &ops.response)] {
        if !ops.is_empty() {
            cells.push(format!("{what} headers {}", describe::header_ops(ops)));
        }
    }
    cells
}

/// What the request would have to be for a condition to hold, or the rule.
fn remedy(mismatch: &Mismatch<'_>, rule: &Rule) -> String {
    let wanted = |what: &str, test: &Option<propylon_snapshot::StringMatch>| match test {
        Some(test) => format!("{what} were {}", describe::text(test)),
        None => format!("{what} were there"),
    };
    match mismatch {
        Mismatch::Path(PathMatch::Any) => "the path were another".to_owned(),
        Mismatch::Path(PathMatch::Exact { text, .. }) => {
            format!("the path were exactly {}", quoted(text))
        }
        Mismatch::Path(PathMatch::Prefix { text, .. }) => {
            format!("the path began with {}", quoted(text))
        }
        Mismatch::Path(PathMatch::Regex(pattern)) => {
            format!("the whole path matched {}", quoted(pattern.source()))
        }
        Mismatch::Method => wanted("the method", &rule.matcher.method),
        Mismatch::Scheme => wanted("the scheme", &rule.matcher.scheme),
        Mismatch::Authority => wanted("the Host header", &rule.matcher.authority),
        Mismatch::HeaderAbsent(header) | Mismatch::HeaderDiffers(header) => {
            wanted(&format!("header {}", header.name), &header.test)
        }
        Mismatch::HeaderForbidden(header) => {
            format!("header {} were not there, or another", header.name)
        }
        Mismatch::QueryAbsent(query) | Mismatch::QueryDiffers(query) => {
            wanted(&format!("query parameter {}", query.name), &query.test)
        }
    }
}

/// Columns of the labels.
const LABEL_WIDTH: usize = 11;
/// Columns beyond which a line's place is not aligned with the others.
const TEXT_WIDTH_MAX: usize = 150;
/// Rules that are printed; a long list is cut in the middle.
const RULES_SHOWN_MAX: usize = 40;
/// Endpoints of a destination that are printed.
const ENDPOINTS_SHOWN_MAX: usize = 4;
