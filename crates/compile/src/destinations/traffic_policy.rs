//! What a DestinationRule comes to for one port and one subset: Istio's replacement rules between
//! rule, port, subset and mesh, block by block.

use propylon_model::destination_rule::{
    ClientTls, ConnectionPool, ConsistentHash, HashAlgorithm, HashKey, LbPolicy, LoadBalancer,
    Maglev, OutlierDetection, PortTrafficPolicy, ProxyProtocol, ProxyProtocolVersion, RetryBudget,
    RingHash, SimpleLb, TrafficPolicy,
};
use propylon_model::{DestinationRule, FieldPath, Object};
use propylon_snapshot::{Balance, ProxyHeader};

use crate::destinations::destination_rule::{Merged, Placed};

/// Envoy's default of the fewest points on a ring.
const RING_POINTS: u64 = 1024;
/// Envoy's most points on a ring.
pub(crate) const RING_POINTS_MAX: u64 = 8 * 1024 * 1024;
/// Envoy's default size of a Maglev table.
const MAGLEV_ENTRIES: u64 = 65_537;

/// The blocks that count, of those in effect.
#[derive(Default)]
pub(crate) struct Policy<'w> {
    /// How an endpoint is chosen.
    pub(crate) load_balancer: Option<&'w LoadBalancer>,
    /// Timeouts.
    pub(crate) connection_pool: Option<&'w ConnectionPool>,
    /// When endpoints are ejected.
    pub(crate) outlier: Option<&'w OutlierDetection>,
    /// How many retries there may be.
    pub(crate) retry_budget: Option<&'w RetryBudget>,
    /// The header that connections begin with.
    pub(crate) proxy_protocol: Option<&'w ProxyProtocol>,
    /// TLS towards endpoints, and where it is asked for.
    pub(crate) tls: Option<(&'w ClientTls, &'w Object<DestinationRule>, FieldPath)>,
}

impl<'w> Policy<'w> {
    /// The policy of a port and a subset. A port's settings replace the rule's blocks as a whole,
    /// unset ones included; a subset's blocks replace one by one, but those of its port again as a
    /// whole.
    pub(crate) fn of(rule: &Merged<'w>, port: u16, subset: Option<&str>) -> Self {
        let base = rule.policy.as_ref().map_or_else(Self::default, |placed| {
            match port_level(placed, port) {
                // Retries and headers have no settings of ports.
                Some((settings, field)) => Self {
                    retry_budget: placed.part.retry_budget.as_ref(),
                    proxy_protocol: placed.part.proxy_protocol.as_ref(),
                    ..Self::of_port(settings, placed.object, &field)
                },
                None => Self::of_policy(placed.part, placed.object, &placed.field),
            }
        });
        let Some(placed) = subset.and_then(|name| rule.subset(name)) else { return base };
        let Some(part) = &placed.part.traffic_policy else { return base };
        let field = placed.field.key("trafficPolicy");
        let own = Placed { part, object: placed.object, field };
        if let Some((settings, field)) = port_level(&own, port) {
            let retry_budget = own.part.retry_budget.as_ref().or(base.retry_budget);
            let proxy_protocol = own.part.proxy_protocol.as_ref().or(base.proxy_protocol);
            let of_port = Self::of_port(settings, own.object, &field);
            return Self { retry_budget, proxy_protocol, ..of_port };
        }
        let over = Self::of_policy(own.part, own.object, &own.field);
        Self {
            load_balancer: over.load_balancer.or(base.load_balancer),
            connection_pool: over.connection_pool.or(base.connection_pool),
            outlier: over.outlier.or(base.outlier),
            retry_budget: over.retry_budget.or(base.retry_budget),
            proxy_protocol: over.proxy_protocol.or(base.proxy_protocol),
            tls: over.tls.or(base.tls),
        }
    }

    /// The PROXY protocol header before everything else.
    pub(crate) fn proxy_header(&self) -> Option<ProxyHeader> {
        self.proxy_protocol.map(|ProxyProtocol { version }| match version {
            ProxyProtocolVersion::V1 => ProxyHeader::V1,
            ProxyProtocolVersion::V2 => ProxyHeader::V2,
        })
    }

    /// True if whoever asks names the endpoint.
    pub(crate) fn passes_through(&self) -> bool {
        let chosen = self.load_balancer.and_then(|balancer| balancer.policy.as_ref());
        matches!(chosen, Some(LbPolicy::Simple(SimpleLb::Passthrough)))
    }

    /// How an endpoint is chosen, where there are several.
    pub(crate) fn balance(&self) -> Balance {
        match self.load_balancer.and_then(|balancer| balancer.policy.as_ref()) {
            Some(LbPolicy::ConsistentHash(hash)) => consistent_hash(hash),
            Some(LbPolicy::Simple(simple)) => match simple {
                SimpleLb::RoundRobin => Balance::RoundRobin,
                SimpleLb::Random => Balance::Random,
                SimpleLb::Unspecified
                | SimpleLb::LeastConn
                | SimpleLb::LeastRequest
                | SimpleLb::Passthrough => Balance::LeastRequest,
            },
            None => Balance::LeastRequest,
        }
    }

