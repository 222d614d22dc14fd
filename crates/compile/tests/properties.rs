//! Properties of compilation: it never panics, whatever the objects, and the order in which objects
//! come changes nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what broke by panicking"
)]

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use propylon_compile::admission::Ledger;
use propylon_compile::{Compiler, Leg, Options, Role, compile, summary};
use propylon_model::{AnyObject, Kind, Labels, Meta, Object, ObjectKey, Source, World};
use serde_json::{Value, json};

fn object(
    kind: Kind,
    namespace: &str,
    name: &str,
    labels: &[(&str, &str)],
    spec: Value,
) -> AnyObject {
    let meta = Meta {
        key: ObjectKey { kind, namespace: namespace.into(), name: name.into() },
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        annotations: Labels::new(),
        created: None,
        source: Source::File { path: Arc::new(PathBuf::new()), document: 0, item: None },
    };
    macro_rules! of_kind {
        ($($kind:ident)+) => {
            match kind {
                $(Kind::$kind => AnyObject::$kind(Arc::new(Object {
                    meta,
                    spec: serde_json::from_value(spec).unwrap(),
                })),)+
                other => panic!("no objects of kind {other} are made here"),
            }
        };
    }
    of_kind!(
        Gateway VirtualService DestinationRule ServiceEntry WorkloadEntry AuthorizationPolicy
        Service EndpointSlice Endpoints Pod
    )
}

const NAMESPACES: &[&str] = &["default", "istio-system", "other"];
const NAMES: &[&str] = &["a", "b", "c"];
const HOSTS: &[&str] =
    &["*", "a", "a.com", "*.com", "*.a.com", "b.a.com", "a.default.svc.cluster.local", ""];
const SERVER_HOSTS: &[&str] = &["*", "a.com", "*.com", "./a.com", "*/b.a.com", "other/*", "/"];
const GATEWAYS: &[&str] = &["mesh", "a", "b", "other/a", "default/b", "c.other.svc.cluster.local"];
const PROTOCOLS: &[&str] = &["HTTP", "http", "GRPC", "HTTPS", "TLS", "TCP", "MONGO", "nonsense"];
const PORTS: &[u32] = &[0, 80, 81, 443, 65_535, 70_000];
const TEXTS: &[&str] = &["", "/", "/a", "/a/b", "*", ".*", "(", "%REQ(x)%", "%", "x y", "GET"];
const BINDS: &[&str] = &["", "127.0.0.1", "::", "unix:///x", "unix://@x", "nonsense"];
const EXPORTS: &[&str] = &["*", ".", "~", "other", "istio-system"];

fn one_of(list: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    select(list)
}

fn some_of(list: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(select(list), 0..3)
}

fn port() -> impl Strategy<Value = u32> {
    select(PORTS)
}

fn string_match() -> impl Strategy<Value = Value> {
    (select(&["exact", "prefix", "regex"][..]), one_of(TEXTS), any::<bool>())
        .prop_map(|(how, text, empty)| if empty { json!({}) } else { json!({how: text}) })
}

fn http_match() -> impl Strategy<Value = Value> {
    let tests = (string_match(), string_match(), string_match(), one_of(TEXTS));
    (tests, port(), some_of(GATEWAYS), any::<u8>()).prop_map(
        |((uri, method, header, name), port, gateways, mask)| {
            let mut all = json!({});
            let parts = [
                ("uri", uri),
                ("method", method),
                ("headers", json!({name: header})),
                ("withoutHeaders", json!({"@request.auth.claims.x": header, "y": header})),
                ("queryParams", json!({"q": header})),
                ("port", json!(port)),
                ("gateways", json!(gateways)),
                ("ignoreUriCase", json!(true)),
            ];
            for (bit, (key, value)) in parts.into_iter().enumerate() {
                if mask & (1 << bit) != 0 {
                    all[key] = value;
                }
            }
            all
        },
    )
}

fn destination() -> impl Strategy<Value = Value> {
    (one_of(HOSTS), one_of(&["", "v1", "v2"]), port(), -1..4_i32, one_of(TEXTS)).prop_map(
        |(host, subset, port, weight, text)| {
            let mut destination = json!({"host": host, "subset": subset});
            if port != 81 {
                destination["port"] = json!({"number": port});
            }
            let headers = json!({"request": {"set": {"host": text, "x": text}, "remove": [text]}});
            json!({"destination": destination, "weight": weight, "headers": headers})
        },
    )
}

