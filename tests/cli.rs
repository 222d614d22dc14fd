//! The command line from outside: the real binary on small directories, its words and exit codes.
//! What is served is proved elsewhere; nothing here opens a port.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "a test says what broke by panicking; certificates serve other tests too"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[path = "harness/certificates.rs"]
mod certificates;
#[path = "harness/ports.rs"]
mod ports;

use certificates::Authority;

const GATEWAY: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: web
spec:
  selector:
    istio: ingressgateway
  servers:
  - port:
      number: 80
      name: http
      protocol: HTTP
    hosts:
    - shop.example
    - api.example
";

const ROUTES: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop
spec:
  hosts:
  - shop.example
  gateways:
  - web
  http:
  - match:
    - uri:
        prefix: /api
      headers:
        x-user:
          exact: qa
    rewrite:
      uri: /v2
    timeout: 2s
    route:
    - destination:
        host: cart
        port:
          number: 80
      weight: 90
    - destination:
        host: stock
        port:
          number: 80
      weight: 10
  - match:
    - uri:
        exact: /old
    redirect:
      uri: /new
";

const SERVICES: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: cart
spec:
  ports:
  - name: http
    port: 80
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: cart-1
  labels:
    kubernetes.io/service-name: cart
addressType: IPv4
ports:
- name: http
  port: 9001
endpoints:
- addresses:
  - 127.0.0.1
---
apiVersion: v1
kind: Service
metadata:
  name: stock
spec:
  ports:
  - name: http
    port: 80
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: stock-1
  labels:
    kubernetes.io/service-name: stock
addressType: IPv4
ports:
- name: http
  port: 9002
endpoints:
- addresses:
  - 127.0.0.1
";

/// A directory of YAML that vanishes with the test.
struct World(tempfile::TempDir);

impl World {
    fn sound() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        world.write("gateway.yaml", GATEWAY);
        world.write("routes.yaml", ROUTES);
        world.write("services.yaml", SERVICES);
        world
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs `propylon ARGS` with this directory as its own.
    fn propylon(&self, args: &[&str]) -> Said {
        self.propylon_reads("", args)
    }

    /// The same with `input` on its standard input.
    fn propylon_reads(&self, input: &str, args: &[&str]) -> Said {
        let mut run = Command::new(env!("CARGO_BIN_EXE_propylon"))
            .args(args)
            .current_dir(self.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may have ended already.
        let _ = run.stdin.take().unwrap().write_all(input.as_bytes());
        Said(run.wait_with_output().unwrap())
    }
}

/// What a command said and how it ended.
#[derive(Debug)]
struct Said(Output);

impl Said {
    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    #[track_caller]
    fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{}\n{}", self.out(), self.err());
        self
    }

    #[track_caller]
    fn prints(self, parts: &[&str]) -> Self {
        let all = self.out() + &self.err();
        for part in parts {
            assert!(all.contains(part), "{part:?} is missing in:\n{all}");
        }
        self
    }
}

#[test]
fn check_of_a_sound_directory_finds_nothing_and_succeeds() {
    let said = World::sound().propylon(&["check"]).ends_with(0);
    assert_eq!(said.out(), "no problems in 6 objects: 1 listener, 2 routes\n");
}

#[test]
fn check_shows_file_line_column_and_source_line_of_a_mistake() {
    let world = World::sound();
    world.write("routes.yaml", &ROUTES.replace("timeout: 2s", "timout: 2s"));
    let said = world.propylon(&["check"]).ends_with(1);
    said.prints(&["error[", "routes.yaml:19:5", "timout: 2s", "timeout", "1 error"]);
}

#[test]
fn check_as_json_tells_programs_the_same() {
    let world = World::sound();
    world.write("routes.yaml", &ROUTES.replace("host: stock", "host: stick"));
    let json = world.propylon(&["check", "--json", "."]).ends_with(1).json();
    assert_eq!(json["errors"], 1, "{json:#}");
    let problem = &json["problems"][0];
    assert_eq!(problem["severity"], "error", "{json:#}");
    assert_eq!(problem["object"], "VirtualService default/shop", "{json:#}");
    assert_eq!(problem["field"], "spec.http[0].route[1].destination.host", "{json:#}");
    assert_eq!(problem["line"], 27, "{json:#}");
}

