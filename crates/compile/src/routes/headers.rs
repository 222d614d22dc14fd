//! Header operations of a route and its destinations, in the order and with the asymmetry that
//! Istio gives them. Knows formats and names, not requests.

use std::collections::BTreeMap;

use propylon_model::virtual_service::{HeaderOperations, Headers};
use propylon_snapshot::{Format, HeaderName, HeaderOps, HeaderWrite, RouteHeaders, WriteMode};

/// Operations of one level, and the authority that `set` or `add` of `host` asks for.
#[derive(Default)]
pub(crate) struct Compiled {
    pub(crate) headers: RouteHeaders,
    pub(crate) authority: Option<Box<str>>,
}

/// An operation that cannot be compiled: the way to it below `headers`, and why.
pub(crate) struct BadHeader {
    pub(crate) field: [String; 3],
    pub(crate) why: String,
}

/// Compiles the operations of one level: removals, then `set`, then `add`, each in the order of
/// names. Names that start with a colon, and `host`, are no headers; setting them rewrites the
/// authority.
pub(crate) fn compile(headers: Option<&Headers>) -> Result<Compiled, BadHeader> {
    let Some(Headers { request, response }) = headers else { return Ok(Compiled::default()) };
    let authority = |map: &BTreeMap<String, String>| {
        let found = map.iter().find(|(name, _)| is_authority(name));
        found.map(|(_, value)| value.as_str().into())
    };
    Ok(Compiled {
        authority: authority(&request.set).or_else(|| authority(&request.add)),
        headers: RouteHeaders {
            request: operations("request", request)?,
            response: operations("response", response)?,
        },
    })
}

/// The operations of a route and of its only destination as one list. Removals of both come first,
/// and the destination's writes last, so that they win.
pub(crate) fn concatenated(route: RouteHeaders, destination: RouteHeaders) -> RouteHeaders {
    let join = |mut first: HeaderOps, second: HeaderOps| {
        for name in second.remove {
            if !first.remove.contains(&name) {
                first.remove.push(name);
            }
        }
        first.write.extend(second.write);
        first
    };
    RouteHeaders {
        request: join(route.request, destination.request),
        response: join(route.response, destination.response),
    }
}

fn operations(side: &str, written: &HeaderOperations) -> Result<HeaderOps, BadHeader> {
    let HeaderOperations { set, add, remove } = written;
    let mut operations = HeaderOps::default();
    for (position, name) in remove.iter().enumerate() {
        if !is_internal(name) {
            let place = [side, "remove", &position.to_string()];
            let name = parsed(name, place)?;
            if !operations.remove.contains(&name) {
                operations.remove.push(name);
            }
        }
    }
    for (key, map, mode) in [("set", set, WriteMode::Set), ("add", add, WriteMode::Append)] {
        for (name, value) in map.iter().filter(|(name, _)| !is_internal(name)) {
            let place = [side, key, name];
            let format = Format::parse(value).map_err(|bad| bad_header(place, bad.to_string()))?;
            operations.write.push(HeaderWrite { name: parsed(name, place)?, value: format, mode });
        }
    }
    Ok(operations)
}

fn parsed(name: &str, place: [&str; 3]) -> Result<HeaderName, BadHeader> {
    HeaderName::parse(name).ok_or_else(|| bad_header(place, format!("`{name}` is no header name")))
}

fn bad_header(place: [&str; 3], why: String) -> BadHeader {
    BadHeader { field: place.map(str::to_owned), why }
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}

fn is_internal(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}
