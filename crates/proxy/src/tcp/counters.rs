//! What one worker counts about TCP connections, by the statistics prefix of their route: under
//! Envoy's names (`tcp.<prefix>.…`, `mongo.<prefix>.…`). Written by that worker alone, summed by
//! whoever asks; locks are taken once per connection or collection and only a scrape contends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::mongo::{Access, COMMANDS, Op, Seen};
use crate::limits::MONGO_COLLECTIONS_MAX;
use crate::upstream::Counter;

macro_rules! counters {
    ($(#[$outer:meta])* $type:ident { $($(#[$doc:meta])* $name:ident),* $(,)? }) => {
        $(#[$outer])*
        #[derive(Debug, Default)]
        pub(crate) struct $type { $($(#[$doc])* pub(crate) $name: Counter),* }

        impl $type {
            fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name.get())),*].into_iter()
            }
        }
    };
}

counters! {
    /// Connections of one prefix.
    TcpCounters {
        /// Client connections accepted.
        downstream_cx_total,
        /// Client connections open now.
        downstream_cx_active,
        /// Client connections closed because their route leads to a cluster that does not exist or
        /// must not be used.
        downstream_cx_no_route,
        /// Bytes received from clients.
        downstream_cx_rx_bytes_total,
        /// Bytes sent to clients.
        downstream_cx_tx_bytes_total,
        /// Connections closed after a long time without a byte.
        idle_timeout,
        /// Connections closed because they had lasted as long as they may.
        max_downstream_connection_duration,
    }
}

counters! {
    /// Operations of MongoDB connections of one prefix.
    MongoOps {
        /// `OP_MSG` of clients.
        op_msg,
        /// Queries.
        op_query,
        /// Queries that want their cursor kept.
        op_query_no_cursor_timeout,
        /// Queries that wait for data.
        op_query_await_data,
        /// Queries that want everything at once.
        op_query_exhaust,
        /// Insertions.
        op_insert,
        /// Updates.
        op_update,
        /// Deletions.
        op_delete,
        /// Continued queries.
        op_get_more,
        /// Cursors let go.
        op_kill_cursors,
        /// `OP_COMMAND`.
        op_command,
        /// `OP_COMMANDREPLY`.
        op_command_reply,
        /// Messages whose content is compressed.
        op_compressed,
        /// Replies.
        op_reply,
        /// Replies that say that the cursor is gone.
        op_reply_cursor_not_found,
        /// Replies that say that the query failed.
        op_reply_query_failure,
        /// Replies that leave a cursor open.
        op_reply_valid_cursor,
        /// Directions given up because they are not MongoDB's protocol.
        decoding_error,
        /// Operations on collections that are not counted by name, as there were too many.
        collection_overflow,
    }
}

/// Everything about MongoDB connections of one prefix.
#[derive(Debug, Default)]
pub(crate) struct MongoCounters {
    ops: MongoOps,
    commands: [Counter; COMMANDS.len()],
    unknown_command: Counter,
    collections: Mutex<BTreeMap<Box<str>, [u64; 4]>>,
}

/// Names of [`Access`], by its position.
const ACCESSES: [&str; 4] = ["query", "insert", "update", "delete"];

impl MongoCounters {
    /// Counts a finding of a decoder.
    pub(crate) fn count(&self, seen: Seen<'_>) {
        match seen {
            Seen::Op(op) => self.op(op).add(1),
            Seen::Command(Some(position)) => {
                self.commands.get(position).unwrap_or(&self.unknown_command).add(1);
            }
            Seen::Command(None) => self.unknown_command.add(1),
            Seen::Collection(access, name) => self.collection(access, name),
            Seen::Garbage => self.ops.decoding_error.add(1),
        }
    }

    fn op(&self, op: Op) -> &Counter {
        let ops = &self.ops;
        match op {
            Op::Message => &ops.op_msg,
            Op::Query => &ops.op_query,
            Op::QueryNoCursorTimeout => &ops.op_query_no_cursor_timeout,
            Op::QueryAwaitData => &ops.op_query_await_data,
            Op::QueryExhaust => &ops.op_query_exhaust,
            Op::Insert => &ops.op_insert,
            Op::Update => &ops.op_update,
            Op::Delete => &ops.op_delete,
            Op::GetMore => &ops.op_get_more,
            Op::KillCursors => &ops.op_kill_cursors,
            Op::Command => &ops.op_command,
            Op::CommandReply => &ops.op_command_reply,
            Op::Compressed => &ops.op_compressed,
            Op::Reply => &ops.op_reply,
            Op::ReplyCursorNotFound => &ops.op_reply_cursor_not_found,
            Op::ReplyQueryFailure => &ops.op_reply_query_failure,
            Op::ReplyValidCursor => &ops.op_reply_valid_cursor,
        }
    }

    fn collection(&self, access: Access, name: &str) {
        let mut collections = lock(&self.collections);
        if collections.len() < MONGO_COLLECTIONS_MAX && !collections.contains_key(name) {
            collections.insert(name.into(), [0; 4]);
        }
        match collections.get_mut(name) {
            Some(counts) => counts[access as usize] += 1,
            None => self.ops.collection_overflow.add(1),
        }
    }

    fn add_to(&self, prefix: &str, sums: &mut BTreeMap<String, u64>) {
        let mut add = |name: String, value| *sums.entry(name).or_default() += value;
        for (name, value) in self.ops.each() {
            add(format!("mongo.{prefix}.{name}"), value);
        }
        let commands = COMMANDS.iter().zip(&self.commands);
        let used = commands.filter(|(_, counter)| counter.get() > 0);
        for (name, counter) in used {
            add(format!("mongo.{prefix}.cmd.{name}.total"), counter.get());
        }
        add(format!("mongo.{prefix}.cmd.unknown_command.total"), self.unknown_command.get());
        for (name, counts) in &*lock(&self.collections) {
            for (access, count) in ACCESSES.iter().zip(counts).filter(|(_, count)| **count > 0) {
                add(format!("mongo.{prefix}.collection.{name}.{access}.total"), *count);
            }
        }
    }
}

/// All of one worker, by prefix. Prefixes come from the configuration, so there are few.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    tcp: Mutex<BTreeMap<Box<str>, Arc<TcpCounters>>>,
    mongo: Mutex<BTreeMap<Box<str>, Arc<MongoCounters>>>,
}

