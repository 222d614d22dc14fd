//! Which servers of which Gateways this workload opens, and at which addresses.
//! It selects, completes and translates ports; conflicts between servers are `merge`'s.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use propylon_model::gateway::Server;
use propylon_model::kubernetes::PortRef;
use propylon_model::{FieldPath, Gateway, Object};
use propylon_snapshot::Bind;

use crate::Families;
use crate::host::split_server_host;
use crate::problems::{Problems, code};
use crate::selection::{in_order, selects};
use crate::validate::protocol::{Class, class};
use crate::view::View;

/// One server that this workload is asked to open.
pub(crate) struct OpenServer<'w> {
    /// Its Gateway.
    pub(crate) gateway: &'w Object<Gateway>,
    /// The Gateway as VirtualServices name it.
    pub(crate) name: String,
    /// Its position in the Gateway.
    pub(crate) position: usize,
    /// The server itself.
    pub(crate) server: &'w Server,
    /// The port it declares.
    pub(crate) port: u16,
    /// The port it has behind a Service's translation, which names route tables.
    pub(crate) service_port: u16,
    /// Where it binds.
    pub(crate) bind: Bind,
    /// Where it binds besides.
    pub(crate) also: Option<Bind>,
    /// What its protocol means to a listener.
    pub(crate) class: Class,
    /// Its hosts, each with the namespace that may bind it (`None`: any).
    pub(crate) hosts: Vec<(Option<&'w str>, &'w str)>,
}

impl OpenServer<'_> {
    /// The way to the server in its Gateway.
    pub(crate) fn field(&self) -> FieldPath {
        FieldPath::spec().key("servers").index(self.position)
    }

    /// True if it answers every request with a redirect to https.
    pub(crate) fn redirects(&self) -> bool {
        self.server.tls.as_ref().is_some_and(|tls| tls.https_redirect)
    }
}

/// The Gateways that select this workload, oldest first.
pub(crate) fn selected<'w>(view: &View<'w>) -> Vec<&'w Object<Gateway>> {
    let gateways = in_order(&view.world.gateways).into_iter();
    gateways.filter(|gateway| selects(&gateway.spec.selector, &view.options.labels)).collect()
}

/// The servers of these Gateways, in the order that decides conflicts.
pub(crate) fn servers<'w>(
    view: &View<'w>,
    gateways: &[&'w Object<Gateway>],
    problems: &mut Problems,
) -> Vec<OpenServer<'w>> {
    let translation = service_ports(view);
    let mut servers = Vec::new();
    for gateway in gateways {
        let key = &gateway.meta.key;
        for (position, server) in gateway.spec.servers.iter().enumerate() {
            let Some(class) = class(&server.port.protocol) else { continue };
            let Ok(port) = u16::try_from(server.port.number) else { continue };
            let service_port = translation.get(&port).copied().unwrap_or(port);
            let bound = view.options.port_map.get(&port).copied().unwrap_or(service_port);
            let (bind, also) = match bind(&server.bind, bound, view.options.families) {
                Ok(binds) => binds,
                Err(why) => {
                    let field = FieldPath::spec().key("servers").index(position).key("bind");
                    let message = format!("{why}, so this server is not opened");
                    problems.error(code::SERVER_CLOSED, *gateway, field, message);
                    continue;
                }
            };
            let hosts = server.hosts.iter();
            servers.push(OpenServer {
                gateway,
                name: format!("{}/{}", key.namespace, key.name),
                position,
                server,
                port,
                service_port,
                bind,
                also,
                class,
                hosts: hosts.map(|host| split_server_host(host, &key.namespace)).collect(),
            });
        }
    }
    servers
}

/// Where a server binds: all addresses of the machine's families where it names none. An IPv6
/// address takes no IPv4 connections, `::` included (Istio sets no `ipv4_compat`).
fn bind(written: &str, port: u16, families: Families) -> Result<(Bind, Option<Bind>), String> {
    if let Some(path) = written.strip_prefix("unix://") {
        let bind = match path.strip_prefix('@') {
            Some(name) => Bind::Abstract(name.into()),
            None => Bind::Unix(path.into()),
        };
        return Ok((bind, None));
    }
    if port == 0 {
        return Err("port 0 is for Unix sockets only".to_owned());
    }
    let at = |address: IpAddr| Bind::Ip(SocketAddr::new(address, port));
    let (v4, v6) = (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into());
    match (written, families) {
        ("", Families::V4) => Ok((at(v4), None)),
        ("", Families::V6) => Ok((at(v6), None)),
        ("", Families::Both) => Ok((at(v4), Some(at(v6)))),
        (text, _) => match text.parse() {
            Ok(address) => Ok((at(address), None)),
            Err(_) => Err(format!("`{text}` is no IP address")),
        },
    }
}

/// Ports that a Service in front of this workload translates: from the port clients use, which
/// Gateways declare, to the one the workload listens on (Istio's rule).
fn service_ports(view: &View<'_>) -> BTreeMap<u16, u16> {
    let mut ports = BTreeMap::new();
    for service in in_order(&view.world.services) {
        let selector = &service.spec.selector;
        let is_ours = *service.meta.key.namespace == *view.namespace()
            && !selector.is_empty()
            && selects(selector, &view.options.labels)
            && !service.meta.labels.contains_key(NO_TRANSLATION);
        if !is_ours {
            continue;
        }
        for port in &service.spec.ports {
            let target = match port.target_port {
                Some(PortRef::Number(target)) if target > 0 => target,
                Some(PortRef::Number(_) | PortRef::Name(_)) | None => port.port,
            };
            if let (Ok(from), Ok(to)) = (u16::try_from(port.port), u16::try_from(target)) {
                ports.entry(from).or_insert(to);
            }
        }
    }
    ports
}

/// A Service with this label translates nothing.
const NO_TRANSLATION: &str = "experimental.istio.io/disable-gateway-port-translation";
