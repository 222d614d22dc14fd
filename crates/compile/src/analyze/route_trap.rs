//! Policies of routes that do nothing, or not what they seem to: faults without a share, origins
//! that nobody has, headers on two levels, retries without time.

use std::time::Duration;

use propylon_model::virtual_service::{
    CorsPolicy, FaultInjection, HeaderOperations, HttpRetry, HttpRoute,
};
use propylon_model::{FieldPath, Object, Problem, Severity, VirtualService};

use super::code;
use super::index::Index;

/// Checks the policies of all routes.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    for object in &index.view.world.virtual_services {
        for (entry, route) in object.spec.http.iter().enumerate() {
            let place = FieldPath::spec().key("http").index(entry);
            if let Some(fault) = &route.fault {
                check_fault(object, &place.key("fault"), fault, out);
            }
            if let Some(policy) = &route.cors_policy {
                check_cors(object, &place.key("corsPolicy"), policy, out);
            }
            check_headers(object, &place, route, out);
            if let (Some(timeout), Some(retries)) = (route.timeout, &route.retries) {
                check_time(object, &place.key("retries"), timeout, retries, out);
            }
        }
    }
}

fn warn(
    object: &Object<VirtualService>,
    code: &'static str,
    field: FieldPath,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Problem {
    Problem::of(Severity::Warning, code, object, field, message).help(help)
}

fn check_fault(
    object: &Object<VirtualService>,
    place: &FieldPath,
    fault: &FaultInjection,
    out: &mut Vec<Problem>,
) {
    let advice = "add `percentage: {value: 100}`";
    if fault.delay.as_ref().is_some_and(|it| it.percentage.is_none() && it.percent == 0) {
        let message = "without a percentage no request is delayed";
        out.push(warn(object, code::FAULT, place.key("delay"), message, advice));
    }
    if fault.abort.as_ref().is_some_and(|it| it.percentage.is_none() && it.error.is_some()) {
        let message = "without a percentage no request is aborted";
        out.push(warn(object, code::FAULT, place.key("abort"), message, advice));
    }
}

fn check_cors(
    object: &Object<VirtualService>,
    place: &FieldPath,
    policy: &CorsPolicy,
    out: &mut Vec<Problem>,
) {
    if policy.allow_origins.is_empty() && policy.allow_origin.is_empty() {
        let message =
            "without allowed origins the policy does nothing: browsers refuse all of them";
        let help = "add `allowOrigins: [{exact: \"https://shop.example.com\"}]`";
        out.push(warn(object, code::CORS, place.clone(), message, help));
    }
}

/// With several destinations Envoy applies their operations before the route's.
fn check_headers(
    object: &Object<VirtualService>,
    place: &FieldPath,
    route: &HttpRoute,
    out: &mut Vec<Problem>,
) {
    let Some(outer) = route.headers.as_ref().filter(|_| route.route.len() > 1) else { return };
    for (position, one) in route.route.iter().enumerate() {
        let Some(inner) = &one.headers else { continue };
        let directions = [
            ("request", &outer.request, &inner.request),
            ("response", &outer.response, &inner.response),
        ];
        for (direction, outer, inner) in directions {
            for name in both_set(outer, inner) {
                let field = place.key("route").index(position).key("headers").key(direction);
                let message = format!(
                    "`{name}` is set here and by the route; with several destinations the route's \
                     value wins, with one the destination's would"
                );
                let help = format!("set `{name}` on the destinations only");
                let field = field.key("set").key(name);
                let note = place.key("headers").key(direction).key("set").key(name);
                let problem = warn(object, code::HEADER, field, message, help);
                out.push(problem.note(object, note, "this value is sent"));
            }
        }
    }
}

fn both_set<'o>(outer: &'o HeaderOperations, inner: &'o HeaderOperations) -> Vec<&'o str> {
    let outer: Vec<_> = outer.set.keys().collect();
    let names = inner.set.keys();
    names
        .filter(|name| outer.iter().any(|other| other.eq_ignore_ascii_case(name)))
        .map(String::as_str)
        .collect()
}

fn check_time(
    object: &Object<VirtualService>,
    place: &FieldPath,
    timeout: Duration,
    retries: &HttpRetry,
    out: &mut Vec<Problem>,
) {
    let Some(each) = retries.per_try_timeout else { return };
    let Ok(attempts) = u32::try_from(retries.attempts) else { return };
    if attempts == 0 {
        return;
    }
    let field = place.key("perTryTimeout");
    let all = each.saturating_mul(attempts.saturating_add(1));
    let (message, help) = if each >= timeout {
        (
            format!("one try may take {each:?}, the whole request {timeout:?}: no try times out"),
            format!("write less than half of {timeout:?}, or remove perTryTimeout"),
        )
    } else if all > timeout {
        (
            format!(
                "the first try and {attempts} retries may take {all:?}, but the request ends \
                 after {timeout:?}"
            ),
            format!("write `timeout: {}`, or shorter tries", written(all)),
        )
    } else {
        return;
    };
    out.push(warn(object, code::TIMEOUT, field, message, help));
}

/// A duration as the API writes it.
fn written(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

#[cfg(test)]
mod tests;
