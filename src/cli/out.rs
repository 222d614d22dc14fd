//! The two writers to the terminal: text for people and programs on stdout, problems on stderr.
//! Every command prints through here, so that a closed pipe ends quietly and colour is decided
//! once.

use std::io::{self, IsTerminal, Write};

/// Prints a line on stdout.
///
/// # Errors
/// When stdout is closed or full.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Prints text as it is on stderr. What stderr cannot take is lost: there is nowhere left to say
/// so.
pub(crate) fn complain(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = stderr.write_all(b"\n");
    }
}

/// Whether stdout shows colours: a terminal, and nobody set `NO_COLOR`.
#[must_use]
pub(crate) fn colour() -> bool {
    io::stdout().is_terminal() && colour_allowed()
}

/// Whether stderr shows colours: a terminal, and nobody set `NO_COLOR`.
#[must_use]
pub(crate) fn colour_on_stderr() -> bool {
    io::stderr().is_terminal() && colour_allowed()
}

/// Whether someone looks on at what stdout shows, rather than a file or a collector of logs.
#[must_use]
pub(crate) fn watched() -> bool {
    io::stdout().is_terminal()
}

fn colour_allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// What a command ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Success,
    /// 1: it could not be done, or `check` found errors.
    Failure,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
        }
    }
}

/// A closed pipe (`propylon routes | head`) is the reader's wish, not a failure.
///
/// # Errors
/// Every other error of writing.
pub(crate) fn unless_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A table whose columns are as wide as their widest cell; the last column is not padded.
#[must_use]
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                let missing = widths[column].saturating_sub(cell.chars().count());
                line.extend(std::iter::repeat_n(' ', missing + COLUMN_GAP));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Spaces between the columns of a table.
const COLUMN_GAP: usize = 2;

#[cfg(test)]
mod tests;