impl Counters {
    /// The counters of a route.
    pub(crate) fn tcp(&self, prefix: &str) -> Arc<TcpCounters> {
        of(&self.tcp, prefix)
    }

    /// The counters of a route for MongoDB.
    pub(crate) fn mongo(&self, prefix: &str) -> Arc<MongoCounters> {
        of(&self.mongo, prefix)
    }
}

/// Every counter of all workers, summed, in the order of their names.
pub(crate) fn sum<'c>(workers: impl Iterator<Item = &'c Counters>) -> Vec<(String, u64)> {
    let mut sums = BTreeMap::new();
    for worker in workers {
        for (prefix, counters) in &*lock(&worker.tcp) {
            for (name, value) in counters.each() {
                *sums.entry(format!("tcp.{prefix}.{name}")).or_default() += value;
            }
        }
        for (prefix, counters) in &*lock(&worker.mongo) {
            counters.add_to(prefix, &mut sums);
        }
    }
    sums.into_iter().collect()
}

fn of<T: Default>(all: &Mutex<BTreeMap<Box<str>, Arc<T>>>, prefix: &str) -> Arc<T> {
    let mut all = lock(all);
    match all.get(prefix) {
        Some(counters) => Arc::clone(counters),
        None => Arc::clone(all.entry(prefix.into()).or_default()),
    }
}

/// The maps stay consistent even if a holder panicked: every change is one insertion.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
