//! The documents of the tutorials that asked for this product: with their indentation they are
//! read to the last field, and as some of them are printed they get one sentence each.

use std::path::PathBuf;

use propylon_model::destination_rule::{LbPolicy, SimpleLb};
use propylon_model::gateway::ServerTlsMode;
use propylon_model::kubernetes::PortRef;
use propylon_model::service_entry::{Location, Resolution};
use propylon_model::virtual_service::{StringMatch, VirtualService};
use propylon_model::{AnyObject, Severity, World};
use propylon_source::file::{Read, ReadOptions, read};

fn seed(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/seeds").join(name)
}

/// The objects of some files, which must be without fault.
fn world(names: &[&str]) -> World {
    let paths: Vec<_> = names.iter().map(|name| seed(name)).collect();
    let Read { objects, problems, files } = read(&paths, &ReadOptions::default());
    assert!(problems.iter().all(|problem| problem.severity == Severity::Info), "{problems:#?}");
    assert!(files.iter().all(|file| file.ok));
    World::from_objects(objects)
}

#[test]
fn the_gateway_with_five_servers_is_read() {
    let world = world(&["s0.yaml"]);
    assert_eq!(world.gateways.len(), 2);
    let gateway = &world.gateways[1];
    assert_eq!(gateway.meta.key.to_string(), "Gateway some-config-namespace/my-gateway");
    let spec = &gateway.spec;
    assert_eq!(spec.selector["app"], "my-gateway-controller");
    let ports: Vec<_> = spec.servers.iter().map(|s| (s.port.number, &*s.port.protocol)).collect();
    assert_eq!(
        ports,
        [(80, "HTTP"), (443, "HTTPS"), (9443, "HTTPS"), (9080, "HTTP"), (2379, "MONGO")]
    );
    let tls: Vec<_> = spec.servers.iter().filter_map(|server| server.tls.as_ref()).collect();
    assert!(tls[0].https_redirect && tls[0].mode == ServerTlsMode::Passthrough);
    assert_eq!(tls[1].mode, ServerTlsMode::Simple);
    assert_eq!(tls[1].server_certificate, "/etc/certs/servercert.pem");
    assert_eq!(tls[1].private_key, "/etc/certs/privatekey.pem");
    assert_eq!(tls[2].credential_name, "bookinfo-secret");
    assert_eq!(spec.servers[2].hosts, ["bookinfo-namespace/*.bookinfo.com"]);
    assert_eq!(spec.servers[3].hosts, ["ns1/*", "ns2/foo.bar.com"]);
}

#[test]
fn the_shop_with_its_deployment_and_services_is_read() {
    let world = world(&["s1.yaml"]);
    let deployment = &world.deployments[0].spec;
    assert_eq!(deployment.template.metadata.labels["istio"], "ingressgateway");
    assert_eq!(deployment.template.spec.containers[0].ports[1].container_port, 80);
    let service = &world.services[1].spec;
    assert_eq!(service.ports[1].target_port, Some(PortRef::Number(80)));
    assert_eq!((service.ports[2].port, service.ports[2].target_port.clone()), (443, None));
    let rule = &world.destination_rules[0].spec;
    let policy = rule.traffic_policy.as_ref().and_then(|policy| policy.load_balancer.as_ref());
    let policy = policy.and_then(|balancer| balancer.policy.as_ref());
    assert_eq!(policy, Some(&LbPolicy::Simple(SimpleLb::Random)));
    assert_eq!(rule.subsets[1].labels["version"], "v2.0");
    let destination = &world.virtual_services[0].spec.http[0].route[0].destination;
    assert_eq!((&*destination.host, &*destination.subset), ("user", "v1"));
}

