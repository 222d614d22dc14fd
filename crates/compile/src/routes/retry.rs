//! Retries of a route: its own, else the mesh's, else Istio's default policy.

use std::time::Duration;

use propylon_model::virtual_service::HttpRetry;
use propylon_snapshot::{BadRetryOn, Retry, RetryOn};

/// Envoy's base of the exponential back-off.
const BACKOFF: Duration = Duration::from_millis(25);
/// Istio's number of retries where nobody names one.
const ATTEMPTS: u32 = 2;

/// Compiles retries; `None`: there are none. `hashed`: the one destination hashes consistently, so
/// that a retry goes where the request went unless it is told otherwise.
pub(crate) fn retry(
    written: Option<&HttpRetry>,
    hashed: bool,
) -> Result<Option<Retry>, BadRetryOn> {
    let default = Retry {
        attempts: ATTEMPTS,
        on: RetryOn::istio_default(),
        statuses: Vec::new(),
        per_try_timeout: None,
        backoff: BACKOFF,
        ignore_previous_hosts: !hashed,
        remote_localities: false,
    };
    let Some(written) = written else { return Ok(Some(default)) };
    let HttpRetry {
        attempts,
        per_try_timeout,
        retry_on,
        retry_remote_localities,
        retry_ignore_previous_hosts,
        backoff,
    } = written;
    let Some(attempts) = u32::try_from(*attempts).ok().filter(|attempts| *attempts > 0) else {
        return Ok(None);
    };
    let (on, statuses) =
        if retry_on.is_empty() { (default.on, Vec::new()) } else { RetryOn::parse(retry_on)? };
    Ok(Some(Retry {
        attempts,
        on,
        statuses,
        per_try_timeout: per_try_timeout.filter(|limit| !limit.is_zero()),
        backoff: backoff.unwrap_or(BACKOFF),
        ignore_previous_hosts: retry_ignore_previous_hosts.unwrap_or(!hashed),
        remote_localities: retry_remote_localities.unwrap_or(false),
    }))
}
