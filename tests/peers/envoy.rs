//! A real Envoy: found, started on the hand-made configuration, stopped at the end.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::client::Client;
use crate::harness::gateway::root;
use crate::harness::{eventually, ports};

/// A running Envoy.
pub(crate) struct Envoy {
    child: Child,
    directory: TempDir,
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
}

/// Where an Envoy may be: what `PROPYLON_ENVOY` names, or where `make peers` puts it.
pub(crate) fn find() -> Option<PathBuf> {
    if let Some(path) = env::var_os("PROPYLON_ENVOY") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let peers = root().join(".peers");
    ["envoy", "envoy/_bin/envoy", "bin/envoy"]
        .iter()
        .map(|place| peers.join(place))
        .find(|path| path.is_file())
}

impl Envoy {
    /// Starts the binary on a configuration whose `@LISTEN@` and `@ADMIN@` are still open.
    pub(crate) fn start(binary: &Path, configuration: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let local = || SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let (address, admin) = (local(), local());
        let text = configuration
            .replace("@LISTEN@", &address.port().to_string())
            .replace("@ADMIN@", &admin.port().to_string());
        let file = directory.path().join("envoy.yaml");
        fs::write(&file, text).expect("write the configuration");
        let log = directory.path().join("envoy.log");
        let child = Command::new(binary)
            .arg("-c")
            .arg(&file)
            .arg("--log-path")
            .arg(&log)
            .args(["--concurrency", "1", "--disable-hot-restart", "-l", "warning"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start Envoy");
        let mut envoy = Self { child, directory, address, admin };
        eventually("Envoy is ready", || envoy.is_ready(admin));
        envoy
    }

    /// Waits until its main thread has done what it was given before.
    pub(crate) fn catches_up(&self) {
        let mut client = Client::connect(self.admin);
        client.send("GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n");
        client.answer().is(200);
    }

    fn is_ready(&mut self, admin: SocketAddr) -> bool {
        if let Some(status) = self.child.try_wait().expect("ask Envoy") {
            let log = fs::read_to_string(self.directory.path().join("envoy.log"));
            panic!("Envoy ended with {status}:\n{}", log.unwrap_or_default());
        }
        if std::net::TcpStream::connect(admin).is_err() {
            return false;
        }
        let mut client = Client::connect(admin);
        client.send("GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n");
        client.try_answer("GET").is_ok_and(|answer| answer.status == 200)
    }
}

/// A configuration of one plaintext listener with these routes to these clusters.
pub(crate) fn configuration(routes: &str, clusters: &str) -> String {
    format!(
        "admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: @ADMIN@}}}}}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: @LISTEN@}}}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager\
.v3.HttpConnectionManager
          stat_prefix: http
          http_filters:
          - name: router
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: all
              domains: [\"*\"]
              include_request_attempt_count: true
              routes:
{routes}  clusters:
{clusters}"
    )
}

/// A route for a path below `/<cluster>`, with this much more to say.
pub(crate) fn route(cluster: &str, more: &str) -> String {
    let match_all = format!("match: {{path_separated_prefix: /{cluster}}}");
    format!("              - {{{match_all}, route: {{cluster: {cluster}, {more}}}}}\n")
}

/// A cluster of ports on loopback, with this much more to say.
pub(crate) fn cluster(name: &str, ports: &[u16], more: &str) -> String {
    let endpoints: String = ports
        .iter()
        .map(|port| {
            let address = format!("{{address: 127.0.0.1, port_value: {port}}}");
            format!("{{endpoint: {{address: {{socket_address: {address}}}}}}},")
        })
        .collect();
    format!(
        "  - {{name: {name}, type: STATIC, {more}, load_assignment: {{cluster_name: {name}, \
         endpoints: [{{lb_endpoints: [{endpoints}]}}]}}}}\n"
    )
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