    fn of_policy(
        policy: &'w TrafficPolicy,
        object: &'w Object<DestinationRule>,
        field: &FieldPath,
    ) -> Self {
        // A tunnel is no matter of the cluster: see `crate::tunnel`.
        let TrafficPolicy {
            load_balancer,
            connection_pool,
            outlier_detection,
            tls,
            port_level_settings: _,
            tunnel: _,
            proxy_protocol,
            retry_budget,
        } = policy;
        Self {
            outlier: outlier_detection.as_ref(),
            retry_budget: retry_budget.as_ref(),
            proxy_protocol: proxy_protocol.as_ref(),
            load_balancer: load_balancer.as_ref(),
            connection_pool: connection_pool.as_ref(),
            tls: tls.as_ref().map(|tls| (tls, object, field.key("tls"))),
        }
    }

    fn of_port(
        settings: &'w PortTrafficPolicy,
        object: &'w Object<DestinationRule>,
        field: &FieldPath,
    ) -> Self {
        let PortTrafficPolicy { port: _, load_balancer, connection_pool, outlier_detection, tls } =
            settings;
        Self {
            outlier: outlier_detection.as_ref(),
            retry_budget: None,
            proxy_protocol: None,
            load_balancer: load_balancer.as_ref(),
            connection_pool: connection_pool.as_ref(),
            tls: tls.as_ref().map(|tls| (tls, object, field.key("tls"))),
        }
    }
}

/// The table behind a consistent hash: a ring unless Maglev is named, with Envoy's sizes where
/// none is.
fn consistent_hash(hash: &ConsistentHash) -> Balance {
    let ConsistentHash { key: _, algorithm, minimum_ring_size } = hash;
    let set = |written: u64, default: u64| if written == 0 { default } else { written };
    let points = match algorithm {
        Some(HashAlgorithm::Maglev(Maglev { table_size })) => {
            return Balance::Maglev { entries: set(*table_size, MAGLEV_ENTRIES) };
        }
        Some(HashAlgorithm::RingHash(RingHash { minimum_ring_size })) => *minimum_ring_size,
        None => *minimum_ring_size,
    };
    Balance::RingHash { points_min: set(points, RING_POINTS).min(RING_POINTS_MAX) }
}

/// What a rule makes an HTTP destination hash. Unlike the balancer itself, Istio looks it up part
/// by part: the subset's port, the subset, the rule's port, the rule; and ports only where the
/// destination names one.
pub(crate) fn http_hash<'w>(
    rule: &Merged<'w>,
    port: Option<u32>,
    subset: &str,
) -> Option<&'w ConsistentHash> {
    let whole = rule.policy.as_ref().map(|placed| placed.part);
    let subset = rule.subset(subset).and_then(|placed| placed.part.traffic_policy.as_ref());
    let of_port = |policy: &'w TrafficPolicy| {
        let mut settings = policy.port_level_settings.iter();
        let fits =
            |one: &&PortTrafficPolicy| one.port.as_ref().map(|selector| selector.number) == port;
        hash_of(port.and_then(|_| settings.find(fits))?.load_balancer.as_ref())
    };
    let of = |policy: &'w TrafficPolicy| hash_of(policy.load_balancer.as_ref());
    subset
        .and_then(of_port)
        .or_else(|| subset.and_then(of))
        .or_else(|| whole.and_then(of_port))
        .or_else(|| whole.and_then(of))
}

/// Whether a rule makes TCP connections to a subset hash the client's address: the rule says so and
/// no balancer of the subset says otherwise. Settings of ports do not count here, as in Istio.
pub(crate) fn tcp_hash(rule: &Merged<'_>, subset: &str) -> bool {
    let by_source = |balancer: Option<&LoadBalancer>| {
        hash_of(balancer).is_some_and(|hash| hash.key == Some(HashKey::UseSourceIp(true)))
    };
    let whole = rule.policy.as_ref().and_then(|placed| placed.part.load_balancer.as_ref());
    let subset = rule.subset(subset).and_then(|placed| placed.part.traffic_policy.as_ref());
    let own = subset.and_then(|policy| policy.load_balancer.as_ref());
    by_source(own.or(whole))
}

fn hash_of(balancer: Option<&LoadBalancer>) -> Option<&ConsistentHash> {
    match balancer?.policy.as_ref()? {
        LbPolicy::ConsistentHash(hash) => Some(hash),
        LbPolicy::Simple(_) => None,
    }
}

fn port_level<'w>(
    placed: &Placed<'w, TrafficPolicy>,
    port: u16,
) -> Option<(&'w PortTrafficPolicy, FieldPath)> {
    let settings = &placed.part.port_level_settings;
    let fits = |one: &PortTrafficPolicy| {
        one.port.as_ref().is_some_and(|selector| selector.number == u32::from(port))
    };
    let position = settings.iter().position(fits)?;
    let field = placed.field.key("portLevelSettings").index(position);
    Some((settings.get(position)?, field))
}
