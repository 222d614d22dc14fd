//! The first tutorial's Gateway as it stands in `examples/`, all five servers of it: certificates
//! from files and from a Secret, a redirect, hosts of two namespaces, and a database.

use std::process::Stdio;

use tempfile::TempDir;

use crate::harness::certificates::{Authority, Pair};
use crate::harness::eventually;
use crate::harness::gateway::{Gateway, example};
use crate::harness::origin::Origin;
use crate::mongo;
use crate::program::{both, curl, python, succeeds, written};
use crate::runner::Test;
use crate::test;

pub(crate) const TESTS: &[Test] = &[
    test!(every_server_of_the_gateway_serves needs Curl OpenSsl),
    test!(the_database_port_serves_a_database needs Pymongo MongoServer),
];

/// The example with certificates of its own and built-in backends played by this test.
struct Stage {
    gateway: Gateway,
    folder: TempDir,
    _origins: [Origin; 2],
}

impl Stage {
    fn new(database: u16) -> Self {
        let authority = Authority::new("authority");
        let page = Origin::replies(|received| told("productpage", received.header("host")));
        let echo = Origin::replies(|received| told("echo", received.header("host")));
        let folder = TempDir::new().expect("a folder");
        let files = authority.server(&["uk.bookinfo.com", "eu.bookinfo.com"]);
        written(folder.path(), "etc/certs/servercert.pem", &files.certificate);
        written(folder.path(), "etc/certs/privatekey.pem", &files.key);
        written(folder.path(), "ca.pem", &authority.pem);
        let gateway = example("gateway-ports")
            .behind(18080, page.port())
            .behind(18200, echo.port())
            .behind(27017, database)
            .ports(&[80, 443, 9443, 9080, 2379])
            .flag("--label")
            .flag("app=my-gateway-controller")
            .flag("--root")
            .flag(folder.path().to_str().expect("a path of letters"))
            .start();
        gateway.write("secret.yaml", &secret(&authority.server(&["*.bookinfo.com"])));
        Self { gateway, folder, _origins: [page, echo] }
    }

    /// The status and the body that `curl` gets for this URL, certificates verified.
    fn asked(&self, url: &str) -> String {
        let rest = url.split_once("://").expect("a URL").1;
        let authority = rest.split('/').next().unwrap_or_default();
        let declared = authority.split_once(':').and_then(|(_, port)| port.parse().ok());
        let declared = declared.unwrap_or(if url.starts_with("https") { 443 } else { 80 });
        let output = curl()
            .args(["--connect-to", &format!("::{}", self.gateway.address(declared))])
            .arg("--cacert")
            .arg(self.folder.path().join("ca.pem"))
            .args(["-w", " %{http_code} %{redirect_url}", url])
            .output()
            .expect("run curl");
        both(&output).trim().to_owned()
    }

    /// What `openssl s_client` says of the certificate for this server name.
    fn shown(&self, declared: u16, name: &str) -> String {
        let output = std::process::Command::new("openssl")
            .args(["s_client", "-connect", &self.gateway.address(declared).to_string()])
            .args(["-servername", name, "-verify_return_error", "-CAfile"])
            .arg(self.folder.path().join("ca.pem"))
            .args(["-verify_hostname", name])
            .stdin(Stdio::null())
            .output()
            .expect("run openssl");
        both(&output)
    }
}

fn told(who: &str, host: Option<&str>) -> String {
    crate::harness::origin::ok(&format!("{who} for {}", host.unwrap_or("nobody")))
}

fn every_server_of_the_gateway_serves() {
    let stage = Stage::new(crate::harness::ports::free());
    eventually("the Secret is read", || {
        stage.asked("https://us.bookinfo.com:9443/").contains("200")
    });
    for (url, expected) in [
        // 80 sends to HTTPS.
        ("http://uk.bookinfo.com/productpage?a=b", "301 https://uk.bookinfo.com/productpage?a=b"),
        ("http://eu.bookinfo.com/", "301 https://eu.bookinfo.com/"),
        ("http://us.bookinfo.com/", "404"),
        // 443 has its certificate from files, 9443 from a Secret.
        ("https://uk.bookinfo.com/productpage", "productpage for uk.bookinfo.com 200"),
        ("https://eu.bookinfo.com/productpage", "productpage for eu.bookinfo.com 200"),
        ("https://us.bookinfo.com:9443/", "productpage for us.bookinfo.com:9443 200"),
        // 9080 takes every host of ns1, and one of ns2.
        ("http://any.example:9080/", "echo for any.example:9080 200"),
        ("http://foo.bar.com:9080/", "echo for foo.bar.com:9080 200"),
        ("http://other.bar.com:9080/", "404"),
    ] {
        assert_eq!(stage.asked(url), expected, "{url}");
    }
    for (port, name) in [(443, "uk.bookinfo.com"), (9443, "de.bookinfo.com")] {
        let shown = stage.shown(port, name);
        assert!(shown.contains("Verify return code: 0 (ok)"), "{port} {name}: {shown}");
    }
    // A name that a port has no server for gets no certificate at all, not somebody else's.
    for (port, name) in [(443, "us.bookinfo.com"), (9443, "bookinfo.com"), (443, "localhost")] {
        let shown = stage.shown(port, name);
        assert!(shown.contains("no peer certificate available"), "{port} {name}: {shown}");
    }
}

fn the_database_port_serves_a_database() {
    let server = mongo::server();
    let stage = Stage::new(server.port);
    let port = stage.gateway.address(2379).port().to_string();
    assert_eq!(succeeds(python("mongo_client.py").arg(port)), "done\n");
    let name = "mongo.outbound|5555||mongo.database.svc.cluster.local.cmd.dropDatabase.total";
    eventually("it is counted", || mongo::counter(&stage.gateway, name) == 1);
}

/// The Secret that port 9443 names, in the namespace of the gateway.
fn secret(pair: &Pair) -> String {
    let indented = |text: &str| text.trim_end().replace('\n', "\n    ");
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: bookinfo-secret, namespace: istio-system}}
stringData:
  tls.crt: |
    {}
  tls.key: |
    {}
",
        indented(&pair.certificate),
        indented(&pair.key)
    )
}
