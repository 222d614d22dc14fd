//! TLS compared: names, client certificates, versions and protocols in every combination that means
//! something, then hosts that belong to another server; what the handshake came to, the answer, and
//! what the origin was told of the client.

use std::io::Cursor;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::allowed::Difference;
use crate::envoy::Envoy;
use crate::harness::PATIENCE;
use crate::harness::certificates::{Authority, Pair};
use crate::harness::gateway::{self, Gateway};
use crate::harness::message::{Lengthless, Reader};
use crate::harness::world::service;
use crate::http2;
use crate::origins::Origins;
use crate::outcome::{self, Outcome, Speech};
use crate::table::{self, Request};

/// The name of the group.
pub(crate) const NAME: &str = "TLS";

/// A server of port 443: its host, and what its TLS settings are in Istio's and in Envoy's words.
struct Server {
    host: &'static str,
    istio: &'static str,
    common: &'static str,
    required: bool,
}

const SERVERS: [Server; 8] = [
    Server { host: "simple.example", istio: "mode: SIMPLE", common: "", required: false },
    Server { host: "*.wild.example", istio: "mode: SIMPLE", common: "", required: false },
    Server {
        host: "mutual.example",
        istio: "mode: MUTUAL, caCertificates: clients.crt",
        common: "validation_context: {trusted_ca: {filename: @DIR@/clients.crt}}",
        required: true,
    },
    Server {
        host: "optional.example",
        istio: "mode: OPTIONAL_MUTUAL, caCertificates: clients.crt",
        common: "validation_context: {trusted_ca: {filename: @DIR@/clients.crt}}",
        required: false,
    },
    Server {
        host: "named.example",
        istio: "mode: MUTUAL, caCertificates: clients.crt, subjectAltNames: ['spiffe://td/ns/a']",
        common: concat!(
            "validation_context: {trusted_ca: {filename: @DIR@/clients.crt}, ",
            "match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: ",
            "'spiffe://td/ns/a'}}, {san_type: DNS, matcher: {exact: 'spiffe://td/ns/a'}}]}"
        ),
        required: true,
    },
    Server {
        host: "skip.example",
        istio: "mode: MUTUAL, caCertificates: clients.crt, insecureSkipVerify: true",
        common: concat!(
            "validation_context: {trusted_ca: {filename: @DIR@/clients.crt}, ",
            "trust_chain_verification: ACCEPT_UNTRUSTED}"
        ),
        required: true,
    },
    Server {
        host: "new.example",
        istio: "mode: SIMPLE, minProtocolVersion: TLSV1_3",
        common: "tls_params: {tls_minimum_protocol_version: TLSv1_3}",
        required: false,
    },
    Server {
        host: "old.example",
        istio: "mode: SIMPLE, maxProtocolVersion: TLSV1_2",
        common: "tls_params: {tls_maximum_protocol_version: TLSv1_2}",
        required: false,
    },
];

/// Names that clients ask for; the last ones have no server.
const NAMES: [&str; 12] = [
    "simple.example",
    "a.wild.example",
    "b.a.wild.example",
    "mutual.example",
    "optional.example",
    "named.example",
    "skip.example",
    "new.example",
    "old.example",
    "wild.example",
    "unknown.example",
    "",
];

/// Certificates that clients show; the empty one is none.
const SHOWN: [&str; 5] = ["", "good", "other", "stranger", "chained"];

/// One visit: what the client offers, then its request.
struct Visit {
    name: &'static str,
    shown: &'static str,
    version: &'static SupportedProtocolVersion,
    protocols: &'static [&'static str],
    request: Request,
}

impl Visit {
    fn new(
        name: &'static str,
        shown: &'static str,
        version: &'static SupportedProtocolVersion,
        protocols: &'static [&'static str],
        asked: &str,
    ) -> Self {
        let request = table::request(asked);
        let line = format!("{name} {shown} {:?} {protocols:?} {asked}", version.version);
        Self { name, shown, version, protocols, request: Request { line, ..request } }
    }
}

