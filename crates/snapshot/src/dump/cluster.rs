//! Clusters in a dump.

use super::listener::credential;
use super::page::{Page, line};
use super::policy;
use crate::{
    Address, Asked, Authorities, Availability, ClientTls, Cluster, Discovery, DnsTarget, Endpoint,
    Fraction, Http2KeepAlive, Http2Settings, Keepalive, Limits, Locality, LocalityWeight, Offers,
    Outlier, ProxyHeader, RetryBudget, ServerCheck, SniName, UpstreamProtocol, Warmup,
};

pub(super) fn dump(page: &mut Page, cluster: &Cluster) {
    let Cluster {
        name,
        discovery,
        balance,
        localities,
        warmup,
        protocol,
        tls,
        proxy_header,
        connect_timeout: connect,
        idle_timeout: idle,
        limits: bounds,
        outlier: ejection,
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
        if let Some(tls) = tls {
            self::tls(page, tls);
        }
        match proxy_header {
            Some(ProxyHeader::V1) => line!(page, "begins with a PROXY header of version 1"),
            Some(ProxyHeader::V2) => line!(page, "begins with a PROXY header of version 2"),
            None => {}
        }
        line!(page, "connect timeout {connect:?}, idle timeout {idle:?}");
        limits(page, bounds);
        if let Some(ejection) = ejection {
            outlier(page, ejection);
        }
        spread(page, localities.as_deref().unwrap_or_default(), *warmup);
        match discovery {
            Discovery::Static(listed) => endpoints(page, listed),
            Discovery::Dns { names, fixed, first_only } => {
                if *first_only {
                    line!(page, "first address of an answer only");
                }
                for name in names.iter() {
                    let DnsTarget { name, port, weight, locality, priority, plaintext } = name;
                    let mut details = details(*weight, locality, *priority);
                    if *plaintext {
                        details.push_str(PLAINTEXT);
                    }
                    line!(page, "name {name}:{port}{details}");
                }
                endpoints(page, fixed);
            }
            Discovery::Asked(asked) => self::asked(page, asked),
        }
    });
}

fn spread(page: &mut Page, localities: &[LocalityWeight], warmup: Option<Warmup>) {
    for LocalityWeight { priority, locality, weight } in localities {
        let Locality { region, zone, subzone } = locality;
        line!(page, "locality {region}/{zone}/{subzone} of priority {priority} weighs {weight}");
    }
    if let Some(Warmup { duration, minimum, aggression }) = warmup {
        let percent = f64::from(minimum.0) * 100.0 / f64::from(Fraction::ALL.0);
        line!(
            page,
            "warms up for {duration:?} from {percent} %, aggression {aggression} millionths"
        );
    }
}

fn tls(page: &mut Page, tls: &ClientTls) {
    let ClientTls { identity, servers, asks_for, offers, cipher_suites, groups } = tls;
    let name = match asks_for {
        SniName::Fixed(name) => name,
        SniName::OfRequest => "the request's host",
    };
    let offers = match offers {
        Offers::Plain => "",
        Offers::Http2 => ", offers h2",
        Offers::Mesh => ", offers the mesh's protocols",
    };
    line!(page, "TLS, asks for {name}{offers}");
    page.inside(|page| {
        if let Some(identity) = identity {
            credential(page, "shows", identity);
        }
        servers_check(page, servers);
        if !cipher_suites.is_empty() {
            let names: Vec<_> = cipher_suites.iter().map(|suite| suite.name()).collect();
            line!(page, "suites {}", names.join(", "));
        }
        if !groups.is_empty() {
            let names: Vec<_> = groups.iter().map(|group| group.name()).collect();
            line!(page, "groups {}", names.join(", "));
        }
    });
}

fn servers_check(page: &mut Page, servers: &ServerCheck) {
    let ServerCheck::Verify { authorities, revoked, names, of_request } = servers else {
        line!(page, "accepts any certificate");
        return;
    };
    match authorities {
        Authorities::System => line!(page, "trusts the operating system's authorities"),
        Authorities::Listed(listed) => credential(page, "trusts", listed),
    }
    if let Some(revoked) = revoked {
        credential(page, "revoked by", revoked);
    }
    if !names.is_empty() {
        line!(page, "names {}", names.join(", "));
    }
    if *of_request {
        line!(page, "named as the request's host");
    }
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

fn limits(page: &mut Page, limits: &Limits) {
    let Limits {
        connections,
        pending,
        requests,
        retries,
        retry_budget,
        requests_per_connection,
        connection_duration,
        keepalive,
    } = limits;
    let counted = [
        ("connections", connections),
        ("waiting requests", pending),
        ("requests", requests),
        ("retries", retries),
        ("requests on a connection", requests_per_connection),
    ];
    for (what, most) in counted {
        if let Some(most) = most {
            line!(page, "at most {most} {what}");
        }
    }
    if let Some(RetryBudget { share, at_least }) = retry_budget {
        let share = policy::share(*share);
        line!(page, "retries up to {share} of requests, at least {at_least}");
    }
    if let Some(duration) = connection_duration {
        line!(page, "connections live {duration:?}");
    }
    if let Some(Keepalive { probes, time, interval }) = keepalive {
        let mut text = "keep-alive".to_owned();
        if let Some(time) = time {
            text.push_str(&format!(" after {time:?}"));
        }
        if let Some(interval) = interval {
            text.push_str(&format!(" every {interval:?}"));
        }
        if let Some(probes) = probes {
            text.push_str(&format!(" {probes} times"));
        }
        line!(page, "{text}");
    }
}

fn outlier(page: &mut Page, outlier: &Outlier) {
    let Outlier {
        server_errors,
        gateway_errors,
        local_errors,
        statuses,
        interval,
        base_time,
        max_time,
        percent_max,
        panic_percent,
    } = outlier;
    line!(page, "ejects at most {percent_max}% of endpoints");
    page.inside(|page| {
        for (what, most) in [
            ("5xx", server_errors),
            ("gateway errors", gateway_errors),
            ("local errors", local_errors),
        ] {
            if let Some(most) = most {
                line!(page, "after {most} {what} in a row");
            }
        }
        if !statuses.is_empty() {
            let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
            line!(page, "statuses {} count as 5xx", statuses.join(" "));
        }
        line!(page, "for {base_time:?} and more, up to {max_time:?}, every {interval:?}");
        if *panic_percent > 0 {
            line!(page, "below {panic_percent}% of healthy ones health is overlooked");
        }
    });
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
        let Endpoint { address, weight, locality, priority, ready, stands_for: _, plaintext } =
            endpoint;
        let mut details = details(*weight, locality, *priority);
        if !ready {
            details.push_str(" not ready");
        }
        if *plaintext {
            details.push_str(PLAINTEXT);
        }
        match address {
            Address::Ip(address) => line!(page, "endpoint {address}{details}"),
            Address::Unix(path) => line!(page, "endpoint unix:{}{details}", path.display()),
            Address::Abstract(name) => line!(page, "endpoint unix:@{name}{details}"),
        }
    }
}

/// What endpoints are spoken to in that get no TLS where others do.
const PLAINTEXT: &str = " plaintext";

fn details(weight: u32, locality: &Locality, priority: u32) -> String {
    let Locality { region, zone, subzone } = locality;
    let mut text = String::new();
    if weight != 1 {
        text.push_str(&format!(" weight {weight}"));
    }
    if *locality != Locality::default() {
        text.push_str(&format!(" at {region}/{zone}/{subzone}"));
    }
    if priority != 0 {
        text.push_str(&format!(" priority {priority}"));
    }
    text
}
