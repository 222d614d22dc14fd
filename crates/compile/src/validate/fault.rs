//! Injected faults: shares, delays and the answers of aborts.

use propylon_model::virtual_service::{
    Abort, AbortError, Delay, DelayType, FaultInjection, Percent,
};

use super::code;
use super::names::{duration, percentage};
use super::report::{Findings, Place};
use crate::routes::fault::GRPC_STATUSES;

/// Checks faults.
pub(super) fn check(out: &mut Findings<'_>, place: &Place<'_>, fault: &FaultInjection) {
    let FaultInjection { delay, abort } = fault;
    if delay.is_none() && abort.is_none() {
        out.error(
            code::MISSING,
            place,
            "the fault has neither `delay` nor `abort`, so it injects nothing",
            "add `delay: {percentage: {value: 100}, fixedDelay: 5s}`",
        );
    }
    if let Some(delay) = delay {
        check_delay(out, &place.key("delay"), delay);
    }
    if let Some(abort) = abort {
        check_abort(out, &place.key("abort"), abort);
    }
}

fn check_delay(out: &mut Findings<'_>, place: &Place<'_>, delay: &Delay) {
    let Delay { percent, delay_type, percentage: share } = delay;
    check_share(out, place, share.as_ref());
    if *percent != 0 {
        out.warning(
            code::DEPRECATED,
            &place.key("percent"),
            "percent is superseded by percentage",
            format!("write `percentage: {{value: {percent}}}`"),
        );
    }
    let advice = "write a delay of at least `1ms`, or remove `delay`";
    match delay_type {
        Some(DelayType::Fixed(value)) => {
            duration(out, &place.key("fixedDelay"), Some(*value), advice);
        }
        Some(DelayType::Exponential(_)) => out.error(
            code::UNSUPPORTED,
            &place.key("exponentialDelay"),
            "exponentialDelay was never implemented by Istio",
            "write `fixedDelay`",
        ),
        None => {}
    }
}

fn check_abort(out: &mut Findings<'_>, place: &Place<'_>, abort: &Abort) {
    let Abort { error, percentage: share } = abort;
    check_share(out, place, share.as_ref());
    match error {
        Some(AbortError::HttpStatus(status)) => {
            if !(200..=599).contains(status) {
                out.error(
                    code::RANGE,
                    &place.key("httpStatus"),
                    format!("{status} is no status that a request can be aborted with"),
                    "write a status from 200 to 599",
                );
            }
        }
        Some(AbortError::GrpcStatus(name)) => {
            if !GRPC_STATUSES.contains(&name.as_str()) {
                out.error(
                    code::VALUE,
                    &place.key("grpcStatus"),
                    format!("`{name}` is no gRPC status"),
                    format!("write one of {}", GRPC_STATUSES.join(", ")),
                );
            }
        }
        Some(AbortError::Http2Error(_)) => out.error(
            code::UNSUPPORTED,
            &place.key("http2Error"),
            "http2Error was never implemented by Istio",
            "write `httpStatus` or `grpcStatus`",
        ),
        None => out.warning(
            code::NO_EFFECT,
            place,
            "the abort does not say with which status, so it aborts nothing",
            "add `httpStatus: 503`",
        ),
    }
}

fn check_share(out: &mut Findings<'_>, place: &Place<'_>, share: Option<&Percent>) {
    if let Some(Percent { value }) = share {
        let here = place.key("percentage");
        percentage(out, &here.key("value"), *value);
    }
}
