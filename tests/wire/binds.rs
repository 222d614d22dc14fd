//! Where servers listen and endpoints are found besides ordinary ports: Unix sockets with and
//! without a file, both address families, addresses that are taken.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use super::harness::client::Client;
use super::harness::gateway::{self, Gateway};
use super::harness::{PATIENCE, eventually};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n";

/// A Gateway whose servers bind here, each with a port.
fn bound_at(servers: &[(&str, u16)]) -> String {
    let list = servers.iter().enumerate().map(|(number, (bind, port))| {
        format!(
            "  - port: {{number: {port}, name: s{number}, protocol: HTTP}}
    bind: \"{bind}\"
    hosts: [\"*\"]
"
        )
    });
    "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door}
spec:
  selector: {istio: ingressgateway}
  servers:
"
    .to_owned()
        + &list.collect::<String>()
}

const DIRECT: &str = "---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: routes}
spec:
  hosts: [\"*\"]
  gateways: [door]
  http:
  - directResponse: {status: 200, body: {string: here}}
";

fn answer(mut stream: impl Read + Write) -> String {
    // A connection that is cut off says nothing.
    let _ = stream.write_all(REQUEST);
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

fn at_name(name: &str) -> Option<UnixStream> {
    let address = UnixAddress::from_abstract_name(name).expect("a name");
    UnixStream::connect_addr(&address).ok()
}

fn change(gateway: &Gateway, yaml: &str) {
    let before = gateway.reloads();
    gateway.write("world.yaml", yaml);
    gateway.reloads_after(before);
}

#[test]
fn unix_sockets_with_and_without_a_file_serve_and_go_with_their_servers() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("gateway.sock");
    // Left over from a process that is gone.
    drop(UnixListener::bind(&path).expect("bind"));
    let name = format!("propylon-wire-{}", std::process::id());
    let (file, named) = (format!("unix://{}", path.display()), format!("unix://@{name}"));
    let yaml = bound_at(&[("", 80), (&file, 0), (&named, 0)]) + DIRECT;
    let gateway = gateway::world(&yaml).start();
    assert_eq!(gateway.get("/").status, 200);
    assert!(answer(UnixStream::connect(&path).expect("connect")).ends_with("here"));
    assert!(answer(at_name(&name).expect("connect")).ends_with("here"));
    // A connection that is there survives the end of its listener.
    let mut kept = UnixStream::connect(&path).expect("connect");
    kept.write_all(&REQUEST[..10]).expect("write");
    change(&gateway, &(bound_at(&[("", 80)]) + DIRECT));
    assert!(!path.exists(), "the file stays behind");
    eventually("the name is free", || at_name(&name).is_none());
    kept.write_all(&REQUEST[10..]).expect("write");
    let mut text = String::new();
    kept.read_to_string(&mut text).expect("read");
    assert!(text.ends_with("here"), "{text}");
    change(&gateway, &yaml);
    assert!(answer(UnixStream::connect(&path).expect("connect")).ends_with("here"));
}

/// An endpoint behind a Unix socket that answers every connection once with what it is called.
fn answering(listener: UnixListener, name: &'static str) {
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                head.push(byte[0]);
            }
            let length = name.len();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{name}");
        }
    });
}

/// A service whose only endpoint is a Unix socket.
fn behind(name: &str, address: &str) -> String {
    format!(
        "---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{name}.example]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: \"{address}\"}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}}}
spec:
  hosts: [{name}.example]
  gateways: [door]
  http:
  - route: [{{destination: {{host: {name}.example}}}}]
"
    )
}

#[test]
fn endpoints_behind_unix_sockets_with_and_without_a_file_are_reached() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("backend.sock");
    answering(UnixListener::bind(&path).expect("bind"), "of a file");
    let name = format!("propylon-wire-backend-{}", std::process::id());
    let address = UnixAddress::from_abstract_name(&name).expect("a name");
    answering(UnixListener::bind_addr(&address).expect("bind"), "of a name");
    let yaml = bound_at(&[("", 80)])
        + &behind("file", &format!("unix://{}", path.display()))
        + &behind("name", &format!("unix://@{name}"));
    let gateway = gateway::world(&yaml).start();
    assert_eq!(gateway.get_from("file.example", "/").body.text(), "of a file");
    assert_eq!(gateway.get_from("name.example", "/").body.text(), "of a name");
    let clusters = gateway.control(gateway.admin, "/clusters").body.text();
    assert!(clusters.contains(&format!("::@{name}::weight::1")), "{clusters}");
}

fn has_ipv6() -> bool {
    let has = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        println!("SKIPPED: this machine has no IPv6");
    }
    has
}

#[test]
fn a_server_without_an_address_listens_on_both_families_where_that_is_asked_for() {
    if !has_ipv6() {
        return;
    }
    let yaml = bound_at(&[("", 80)]) + DIRECT;
    let gateway = gateway::world(&yaml).flag("--ip-families=both").start();
    let v4 = gateway.http();
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, v4.port()));
    for address in [v4, v6] {
        let mut client = Client::connect(address);
        client.send(REQUEST);
        assert_eq!(client.answer().status, 200, "{address}");
    }
    gateway.prints(&format!("0.0.0.0:{} and [::]:{}", v4.port(), v4.port()));
    // The other family goes as well, and comes back.
    change(&gateway, &(bound_at(&[("127.0.0.1", 80)]) + DIRECT));
    eventually("IPv6 is closed", || TcpStream::connect_timeout(&v6, PATIENCE).is_err());
    assert_eq!(gateway.get("/").status, 200);
    change(&gateway, &yaml);
    assert!(answer(TcpStream::connect(v6).expect("connect")).ends_with("here"));
}

#[test]
fn all_ipv6_addresses_are_not_the_ipv4_ones_too() {
    if !has_ipv6() {
        return;
    }
    let gateway = gateway::world(&(bound_at(&[("::", 80)]) + DIRECT)).start();
    let v4 = gateway.http();
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, v4.port()));
    assert!(answer(TcpStream::connect(v6).expect("connect")).ends_with("here"));
    assert!(TcpStream::connect_timeout(&v4, PATIENCE).is_err());
}

#[test]
fn what_cannot_be_bound_is_said_and_bound_later_while_the_others_serve() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let folder = tempfile::TempDir::new().expect("a folder");
    let letter = folder.path().join("letter");
    std::fs::write(&letter, "dear").expect("write");
    let nowhere = folder.path().join("no/such/folder.sock");
    let unix = |path: &Path| format!("unix://{}", path.display());
    let yaml =
        bound_at(&[("", 80), ("127.0.0.1", port), (&unix(&letter), 0), (&unix(&nowhere), 0)])
            + DIRECT;
    let gateway = gateway::world(&yaml).start();
    assert_eq!(gateway.get("/").status, 200);
    gateway.prints(&format!("cannot listen: 127.0.0.1:{port} is in use by"));
    gateway.prints("a file that is no socket is there; move it away");
    gateway.prints("its directory does not exist; make it first");
    drop(taken);
    std::fs::remove_file(&letter).expect("remove");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    eventually("the port is bound", || TcpStream::connect(address).is_ok());
    assert!(answer(TcpStream::connect(address).expect("connect")).ends_with("here"));
    eventually("the socket is bound", || UnixStream::connect(&letter).is_ok());
}
