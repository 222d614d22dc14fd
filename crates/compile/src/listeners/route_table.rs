//! Listeners and their tables: hosts that servers and VirtualServices have in common, and the
//! rules of each. Rule lists are shared by all hosts to which the same VirtualServices contribute.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use propylon_snapshot::{
    Bind, ClusterId, Listener, Offered, Origin, RouteTable, RouteTableId, Rule, RuleList, Serves,
    Termination, Then, TlsChain, VirtualHost,
};

use crate::listeners::gateway::OpenServer;
use crate::listeners::merge::Merged;
use crate::listeners::renumber;
use crate::listeners::server_hosts::{ServerHosts, domain_of, server_names};
use crate::listeners::tls_server;
use crate::problems::code;
use crate::routes::http_route::{At, Builder, catch_alls_last};
use crate::routes::virtual_service::{Bound, List};
use crate::validate::protocol::Class;

/// Position of a group of rules in [`Tables::groups`].
type GroupId = usize;

/// Tables under construction; clusters have provisional ids.
pub(crate) struct Tables<'b, 'w> {
    pub(crate) bound: &'b [Bound<'w>],
    pub(crate) by_gateway: HashMap<&'b str, Vec<usize>>,
    groups: Vec<Vec<Rule>>,
    group_ids: HashMap<(usize, String, u16), GroupId>,
    listeners: Vec<Listener>,
    tables: Vec<Table>,
    /// Listeners without a table.
    pub(crate) connections: Vec<Listener>,
    /// VirtualServices whose routes of connections some server takes.
    pub(crate) used: HashSet<(usize, List)>,
}

/// A table under construction.
struct Table {
    name: Box<str>,
    hosts: BTreeMap<String, Host>,
    grpc_web: bool,
}

/// A virtual host under construction.
struct Host {
    require_tls: bool,
    groups: Vec<GroupId>,
    origin: Origin,
}