fn visits() -> Vec<Visit> {
    let mut all = Vec::new();
    let asked = |name: &str| format!("GET {} /", if name.is_empty() { "a" } else { name });
    for name in NAMES {
        for shown in SHOWN {
            for version in [&TLS12, &TLS13] {
                all.push(Visit::new(name, shown, version, &["http/1.1"], &asked(name)));
            }
        }
    }
    let offers: [&[&str]; 6] =
        [&[], &["http/1.1"], &["h2"], &["h2", "http/1.1"], &["http/1.1", "h2"], &["other"]];
    for offer in offers {
        all.push(Visit::new("simple.example", "", &TLS13, offer, "GET simple.example /"));
    }
    for protocol in [&["http/1.1"], &["h2"]] {
        for line in OTHERS {
            all.push(Visit::new("simple.example", "", &TLS13, protocol, line));
        }
        for line in LINES {
            all.push(Visit::new("optional.example", "good", &TLS13, protocol, line));
        }
    }
    all
}

/// Hosts that are not the one whose certificate was asked for.
const OTHERS: [&str; 8] = [
    "GET SIMPLE.example /",
    "GET simple.example:443 /",
    "GET simple.example:8443 /",
    "GET a.wild.example /",
    "GET mutual.example /",
    "GET new.example /",
    "GET unknown.example /",
    "GET simple.example /kind/404",
];

/// Requests of a client with a certificate.
const LINES: [&str; 4] = [
    "GET optional.example / | x-forwarded-client-cert: Hash=forged;By=me",
    "GET optional.example / | x-forwarded-proto: http",
    "GET optional.example / | x-forwarded-for: 1.2.3.4",
    "POST optional.example / || hello",
];