#[test]
fn check_tells_every_problem_once_and_errors_first() {
    let world = World::sound();
    world.write("broken.yaml", "apiVersion: networking.istio.io/v1\nkind: Gatway\n");
    let json = world.propylon(&["check", "--json", ".", "./broken.yaml"]).ends_with(1).json();
    let problems = json["problems"].as_array().unwrap();
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let mut distinct = texts.clone();
    distinct.dedup();
    assert_eq!(texts, distinct);
    let severities: Vec<&str> = problems.iter().filter_map(|p| p["severity"].as_str()).collect();
    let first_mild = severities.iter().position(|s| *s != "error").unwrap_or(severities.len());
    assert!(severities[first_mild..].iter().all(|s| *s != "error"), "{severities:?}");
}

#[test]
fn check_fails_on_warnings_only_when_they_are_denied() {
    let world = World::sound();
    let idle = ROUTES
        .replace("    timeout: 2s\n", "    timeout: 2s\n    fault: {delay: {fixedDelay: 1s}}\n");
    world.write("routes.yaml", &idle);
    let said = world.propylon(&["check"]).ends_with(0);
    let said = said.prints(&["warning["]);
    assert!(!said.out().contains("error["), "{}", said.out());
    world.propylon(&["check", "--deny", "warnings"]).ends_with(1);
}

