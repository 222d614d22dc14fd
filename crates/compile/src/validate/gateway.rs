//! Gateway: its name, its servers' ports, hosts and binds. TLS settings have a file of their own.

use std::collections::HashMap;

use propylon_model::gateway::{Gateway, Port, Server, ServerTls, ServerTlsMode};

use super::code;
use super::host::{is_ip, is_label, server_host};
use super::names::{port, unix_path};
use super::protocol::{Class, class};
use super::report::{Findings, Place};
use super::server_tls;

/// Checks a Gateway as Istio's webhook does.
pub(super) fn check(out: &mut Findings<'_>, gateway: &Gateway) {
    let Gateway { servers, selector: _ } = gateway;
    let name = out.meta().key.name.clone();
    if !is_label(&name) {
        let metadata = Place::top("metadata");
        out.error(
            code::NAME,
            &metadata.key("name"),
            format!("`{name}` is no DNS label, so no VirtualService can refer to this Gateway"),
            format!("a Gateway's name has no dots: write `{}`", name.replace(['.', '_'], "-")),
        );
    }
    let spec = Place::top("spec");
    let list = spec.key("servers");
    if servers.is_empty() {
        out.error(
            code::MISSING,
            &spec,
            "the Gateway has no servers, so it opens no port",
            "add `servers:` with a port and hosts",
        );
    }
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (position, server) in servers.iter().enumerate() {
        let here = list.index(position);
        check_server(out, &here, server);
        if server.port.name.is_empty() {
            continue;
        }
        if let Some(first) = names.insert(&server.port.name, position) {
            out.error(
                code::DUPLICATE,
                &here.key("port").key("name"),
                format!(
                    "port name `{}` is already used by servers[{first}] of this Gateway",
                    server.port.name
                ),
                format!(
                    "give every server its own port name, such as `{}-{position}`",
                    server.port.name
                ),
            );
        }
    }
}

fn check_server(out: &mut Findings<'_>, place: &Place<'_>, server: &Server) {
    let Server { port, bind, hosts, tls, default_endpoint: _, name: _ } = server;
    if hosts.is_empty() {
        out.error(
            code::MISSING,
            place,
            "the server has no hosts, so it would serve nobody",
            "add `hosts:`, for example `- \"*\"` for every host",
        );
    }
    let list = place.key("hosts");
    for (position, host) in hosts.iter().enumerate() {
        server_host(out, &list.index(position), host);
    }
    check_port(out, place, port, bind);
    check_bind(out, place, port, bind);
    let protocol = class(&port.protocol);
    if let Some(tls) = tls {
        server_tls::check(out, &place.key("tls"), tls);
        check_tls_fits(out, place, protocol, port, tls);
    } else if protocol == Some(Class::Tls) {
        out.error(
            code::TLS,
            place,
            format!("a server for {} needs `tls`", port.protocol.to_ascii_uppercase()),
            "add `tls:` with `mode: SIMPLE` and a `credentialName`, or with `mode: PASSTHROUGH`",
        );
    }
}

fn check_port(out: &mut Findings<'_>, server: &Place<'_>, given: &Port, bind: &str) {
    let Port { number, protocol, name, target_port } = given;
    let place = server.key("port");
    if *given == Port::default() {
        return out.error(
            code::MISSING,
            server,
            "the server has no port",
            "add `port: {number: 80, name: http, protocol: HTTP}`",
        );
    }
    if class(protocol).is_none() {
        let place = place.key("protocol");
        if protocol.is_empty() {
            out.error(
                code::MISSING,
                &server.key("port"),
                "the port has no protocol",
                "add `protocol: HTTP` (or HTTPS, GRPC, HTTP2, TLS, TCP, MONGO)",
            );
        } else {
            out.error(
                code::VALUE,
                &place,
                format!("`{protocol}` is no protocol that a Gateway knows"),
                "write one of HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, TLS, TCP, MONGO, MYSQL, REDIS",
            );
        }
    }
    if *number > 0 || !bind.starts_with(UNIX) {
        port(out, &place.key("number"), *number);
    }
    if *target_port > 0 {
        out.error(
            code::NO_EFFECT,
            &place.key("targetPort"),
            "targetPort has no effect on a Gateway and Istio refuses it",
            "remove it; the Service in front of the gateway, or `--port-map`, translates ports",
        );
    }
    if name.is_empty() {
        out.error(
            code::MISSING,
            &place,
            "the port has no name",
            format!("add `name: {}-{number}`", protocol.to_ascii_lowercase()),
        );
    }
}

fn check_bind(out: &mut Findings<'_>, server: &Place<'_>, given: &Port, bind: &str) {
    let place = server.key("bind");
    if let Some(path) = bind.strip_prefix(UNIX) {
        unix_path(out, &place, path);
        if given.number != 0 {
            out.error(
                code::CONFLICT,
                &server.key("port").key("number"),
                format!("a Unix socket has no port, but {} is given", given.number),
                "write `number: 0`",
            );
        }
    } else if !bind.is_empty() && !is_ip(bind) {
        out.error(
            code::ADDRESS,
            &place,
            format!("`{bind}` is no address to listen on"),
            "write an IP address, or `unix:///path`; leave it out for all addresses",
        );
    }
}

fn check_tls_fits(
    out: &mut Findings<'_>,
    server: &Place<'_>,
    protocol: Option<Class>,
    given: &Port,
    tls: &ServerTls,
) {
    let place = server.key("tls");
    let certificates = [&tls.ca_certificates, &tls.private_key, &tls.server_certificate];
    let terminates =
        !matches!(tls.mode, ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough);
    match protocol {
        Some(Class::Http) if terminates || certificates.iter().any(|path| !path.is_empty()) => {
            out.error(
                code::TLS,
                &place,
                format!("port {} speaks plain {}, which has no TLS", given.number, given.protocol),
                "write `protocol: HTTPS`, or keep only `httpsRedirect: true`",
            );
        }
        Some(Class::Tcp) => out.error(
            code::TLS,
            &place,
            format!("port {} speaks {}, which has no TLS", given.number, given.protocol),
            "write `protocol: TLS` to decrypt TCP, or remove `tls`",
        ),
        _ => {}
    }
    if tls.https_redirect && protocol.is_some_and(|class| class != Class::Http) {
        out.warning(
            code::NO_EFFECT,
            &place.key("httpsRedirect"),
            "httpsRedirect answers plaintext HTTP only, so it does nothing here",
            "put it on the server of the HTTP port",
        );
    }
}

/// How `bind` names a Unix socket.
const UNIX: &str = "unix://";

#[cfg(test)]
mod tests;
