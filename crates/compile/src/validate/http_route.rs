//! One HTTP route: which of its actions exclude each other, and its destinations.

use propylon_model::virtual_service::{
    Destination, HttpMirror, HttpRoute, HttpRouteDestination, Percent,
};

use super::names::{dns_label, duration, percent, port};
use super::report::{Findings, Place};
use super::{code, cors, fault, header, host, http_answer, http_match, retry};

/// Checks one element of `http`.
pub(super) fn check(out: &mut Findings<'_>, place: &Place<'_>, route: &HttpRoute, delegate: bool) {
    let HttpRoute {
        name: _,
        r#match,
        route: destinations,
        redirect,
        direct_response,
        delegate: _,
        rewrite,
        timeout,
        retries,
        fault,
        mirror,
        mirrors,
        mirror_percent,
        mirror_percentage,
        cors_policy,
        headers,
    } = route;
    check_actions(out, place, route, delegate);
    let list = place.key("match");
    for (position, condition) in r#match.iter().enumerate() {
        http_match::check(out, &list.index(position), condition);
    }
    if let Some(headers) = headers {
        header::check(out, &place.key("headers"), headers);
    }
    if let Some(policy) = cors_policy {
        cors::check(out, &place.key("corsPolicy"), policy);
    }
    if let Some(fault) = fault {
        fault::check(out, &place.key("fault"), fault);
    }
    if let Some(share) = mirror_percent {
        let here = place.key("mirrorPercent");
        percent(out, &here, i64::from(*share));
        out.warning(
            code::DEPRECATED,
            &here,
            "mirrorPercent is superseded by mirrorPercentage",
            format!("write `mirrorPercentage: {{value: {share}}}`"),
        );
    }
    mirror_share(out, &place.key("mirrorPercentage"), mirror_percentage.as_ref());
    if let Some(target) = mirror {
        destination(out, &place.key("mirror"), target);
    }
    check_mirrors(out, &place.key("mirrors"), mirrors);
    if let Some(redirect) = redirect {
        http_answer::check_redirect(out, &place.key("redirect"), redirect, r#match);
    }
    if let Some(response) = direct_response {
        http_answer::check_direct(out, &place.key("directResponse"), response);
    }
    if let Some(retries) = retries {
        retry::check(out, &place.key("retries"), retries);
    }
    if let Some(rewrite) = rewrite {
        http_answer::check_rewrite(out, &place.key("rewrite"), rewrite);
    }
    let authority = rewrite.as_ref().map(|rewrite| rewrite.authority.as_str());
    header::check_one_authority(out, place, authority.unwrap_or_default(), headers.as_ref());
    check_destinations(out, &place.key("route"), destinations);
    let advice = "leave `timeout` out: no timeout is the default";
    duration(out, &place.key("timeout"), *timeout, advice);
}

fn check_actions(out: &mut Findings<'_>, place: &Place<'_>, route: &HttpRoute, delegate: bool) {
    if route.delegate.is_some() && delegate {
        out.error(
            code::CONFLICT,
            &place.key("delegate"),
            "a delegate cannot delegate again: Istio follows one level only",
            "move these routes here, or delegate from the root VirtualService",
        );
    }
    if route.delegate.is_some() && !delegate {
        let both = [("redirect", route.redirect.is_some()), ("route", !route.route.is_empty())];
        for (field, set) in both {
            if set {
                conflict(out, place, "delegate", field);
            }
        }
        return;
    }
    let set = [
        ("redirect", route.redirect.is_some()),
        ("directResponse", route.direct_response.is_some()),
        ("route", !route.route.is_empty()),
        ("fault", route.fault.is_some()),
        ("rewrite", route.rewrite.is_some()),
    ];
    match set.iter().take(3).position(|(_, set)| *set) {
        Some(answer) if answer < 2 => {
            for (field, _) in set[answer + 1..].iter().filter(|(_, set)| *set) {
                conflict(out, place, set[answer].0, field);
            }
        }
        Some(_) => {}
        None => out.error(
            code::MISSING,
            place,
            "the route says neither where requests go nor how they are answered",
            "add `route:` with a destination, `redirect:` or `directResponse:`",
        ),
    }
    if route.mirror.is_some() && !route.mirrors.is_empty() {
        conflict(out, place, "mirror", "mirrors");
    }
}

