//! What is spoken to the endpoints of a cluster: by the service's port, the DestinationRule and the
//! mesh. Knows nothing of TLS, nor of what endpoints turn out to speak.

use propylon_model::destination_rule::{ConnectionKeepalive, H2UpgradePolicy, HttpPool};
use propylon_snapshot::{Http2KeepAlive, Http2Settings, UpstreamProtocol};

use crate::destinations::protocol::Protocol;
use crate::mesh::Mesh;

/// The protocol towards endpoints of a port, as Istio chooses it: `useClientProtocol` before
/// everything, else HTTP/2 where the port says so or an upgrade is asked for. The mesh's wish to
/// upgrade counts for ports that are known to speak HTTP only; a DestinationRule's for all.
pub(crate) fn of(port: Protocol, pool: Option<&HttpPool>, mesh: Mesh<'_>) -> UpstreamProtocol {
    let settings = pool.map_or_else(Http2Settings::default, settings);
    if pool.is_some_and(|pool| pool.use_client_protocol) {
        return UpstreamProtocol::AsClient(settings);
    }
    let upgrade = match pool.map_or(H2UpgradePolicy::Default, |pool| pool.h2_upgrade_policy) {
        H2UpgradePolicy::Upgrade => true,
        H2UpgradePolicy::DoNotUpgrade => false,
        H2UpgradePolicy::Default => port.is_http() && mesh.upgrades_to_http2(),
    };
    if upgrade || port == Protocol::Http2 {
        UpstreamProtocol::Http2(settings)
    } else {
        UpstreamProtocol::Http1
    }
}

fn settings(pool: &HttpPool) -> Http2Settings {
    let limit = u32::try_from(pool.max_concurrent_streams).ok().filter(|limit| *limit > 0);
    let keep_alive = pool.http2_keep_alive.as_ref().and_then(|keepalive| {
        let ConnectionKeepalive { interval, timeout } = keepalive;
        // Both are demanded by validation; zero is no time.
        let (interval, timeout) = (*interval, *timeout);
        let real = |time: &std::time::Duration| !time.is_zero();
        Some(Http2KeepAlive { interval: interval.filter(real)?, timeout: timeout.filter(real)? })
    });
    Http2Settings { max_concurrent_streams: limit, keep_alive }
}

#[cfg(test)]
mod tests;