impl<'b, 'w> Tables<'b, 'w> {
    /// No table yet.
    pub(crate) fn new(bound: &'b [Bound<'w>]) -> Self {
        Self {
            bound,
            by_gateway: crate::routes::virtual_service::by_gateway(bound),
            groups: Vec::new(),
            group_ids: HashMap::new(),
            listeners: Vec::new(),
            tables: Vec::new(),
            connections: Vec::new(),
            used: HashSet::new(),
        }
    }

    /// Adds the listener of one address.
    pub(crate) fn add(&mut self, merged: &Merged<'_, 'w>, builder: &mut Builder<'_, 'w>) {
        match merged.first().map(|first| first.class) {
            Some(Class::Http) => self.add_http(merged, builder),
            Some(Class::Tcp) => self.add_tcp(merged, builder),
            Some(Class::Tls) => self.add_tls(merged, builder),
            None => {}
        }
    }

    fn add_http(&mut self, merged: &Merged<'_, 'w>, builder: &mut Builder<'_, 'w>) {
        let Some(first) = merged.first() else { return };
        let mut hosts = BTreeMap::new();
        for server in &merged.servers {
            self.add_server(server, &mut hosts, builder);
        }
        // The first server's protocol is the port's, as in Istio.
        let grpc_web = first.server.port.protocol.eq_ignore_ascii_case("GRPC-WEB");
        let table = self.table(format!("http.{}", first.service_port), hosts, grpc_web);
        let serves = Serves::Http(table);
        self.listeners.push(Listener {
            bind: first.bind.clone(),
            also: first.also.clone(),
            port: first.port,
            serves,
            origin: builder.objects.origin(first.gateway, first.position, None),
        });
    }

    /// What answers for the names of one TLS server; `None` where it must stay closed.
    pub(crate) fn chain(
        &mut self,
        server: &OpenServer<'w>,
        builder: &mut Builder<'_, 'w>,
    ) -> Option<TlsChain> {
        let port = &server.server.port;
        let written = server.server.tls.as_ref()?;
        let view = builder.view;
        let tls = match tls_server::settings(server, written, view, &mut builder.problems) {
            Ok(tls) => tls,
            Err(why) => {
                let message = format!("this server is not opened: {why}");
                let field = server.field().key("tls");
                builder.problems.error(code::SERVER_CLOSED, server.gateway, field, message);
                return None;
            }
        };
        let then = if port.protocol.eq_ignore_ascii_case("HTTPS") {
            let mut hosts = BTreeMap::new();
            self.add_server(server, &mut hosts, builder);
            let gateway = &server.gateway.meta.key;
            let name = format!(
                "https.{}.{}.{}.{}",
                server.service_port, port.name, gateway.name, gateway.namespace
            );
            Then::Http(self.table(name, hosts, false))
        } else {
            // Decrypted bytes go where a `tcp` route sends them.
            Then::Tcp(self.connections_of(server, builder)?)
        };
        Some(TlsChain {
            names: server_names(server),
            offered: Offered::Anything,
            termination: Termination::Terminate(Arc::new(tls)),
            then,
            origin: builder.objects.origin(server.gateway, server.position, None),
        })
    }

    fn table(
        &mut self,
        name: String,
        hosts: BTreeMap<String, Host>,
        grpc_web: bool,
    ) -> RouteTableId {
        let id = RouteTableId(u32::try_from(self.tables.len()).unwrap_or(u32::MAX));
        self.tables.push(Table { name: name.into(), hosts, grpc_web });
        id
    }

    fn add_server(
        &mut self,
        server: &OpenServer<'w>,
        hosts: &mut BTreeMap<String, Host>,
        builder: &mut Builder<'_, 'w>,
    ) {
        let origin = builder.objects.origin(server.gateway, server.position, None);
        let new_host = || Host { require_tls: false, groups: Vec::new(), origin };
        let index = ServerHosts::new(server);
        let positions = self.by_gateway.get(server.name.as_str()).cloned().unwrap_or_default();
        for position in positions {
            let bound = &self.bound[position];
            let common = index.common(bound);
            if common.is_empty() {
                continue;
            }
            let group = self.group(position, server, builder);
            if self.groups[group].is_empty() {
                continue;
            }
            for domain in common {
                let host = hosts.entry(domain).or_insert_with(new_host);
                host.require_tls |= server.redirects();
                if !host.groups.contains(&group) {
                    host.groups.push(group);
                }
            }
        }
        if server.redirects() {
            // Hosts that no VirtualService serves redirect too.
            for (_, host) in &server.hosts {
                hosts.entry(domain_of(host)).or_insert_with(new_host).require_tls = true;
            }
        }
    }

    /// The rules of a VirtualService at a server, built once for all its hosts.
    fn group(
        &mut self,
        position: usize,
        server: &OpenServer<'w>,
        builder: &mut Builder<'_, 'w>,
    ) -> GroupId {
        let key = (position, server.name.clone(), server.port);
        if let Some(id) = self.group_ids.get(&key) {
            return *id;
        }
        let at = At { gateway: &server.name, port: server.port };
        let rules = builder.rules(&self.bound[position], at);
        self.groups.push(rules);
        let id = self.groups.len() - 1;
        self.group_ids.insert(key, id);
        id
    }

    /// For each group, how many rule lists it is part of.
    fn lists(&self) -> Vec<usize> {
        let hosts = self.tables.iter().flat_map(|table| table.hosts.values());
        let distinct: HashSet<&[GroupId]> = hosts.map(|host| &*host.groups).collect();
        let mut lists = vec![0; self.groups.len()];
        for id in distinct.into_iter().flatten() {
            lists[*id] += 1;
        }
        lists
    }

    /// The finished listeners and tables; `clusters` has the final id of each provisional one.
    pub(crate) fn finish(mut self, clusters: &[ClusterId]) -> (Vec<Listener>, Vec<RouteTable>) {
        for rule in self.groups.iter_mut().flatten() {
            renumber::rule(rule, clusters);
        }
        let mut lists = self.lists();
        let mut shared: HashMap<Vec<GroupId>, Arc<RuleList>> = HashMap::new();
        let mut tables = Vec::new();
        for Table { name, hosts, grpc_web } in self.tables {
            let groups = &mut self.groups;
            let hosts = hosts.into_iter().map(|(domain, host)| VirtualHost {
                domain: domain.into(),
                require_tls: host.require_tls,
                rules: Arc::clone(shared.entry(host.groups).or_insert_with_key(|ids| {
                    let mut rules: Vec<Rule> = Vec::new();
                    for id in ids {
                        lists[*id] -= 1;
                        // Most rules are in one list only, and move there.
                        match lists[*id] {
                            0 => rules.append(&mut groups[*id]),
                            _ => rules.extend(groups[*id].iter().cloned()),
                        }
                    }
                    catch_alls_last(&mut rules);
                    Arc::new(RuleList::new(rules))
                })),
                origin: host.origin,
            });
            let mut hosts: Vec<VirtualHost> = hosts.collect();
            hosts.sort_by(|a, b| crate::host::by_specificity(&a.domain, &b.domain));
            tables.push(RouteTable::new(&name, hosts).with_grpc_web(grpc_web));
        }
        let connections = self.connections.into_iter();
        let mut listeners = self.listeners;
        listeners.extend(connections.map(|one| renumber::listener(one, clusters)));
        listeners.sort_by(|a, b| a.bind.cmp(&b.bind));
        // A server that names an address has it; one for all addresses takes the rest.
        let named: HashSet<Bind> = listeners.iter().map(|one| one.bind.clone()).collect();
        for listener in &mut listeners {
            listener.also = listener.also.take().filter(|also| !named.contains(also));
        }
        (listeners, tables)
    }
}
