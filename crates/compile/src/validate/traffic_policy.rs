//! Traffic policies: connection pools, outlier detection, tunnels, settings of single ports.

use propylon_model::destination_rule::{
    ConnectionKeepalive, ConnectionPool, H2UpgradePolicy, HttpPool, OutlierDetection,
    PortTrafficPolicy, RetryBudget, TcpKeepalive, TcpPool, TrafficPolicy, Tunnel,
};

use super::client_tls;
use super::code;
use super::host::{fqdn_flaw, is_ip};
use super::load_balancer;
use super::names::{duration, percent, port};
use super::report::{Findings, Place};

/// What to write instead of a duration of 0 in a pool.
const NO_LIMIT: &str = "leave it out for the default";

/// Checks the policy of a rule or of a subset.
pub(super) fn check(out: &mut Findings<'_>, place: &Place<'_>, policy: &TrafficPolicy) {
    let TrafficPolicy {
        load_balancer,
        connection_pool,
        outlier_detection,
        tls,
        port_level_settings,
        tunnel,
        proxy_protocol,
        retry_budget,
    } = policy;
    if *policy == TrafficPolicy::default() {
        return out.error(
            code::MISSING,
            place,
            "the traffic policy is empty, so it changes nothing",
            "add `loadBalancer`, `connectionPool`, `outlierDetection` or `tls`, or remove it",
        );
    }
    if tunnel.is_some() && proxy_protocol.is_some() {
        out.error(
            code::CONFLICT,
            &place.key("proxyProtocol"),
            "a tunnel cannot carry a PROXY protocol header",
            "keep `tunnel` or `proxyProtocol`",
        );
    }
    if let Some(pool) = connection_pool {
        check_pool(out, &place.key("connectionPool"), pool);
    }
    if let Some(outlier) = outlier_detection {
        check_outlier(out, &place.key("outlierDetection"), outlier);
    }
    if let Some(settings) = load_balancer {
        let here = place.key("loadBalancer");
        load_balancer::check(out, &here, settings, outlier_detection.is_some());
    }
    if let Some(tls) = tls {
        client_tls::check(out, &place.key("tls"), tls);
    }
    let list = place.key("portLevelSettings");
    for (position, settings) in port_level_settings.iter().enumerate() {
        check_port(out, &list.index(position), settings);
    }
    if let Some(tunnel) = tunnel {
        check_tunnel(out, &place.key("tunnel"), tunnel);
    }
    if let Some(budget) = retry_budget {
        check_budget(out, &place.key("retryBudget"), budget);
    }
}

fn check_port(out: &mut Findings<'_>, place: &Place<'_>, settings: &PortTrafficPolicy) {
    let PortTrafficPolicy {
        port: selector,
        load_balancer,
        connection_pool,
        outlier_detection,
        tls,
    } = settings;
    match selector {
        Some(selector) => port(out, &place.key("port").key("number"), selector.number),
        None => out.error(
            code::MISSING,
            place,
            "settings of a port need the port",
            "add `port: {number: 443}`",
        ),
    }
    let blocks = [
        load_balancer.is_some(),
        connection_pool.is_some(),
        outlier_detection.is_some(),
        tls.is_some(),
    ];
    if !blocks.contains(&true) {
        return out.error(
            code::MISSING,
            place,
            "the settings of this port are empty, so they change nothing",
            "add `loadBalancer`, `connectionPool`, `outlierDetection` or `tls`",
        );
    }
    if let Some(pool) = connection_pool {
        check_pool(out, &place.key("connectionPool"), pool);
    }
    if let Some(outlier) = outlier_detection {
        check_outlier(out, &place.key("outlierDetection"), outlier);
    }
    if let Some(settings) = load_balancer {
        let here = place.key("loadBalancer");
        load_balancer::check(out, &here, settings, outlier_detection.is_some());
    }
    if let Some(tls) = tls {
        client_tls::check(out, &place.key("tls"), tls);
    }
}

fn check_tunnel(out: &mut Findings<'_>, place: &Place<'_>, tunnel: &Tunnel) {
    let Tunnel { protocol, target_host, target_port } = tunnel;
    if !matches!(protocol.as_str(), "" | "CONNECT" | "POST") {
        out.error(
            code::VALUE,
            &place.key("protocol"),
            format!("`{protocol}` opens no tunnel"),
            "write `CONNECT` or `POST`",
        );
    }
    if let Some(flaw) = fqdn_flaw(target_host).filter(|_| !is_ip(target_host)) {
        out.error(
            code::HOST,
            &place.key("targetHost"),
            format!("`{target_host}` is neither a host name nor an address: {flaw}"),
            "write the host at the far end of the tunnel",
        );
    }
    port(out, &place.key("targetPort"), *target_port);
}

fn check_budget(out: &mut Findings<'_>, place: &Place<'_>, budget: &RetryBudget) {
    let RetryBudget { percent: share, min_retry_concurrency: _, budget_interval } = budget;
    if share.is_some_and(|share| !(0.0..=100.0).contains(&share)) {
        out.error(
            code::PERCENT,
            &place.key("percent"),
            "a retry budget is a share of the active requests",
            "write a number from 0 to 100",
        );
    }
    let here = place.key("budgetInterval");
    if budget_interval.is_some_and(|interval| !interval.is_zero()) {
        duration(out, &here, *budget_interval, NO_LIMIT);
    }
}

