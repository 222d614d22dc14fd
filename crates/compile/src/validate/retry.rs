//! Retries of an HTTP route: attempts, conditions, times.

use propylon_model::virtual_service::HttpRetry;
use propylon_snapshot::RetryOn;

use super::code;
use super::names::duration;
use super::report::{Findings, Place};

/// Statuses that Istio takes in `retryOn`: those with a registered name.
const NAMED_STATUSES: [std::ops::RangeInclusive<u16>; 12] = [
    100..=103,
    200..=208,
    226..=226,
    300..=305,
    307..=308,
    400..=418,
    421..=426,
    428..=429,
    431..=431,
    451..=451,
    500..=508,
    510..=511,
];

/// Checks a retry policy, of a route or of the mesh.
pub(super) fn check(out: &mut Findings<'_>, place: &Place<'_>, retries: &HttpRetry) {
    let HttpRetry {
        attempts,
        per_try_timeout,
        retry_on,
        retry_remote_localities,
        retry_ignore_previous_hosts: _,
        backoff,
    } = retries;
    if *attempts < 0 {
        out.error(
            code::RANGE,
            &place.key("attempts"),
            format!("{attempts} retries cannot be made"),
            "write 0 to disable retries, or how many may follow the first try",
        );
    }
    let configured = [
        ("perTryTimeout", per_try_timeout.is_some()),
        ("retryOn", !retry_on.is_empty()),
        ("retryRemoteLocalities", retry_remote_localities.is_some()),
    ];
    if let Some((field, _)) = configured.iter().find(|(_, set)| *set && *attempts == 0) {
        out.error(
            code::CONFLICT,
            &place.key(field),
            format!("without `attempts` retries are disabled, so `{field}` contradicts it"),
            "add `attempts: 2`, Istio's default, or remove the rest",
        );
    }
    let advice = "leave it out for no limit per try";
    duration(out, &place.key("perTryTimeout"), *per_try_timeout, advice);
    duration(out, &place.key("backoff"), *backoff, "leave it out for Istio's default, 25ms");
    if !retry_on.is_empty() {
        check_conditions(out, &place.key("retryOn"), retry_on);
    }
}

fn check_conditions(out: &mut Findings<'_>, place: &Place<'_>, list: &str) {
    for part in list.split(',') {
        if part != part.trim() || part.is_empty() {
            out.error(
                code::VALUE,
                place,
                format!("`{part}` is no retry condition: the list has no spaces or empty parts"),
                format!("write `{}`", tidy(list)),
            );
        } else if !is_condition(part) {
            out.error(
                code::VALUE,
                place,
                format!("`{part}` is no retry condition"),
                "write conditions such as 5xx, gateway-error, reset, connect-failure, \
                 refused-stream, retriable-4xx, unavailable, or statuses such as 503",
            );
        }
    }
}

fn is_condition(part: &str) -> bool {
    match part.parse::<u16>() {
        Ok(status) => NAMED_STATUSES.iter().any(|range| range.contains(&status)),
        Err(_) => RetryOn::parse(part).is_ok(),
    }
}

fn tidy(list: &str) -> String {
    let parts: Vec<_> = list.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.join(",")
}

#[cfg(test)]
mod tests;
