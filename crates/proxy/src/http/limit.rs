//! How long a request may take: the route's limit, a gRPC client's own, and what the upstream is
//! told of them.

use std::time::Duration;

use propylon_snapshot::{Forward, Line};

/// The limit of a request, Envoy's way: a gRPC client names its own, which the route's caps.
pub(super) fn of(forward: &Forward, grpc: bool, lines: &[Line<'_>]) -> Option<Duration> {
    let route = forward.timeout.filter(|limit| !limit.is_zero());
    if !grpc {
        return route;
    }
    let wanted = lines.iter().find(|line| line.name == "grpc-timeout");
    let wanted = wanted.and_then(|line| grpc_timeout(line.value)).filter(|limit| !limit.is_zero());
    match (route, wanted) {
        (Some(route), Some(wanted)) => Some(route.min(wanted)),
        (route, wanted) => route.or(wanted),
    }
}

/// What `x-envoy-expected-rq-timeout-ms` says: the try's limit or what is left of the request's,
/// whichever is shorter; whole milliseconds, at least one.
pub(super) fn expected(
    limit: Option<Duration>,
    per_try: Option<Duration>,
    elapsed: Duration,
) -> Option<u64> {
    let left = limit.map(|limit| limit.saturating_sub(elapsed));
    let shortest = left.into_iter().chain(per_try).min()?;
    Some(u64::try_from(shortest.as_millis()).unwrap_or(u64::MAX).max(1))
}

/// `grpc-timeout`: up to eight digits and a unit.
fn grpc_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = str::from_utf8(digits).ok()?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_timeout_has_digits_and_a_unit() {
        assert_eq!(grpc_timeout(b"300m"), Some(Duration::from_millis(300)));
        assert_eq!(grpc_timeout(b"1H"), Some(Duration::from_secs(3600)));
        assert_eq!(grpc_timeout(b"123456789m"), None);
        assert_eq!(grpc_timeout(b"m"), None);
        assert_eq!(grpc_timeout(b"5x"), None);
        assert_eq!(grpc_timeout(b""), None);
    }

    #[test]
    fn the_upstream_is_told_the_shorter_limit() {
        let millis = Duration::from_millis;
        assert_eq!(expected(None, None, millis(5)), None);
        assert_eq!(expected(Some(millis(200)), None, millis(50)), Some(150));
        assert_eq!(expected(Some(millis(200)), Some(millis(100)), millis(50)), Some(100));
        assert_eq!(expected(Some(millis(200)), None, millis(500)), Some(1));
    }
}
