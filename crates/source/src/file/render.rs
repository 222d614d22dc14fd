//! Problems for people, as rustc shows them, and for programs, as JSON.
//!
//! Shows the source line of a problem, except where it may hold a secret.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use propylon_model::{Problem, Severity};
use serde_json::{Value, json};

use super::positions::{Place, Positions, is_secret};

/// A problem with its source line, several lines of text. `colour`: with terminal colours.
///
/// Many problems of the same files are cheaper with one [`Positions`] and [`Positions::render`].
#[must_use]
pub fn render(problem: &Problem, colour: bool) -> String {
    Positions::new().render(problem, colour)
}

/// A problem as JSON: `file`, `line`, `column`, `end`, `severity`, `code`, `object`, `field`,
/// `message`, `help` and `notes`. What is unknown is null.
#[must_use]
pub fn render_json(problem: &Problem) -> Value {
    Positions::new().render_json(problem)
}

impl Positions {
    /// A problem with its source line; see [`render`].
    pub fn render(&mut self, problem: &Problem, colour: bool) -> String {
        let shown = self.shown(problem);
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Info => Level::INFO,
        };
        let title = level.primary_title(&problem.message).id(problem.code.0);
        let mut group = match &shown.main {
            None => Group::with_title(title),
            Some(Excerpt { path, place, lines: None, .. }) => {
                let origin = Origin::path(path).line(place.line).char_column(place.column);
                title.element(origin)
            }
            Some(Excerpt { path, lines: Some(lines), marks, first_line, .. }) => {
                let annotations = marks.iter().map(|mark| match &mark.label {
                    None => AnnotationKind::Primary.span(mark.span.clone()),
                    Some(label) => AnnotationKind::Context.span(mark.span.clone()).label(label),
                });
                title.element(
                    Snippet::source(lines)
                        .path(path)
                        .line_start(*first_line)
                        .annotations(annotations),
                )
            }
        };
        if !problem.help.is_empty() {
            group = group.element(Level::HELP.message(&problem.help));
        }
        let mut report = vec![group];
        for (text, excerpt) in &shown.notes {
            report.push(note(text, excerpt.as_ref()));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&report)
    }

    /// A problem as JSON; see [`render_json`].
    pub fn render_json(&mut self, problem: &Problem) -> Value {
        let place = self.place(problem);
        let notes = problem.notes.iter().map(|note| {
            let place = self.of(&note.source, &note.field, false);
            json!({
                "file": file(&note.source),
                "line": place.as_ref().map(|place| place.line),
                "column": place.as_ref().map(|place| place.column),
                "object": note.object.to_string(),
                "field": note.field.to_string(),
                "message": note.text,
            })
        });
        let notes: Vec<Value> = notes.collect();
        json!({
            "file": file(&problem.source),
            "line": place.as_ref().map(|place| place.line),
            "column": place.as_ref().map(|place| place.column),
            "end": place.as_ref().map(|place| {
                json!({ "line": place.end_line, "column": place.end_column })
            }),
            "severity": match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            },
            "code": problem.code.0,
            "object": problem.object.as_ref().map(ToString::to_string),
            "field": problem.field.to_string(),
            "message": problem.message,
            "help": problem.help,
            "notes": notes,
        })
    }

    fn shown(&mut self, problem: &Problem) -> Shown {
        let place = self.place(problem);
        let mut main = place.map(|place| self.excerpt(problem, place));
        if main.is_none() {
            // The file is gone or is a directory: its name still helps.
            let path = file(&problem.source);
            if !problem.message.contains(&path) {
                let place = Place {
                    path: path.clone().into(),
                    line: 1,
                    column: 1,
                    end_line: 1,
                    end_column: 1,
                    span: 0..0,
                };
                main = Some(Excerpt::bare(place));
            }
        }
        let mut notes = Vec::new();
        for note in &problem.notes {
            let place = self.of(&note.source, &note.field, false);
            let mut text = String::new();
            // Writing to a text cannot fail.
            let _ = write!(text, "{} ({})", note.text, note.object);
            let Some(place) = place else {
                notes.push((text, None));
                continue;
            };
            if !main.as_mut().is_some_and(|main| self.join(main, &place, &note.text)) {
                let excerpt = self.excerpt(problem, place);
                notes.push((text, Some(excerpt)));
            }
        }
        Shown { main, notes }
    }

    /// The lines of a place.
    fn excerpt(&mut self, problem: &Problem, place: Place) -> Excerpt {
        let Some(text) = self.text(&place.path) else { return Excerpt::bare(place) };
        if is_secret(problem, text, place.line) {
            return Excerpt::bare(place);
        }
        let begin = line_start(text, place.span.start);
        let end = line_end(text, place.span.end);
        if end - begin > EXCERPT_BYTES_MAX || place.end_line - place.line > EXCERPT_LINES_MAX {
            return Excerpt::bare(place);
        }
        let mark = Mark { span: mark_span(text, &place, begin), label: None };
        Excerpt {
            path: place.path.display().to_string(),
            first_line: place.line,
            lines: Some(text[begin..end].to_owned()),
            bytes: begin..end,
            marks: vec![mark],
            place,
        }
    }

    /// Shows a second place of the same file in the same excerpt, if it is near.
    fn join(&mut self, main: &mut Excerpt, place: &Place, label: &str) -> bool {
        let apart = place.line.abs_diff(main.place.line);
        if main.lines.is_none() || main.place.path != place.path || apart > EXCERPT_LINES_MAX {
            return false;
        }
        let Some(text) = self.text(&place.path) else { return false };
        let begin = main.bytes.start.min(line_start(text, place.span.start));
        let end = main.bytes.end.max(line_end(text, place.span.end));
        if end - begin > EXCERPT_BYTES_MAX {
            return false;
        }
        let moved = main.bytes.start - begin;
        for mark in &mut main.marks {
            mark.span = mark.span.start + moved..mark.span.end + moved;
        }
        main.first_line = main.first_line.min(place.line);
        main.bytes = begin..end;
        main.lines = Some(text[begin..end].to_owned());
        let span = mark_span(text, place, begin);
        main.marks.push(Mark { span, label: Some(label.to_owned()) });
        true
    }
}