#[test]
fn a_path_that_leads_nowhere_is_named_by_every_command() {
    let world = World::sound();
    for command in [
        &["check", "nowhere"][..],
        &["run", "nowhere"],
        &["routes", "nowhere"],
        &["explain", "GET", "http://a/", "nowhere"],
        &["demo", "nowhere"],
        &["check", "--mesh-config", "nowhere"],
    ] {
        world.propylon(command).ends_with(1).prints(&["cannot read nowhere"]);
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_meant() {
    let world = World::sound();
    world.propylon(&["run", "--port-map", "80"]).ends_with(2).prints(&["80=8080"]);
    world.propylon(&["run", "--admin", "here"]).ends_with(2).prints(&["127.0.0.1:15000", "off"]);
    world.propylon(&["check", "--label", "x"]).ends_with(2).prints(&["key=value"]);
    world.propylon(&["frobnicate"]).ends_with(2);
}

#[test]
fn explain_shows_the_rule_that_matches_and_where_the_request_goes() {
    let world = World::sound();
    let url = "http://shop.example/api/cart?x=1";
    let said = world.propylon(&["explain", "GET", url, "-H", "x-user: qa"]).ends_with(0);
    said.prints(&[
        "listener   0.0.0.0:80",
        "Gateway default/web servers[0]",
        "gateway.yaml:9",
        "host       shop.example  exact",
        "✓ default/shop http[0].match[0]",
        "first match",
        "routes.yaml:12",
        "path prefix /api becomes /v2 · here /v2/cart",
        "90/100 (90.0 %)  -> cart.default.svc.cluster.local:80   127.0.0.1:9001",
        "10/100 (10.0 %)  -> stock.default.svc.cluster.local:80  127.0.0.1:9002",
        "timeout 2s",
        "retries 2 on connect-failure",
    ]);
}

#[test]
fn explain_says_of_every_rule_why_it_does_not_match_and_what_came_nearest() {
    let world = World::sound();
    let said = world.propylon(&["explain", "GET", "http://shop.example/api"]).ends_with(1);
    said.prints(&[
        "✗ default/shop http[0].match[0]",
        "header x-user is absent",
        "✗ default/shop http[1].match[0]",
        "path is not \"/old\"",
        "nearest    VirtualService default/shop http[0].match[0] would match",
        "if header x-user were exact \"qa\"",
        "answer     404 (NR, route_not_found)",
    ]);
}

#[test]
fn explain_names_the_nearest_hosts_where_none_fits() {
    let said = World::sound().propylon(&["explain", "GET", "http://shop.exampel/"]).ends_with(1);
    said.prints(&["✗ no host of this port fits \"shop.exampel\"", "nearest    shop.example"]);
}

#[test]
fn explain_tells_a_redirect_and_a_port_that_is_closed() {
    let world = World::sound();
    let url = "http://shop.example/old?q";
    let location = "answer     301 location: http://shop.example/new";
    world.propylon(&["explain", "GET", url]).ends_with(0).prints(&[location]);
    let said = world.propylon(&["explain", "GET", "https://shop.example/"]).ends_with(1);
    said.prints(&["nothing listens on port 443", "80 (bound at 0.0.0.0:80)"]);
}

#[test]
fn explain_finds_the_listener_by_the_port_it_is_bound_at() {
    let world = World::sound();
    let url = "http://shop.example:8080/old";
    let said = world.propylon(&["explain", "GET", url, "--port-map", "80=8080"]).ends_with(0);
    said.prints(&["listener   0.0.0.0:8080"]);
}

#[test]
fn explain_as_json_tells_programs_the_same() {
    let world = World::sound();
    let args = ["explain", "GET", "http://shop.example/api", "-H", "x-user: qa", "--json"];
    let json = world.propylon(&args).ends_with(0).json();
    assert_eq!(json["host"], "shop.example", "{json:#}");
    assert_eq!(json["rules"][0]["matched"], true, "{json:#}");
    assert_eq!(json["rules"][0]["line"], 12, "{json:#}");
    assert_eq!(json["outcome"]["destinations"][0]["weight"], 90, "{json:#}");
    assert_eq!(json["outcome"]["destinations"][0]["endpoints"][0], "127.0.0.1:9001", "{json:#}");
    assert_eq!(json["outcome"]["path"], "/v2", "{json:#}");
}

#[test]
fn explain_shows_a_destination_without_endpoints_as_the_503_it_is() {
    let world = World::sound();
    let (service, _endpoints) = SERVICES.split_once("---").unwrap();
    world.write("services.yaml", service);
    let args = ["explain", "GET", "http://shop.example/api", "-H", "x-user: qa"];
    let said = world.propylon(&args).ends_with(1);
    said.prints(&[
        "no endpoints: answers 503 (UH)",
        "no such service, port or subset: answers 503",
    ]);
}

#[test]
fn explain_overlooks_endpoints_that_are_not_ready() {
    let world = World::sound();
    let address = "- addresses:\n  - 127.0.0.1\n";
    let gone = format!("{address}  conditions:\n    ready: false\n");
    world.write("services.yaml", &SERVICES.replace(address, &gone));
    let args = ["explain", "GET", "http://shop.example/api", "-H", "x-user: qa"];
    world.propylon(&args).ends_with(1).prints(&["no endpoints: answers 503 (UH)"]);
}

#[test]
fn explain_says_which_endpoints_are_far() {
    let world = World::sound();
    let slice = |port: u16, place: &str| {
        format!(
            "apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: cart-{port}, labels: {{kubernetes.io/service-name: cart}}}}
addressType: IPv4
ports: [{{name: http, port: {port}}}]
endpoints: [{{addresses: [127.0.0.1], deprecatedTopology: {{{place}}}}}]
---
"
        )
    };
    let (near, far) = ("topology.kubernetes.io/region: eu", "topology.kubernetes.io/region: us");
    let endpoints = slice(9003, near) + &slice(9004, far);
    let (service, _endpoints) = SERVICES.split_once("---").unwrap();
    let close = service.replace("spec:\n", "spec:\n  trafficDistribution: PreferClose\n");
    world.write("services.yaml", &format!("{close}---\n{endpoints}"));
    let url = "http://shop.example/api";
    let args = ["explain", "GET", url, "-H", "x-user: qa", "--locality", "eu"];
    world.propylon(&args).prints(&["127.0.0.1:9003", "127.0.0.1:9004 (priority 1)"]);
    world.propylon(&["explain", "GET", url, "--locality", "eu/*"]).ends_with(2);
}

#[test]
fn routes_is_a_table_with_the_place_of_every_rule() {
    let said = World::sound().propylon(&["routes"]).ends_with(0);
    said.prints(&[
        "0.0.0.0:80  HTTP  Gateway default/web servers[0]",
        "shop.example",
        "uri prefix /api, header x-user exact \"qa\"",
        "90/100 cart.default.svc.cluster.local:80",
        "timeout=2s rewrite",
        "-> redirect 301 to path /new",
        "routes.yaml:32",
    ]);
}

#[test]
fn routes_can_be_asked_for_one_host() {
    let world = World::sound();
    let other = ROUTES.replace("name: shop", "name: api").replace("shop.example", "api.example");
    world.write("other.yaml", &other);
    let both = world.propylon(&["routes"]).ends_with(0).prints(&["shop.example", "api.example"]);
    let one = world.propylon(&["routes", "--host", "shop.example"]).ends_with(0);
    assert!(!one.out().contains("api.example"), "{}", one.out());
    assert!(one.out().len() < both.out().len());
}

#[test]
fn routes_as_json_has_a_place_for_every_rule() {
    let json = World::sound().propylon(&["routes", "--json"]).ends_with(0).json();
    let hosts = json["listeners"][0]["hosts"].as_array().unwrap();
    let shop = hosts.iter().find(|host| host["host"] == "shop.example").unwrap();
    assert_eq!(shop["routes"][0]["origin"], "VirtualService default/shop http[0].match[0]");
    assert_eq!(shop["routes"][0]["line"], 12, "{json:#}");
}

#[test]
fn a_tunnel_is_told_with_the_route_that_goes_through_it() {
    let world = World::sound();
    world.write("tunnels.yaml", include_str!("golden/tunnels.yaml"));
    let said = world.propylon(&["routes"]).ends_with(0);
    said.prints(&["through a tunnel: CONNECT far.example:443, idle"]);
    let told = world.propylon(&["explain", "GET", "https://far.example/"]).ends_with(1);
    let tunnel = "proxy.default.svc.cluster.local:3128, through a tunnel: CONNECT far.example:443";
    told.prints(&[tunnel]);
}

#[test]
fn routes_of_an_explicit_proxy_lead_nowhere_that_nobody_defined() {
    let said = World::sound().propylon(&["routes", "--role", "sidecar"]).ends_with(0).out();
    let (captured, proxy) = said.split_once("HTTP proxy").unwrap();
    assert!(captured.contains("anything else  -> PassthroughCluster"), "{said}");
    assert!(!proxy.contains("PassthroughCluster") && proxy.contains("answer 502"), "{said}");
}

#[test]
fn labels_choose_the_gateways() {
    let world = World::sound();
    let said = world.propylon(&["routes", "--label", "istio=egressgateway"]).ends_with(0);
    said.prints(&["nothing listens"]);
}

#[test]
fn every_command_has_help_with_examples() {
    let world = World::sound();
    world.propylon(&["--help"]).ends_with(0).prints(&["Examples:", "Exit codes:"]);
    for command in ["run", "check", "explain", "routes", "demo", "completions", "man"] {
        let said = world.propylon(&[command, "--help"]).ends_with(0);
        said.prints(&["Examples:", "propylon ", command]);
    }
    let version = format!("propylon {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(world.propylon(&["--version"]).ends_with(0).out(), version);
}

#[test]
fn every_shell_gets_a_completion_script() {
    let world = World::sound();
    for shell in ["bash", "zsh", "fish"] {
        let said = world.propylon(&["completions", shell]).ends_with(0);
        said.prints(&["propylon", "explain"]);
    }
}

#[test]
fn demo_serves_examples_whose_answers_are_the_expected_ones() {
    // The backends have fixed ports, which only this test uses.
    let free = ports::free();
    let world = World::sound();
    let said = world.propylon(&["demo", "--once", "--port", &free.to_string()]).ends_with(0);
    let try_it = format!("$ curl -I http://localhost:{free}/productpage");
    said.prints(&[&try_it, "content-length: 7712", "vary: Cookie", "HTTP/1.1 404 Not Found"]);
}

#[test]
fn run_says_who_holds_a_control_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = taken.local_addr().unwrap().to_string();
    let said = World::sound().propylon(&["run", "--admin", &admin]).ends_with(1);
    let holder = format!("(process {})", std::process::id());
    said.prints(&["--admin", "in use by", &holder]);
}

#[test]
fn check_finds_certificates_below_the_root_and_judges_them() {
    let authority = Authority::new("authority");
    let (pair, other) = (authority.server(&["a.example"]), authority.server(&["a.example"]));
    let world = World::sound();
    world.write("secure.yaml", SECURE);
    let checked = || world.propylon(&["check", "--root", "pki"]);
    checked().ends_with(1).prints(&["error[GW0205]", "there is no file pki/etc/web.crt"]);
    world.write("pki/etc/web.crt", &pair.certificate);
    world.write("pki/etc/web.key", &other.key);
    checked().ends_with(1).prints(&["error[GW0205]", "does not belong to the certificate"]);
    world.write("pki/etc/web.key", &pair.key);
    checked().ends_with(0);
}

const SECURE: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: secure, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [a.example]
    tls: {mode: SIMPLE, serverCertificate: /etc/web.crt, privateKey: /etc/web.key}
";

#[test]
fn explain_tells_problems_of_the_winning_rule_and_its_service_and_of_no_neighbour() {
    let world = World::sound();
    let missing = concat!(
        "  - match:\n    - uri:\n        exact: /lost\n",
        "    route:\n    - destination:\n        host: nowhere\n"
    );
    world.write("routes.yaml", &(ROUTES.to_owned() + missing));
    let (cart, stock) =
        SERVICES.split_once("apiVersion: v1\nkind: Service\nmetadata:\n  name: stock").unwrap();
    let (_, slice) = stock.split_once("---").unwrap();
    let orphan = slice.replace("service-name: stock", "service-name: other");
    let service = concat!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: stock\nspec:\n",
        "  ports:\n  - name: http\n    port: 80\n"
    );
    world.write("services.yaml", &format!("{cart}{service}---{orphan}"));
    let taken = ["explain", "GET", "http://shop.example/api", "-H", "x-user: qa"];
    let said =
        world.propylon(&taken).ends_with(0).prints(&["no endpoints: answers 503", "error[GW2001]"]);
    assert!(!said.out().contains("nowhere"), "{}", said.out());
    let lost = world.propylon(&["explain", "GET", "http://shop.example/lost"]).ends_with(1);
    let lost = lost.prints(&["error[IST0101]", "nowhere"]);
    assert!(!lost.out().contains("GW2001"), "{}", lost.out());
}

#[test]
fn check_reads_standard_input_and_calls_it_by_that_name() {
    let world = World::sound();
    let broken = ROUTES.replace("timeout: 2s", "timout: 2s");
    let args = ["check", "-", "gateway.yaml", "services.yaml"];
    world.propylon_reads(ROUTES, &args).ends_with(0).prints(&["no problems in 6 objects"]);
    world.propylon_reads(&broken, &args).ends_with(1).prints(&["<stdin>:19:5", "timout: 2s"]);
    let json = world.propylon_reads(&broken, &["check", "--json", "-"]).ends_with(1).json();
    assert_eq!(json["problems"][0]["file"], "<stdin>", "{json:#}");
}

#[test]
fn check_as_json_keeps_the_members_that_its_page_promises() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check-json.md");
    let page = std::fs::read_to_string(page).unwrap();
    let promised = |section: &str| -> Vec<String> {
        let (_, rest) = page.split_once(section).unwrap();
        let table = rest.split("\n## ").next().unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        rows.map(str::to_owned).collect()
    };
    let members =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let world = World::sound();
    world.write("copy.yaml", GATEWAY);
    let json = world.propylon(&["check", "--json"]).ends_with(1).json();
    let problem = &json["problems"][0];
    assert_eq!(sorted(members(&json)), sorted(promised("## The object")));
    assert_eq!(sorted(members(problem)), sorted(promised("## A problem")));
    assert_eq!(sorted(members(&problem["notes"][0])), sorted(promised("## A note")));
}

