//! VirtualService fields without effect yet, of those that bind to a Gateway of this workload and
//! of the delegates they may name.

use propylon_model::virtual_service::{HeaderOperations, Headers, HttpRoute};
use propylon_model::{FieldPath, Gateway, Object, VirtualService};
use propylon_snapshot::Format;

use super::fields;
use crate::problems::{Problems, code};
use crate::routes::virtual_service::gateways as gateways_of;
use crate::selection::in_order;
use crate::view::View;

/// Reports all VirtualServices that concern these Gateways.
pub(super) fn report(view: &View<'_>, gateways: &[&Object<Gateway>], problems: &mut Problems) {
    let key = |object: &&Object<Gateway>| {
        format!("{}/{}", object.meta.key.namespace, object.meta.key.name)
    };
    let selected: std::collections::HashSet<String> = gateways.iter().map(key).collect();
    for object in in_order(&view.world.virtual_services) {
        let is_delegate = object.spec.hosts.is_empty();
        let binds = || gateways_of(object).iter().any(|gateway| selected.contains(gateway));
        if is_delegate || binds() {
            virtual_service(object, problems);
        }
    }
}

fn virtual_service(object: &Object<VirtualService>, problems: &mut Problems) {
    // Routes of connections say themselves what they leave without effect.
    let VirtualService { hosts: _, gateways: _, http, tls: _, tcp: _, export_to: _ } = &object.spec;
    let place = FieldPath::spec();
    for (position, route) in http.iter().enumerate() {
        http_route(object, route, &place.key("http").index(position), problems);
    }
}

fn http_route(
    object: &Object<VirtualService>,
    route: &HttpRoute,
    place: &FieldPath,
    problems: &mut Problems,
) {
    for (position, matching) in route.r#match.iter().enumerate() {
        let list = [("statPrefix", !matching.stat_prefix.is_empty())];
        fields(object, &place.key("match").index(position), list, problems);
    }
    variables(object, route.headers.as_ref(), place, problems);
    for (position, destination) in route.route.iter().enumerate() {
        let place = place.key("route").index(position);
        variables(object, destination.headers.as_ref(), &place, problems);
    }
}

/// Variables of header values that Envoy knows and that are rendered as empty here.
fn variables(
    object: &Object<VirtualService>,
    headers: Option<&Headers>,
    place: &FieldPath,
    problems: &mut Problems,
) {
    let Some(Headers { request, response }) = headers else { return };
    for (side, HeaderOperations { set, add, remove: _ }) in
        [("request", request), ("response", response)]
    {
        for (key, map) in [("set", set), ("add", add)] {
            for (name, value) in map {
                let Ok(format) = Format::parse(value) else { continue };
                for variable in format.unsupported() {
                    let message =
                        format!("`%{variable}%` is not yet in effect: it is sent as nothing");
                    let field = place.key("headers").key(side).key(key).key(name.as_str());
                    problems.warning(code::NOT_IN_EFFECT, object, field, message);
                }
            }
        }
    }
}
