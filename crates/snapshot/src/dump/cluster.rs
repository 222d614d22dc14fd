//! Clusters in a dump.

use super::page::{Page, line};
use crate::{
    Address, Asked, Availability, Cluster, Discovery, DnsTarget, Endpoint, Http2KeepAlive,
    Http2Settings, Locality, UpstreamProtocol,
};

pub(super) fn dump(page: &mut Page, cluster: &Cluster) {
    let Cluster {
        name,
        discovery,
        balance,
        protocol,
        connect_timeout: connect,
        idle_timeout: idle,
        availability,
    } = cluster;
    line!(page, "cluster {name}");
    page.inside(|page| {
        if let Availability::Closed(why) = availability {
            line!(page, "closed: {why}");
        }
        let protocol = match protocol {
            UpstreamProtocol::Http1 => "HTTP/1.1".to_owned(),
            UpstreamProtocol::Http2(settings) => format!("HTTP/2{}", streams(settings)),
            UpstreamProtocol::AsClient(settings) => {
                format!("as the client speaks{}", streams(settings))
            }
        };
        line!(page, "{balance} {protocol}");
        line!(page, "connect timeout {connect:?}, idle timeout {idle:?}");
        match discovery {
            Discovery::Static(listed) => endpoints(page, listed),
            Discovery::Dns { names, fixed, first_only } => {
                if *first_only {
                    line!(page, "first address of an answer only");
                }
                for name in names.iter() {
                    let DnsTarget { name, port, weight, locality } = name;
                    line!(page, "name {name}:{port}{}", details(*weight, locality));
                }
                endpoints(page, fixed);
            }
            Discovery::Asked(asked) => self::asked(page, asked),
        }
    });
}

fn asked(page: &mut Page, asked: &Asked) {
    let Asked { original, names, port, allowed } = asked;
    if *original {
        line!(page, "the address that a captured connection was meant for");
    }
    if !names.is_empty() {
        line!(page, "the name asked for, of {}, port {port}", names.join(" "));
    }
    if !allowed.is_empty() {
        let blocks: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        line!(page, "may lead to {}", blocks.join(" "));
    }
}

fn streams(settings: &Http2Settings) -> String {
    let Http2Settings { max_concurrent_streams, keep_alive } = settings;
    let mut text = String::new();
    if let Some(most) = max_concurrent_streams {
        text.push_str(&format!(", at most {most} streams per connection"));
    }
    if let Some(Http2KeepAlive { interval, timeout }) = keep_alive {
        text.push_str(&format!(", ping every {interval:?} to be answered within {timeout:?}"));
    }
    text
}

fn endpoints(page: &mut Page, endpoints: &[Endpoint]) {
    for endpoint in endpoints {
        let Endpoint { address, weight, locality } = endpoint;
        let details = details(*weight, locality);
        match address {
            Address::Ip(address) => line!(page, "endpoint {address}{details}"),
            Address::Unix(path) => line!(page, "endpoint unix:{}{details}", path.display()),
            Address::Abstract(name) => line!(page, "endpoint unix:@{name}{details}"),
        }
    }
}

fn details(weight: u32, locality: &Locality) -> String {
    let Locality { region, zone, subzone } = locality;
    let mut text = String::new();
    if weight != 1 {
        text.push_str(&format!(" weight {weight}"));
    }
    if *locality != Locality::default() {
        text.push_str(&format!(" at {region}/{zone}/{subzone}"));
    }
    text
}
