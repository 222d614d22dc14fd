//! Routes of connections in words: TCP, and TLS that is passed through by server name.

use propylon_snapshot::{
    Listener, Origin, Outbound, Serves, Snapshot, TcpProtocol, TcpRoute, Termination, Then,
};
use serde_json::{Value, json};

use super::describe;
use crate::place::{Places, listed_origin_text, place_text};

/// A route of connections at a listener.
pub(crate) struct Connections<'s> {
    /// The server names that take it; `None` where every connection does.
    pub(crate) names: Option<String>,
    /// The route.
    pub(crate) route: &'s TcpRoute,
    list: &'static str,
}

/// The routes of connections of a listener, in its order.
pub(crate) fn of<'s>(listener: &'s Listener, snapshot: &Snapshot) -> Vec<Connections<'s>> {
    match &listener.serves {
        Serves::Http(_) => Vec::new(),
        Serves::Tcp(route) => vec![Connections { names: None, route, list: "tcp" }],
        Serves::Captured(outbound) => {
            let otherwise = outbound.otherwise().map(|route| Connections {
                names: Some("anything else".to_owned()),
                route,
                list: "tcp",
            });
            leaving(outbound).chain(otherwise).collect()
        }
        // It is told names, and reaches what objects define only.
        Serves::Proxy(outbound) => {
            let reaches = |one: &Connections<'_>| {
                one.route.destinations.iter().any(|to| !snapshot.passes_through(&to.target))
            };
            leaving(outbound).filter(reaches).collect()
        }
        Serves::Tls(names) => {
            let chains = names.chains().iter();
            let routes = chains.filter_map(|chain| match &chain.then {
                Then::Http(_) => None,
                Then::Tcp(route) => {
                    let list = match chain.termination {
                        Termination::Terminate(_) => "tcp",
                        Termination::Passthrough => "tls",
                    };
                    Some(Connections { names: Some(chain.names.join(", ")), route, list })
                }
            });
            routes.collect()
        }
    }
}

/// The routes of what leaves a workload.
fn leaving(outbound: &Outbound) -> impl Iterator<Item = Connections<'_>> {
    outbound.routes().map(|(at, names, route)| Connections {
        names: Some(match names {
            Some(names) => format!("{} to {}", names.join(", "), at.name),
            None => format!("bytes to {}", at.name),
        }),
        route,
        list: if names.is_some() { "tls" } else { "tcp" },
    })
}

impl Connections<'_> {
    fn origin(&self) -> (Origin, &'static str) {
        (self.route.origin, self.list)
    }

    /// One row of `routes`: who, where to, what is special, where it is written.
    pub(super) fn row(&self, snapshot: &Snapshot, places: &mut Places) -> Vec<String> {
        let who = match &self.names {
            Some(names) if self.list == "tls" => format!("TLS for {names}, passed through"),
            Some(names) => names.clone(),
            None => "any connection".to_owned(),
        };
        let (origin, list) = self.origin();
        vec![
            who,
            format!("-> {}", destinations(self.route, snapshot)),
            describe_settings(self.route),
            place_text(places.listed_origin(snapshot, origin, list).as_ref()),
        ]
    }

    /// The same for programs.
    pub(super) fn machine(&self, snapshot: &Snapshot, places: &mut Places) -> Value {
        let (origin, list) = self.origin();
        let place = places.listed_origin(snapshot, origin, list);
        json!({
            "serverNames": self.names,
            "action": destinations(self.route, snapshot),
            "settings": describe_settings(self.route),
            "origin": listed_origin_text(snapshot, origin, list),
            "file": place.as_ref().map(|place| place.path.display().to_string()),
            "line": place.as_ref().map(|place| place.line),
        })
    }

    /// One column of the start's list of listeners.
    pub(crate) fn row_text(&self, snapshot: &Snapshot) -> String {
        let names = self.names.as_ref().map(|names| format!("{names} ")).unwrap_or_default();
        format!("{names}-> {}", destinations(self.route, snapshot))
    }

    /// What happens to a connection, in a sentence's part.
    pub(crate) fn text(&self, snapshot: &Snapshot) -> String {
        text(self.route, snapshot, self.list)
    }
}

/// What happens to a connection that a route of a list takes, in a sentence's part.
pub(super) fn text(route: &TcpRoute, snapshot: &Snapshot, list: &str) -> String {
    let tunnel = route.tunnel.as_ref();
    let tunnel = tunnel.map(|tunnel| format!(", through a tunnel: {tunnel}")).unwrap_or_default();
    format!(
        "connections are handed on to {}{tunnel} ({})",
        destinations(route, snapshot),
        listed_origin_text(snapshot, route.origin, list)
    )
}

/// `mongo.prod.svc.cluster.local:5555`, or several with their shares.
fn destinations(route: &TcpRoute, snapshot: &Snapshot) -> String {
    if let [only] = route.destinations.as_slice() {
        return describe::target(&only.target, snapshot);
    }
    let sum: u64 = route.destinations.iter().map(|one| u64::from(one.weight)).sum();
    let texts = route
        .destinations
        .iter()
        .map(|one| format!("{} {}/{sum}", describe::target(&one.target, snapshot), one.weight));
    texts.collect::<Vec<_>>().join(", ")
}

fn describe_settings(route: &TcpRoute) -> String {
    let mut words = Vec::new();
    if route.protocol == TcpProtocol::Mongo {
        words.push("counted as MongoDB".to_owned());
    }
    if let Some(tunnel) = &route.tunnel {
        words.push(format!("through a tunnel: {tunnel}"));
    }
    match route.idle_timeout {
        Some(idle) => words.push(format!("idle {}", describe::duration(idle))),
        None => words.push("no idle timeout".to_owned()),
    }
    words.join(", ")
}