/// What a rendered problem shows of files.
struct Shown {
    main: Option<Excerpt>,
    notes: Vec<(String, Option<Excerpt>)>,
}

/// Some lines of a file with marks in them.
struct Excerpt {
    path: String,
    place: Place,
    first_line: usize,
    /// `None`: the lines must not be shown, or are too long.
    lines: Option<String>,
    bytes: std::ops::Range<usize>,
    marks: Vec<Mark>,
}

struct Mark {
    span: std::ops::Range<usize>,
    label: Option<String>,
}

impl Excerpt {
    fn bare(place: Place) -> Self {
        Self {
            path: place.path.display().to_string(),
            first_line: place.line,
            lines: None,
            bytes: 0..0,
            marks: Vec::new(),
            place,
        }
    }
}

fn note<'n>(text: &'n str, excerpt: Option<&'n Excerpt>) -> Group<'n> {
    let title = Level::NOTE.secondary_title(text);
    match excerpt {
        None => Group::with_title(title),
        Some(Excerpt { path, lines: Some(lines), marks, first_line, .. }) => title.element(
            Snippet::source(lines)
                .path(path)
                .line_start(*first_line)
                .annotations(marks.iter().map(|m| AnnotationKind::Primary.span(m.span.clone()))),
        ),
        Some(Excerpt { path, place, .. }) => {
            title.element(Origin::path(path).line(place.line).char_column(place.column))
        }
    }
}

/// What to underline: the place, cut to its first line, at least one character if there is one.
fn mark_span(text: &str, place: &Place, begin: usize) -> std::ops::Range<usize> {
    let start = place.span.start.min(text.len());
    let line_end = line_end(text, start);
    let end = place.span.end.clamp(start, line_end);
    let end = if end > start {
        end
    } else {
        start + text[start..line_end].chars().next().map_or(0, char::len_utf8)
    };
    start - begin..end - begin
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    text[at..].find('\n').map_or(text.len(), |newline| at + newline)
}

fn file(source: &propylon_model::Source) -> String {
    let propylon_model::Source::File { path, .. } = source;
    path.display().to_string()
}

/// Lines of a file that one excerpt may span; what is farther away gets its own.
const EXCERPT_LINES_MAX: usize = 40;

/// Bytes that one excerpt may hold: a configuration on one long line is named, not shown.
const EXCERPT_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
