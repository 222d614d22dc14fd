//! Protocol selection, as a table.

use super::Protocol;

#[test]
fn a_kubernetes_port_says_its_protocol_by_app_protocol_name_or_number() {
    let cases = [
        ("", "http", 80, Protocol::Http),
        ("", "http-web", 80, Protocol::Http),
        ("", "http2-web", 80, Protocol::Http2),
        ("", "grpc-web", 80, Protocol::Http2),
        ("", "grpc-web-x", 80, Protocol::Http2),
        ("", "HTTPS-x", 443, Protocol::Tls),
        ("", "web-http", 80, Protocol::Unknown),
        ("", "", 80, Protocol::Unknown),
        ("", "", 3306, Protocol::Tcp),
        ("", "http-db", 3306, Protocol::Http),
        ("grpc", "http", 80, Protocol::Http2),
        ("kubernetes.io/h2c", "", 80, Protocol::Http2),
        ("kubernetes.io/ws", "", 80, Protocol::Http),
        ("kubernetes.io/wss", "", 443, Protocol::Tls),
        ("example.com/own", "http", 80, Protocol::Unknown),
    ];
    for (app_protocol, name, number, expected) in cases {
        let found = Protocol::of_kubernetes(app_protocol, name, number);
        assert_eq!(found, expected, "{app_protocol} {name} {number}");
    }
}