/// Compares both gateways in every visit.
pub(crate) fn compare(
    binary: &Path,
    differences: &[Difference],
    seen: &mut [bool],
) -> Vec<(String, String)> {
    let origins = Origins::start(Speech::Http1);
    let stage = Stage::new(binary, &origins);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let visits = visits();
    let mut failed = Vec::new();
    for visit in &visits {
        let of = |gateway: SocketAddr| {
            let mut lines = runtime.block_on(stage.lines(visit, gateway));
            lines.extend(outcome::arrivals(&origins));
            Outcome { lines }
        };
        let (theirs, own) = (of(stage.envoy.address), of(stage.ours.address(443)));
        if theirs == own {
            continue;
        }
        match differences
            .iter()
            .position(|it| it.explains(&visit.request, Speech::Http1, &theirs, &own))
        {
            Some(at) => seen[at] = true,
            None => {
                let problem = crate::difference(&visit.request, &theirs, &own);
                failed.push((NAME.to_owned(), problem));
            }
        }
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    println!("test {NAME} ({} visits) ... {verdict}", visits.len());
    failed
}

/// Both gateways with the same certificates, and those of the clients.
struct Stage {
    envoy: Envoy,
    ours: Gateway,
    roots: Arc<RootCertStore>,
    clients: Vec<(&'static str, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    _folder: TempDir,
}

impl Stage {
    fn new(binary: &Path, origins: &Origins) -> Self {
        let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
        let own = servers.client("gateway", &SERVERS.map(|it| it.host), &["spiffe://td/ns/gw"]);
        let folder = TempDir::new().expect("a folder");
        let files = [
            ("server.crt", own.certificate.as_str()),
            ("server.key", own.key.as_str()),
            ("clients.crt", clients.pem.as_str()),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("write a file");
        }
        let directory = folder.path().to_str().expect("a path of letters");
        let envoy = configuration(origins).replace("@DIR@", directory);
        let yaml = world() + &service("origin", origins.origin.port());
        let ours = gateway::files(&[[("world.yaml", yaml.as_str())].as_slice(), &files].concat());
        let mut roots = RootCertStore::empty();
        roots.add(certificates(&servers.pem).remove(0)).expect("a root");
        Self {
            envoy: Envoy::start(binary, &envoy),
            ours: ours.ports(&[443]).start(),
            roots: Arc::new(roots),
            clients: shown(&clients),
            _folder: folder,
        }
    }

    /// What comes of one visit, as lines.
    async fn lines(&self, visit: &Visit, gateway: SocketAddr) -> Vec<String> {
        let mut lines = Vec::new();
        let visiting = self.visit(visit, gateway, &mut lines);
        match tokio::time::timeout(PATIENCE, visiting).await {
            Ok(Ok(())) => lines,
            // Only a client of TLS 1.2 knows when its certificate was refused.
            Ok(Err(refusal)) => vec![refusal],
            Err(_) => vec!["answer none".to_owned()],
        }
    }

    async fn visit(
        &self,
        visit: &Visit,
        gateway: SocketAddr,
        lines: &mut Vec<String>,
    ) -> Result<(), String> {
        let stream = TcpStream::connect(gateway).await.expect("connect to the gateway");
        let name = if visit.name.is_empty() { "simple.example" } else { visit.name };
        let name = ServerName::try_from(name).expect("a name");
        let connector = TlsConnector::from(Arc::new(self.client(visit)));
        let mut stream = connector.connect(name, stream).await.map_err(|it| refused(&it))?;
        let (_, session) = stream.get_ref();
        let protocol = session.alpn_protocol().map(|it| String::from_utf8_lossy(it).into_owned());
        let said = protocol.as_deref().unwrap_or("none");
        lines.push(format!("answer over {:?}, {said}", session.protocol_version()));
        if said == "h2" {
            return http2::exchange(&visit.request, "https", stream, lines)
                .await
                .map_err(|error| format!("answer cut: {error}"));
        }
        lines.extend(one_answer(&visit.request, &mut stream).await?);
        Ok(())
    }

    fn client(&self, visit: &Visit) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[visit.version])
            .expect("a version")
            .with_root_certificates(Arc::clone(&self.roots));
        let mut client = match self.clients.iter().find(|(name, ..)| *name == visit.shown) {
            None => client.with_no_client_auth(),
            Some((_, chain, key)) => {
                let key = key.clone_key();
                client.with_client_auth_cert(chain.clone(), key).expect("a client's certificate")
            }
        };
        client.enable_sni = !visit.name.is_empty();
        client.alpn_protocols = visit.protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        client
    }
}

/// The certificates of clients, by name.
fn shown(
    authority: &Authority,
) -> Vec<(&'static str, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let stranger = Authority::new("strangers").client("stranger", &["s.example"], &[]);
    let middle = authority.below("middle");
    let chained = middle.client("chained", &["d.example"], &["spiffe://td/ns/c"]);
    let chain = format!("{}{}", chained.certificate, middle.pem);
    let chained = Pair { certificate: chain, key: chained.key };
    let good = authority.client("good", &["c.example", "e.example"], &["spiffe://td/ns/a"]);
    let other = authority.client("other, \"quoted\"", &[], &[]);
    [("good", good), ("other", other), ("stranger", stranger), ("chained", chained)]
        .map(|(name, pair)| {
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
            (name, certificates(&pair.certificate), key)
        })
        .into()
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(|it| it.expect("a certificate")).collect()
}

/// One request of HTTP/1 and its answer; the request closes the connection.
async fn one_answer(
    request: &Request,
    stream: &mut TlsStream<TcpStream>,
) -> Result<Vec<String>, String> {
    let head_end = request.bytes.windows(2).position(|it| it == b"\r\n").expect("a line") + 2;
    let (first, rest) = request.bytes.split_at(head_end);
    let bytes = [first, b"connection: close\r\n", rest].concat();
    stream.write_all(&bytes).await.map_err(|it| refused(&it))?;
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).await;
    let mut reader = Reader::new(Cursor::new(answer));
    let head = match (reader.head(), end) {
        (Ok(Some(head)), _) => head,
        (_, Err(error)) => return Err(refused(&error)),
        _ => return Err("answer none, closed".to_owned()),
    };
    let body = reader.body(&head, Lengthless::UntilClose).map_err(|_| "answer cut".to_owned())?;
    let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut lines = vec![format!("answer {}", head.first)];
    lines.extend(outcome::sorted(headers).into_iter().map(|line| format!("answer   {line}")));
    lines.push(format!("answer body {:?}", body.text()));
    Ok(lines)
}

