//! The admin server's start page: how it is, what is wrong, what listens where, where to look next.
//! No script, nothing fetched from elsewhere; texts of configuration files are harmless in it.

use std::fmt::Write;

use propylon_model::Problem;
use propylon_source::file::Positions;

use crate::report::{self, Tally};
use crate::status::{Served, Status};

/// A path to look at: where, what it is for, and whether it wants POST.
pub(super) type Link = (&'static str, &'static str, bool);

/// The page as HTML.
pub(super) fn page(status: &Status, links: impl Iterator<Item = Link>) -> String {
    let served = status.served();
    let mut html = String::from(HEAD);
    // Writing to a text cannot fail, here and below.
    let _ = write!(
        html,
        "<h1>propylon</h1><p class=state>{} · generation {}{} · version {} · process {}</p>",
        status.phase().envoy_name(),
        served.generation,
        served
            .since
            .map(|at| format!(" since {}", httpdate::fmt_http_date(at)))
            .unwrap_or_default(),
        env!("CARGO_PKG_VERSION"),
        std::process::id(),
    );
    problems(&mut html, &status.problems());
    listeners(&mut html, &served);
    html.push_str("<h2>Look further</h2><table>");
    for (path, about, acts) in links {
        let about = escaped(about);
        let _ = match acts {
            false => write!(html, "<tr><td><a href=\"{path}\">{path}</a><td>{about}"),
            true => write!(html, "<tr><td>POST {path}<td>{about}"),
        };
    }
    html.push_str("</table></html>\n");
    html
}

/// Errors come first: the list is in that order.
fn problems(html: &mut String, problems: &[Problem]) {
    if problems.is_empty() {
        html.push_str("<p class=good>No problems in the files.</p>");
        return;
    }
    let _ = write!(html, "<h2>{} in the files</h2>", Tally::of(problems).text());
    let mut positions = Positions::new();
    for problem in problems.iter().take(PROBLEMS_MAX) {
        let text = positions.render(problem, false);
        let class = match problem.severity {
            propylon_model::Severity::Error => "error",
            propylon_model::Severity::Warning => "warning",
            propylon_model::Severity::Info => "note",
        };
        let _ = write!(html, "<pre class={class}>{}</pre>", escaped(text.trim_end()));
    }
    if let Some(rest) = problems.len().checked_sub(PROBLEMS_MAX).filter(|n| *n > 0) {
        let rest = report::count(rest, "more problem");
        let _ = write!(html, "<p>… and {rest}: <a href=\"/config\">/config</a> has all.</p>");
    }
}

fn listeners(html: &mut String, served: &Served) {
    html.push_str("<h2>Listeners</h2>");
    if served.snapshot.listeners.is_empty() {
        html.push_str(
            "<p>Nothing listens: no server of a valid Gateway selects this workload.</p>",
        );
        return;
    }
    html.push_str("<table>");
    for listener in &served.snapshot.listeners {
        html.push_str("<tr>");
        for cell in report::row(&served.snapshot, listener, &served.listeners) {
            let _ = write!(html, "<td>{}", escaped(&cell));
        }
        let status = served.listeners.iter().find(|status| status.bind == listener.bind);
        if let Some(Err(error)) = status.map(|status| &status.outcome) {
            let _ = write!(html, "<tr><td class=error colspan=5>{}", escaped(&error.to_string()));
        }
    }
    html.push_str("</table>");
}

/// Text that comes from configuration files, made harmless inside HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const HEAD: &str = "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>propylon</title>\
    <link rel=\"icon\" href=\"data:,\"><style>\
    :root{color-scheme:light dark}\
    body{font:1em/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}\
    h1{margin:0}h2{margin:1.5em 0 .5em;font-size:1.2em}.state{margin:0;opacity:.75}\
    pre{border-left:.3em solid #888;padding:.5em 1em;margin:.5em 0;overflow:auto;\
    background:rgba(128,128,128,.12)}\
    pre.error{border-color:#c22}pre.warning{border-color:#c80}td.error{color:#c22}\
    .good{color:#292}td{padding:.1em 1.5em .1em 0;vertical-align:top}</style>";
/// Problems shown on the start page; `/config` has all.
const PROBLEMS_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_files_cannot_become_markup() {
        assert_eq!(escaped("<b a=\"1\">&"), "&lt;b a=&quot;1&quot;&gt;&amp;");
    }

    #[test]
    fn the_page_fetches_nothing_from_elsewhere() {
        let html = page(&Status::new(), [("/config", "all", false)].into_iter());
        assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
        assert!(!html.contains("<script") && html.contains("INITIALIZING"), "{html}");
    }
}