#[test]
fn the_book_store_and_its_way_out_are_read() {
    let world = world(&["s2.yaml"]);
    assert_eq!(world.gateways.len(), 2);
    assert_eq!(world.service_entries[0].spec.resolution, Resolution::Dns);
    let out = &world.virtual_services[1].spec;
    assert_eq!(out.gateways, ["mesh", "istio-egressgateway"]);
    assert_eq!((out.http[0].r#match[0].port, &out.http[0].r#match[0].uri), (80, &None));
    let get = StringMatch::Prefix("/get".to_owned());
    assert_eq!(out.http[1].r#match[0].uri, Some(get));
}

#[test]
fn the_test_server_and_the_news_are_read() {
    let world = world(&["s3.yaml"]);
    let subset = &world.destination_rules[0].spec.subsets[0];
    assert_eq!((&*subset.name, subset.labels.len()), ("cnn", 0));
    let news = &world.virtual_services[0].spec;
    assert_eq!(news.http[1].route[0].weight, 100);
    assert_eq!(news.http[1].r#match[0].gateways, ["istio-egressgateway"]);
    assert_eq!(prefixes(&world.virtual_services[1].spec), ["/status", "/delay"]);
}

fn prefixes(service: &VirtualService) -> Vec<&str> {
    let matches = service.http.iter().flat_map(|route| &route.r#match);
    matches
        .filter_map(|condition| match &condition.uri {
            Some(StringMatch::Prefix(prefix)) => Some(prefix.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn the_steps_of_the_fifth_tutorial_are_read() {
    let first = world(&["s4-httpbin.yaml", "s4-gateway.yaml", "s4-virtual-service.yaml"]);
    assert_eq!((first.services.len(), first.deployments.len()), (1, 1));
    assert_eq!(first.gateways[0].spec.servers[0].hosts, ["httpbin.s1.whuanle.cn", "*"]);
    assert_eq!(prefixes(&first.virtual_services[0].spec), ["/status", "/delay"]);
    let removed = world(&["s4-status-removed.yaml"]);
    assert_eq!(prefixes(&removed.virtual_services[0].spec), ["/delay"]);
    let everything = world(&["s4-everything.yaml", "s4-subset.yaml"]);
    let service = &everything.virtual_services[0].spec;
    assert_eq!(prefixes(service), ["/"]);
    assert_eq!(service.http[0].route[0].destination.subset, "v1");
    assert_eq!(everything.destination_rules[0].spec.subsets[0].labels["version"], "v1");
}

#[test]
fn the_entry_with_spaces_at_its_line_ends_is_read() {
    let world = world(&["s4-google.yaml"]);
    let entry = &world.service_entries[0].spec;
    assert_eq!(entry.location, Location::MeshExternal);
    assert_eq!((entry.resolution, entry.addresses.len()), (Resolution::Dns, 1));
    let endpoint = &entry.endpoints[0];
    assert_eq!((endpoint.ports["http"], &*endpoint.locality), (80, "us-west1/zone1"));
    assert_eq!(entry.export_to, ["*"]);
}

#[test]
fn documents_printed_without_indentation_get_one_sentence_each() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["s0.yaml", "s1.yaml", "s2.yaml", "s3.yaml"] {
        let text = std::fs::read_to_string(seed(name)).unwrap();
        let printed: String = text.lines().map(|line| format!("{}\n", line.trim_start())).collect();
        let path = dir.path().join(name);
        std::fs::write(&path, &printed).unwrap();
        let Read { objects, problems, .. } = read(&[path], &ReadOptions::default());
        assert!(objects.is_empty());
        assert_eq!(problems.len(), text.split("\n---\n").count(), "{name}: {problems:#?}");
        for problem in problems {
            assert_eq!(problem.code.0, "GW0003");
            assert!(
                problem.message.starts_with("the indentation of this document is lost: `name`")
            );
        }
    }
}

#[test]
fn the_third_document_of_the_fifth_tutorial_says_where_the_dash_belongs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vs.yaml");
    let printed = "\
spec:
  hosts:
  - \"www.example.org\"
  gateways:
  # bind
  - mygateway
  http:
    route:
    - destination:
        host: bookinfo
        port:
          number: 9080
";
    let object = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\n";
    for text in [printed.to_owned(), format!("{object}{printed}")] {
        std::fs::write(&path, text).unwrap();
        let Read { objects, problems, .. } =
            read(std::slice::from_ref(&path), &ReadOptions::default());
        assert!(objects.is_empty());
        let last = problems.last().unwrap();
        assert_eq!(last.message, "`http` is a list: put `- ` before `route`");
    }
}

#[test]
fn every_kind_of_object_keeps_its_place() {
    let world = world(&["s1.yaml"]);
    let mut documents: Vec<_> = world
        .objects()
        .map(|object: AnyObject| {
            let propylon_model::Source::File { document, .. } = &object.meta().source;
            *document
        })
        .collect();
    documents.sort_unstable();
    assert_eq!(documents, [0, 1, 2, 3, 4, 5]);
}
