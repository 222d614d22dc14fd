//! What is counted of one connection while its bytes pass: their number, and with MongoDB what they
//! say. It sees bytes and never changes them.

use std::sync::Arc;

use propylon_snapshot::{TcpProtocol, TcpRoute};

use super::counters::{Counters, MongoCounters, TcpCounters};
use super::mongo::{Decoder, Side};

/// The counters of one connection.
#[derive(Debug)]
pub(crate) struct Tally {
    tcp: Arc<TcpCounters>,
    mongo: Option<Box<Mongo>>,
}

#[derive(Debug)]
struct Mongo {
    counters: Arc<MongoCounters>,
    up: Decoder,
    down: Decoder,
}

impl Tally {
    /// Counts a new connection of a route.
    pub(crate) fn begin(counters: &Counters, route: &TcpRoute) -> Self {
        let tcp = counters.tcp(&route.stat_prefix);
        tcp.downstream_cx_total.add(1);
        tcp.downstream_cx_active.add(1);
        let mongo = (route.protocol == TcpProtocol::Mongo).then(|| {
            Box::new(Mongo {
                counters: counters.mongo(&route.stat_prefix),
                up: Decoder::new(Side::Client),
                down: Decoder::new(Side::Server),
            })
        });
        Self { tcp, mongo }
    }

    /// The counters of the route.
    pub(crate) fn tcp(&self) -> &TcpCounters {
        &self.tcp
    }

    /// Counts bytes of the client.
    pub(crate) fn up(&mut self, bytes: &[u8]) {
        self.tcp.downstream_cx_rx_bytes_total.add(bytes.len() as u64);
        if let Some(mongo) = &mut self.mongo {
            let Mongo { counters, up, down: _ } = &mut **mongo;
            up.feed(bytes, &mut |seen| counters.count(seen));
        }
    }

    /// Counts bytes for the client.
    pub(crate) fn down(&mut self, bytes: &[u8]) {
        self.tcp.downstream_cx_tx_bytes_total.add(bytes.len() as u64);
        if let Some(mongo) = &mut self.mongo {
            let Mongo { counters, up: _, down } = &mut **mongo;
            down.feed(bytes, &mut |seen| counters.count(seen));
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.tcp.downstream_cx_active.sub(1);
    }
}
