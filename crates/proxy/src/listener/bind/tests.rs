//! What is said of an address that cannot be bound.

use super::*;

fn said(bind: &Bind, kind: io::ErrorKind) -> String {
    explain(bind, &kind.into()).to_string()
}

#[test]
fn a_privileged_port_comes_with_every_way_to_it() {
    let https = Bind::Ip(([0, 0, 0, 0], 443).into());
    let text = said(&https, io::ErrorKind::PermissionDenied);
    for way in [
        "binding 0.0.0.0:443 is not permitted",
        "--port-map 443=8443",
        "net.ipv4.ip_unprivileged_port_start=443",
        "setcap cap_net_bind_service=+ep",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        "NET_BIND_SERVICE among",
    ] {
        assert!(text.replace('`', "").contains(way), "{way}: {text}");
    }
    let other = Bind::Ip(([0, 0, 0, 0], 8443).into());
    assert!(!said(&other, io::ErrorKind::PermissionDenied).contains("--port-map"));
}

#[test]
fn a_unix_socket_says_what_is_in_its_way() {
    let file = Bind::Unix("/run/a.sock".into());
    let name = Bind::Abstract("a".into());
    for (bind, kind, expected) in [
        (&file, io::ErrorKind::PermissionDenied, "the directory of /run/a.sock is not writable"),
        (&file, io::ErrorKind::AlreadyExists, "binding unix:/run/a.sock failed: a file that is no"),
        (&file, io::ErrorKind::NotFound, "its directory does not exist"),
        (&name, io::ErrorKind::InvalidInput, "at most 107 bytes"),
        (&name, io::ErrorKind::AddrInUse, "unix:@a is in use"),
    ] {
        let text = said(bind, kind);
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn an_ipv6_address_without_ipv6_says_so() {
    let bind = Bind::Ip((std::net::Ipv6Addr::UNSPECIFIED, 80).into());
    let text = explain(&bind, &io::Error::from_raw_os_error(NO_FAMILY)).to_string();
    assert!(text.contains("no IPv6"), "{text}");
}

#[test]
fn accepted_connections_send_small_messages_at_once() {
    let socket = open(([127, 0, 0, 1], 0).into(), true).unwrap();
    socket.listen(1).unwrap();
    socket.set_nonblocking(false).unwrap();
    let listener = TcpListener::from(socket);
    let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(listener.accept().unwrap().0.nodelay().unwrap());
}
