//! AUTO_PASSTHROUGH servers: a chain for every service of the mesh that fits their hosts, by the
//! server name that proxies of a mesh ask for, `outbound_.<port>_.<subset>_.<host>`. No
//! VirtualService takes part. Istio's rules; the clusters behind them are `cluster`'s.

use propylon_snapshot::{
    Offered, Target, TcpDestination, TcpProtocol, TcpRoute, Termination, Then, TlsChain,
};

use crate::destinations::handing::Handing;
use crate::listeners::gateway::OpenServer;
use crate::listeners::merge::protocol_field;
use crate::listeners::tcp_route::Taken;
use crate::problems::code;
use crate::routes::http_route::Builder;

impl<'w> Builder<'_, 'w> {
    /// The chains of a server. Names that the address has already are left out: two servers of one
    /// port may have services in common. Reported where there is none at all.
    pub(crate) fn every_service(
        &mut self,
        server: &OpenServer<'w>,
        taken: &Taken,
    ) -> Vec<TlsChain> {
        let hosts: Vec<&str> = server.hosts.iter().map(|(_, host)| *host).collect();
        let origin = self.objects.origin(server.gateway, server.position, None);
        let found = self.clusters.of_the_mesh(&hosts);
        if found.is_empty() {
            let message = format!(
                "no service of the mesh fits the hosts of this server, so port {} answers nobody \
                 for it",
                server.port
            );
            let field = protocol_field(server);
            self.problems.warning(code::SERVER_UNBOUND, server.gateway, field, message);
        } else if !found.iter().any(|service| service.has_endpoints) {
            let message = "no endpoint of the services behind this server has the label \
                           `security.istio.io/tlsMode: istio`, and only those that speak mutual \
                           TLS are reached through it: every connection is closed";
            let field = server.field().key("tls").key("mode");
            self.problems.warning(code::ENDPOINT, server.gateway, field, message);
        }
        let chains = found.into_iter().filter_map(|service| {
            let name: Box<str> = service.name.to_ascii_lowercase().into();
            if taken.contains_key(&name) {
                return None;
            }
            // Istio opens no tunnels for what is passed through by itself.
            let Handing { idle_timeout, duration, hash_source, tunnel: _ } = service.handing;
            let route = TcpRoute {
                destinations: vec![TcpDestination {
                    target: Target::Cluster(service.cluster),
                    weight: 1,
                }],
                idle_timeout,
                duration,
                stat_prefix: service.name,
                protocol: TcpProtocol::Tcp,
                hash_source,
                tunnel: None,
                origin,
            };
            Some(TlsChain {
                names: vec![name],
                offered: Offered::Istio,
                termination: Termination::Passthrough,
                then: Then::Tcp(route),
                origin,
            })
        });
        chains.collect()
    }
}
