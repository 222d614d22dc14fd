//! Clusters whose endpoints whoever asks names: the address that a sidecar's connection was meant
//! for, and names of DYNAMIC_DNS. What may be reached that way is part of the snapshot.

use std::net::IpAddr;

use ipnet::IpNet;
use propylon_model::service_entry::Resolution;
use propylon_snapshot::{
    Asked, Availability, Balance, Cluster, Discovery, Http2Settings, PASSTHROUGH, Target,
    UpstreamProtocol,
};

use super::{Clusters, IDLE_TIMEOUT, set};
use crate::Role;
use crate::destinations::limits::limits;
use crate::destinations::registry::{Behind, Port, Service};

impl<'w> Clusters<'_, 'w> {
    /// The cluster that leads captured connections wherever they were meant to go.
    pub(crate) fn passthrough(&mut self) -> Target {
        if !self.made.contains_key(PASSTHROUGH) {
            let pool = self.view.mesh.connection_pool();
            let idle = pool.and_then(|pool| pool.tcp.as_ref()).and_then(|tcp| tcp.idle_timeout);
            let asked = Asked { original: true, names: [].into(), port: 0, allowed: [].into() };
            let cluster = Cluster {
                name: PASSTHROUGH.into(),
                discovery: Discovery::Asked(asked),
                balance: Balance::LeastRequest,
                localities: None,
                warmup: None,
                // As Istio: what an application speaks to the unknown is its own business.
                protocol: UpstreamProtocol::AsClient(Http2Settings::default()),
                tls: None,
                proxy_header: None,
                connect_timeout: self.view.mesh.connect_timeout(),
                idle_timeout: set(idle).unwrap_or(IDLE_TIMEOUT),
                limits: limits(pool, None, self.view.mesh.tcp_keepalive()),
                outlier: None,
                availability: Availability::Open,
            };
            self.keep(PASSTHROUGH, Some(cluster));
        }
        match self.made.get(PASSTHROUGH) {
            Some(Some(made)) => Target::Cluster(made.provisional),
            Some(None) | None => Target::Missing(PASSTHROUGH.into()),
        }
    }

    /// What may be asked for, where whoever asks names the endpoint: the address that a sidecar's
    /// connection was meant for, or a name of DYNAMIC_DNS. A gateway has no such address; it looks
    /// up the hosts of NONE where it is told to.
    pub(super) fn asked(&self, service: &Service<'w>, port: &Port) -> Option<Asked> {
        let Behind::Entry(object) = service.behind else { return None };
        let options = self.view.options;
        let original = matches!(options.role, Role::Sidecar(_));
        let original = match object.spec.resolution {
            Resolution::None if original => true,
            Resolution::None if options.resolve_none => false,
            Resolution::DynamicDns => false,
            Resolution::None | Resolution::Static | Resolution::Dns | Resolution::DnsRoundRobin => {
                return None;
            }
        };
        let written = object.spec.ports.get(port.position)?;
        let target = if written.target_port == 0 { written.number } else { written.target_port };
        let listed = object.spec.addresses.iter().filter_map(|text| {
            text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        });
        Some(Asked {
            original,
            names: [service.host.to_ascii_lowercase().into()].into(),
            port: u16::try_from(target).ok()?,
            allowed: listed.chain(options.allowed_destinations.iter().copied()).collect(),
        })
    }
}