fn http_route() -> impl Strategy<Value = Value> {
    let matches = prop::collection::vec(http_match(), 0..3);
    let route = prop::collection::vec(destination(), 0..3);
    (matches, route, one_of(TEXTS), one_of(NAMES), 0..9_u32, port()).prop_map(
        |(matches, route, text, name, what, number)| {
            let mut all = json!({"name": name, "match": matches});
            match what {
                0 => all["redirect"] = json!({"uri": text, "port": number, "redirectCode": number}),
                1 => all["directResponse"] = json!({"status": number, "body": {"string": text}}),
                2 => all["delegate"] = json!({"name": name, "namespace": "other"}),
                3 => all["retries"] = json!({"attempts": 2, "retryOn": text}),
                4 => all["rewrite"] = json!({"uriRegexRewrite": {"match": text, "rewrite": text}}),
                5 => {
                    all["fault"] =
                        json!({"abort": {"httpStatus": number, "percentage": {"value": 101.0}}});
                }
                6 => all["corsPolicy"] = json!({"allowOrigins": [{"regex": text}]}),
                7 => all["mirrors"] = json!([{"destination": {"host": name}}]),
                _ => all["headers"] = json!({"response": {"add": {text: text}}}),
            }
            all["route"] = json!(route);
            all
        },
    )
}

fn gateway() -> impl Strategy<Value = Value> {
    let server = (port(), one_of(PROTOCOLS), some_of(SERVER_HOSTS), one_of(BINDS), 0..3_u8);
    prop::collection::vec(server, 0..4).prop_map(|servers| {
        let server = |(number, protocol, hosts, bind, tls): (u32, &str, Vec<&str>, &str, u8)| {
            let port = json!({"number": number, "protocol": protocol, "name": "p"});
            let mut server = json!({"port": port, "hosts": hosts, "bind": bind});
            match tls {
                0 => server["tls"] = json!({"httpsRedirect": true}),
                1 => server["tls"] = json!({"mode": "SIMPLE", "credentialName": "c"}),
                _ => {}
            }
            server
        };
        json!({"servers": servers.into_iter().map(server).collect::<Vec<_>>()})
    })
}

fn virtual_service() -> impl Strategy<Value = Value> {
    let routes = prop::collection::vec(http_route(), 0..4);
    (some_of(HOSTS), some_of(GATEWAYS), routes, some_of(EXPORTS)).prop_map(
        |(hosts, gateways, http, export)| {
            json!({"hosts": hosts, "gateways": gateways, "http": http, "exportTo": export})
        },
    )
}

fn destination_rule() -> impl Strategy<Value = Value> {
    (one_of(HOSTS), some_of(EXPORTS), one_of(&["RANDOM", "PASSTHROUGH", "LEAST_CONN"]), 0..3_u8)
        .prop_map(|(host, export, simple, extra)| {
            let mut policy = json!({"loadBalancer": {"simple": simple}});
            match extra {
                0 => policy["tls"] = json!({"mode": "SIMPLE"}),
                1 => {
                    policy["portLevelSettings"] =
                        json!([{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}]);
                }
                _ => {}
            }
            let subsets = json!([
                {"name": "v1", "labels": {"version": "v1"}, "trafficPolicy": policy},
                {"name": simple}
            ]);
            json!({"host": host, "exportTo": export, "trafficPolicy": policy, "subsets": subsets})
        })
}

fn service_entry() -> impl Strategy<Value = Value> {
    let resolutions = &["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"];
    let addresses = &["10.0.0.1", "a.com", "unix:///x", "", "*"];
    (some_of(HOSTS), port(), one_of(PROTOCOLS), one_of(resolutions), some_of(addresses)).prop_map(
        |(hosts, number, protocol, resolution, addresses)| {
            let endpoints: Vec<_> =
                addresses.iter().map(|address| json!({"address": address})).collect();
            let ports = json!([{"number": number, "protocol": protocol, "name": "p"}]);
            json!({
                "hosts": hosts, "ports": ports, "resolution": resolution, "endpoints": endpoints
            })
        },
    )
}

fn kubernetes() -> impl Strategy<Value = (Kind, Value)> {
    let service = (port(), port(), one_of(&["ClusterIP", "ExternalName"])).prop_map(
        |(port, target, kind)| {
            let ports = json!([{"port": port, "targetPort": target, "name": "http"}]);
            let spec = json!({
                "ports": ports, "type": kind, "externalName": "a.com", "selector": {"app": "a"}
            });
            (Kind::Service, spec)
        },
    );
    let slice = (port(), one_of(&["10.0.0.1", "nonsense"])).prop_map(|(port, address)| {
        let endpoints = json!([{"addresses": [address]}]);
        let ports = json!([{"name": "http", "port": port}]);
        (Kind::EndpointSlice, json!({"endpoints": endpoints, "ports": ports}))
    });
    let pod = one_of(&["10.0.0.2", ""])
        .prop_map(|address| (Kind::Pod, json!({"status": {"podIP": address}})));
    prop_oneof![service, slice, pod]
}