fn check_outlier(out: &mut Findings<'_>, place: &Place<'_>, outlier: &OutlierDetection) {
    let OutlierDetection {
        consecutive_errors,
        split_external_local_origin_errors,
        consecutive_local_origin_failures,
        consecutive_gateway_errors: _,
        consecutive_5xx_errors: _,
        interval,
        base_ejection_time,
        max_ejection_percent,
        min_health_percent,
        outlier_detection_http_error_codes: _,
    } = outlier;
    if *consecutive_errors != 0 {
        out.warning(
            code::DEPRECATED,
            &place.key("consecutiveErrors"),
            "consecutiveErrors is ignored by Istio today",
            format!("write `consecutive5xxErrors: {consecutive_errors}`"),
        );
    }
    let local = consecutive_local_origin_failures.is_some_and(|count| count > 0);
    if local && !split_external_local_origin_errors {
        out.error(
            code::CONFLICT,
            &place.key("consecutiveLocalOriginFailures"),
            "connection failures are only counted apart when they are split from responses",
            "add `splitExternalLocalOriginErrors: true`",
        );
    }
    duration(out, &place.key("interval"), *interval, "leave it out for the default, 10s");
    let advice = "leave it out for the default, 30s";
    duration(out, &place.key("baseEjectionTime"), *base_ejection_time, advice);
    percent(out, &place.key("maxEjectionPercent"), i64::from(*max_ejection_percent));
    percent(out, &place.key("minHealthPercent"), i64::from(*min_health_percent));
}

fn check_pool(out: &mut Findings<'_>, place: &Place<'_>, pool: &ConnectionPool) {
    let ConnectionPool { tcp, http } = pool;
    if tcp.is_none() && http.is_none() {
        out.error(
            code::MISSING,
            place,
            "the connection pool has neither `tcp` nor `http`, so it limits nothing",
            "add `tcp:` or `http:`, or remove it",
        );
    }
    if let Some(tcp) = tcp {
        check_tcp(out, &place.key("tcp"), tcp);
    }
    if let Some(http) = http {
        check_http(out, &place.key("http"), http);
    }
}

fn check_tcp(out: &mut Findings<'_>, place: &Place<'_>, pool: &TcpPool) {
    let TcpPool {
        max_connections,
        connect_timeout,
        tcp_keepalive,
        max_connection_duration,
        idle_timeout,
    } = pool;
    not_negative(out, place, "maxConnections", *max_connections);
    let advice = "leave it out for the default, 10s";
    duration(out, &place.key("connectTimeout"), *connect_timeout, advice);
    duration(out, &place.key("maxConnectionDuration"), *max_connection_duration, NO_LIMIT);
    // A TCP idle timeout of 0 switches it off.
    let idle = idle_timeout.filter(|idle| idle.as_millis() > 0);
    duration(out, &place.key("idleTimeout"), idle, NO_LIMIT);
    if let Some(TcpKeepalive { probes: _, time, interval }) = tcp_keepalive {
        let here = place.key("tcpKeepalive");
        duration(out, &here.key("time"), *time, NO_LIMIT);
        duration(out, &here.key("interval"), *interval, NO_LIMIT);
    }
}

fn check_http(out: &mut Findings<'_>, place: &Place<'_>, pool: &HttpPool) {
    let HttpPool {
        http1_max_pending_requests,
        http2_max_requests,
        max_requests_per_connection,
        max_retries,
        idle_timeout,
        h2_upgrade_policy,
        use_client_protocol,
        max_concurrent_streams,
        http2_keep_alive,
    } = pool;
    not_negative(out, place, "http1MaxPendingRequests", *http1_max_pending_requests);
    not_negative(out, place, "http2MaxRequests", *http2_max_requests);
    not_negative(out, place, "maxRequestsPerConnection", *max_requests_per_connection);
    not_negative(out, place, "maxRetries", *max_retries);
    not_negative(out, place, "maxConcurrentStreams", *max_concurrent_streams);
    duration(out, &place.key("idleTimeout"), *idle_timeout, "leave it out for the default, 1h");
    if *h2_upgrade_policy == H2UpgradePolicy::Upgrade && *use_client_protocol {
        out.error(
            code::CONFLICT,
            &place.key("useClientProtocol"),
            "UPGRADE always speaks HTTP/2, so the client's protocol cannot be kept",
            "remove `useClientProtocol` or `h2UpgradePolicy`",
        );
    }
    let Some(ConnectionKeepalive { interval, timeout }) = http2_keep_alive else { return };
    let here = place.key("http2KeepAlive");
    for (field, value) in [("interval", interval), ("timeout", timeout)] {
        if value.is_none() {
            out.error(
                code::MISSING,
                &here,
                format!("PINGs need `{field}`"),
                format!("add `{field}: 10s`"),
            );
        }
        duration(out, &here.key(field), *value, "write at least `1ms`");
    }
}

fn not_negative(out: &mut Findings<'_>, place: &Place<'_>, field: &str, value: i32) {
    if value < 0 {
        out.error(
            code::RANGE,
            &place.key(field),
            format!("{value} is no limit"),
            "write a positive number; 0 or nothing means the default",
        );
    }
}

#[cfg(test)]
mod tests;
