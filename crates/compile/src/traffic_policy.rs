//! What a DestinationRule comes to for one port and one subset: Istio's replacement rules between
//! rule, port, subset and mesh, block by block.

use propylon_model::destination_rule::{
    ClientTls, ConnectionPool, LbPolicy, LoadBalancer, PortTrafficPolicy, SimpleLb, TrafficPolicy,
};
use propylon_model::{DestinationRule, FieldPath, Object};
use propylon_snapshot::Balance;

use crate::destination_rule::{Merged, Placed};

/// The blocks that count, of those in effect.
#[derive(Default)]
pub(crate) struct Policy<'w> {
    /// How an endpoint is chosen.
    pub(crate) load_balancer: Option<&'w LoadBalancer>,
    /// Timeouts.
    pub(crate) connection_pool: Option<&'w ConnectionPool>,
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
                Some((settings, field)) => Self::of_port(settings, placed.object, &field),
                None => Self::of_policy(placed.part, placed.object, &placed.field),
            }
        });
        let Some(placed) = subset.and_then(|name| rule.subset(name)) else { return base };
        let Some(part) = &placed.part.traffic_policy else { return base };
        let field = placed.field.key("trafficPolicy");
        let own = Placed { part, object: placed.object, field };
        if let Some((settings, field)) = port_level(&own, port) {
            return Self::of_port(settings, own.object, &field);
        }
        let over = Self::of_policy(own.part, own.object, &own.field);
        Self {
            load_balancer: over.load_balancer.or(base.load_balancer),
            connection_pool: over.connection_pool.or(base.connection_pool),
            tls: over.tls.or(base.tls),
        }
    }

    /// How an endpoint is chosen. What is not in effect yet balances as Istio's default does.
    pub(crate) fn balance(&self) -> Balance {
        match self.load_balancer.and_then(|balancer| balancer.policy.as_ref()) {
            Some(LbPolicy::Simple(simple)) => match simple {
                SimpleLb::RoundRobin => Balance::RoundRobin,
                SimpleLb::Random => Balance::Random,
                SimpleLb::Unspecified
                | SimpleLb::LeastConn
                | SimpleLb::LeastRequest
                | SimpleLb::Passthrough => Balance::LeastRequest,
            },
            Some(LbPolicy::ConsistentHash(_)) | None => Balance::LeastRequest,
        }
    }

    fn of_policy(
        policy: &'w TrafficPolicy,
        object: &'w Object<DestinationRule>,
        field: &FieldPath,
    ) -> Self {
        // Blocks that are not in effect yet are reported by `effect`.
        let TrafficPolicy {
            load_balancer,
            connection_pool,
            outlier_detection: _,
            tls,
            port_level_settings: _,
            tunnel: _,
            proxy_protocol: _,
            retry_budget: _,
        } = policy;
        Self {
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
        let PortTrafficPolicy {
            port: _,
            load_balancer,
            connection_pool,
            outlier_detection: _,
            tls,
        } = settings;
        Self {
            load_balancer: load_balancer.as_ref(),
            connection_pool: connection_pool.as_ref(),
            tls: tls.as_ref().map(|tls| (tls, object, field.key("tls"))),
        }
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