fn any_object() -> impl Strategy<Value = AnyObject> {
    let of = |kind: Kind| move |spec: Value| (kind, spec);
    let kinds = prop_oneof![
        3 => gateway().prop_map(of(Kind::Gateway)),
        5 => virtual_service().prop_map(of(Kind::VirtualService)),
        3 => destination_rule().prop_map(of(Kind::DestinationRule)),
        3 => service_entry().prop_map(of(Kind::ServiceEntry)),
        4 => kubernetes(),
        1 => Just((Kind::AuthorizationPolicy, json!({"rules": [{}]}))),
    ];
    (kinds, one_of(NAMESPACES), one_of(NAMES)).prop_map(|((kind, spec), namespace, name)| {
        let labels = [("app", "a"), ("version", "v1"), ("kubernetes.io/service-name", "a")];
        object(kind, namespace, name, &labels, spec)
    })
}

/// Objects with distinct keys, and the same in another order.
fn shuffled() -> impl Strategy<Value = (Vec<AnyObject>, Vec<AnyObject>)> {
    prop::collection::vec(any_object(), 0..24)
        .prop_map(|mut objects| {
            let mut seen = std::collections::HashSet::new();
            objects.retain(|object| seen.insert(object.meta().key.clone()));
            objects
        })
        .prop_flat_map(|objects| (Just(objects.clone()), Just(objects).prop_shuffle()))
}

/// Objects, and the same with other endpoints, where a few others may have come, too.
fn moved() -> impl Strategy<Value = (Vec<AnyObject>, Vec<AnyObject>)> {
    let others = prop::collection::vec(any_object(), 0..24);
    (shuffled(), others, any::<bool>()).prop_map(|((before, _), others, endpoints_only)| {
        let is_endpoint = |kind| matches!(kind, Kind::EndpointSlice | Kind::Endpoints | Kind::Pod);
        let mut after: Vec<AnyObject> = before
            .iter()
            .filter(|object| !is_endpoint(object.kind()))
            .map(|object| with_endpoints_of(object, &others))
            .collect();
        let come = others.iter().filter(|object| !endpoints_only || is_endpoint(object.kind()));
        let mut seen: std::collections::HashSet<ObjectKey> =
            after.iter().map(|object| object.meta().key.clone()).collect();
        after.extend(come.filter(|object| seen.insert(object.meta().key.clone())).cloned());
        (before, after)
    })
}

/// A ServiceEntry gets the endpoints of another one, if there is one.
fn with_endpoints_of(object: &AnyObject, others: &[AnyObject]) -> AnyObject {
    let AnyObject::ServiceEntry(entry) = object else { return object.clone() };
    let other = others.iter().find_map(|other| match other {
        AnyObject::ServiceEntry(other) => Some(other),
        _ => None,
    });
    let Some(other) = other else { return object.clone() };
    let mut moved = Object::clone(entry);
    moved.spec.endpoints.clone_from(&other.spec.endpoints);
    AnyObject::ServiceEntry(Arc::new(moved))
}

fn world_as_given(objects: &[AnyObject]) -> World {
    let mut world = World::default();
    for object in objects {
        match object.clone() {
            AnyObject::Gateway(one) => world.gateways.push(one),
            AnyObject::VirtualService(one) => world.virtual_services.push(one),
            AnyObject::DestinationRule(one) => world.destination_rules.push(one),
            AnyObject::ServiceEntry(one) => world.service_entries.push(one),
            AnyObject::Service(one) => world.services.push(one),
            AnyObject::EndpointSlice(one) => world.endpoint_slices.push(one),
            AnyObject::Pod(one) => world.pods.push(one),
            other => world.insert(other),
        }
    }
    world
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Nobody validated these objects; the snapshot does not even need the world's own order.
    #[test]
    fn the_order_of_objects_changes_nothing((given, shuffled) in shuffled()) {
        let options = Options::default();
        let first = compile(&world_as_given(&given), &options).snapshot;
        let second = compile(&world_as_given(&shuffled), &options).snapshot;
        prop_assert_eq!(first.dump(), second.dump());
        prop_assert_eq!(&first, &second);
        prop_assert!(summary(&first, &second).is_empty());
        let first = compile(&World::from_objects(given), &options).problems;
        let second = compile(&World::from_objects(shuffled), &options).problems;
        prop_assert_eq!(first, second);
    }

    /// What is kept from the world before shows in nothing.
    #[test]
    fn compiling_again_is_compiling((before, after) in moved(), beside in any::<bool>()) {
        let role = if beside { Role::Sidecar(Leg::default()) } else { Role::Gateway };
        let options = Options { role, ..Options::default() };
        let (before, after) = (World::from_objects(before), World::from_objects(after));
        let mut compiler = Compiler::default();
        prop_assert_eq!(compiler.compile(&before, &options), compile(&before, &options));
        prop_assert_eq!(compiler.compile(&after, &options), compile(&after, &options));
        prop_assert_eq!(compiler.compile(&before, &options), compile(&before, &options));
    }

    /// Ids are proved in range: the printed form resolves every one of them.
    #[test]
    fn admitted_worlds_compile_and_print((objects, _) in shuffled()) {
        let (world, _) = Ledger::default().admit(objects, &[]);
        let compiled = compile(&world, &Options::default());
        prop_assert!(!compiled.snapshot.dump().is_empty());
    }
}
