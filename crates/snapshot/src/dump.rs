//! A snapshot as text: stable, indented, complete. Golden files compare it and `/config` shows it.
//! Equal snapshots print alike; lists of rules that several hosts share are printed once.

mod cluster;
mod listener;
mod page;
mod policy;
mod rule;

use std::sync::Arc;

use page::{Page, line};

use crate::{
    ClientCertificate, HttpSettings, Listener, Origin, PathNormalization, RouteTable, RuleList,
    ServerHeader, Snapshot,
};

impl Snapshot {
    /// The whole snapshot for people, golden files and `/config`.
    #[must_use]
    pub fn dump(&self) -> String {
        let Self { listeners, tables, clusters, http, objects: _, .. } = self;
        let Self { proxy_protocol, alert_unknown_names, dns_refresh, closed, .. } = self;
        let mut page = Page::default();
        if *closed {
            line!(page, "closed: every request is answered 403");
        }
        if *proxy_protocol {
            line!(page, "connections begin with a PROXY protocol header");
        }
        if *alert_unknown_names {
            line!(page, "unknown server names get an alert");
        }
        if let Some(longest) = dns_refresh {
            line!(page, "names that fail are asked for within {longest:?}");
        }
        http_settings(&mut page, http);
        for listener in listeners {
            self.dump_listener(&mut page, listener);
        }
        let mut lists: Vec<&Arc<RuleList>> = Vec::new();
        for table in tables.iter() {
            self.dump_table(&mut page, table, &mut lists);
        }
        for (number, list) in lists.iter().enumerate() {
            line!(page, "rules {}", number + 1);
            page.inside(|page| {
                for rule in list.rules() {
                    self.dump_rule(page, rule);
                }
            });
        }
        for cluster in clusters {
            cluster::dump(&mut page, cluster);
        }
        page.finish()
    }

    fn dump_listener(&self, page: &mut Page, listener: &Listener) {
        let Listener { bind, also, port, serves, origin } = listener;
        line!(page, "listener {bind}");
        page.inside(|page| {
            if let Some(also) = also {
                line!(page, "also {also}");
            }
            line!(page, "port {port}");
            self.dump_serves(page, serves);
            line!(page, "from {}", self.origin(*origin, "servers"));
        });
    }

    fn dump_table<'s>(
        &self,
        page: &mut Page,
        table: &'s RouteTable,
        lists: &mut Vec<&'s Arc<RuleList>>,
    ) {
        line!(page, "routes {}", table.name);
        page.inside(|page| {
            if table.grpc_web {
                line!(page, "translates gRPC-Web");
            }
            for host in table.hosts() {
                line!(page, "host {}", host.domain);
                page.inside(|page| {
                    if host.require_tls {
                        line!(page, "redirects to https");
                    }
                    let known = lists.iter().position(|list| Arc::ptr_eq(list, &host.rules));
                    let number = known.unwrap_or_else(|| {
                        lists.push(&host.rules);
                        lists.len() - 1
                    });
                    line!(page, "rules {}", number + 1);
                    line!(page, "from {}", self.origin(host.origin, "http"));
                });
            }
        });
    }

    /// `VirtualService default/reviews http[0].match[1]`.
    fn origin(&self, origin: Origin, list: &str) -> String {
        let Origin { object, entry, matching } = origin;
        let mut text = match self.objects.get(object.0 as usize) {
            Some(object) => {
                let name = format!("{} {}/{}", object.kind, object.namespace, object.name);
                match object.list(list) {
                    Some(list) => format!("{name} {list}[{entry}]"),
                    None => name,
                }
            }
            None => format!("{list}[{entry}]"),
        };
        if let Some(matching) = matching {
            text.push_str(&format!(".match[{matching}]"));
        }
        text
    }
}

fn http_settings(page: &mut Page, settings: &HttpSettings) {
    let HttpSettings {
        path_normalization,
        trusted_proxies,
        client_certificate,
        server,
        accept_http10,
        append_forwarded_host,
        no_request_id,
        no_attempt_count,
        no_debug_headers,
    } = settings;
    let normalization = match path_normalization {
        PathNormalization::None => "NONE",
        PathNormalization::Base => "BASE",
        PathNormalization::MergeSlashes => "MERGE_SLASHES",
        PathNormalization::DecodeAndMergeSlashes => "DECODE_AND_MERGE_SLASHES",
    };
    line!(page, "http");
    page.inside(|page| {
        line!(page, "path normalization {normalization}");
        line!(page, "trusted proxies {trusted_proxies}");
        match client_certificate {
            ClientCertificate::SanitizeSet => {}
            ClientCertificate::Sanitize => line!(page, "client certificates SANITIZE"),
            ClientCertificate::ForwardOnly => line!(page, "client certificates FORWARD_ONLY"),
            ClientCertificate::AppendForward => line!(page, "client certificates APPEND_FORWARD"),
            ClientCertificate::AlwaysForwardOnly => {
                line!(page, "client certificates ALWAYS_FORWARD_ONLY");
            }
        }
        match server {
            ServerHeader::Set(value) => line!(page, "server {value:?}"),
            ServerHeader::PassThrough => line!(page, "server of the upstream"),
        }
        for (set, text) in [
            (accept_http10, "accepts HTTP/1.0"),
            (append_forwarded_host, "appends x-forwarded-host"),
            (no_request_id, "makes no x-request-id"),
            (no_attempt_count, "sends no x-envoy-attempt-count"),
            (no_debug_headers, "sends no debug headers"),
        ] {
            if *set {
                line!(page, "{text}");
            }
        }
    });
}

#[cfg(test)]
mod tests;