fn conflict(out: &mut Findings<'_>, place: &Place<'_>, first: &str, second: &str) {
    out.error(
        code::CONFLICT,
        &place.key(second),
        format!("one route cannot have both `{first}` and `{second}`"),
        "keep one of them, or split the route in two with different matches",
    );
}

fn mirror_share(out: &mut Findings<'_>, place: &Place<'_>, share: Option<&Percent>) {
    let Some(Percent { value }) = share else { return };
    if !(0.0..=100.0).contains(value) {
        out.error(
            code::PERCENT,
            &place.key("value"),
            format!("{value} percent of requests cannot be copied"),
            "write a number from 0 to 100",
        );
    }
}

fn check_mirrors(out: &mut Findings<'_>, list: &Place<'_>, mirrors: &[HttpMirror]) {
    for (position, mirror) in mirrors.iter().enumerate() {
        let HttpMirror { destination: target, percentage } = mirror;
        let here = list.index(position);
        destination(out, &here.key("destination"), target);
        mirror_share(out, &here.key("percentage"), percentage.as_ref());
    }
}

fn check_destinations(out: &mut Findings<'_>, list: &Place<'_>, all: &[HttpRouteDestination]) {
    for (position, entry) in all.iter().enumerate() {
        let HttpRouteDestination { destination: target, weight: _, headers } = entry;
        let here = list.index(position);
        destination(out, &here.key("destination"), target);
        if let Some(headers) = headers {
            header::check(out, &here.key("headers"), headers);
        }
    }
    let weights: Vec<i32> = all.iter().map(|entry| entry.weight).collect();
    check_weights(out, list, &weights);
}

/// Weights are at least 0, and several of them do not add up to nothing.
pub(super) fn check_weights(out: &mut Findings<'_>, list: &Place<'_>, weights: &[i32]) {
    for (position, weight) in weights.iter().enumerate() {
        if *weight < 0 {
            out.error(
                code::WEIGHT,
                &list.index(position).key("weight"),
                format!("a weight of {weight} is no share of the traffic"),
                "write 0 or more",
            );
        }
    }
    let total: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
    if weights.len() > 1 && total == 0 {
        out.error(
            code::WEIGHT,
            list,
            "the weights of these destinations add up to 0, so none would get any traffic",
            "give each destination a `weight`, for example 50 and 50",
        );
    }
    if total > i64::from(u32::MAX) {
        out.error(
            code::WEIGHT,
            list,
            format!("the weights add up to {total}, more than a proxy can count"),
            "use smaller weights with the same ratio",
        );
    }
}

/// A destination's host, subset and port.
pub(super) fn destination(out: &mut Findings<'_>, place: &Place<'_>, given: &Destination) {
    let Destination { host: name, subset, port: selector } = given;
    let here = place.key("host");
    if name.is_empty() {
        out.error(
            code::MISSING,
            place,
            "the destination has no host",
            "add `host:` with the name of a Service or the host of a ServiceEntry",
        );
    } else if name == "*" {
        out.error(
            code::HOST,
            &here,
            "`*` is no destination: requests must go to one service",
            "write the name of a Service or the host of a ServiceEntry",
        );
    } else {
        host::wildcard(out, &here, "destination", name);
    }
    if !subset.is_empty() {
        dns_label(out, &place.key("subset"), "subset", subset);
    }
    if let Some(selector) = selector {
        port(out, &place.key("port").key("number"), selector.number);
    }
}

#[cfg(test)]
mod tests;
