//! Policies of a rule in a dump.

use super::page::{Page, line};
use crate::{Abort, AbortAnswer, Cors, Delay, Fault, Fraction, Retry, RetryOn, StringMatch};

/// `12.5%`: a share without trailing zeros.
pub(super) fn share(share: Fraction) -> String {
    let Fraction(millionths) = share;
    let text = format!("{}.{:04}", millionths / 10_000, millionths % 10_000);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

pub(super) fn fault(page: &mut Page, fault: &Fault) {
    let Fault { delay, abort } = fault;
    if let Some(Delay { share: of, duration }) = delay {
        line!(page, "delay {} by {duration:?}", share(*of));
    }
    if let Some(Abort { share: of, answer }) = abort {
        match answer {
            AbortAnswer::Http(status) => line!(page, "abort {} with {status}", share(*of)),
            AbortAnswer::Grpc(status) => line!(page, "abort {} with gRPC {status}", share(*of)),
        }
    }
}

pub(super) fn cors(page: &mut Page, cors: &Cors) {
    let Cors { origins, methods, headers, expose, max_age, credentials, ignore_unmatched } = cors;
    line!(page, "cors");
    page.inside(|page| {
        for origin in origins {
            line!(page, "origin {}", test(origin));
        }
        for (what, value) in
            [("methods", methods), ("headers", headers), ("exposes", expose), ("max age", max_age)]
        {
            if !value.is_empty() {
                line!(page, "{what} {value}");
            }
        }
        if *credentials {
            line!(page, "credentials");
        }
        if *ignore_unmatched {
            line!(page, "answers preflights of other origins");
        }
    });
}

pub(super) fn retry(page: &mut Page, retry: &Retry) {
    let Retry {
        attempts,
        on,
        statuses,
        per_try_timeout,
        backoff,
        ignore_previous_hosts,
        remote_localities,
    } = retry;
    line!(page, "retry {attempts} times on {}", conditions(*on, statuses));
    page.inside(|page| {
        if let Some(limit) = per_try_timeout {
            line!(page, "per try {limit:?}");
        }
        line!(page, "back-off {backoff:?}");
        if *ignore_previous_hosts {
            line!(page, "avoids endpoints already tried");
        }
        if *remote_localities {
            line!(page, "leaves localities already tried");
        }
    });
}

fn conditions(on: RetryOn, statuses: &[u16]) -> String {
    let mut words: Vec<String> = on.names().into_iter().map(str::to_owned).collect();
    words.extend(statuses.iter().map(u16::to_string));
    if words.is_empty() { "nothing".to_owned() } else { words.join(",") }
}

/// A test in words: `exact "a"`.
pub(super) fn test(test: &StringMatch) -> String {
    match test {
        StringMatch::Exact(text) => format!("exact {text:?}"),
        StringMatch::Prefix(text) => format!("prefix {text:?}"),
        StringMatch::Regex(pattern) => format!("regex {:?}", pattern.source()),
    }
}