#[test]
fn every_command_has_a_manual_page() {
    let world = World::sound();
    world.propylon(&["man"]).ends_with(0).prints(&[".TH propylon 1", "explain"]);
    world.propylon(&["man", "run"]).ends_with(0).prints(&[".TH propylon-run 1", "port\\-map"]);
    world.propylon(&["man", "rum"]).ends_with(1).prints(&["no command \"rum\"", "run"]);
}

#[test]
fn explain_takes_the_methods_that_the_gateway_takes() {
    let world = World::sound();
    for (method, advice) in [("get", "write GET, not get"), ("FOO", "the gateway answers 400")] {
        let said = world.propylon(&["explain", method, "http://shop.example/"]).ends_with(1);
        said.prints(&[advice]);
    }
}

/// The way out of a mesh: the tutorial's manifests with the egress gateway's Service.
fn way_out() -> World {
    let world = World(tempfile::tempdir().unwrap());
    world.write("egress.yaml", include_str!("wire/seeds/s3-egress.yaml"));
    world.write(
        "gateway.yaml",
        "apiVersion: v1
kind: Service
metadata: {name: istio-egressgateway, namespace: istio-system}
spec: {clusterIP: 10.96.0.5, ports: [{name: http, port: 80}, {name: https, port: 443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: istio-egressgateway-1
  namespace: istio-system
  labels: {kubernetes.io/service-name: istio-egressgateway}
addressType: IPv4
endpoints: [{addresses: [10.90.1.1]}]
ports: [{name: http, port: 8080}, {name: https, port: 8443}]
",
    );
    world
}

#[test]
fn explain_follows_a_request_from_its_sidecar_through_the_egress_gateway() {
    let world = way_out();
    let url = "http://edition.cnn.com/politics";
    let said = world.propylon(&["explain", "GET", url, "--role", "sidecar"]);
    let text = said.out();
    let (mesh, gateway) = text.split_once("\nthen gateway").unwrap_or_else(|| panic!("{text}"));
    assert!(mesh.starts_with("sidecar in namespace default\n listener"), "{text}");
    assert!(mesh.contains("-> istio-egressgateway.istio-system.svc.cluster.local:80"), "{text}");
    let whom = " istio-egressgateway in namespace istio-system with istio=egressgateway\n";
    assert!(gateway.starts_with(whom), "{text}");
    assert!(gateway.contains("Gateway default/istio-egressgateway servers[0]"), "{text}");
    assert!(gateway.contains("-> edition.cnn.com:80"), "{text}");
    said.ends_with(0);
}

#[test]
fn explain_tells_programs_of_every_leg_and_fails_with_the_last() {
    let world = way_out();
    let args = ["explain", "GET", "http://edition.cnn.com/", "--role", "sidecar", "--json"];
    let json = world.propylon(&args).ends_with(0).json();
    assert_eq!(json["leg"], "sidecar in namespace default");
    let next = &json["next"][0];
    assert_eq!(next["outcome"]["destinations"][0]["target"], "edition.cnn.com:80");
    let egress = include_str!("wire/seeds/s3-egress.yaml");
    let without = egress.replace("      - istio-egressgateway\n      port: 80", "      - mesh");
    world.write("egress.yaml", &without);
    let json = world.propylon(&args).ends_with(1).json();
    assert_eq!(json["next"][0]["outcome"]["status"], 404);
}

#[test]
fn the_page_about_the_way_out_shows_a_configuration_that_works() {
    let page = include_str!("../docs/egress.md");
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (yaml, _) = rest.split_once("```").unwrap();
    let world = World(tempfile::tempdir().unwrap());
    world.write("egress.yaml", yaml);
    world.propylon(&["check", "--role", "sidecar"]).ends_with(0).prints(&["no problems"]);
    world.propylon(&["check", "--label", "istio=egressgateway"]).prints(&["no problems"]);
    let url = "http://edition.cnn.com/politics";
    let said = world.propylon(&["explain", "GET", url, "--role", "sidecar"]).ends_with(0).out();
    let (_, printed) = page.split_once("$ propylon explain").unwrap();
    let (printed, _) = printed.split_once("```").unwrap();
    for line in printed.lines().skip(1) {
        let line = line.trim_end_matches('…').trim_end();
        assert!(said.contains(line), "{line} is not in {said}");
    }
}

#[test]
fn explain_follows_tls_that_nobody_ends_by_its_server_name() {
    let world = way_out();
    world.write(
        "tls.yaml",
        "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: passing}
spec:
  selector: {istio: egressgateway}
  servers:
  - port: {number: 443, name: tls, protocol: TLS}
    hosts: [edition.cnn.com]
    tls: {mode: PASSTHROUGH}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: passing}
spec:
  hosts: [edition.cnn.com]
  gateways: [mesh, passing]
  tls:
  - match: [{gateways: [mesh], port: 443, sniHosts: [edition.cnn.com]}]
    route:
    - destination:
        {host: istio-egressgateway.istio-system.svc.cluster.local, port: {number: 443}}
  - match: [{gateways: [passing], port: 443, sniHosts: [edition.cnn.com]}]
    route: [{destination: {host: edition.cnn.com, port: {number: 443}}}]
",
    );
    let url = "https://edition.cnn.com/";
    world.propylon(&["explain", "GET", url, "--role", "sidecar"]).ends_with(0).prints(&[
        "TLS is not ended by a sidecar",
        "(VirtualService default/passing tls[0].match[0])",
        "then gateway istio-egressgateway",
        "TLS for edition.cnn.com is not ended here",
        "edition.cnn.com:443",
    ]);
}