/// How the gateway refused: an alert by its name, or nothing at all.
fn refused(error: &std::io::Error) -> String {
    let tls = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(alert)) => format!("answer none, alert {alert:?}"),
        Some(other) => format!("answer none: {other}"),
        None => "answer none, closed".to_owned(),
    }
}

/// The world in Istio's words.
fn world() -> String {
    let mut yaml = "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers:
"
    .to_owned();
    for (at, Server { host, istio, .. }) in SERVERS.iter().enumerate() {
        yaml += &format!(
            "  - port: {{number: 443, name: https-{at}, protocol: HTTPS}}
    hosts: ['{host}']
    tls: {{{istio}, serverCertificate: server.crt, privateKey: server.key}}
"
        );
    }
    yaml + "---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all}
spec:
  hosts: ['*']
  gateways: [web]
  http: [{route: [{destination: {host: origin}}]}]
---
"
}

/// The same in Envoy's words, as istiod sends it.
fn configuration(origins: &Origins) -> String {
    let chains: String = SERVERS.iter().map(Server::chain).collect();
    format!(
        "admin:
  address: {{socket_address: {{address: 127.0.0.1, port_value: @ADMIN@}}}}
static_resources:
  listeners:
  - name: 0.0.0.0_443
    address: {{socket_address: {{address: 127.0.0.1, port_value: @LISTEN@}}}}
    traffic_direction: OUTBOUND
    listener_filters:
    - name: envoy.filters.listener.tls_inspector
      typed_config:
        '@type': {TYPE}.filters.listener.tls_inspector.v3.TlsInspector
    filter_chains:
{chains}
  clusters:
  - name: outbound|80||origin.default.svc.cluster.local
    type: STATIC
    connect_timeout: 10s
    load_assignment:
      cluster_name: outbound|80||origin.default.svc.cluster.local
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{socket_address: {{address: 127.0.0.1, port_value: {}}}}}
",
        origins.origin.port()
    )
}

const TYPE: &str = "type.googleapis.com/envoy.extensions";

impl Server {
    /// Its filter chain.
    fn chain(&self) -> String {
        let Self { host, common, required, .. } = self;
        let comma = if common.is_empty() { "" } else { ", " };
        format!(
            "    - filter_chain_match: {{server_names: ['{host}']}}
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          '@type': {TYPE}.transport_sockets.tls.v3.DownstreamTlsContext
          require_client_certificate: {required}
          common_tls_context: {{alpn_protocols: [h2, http/1.1], tls_certificates: [{{
            certificate_chain: {{filename: @DIR@/server.crt}},
            private_key: {{filename: @DIR@/server.key}}}}]{comma}{common}}}
      filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': {TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: outbound_0.0.0.0_443
          server_name: istio-envoy
          use_remote_address: true
          forward_client_cert_details: SANITIZE_SET
          set_current_client_cert_details: {{subject: true, cert: true, dns: true, uri: true}}
          normalize_path: true
          path_with_escaped_slashes_action: KEEP_UNCHANGED
          stream_idle_timeout: 0s
          proxy_100_continue: true
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{'@type': {TYPE}.filters.http.router.v3.Router}}
          route_config:
            name: https.443
            ignore_port_in_host_matching: true
            virtual_hosts:
            - name: '{host}:443'
              domains: ['{host}']
              include_request_attempt_count: true
              routes:
              - match: {{prefix: /}}
                route:
                  cluster: outbound|80||origin.default.svc.cluster.local
                  timeout: 0s
                  max_grpc_timeout: 0s
                  retry_policy: {{num_retries: 2, retry_on: connect-failure}}
"
        )
    }
}
