//! Fault injection of a route: shares in millionths, statuses, delays.

use propylon_model::virtual_service::{
    Abort as WrittenAbort, AbortError, Delay as WrittenDelay, DelayType, FaultInjection, Percent,
};
use propylon_snapshot::{Abort, AbortAnswer, Delay, Fault, Fraction};

/// Millionths in one percent.
const PER_PERCENT: f64 = 10_000.0;

/// gRPC status names, each at the position of its number.
pub(crate) const GRPC_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Compiles faults. A fault without a share happens never (Istio's rule) and is left out. The error
/// names the field and says why.
pub(crate) fn fault(written: &FaultInjection) -> Result<Option<Fault>, (&'static str, String)> {
    let FaultInjection { delay, abort } = written;
    let delay = match delay {
        Some(written) => self::delay(written).map_err(|why| ("delay", why))?,
        None => None,
    };
    let abort = match abort {
        Some(written) => self::abort(written).map_err(|why| ("abort", why))?,
        None => None,
    };
    let fault = Fault { delay, abort };
    Ok((fault != Fault::default()).then_some(fault))
}

/// A percentage as a share.
pub(crate) fn share(percent: &Percent) -> Fraction {
    let millionths = (percent.value * PER_PERCENT).clamp(0.0, f64::from(Fraction::ALL.0));
    // The clamp above keeps the number in range; fractions of a millionth are cut, as Istio does.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    Fraction(millionths as u32)
}

fn delay(written: &WrittenDelay) -> Result<Option<Delay>, String> {
    let WrittenDelay { percent, delay_type, percentage } = written;
    let share = match percentage {
        Some(percentage) => share(percentage),
        None => share(&Percent { value: f64::from((*percent).max(0)) }),
    };
    match delay_type {
        Some(DelayType::Fixed(duration)) => {
            Ok((share.0 > 0).then_some(Delay { share, duration: *duration }))
        }
        Some(DelayType::Exponential(_)) => {
            Err("`exponentialDelay` was never implemented".to_owned())
        }
        None => Ok(None),
    }
}

fn abort(written: &WrittenAbort) -> Result<Option<Abort>, String> {
    let WrittenAbort { error, percentage } = written;
    let answer = match error {
        Some(AbortError::HttpStatus(status)) => AbortAnswer::Http(
            u16::try_from(*status)
                .ok()
                .filter(|status| (200..600).contains(status))
                .ok_or_else(|| format!("{status} is no final HTTP status"))?,
        ),
        Some(AbortError::GrpcStatus(name)) => {
            let number = GRPC_STATUSES.iter().position(|known| known == name);
            let number = number.and_then(|number| u8::try_from(number).ok());
            AbortAnswer::Grpc(number.ok_or_else(|| format!("`{name}` is no gRPC status"))?)
        }
        Some(AbortError::Http2Error(_)) => {
            return Err("`http2Error` was never implemented".to_owned());
        }
        None => return Ok(None),
    };
    let share = percentage.as_ref().map_or(Fraction(0), share);
    Ok((share.0 > 0).then_some(Abort { share, answer }))
}

#[cfg(test)]
mod tests;
