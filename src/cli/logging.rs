//! Log lines of the program's own life on stderr: for people, or JSON. Nothing is logged per
//! request.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

use super::flags::LogFormat;
use super::out;
use crate::failure::Failure;

/// Starts logging with a filter such as `info` or `propylon_proxy=debug,warn`.
///
/// # Errors
/// When the filter is not understood.
pub(super) fn start(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))
        .map_err(|error| Failure::Other(format!("--log {filter:?} is no filter: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_timer(SystemTime)
        .with_ansi(out::colour_on_stderr());
    let started = match format {
        LogFormat::Human => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::Other(format!("logging cannot start: {error}")))
}

/// The HTTP/2 codec warns about what single clients do, as often as they do it. A filter that names
/// it itself has the last word.
const QUIET: &str = "h2=error";
