//! Cluster ids: those handed out while routes are compiled are provisional, as only used clusters
//! are kept, in the order of their names. The final ones are put in their place here.

use propylon_snapshot::{
    Action, ClusterId, Listener, Rule, ServerNames, Serves, Target, TcpRoute, Then,
};

/// Those of a rule.
pub(crate) fn rule(rule: &mut Rule, clusters: &[ClusterId]) {
    let Action::Forward(forward) = &mut rule.action else { return };
    let destinations = forward.destinations.iter_mut().map(|one| &mut one.target);
    let mirrors = forward.mirrors.iter_mut().map(|one| &mut one.target);
    for target in destinations.chain(mirrors) {
        settle(target, clusters);
    }
}

/// Those of a listener that hands connections on.
pub(crate) fn listener(mut listener: Listener, clusters: &[ClusterId]) -> Listener {
    match &mut listener.serves {
        // A sidecar's listeners are finished elsewhere.
        Serves::Http(_) | Serves::Captured(_) | Serves::Proxy(_) => {}
        Serves::Tcp(route) => connections(route, clusters),
        Serves::Tls(names) => {
            let mut chains = names.chains().to_vec();
            for chain in &mut chains {
                if let Then::Tcp(route) = &mut chain.then {
                    connections(route, clusters);
                }
            }
            *names = ServerNames::new(chains);
        }
    }
    listener
}

/// Those of a route of connections.
pub(crate) fn connections(route: &mut TcpRoute, clusters: &[ClusterId]) {
    for destination in &mut route.destinations {
        settle(&mut destination.target, clusters);
    }
}

fn settle(target: &mut Target, clusters: &[ClusterId]) {
    if let Target::Cluster(id) = target {
        // Every provisional id was handed out by the list that `clusters` was made from.
        *id = clusters.get(id.0 as usize).copied().unwrap_or(*id);
    }
}
