//! Cross-origin policy of a route, its lists joined into header values.

use propylon_model::virtual_service::{CorsPolicy, UnmatchedPreflights};
use propylon_snapshot::{BadPattern, Cors, StringMatch};

use crate::routes::matching::compiled;

/// Compiles a policy. The error has the position of the origin that cannot be tested.
pub(crate) fn cors(written: &CorsPolicy) -> Result<Cors, (usize, BadPattern)> {
    let CorsPolicy {
        allow_origin,
        allow_origins,
        allow_methods,
        allow_headers,
        expose_headers,
        max_age,
        allow_credentials,
        unmatched_preflights,
    } = written;
    let mut origins = Vec::new();
    for (position, origin) in allow_origins.iter().enumerate() {
        // An origin that only asks for presence is refused by Istio and allows nobody here.
        origins.extend(compiled(origin).map_err(|bad| (position, bad))?);
    }
    if allow_origins.is_empty() {
        let exact = |origin: &String| StringMatch::Exact(origin.as_str().into());
        origins.extend(allow_origin.iter().map(exact));
    }
    Ok(Cors {
        origins,
        methods: allow_methods.join(",").into(),
        headers: allow_headers.join(",").into(),
        expose: expose_headers.join(",").into(),
        max_age: max_age.map_or_else(String::new, |age| age.as_secs().to_string()).into(),
        credentials: allow_credentials.unwrap_or(false),
        ignore_unmatched: *unmatched_preflights == UnmatchedPreflights::Ignore,
    })
}
