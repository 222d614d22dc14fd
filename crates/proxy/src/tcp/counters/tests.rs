//! Names and sums.

use super::*;

#[test]
fn counters_of_all_workers_are_summed_under_envoys_names() {
    let workers = [Counters::default(), Counters::default()];
    for worker in &workers {
        worker.tcp("outbound|27017||mongo").downstream_cx_total.add(2);
        let mongo = worker.mongo("outbound|27017||mongo");
        mongo.count(Seen::Op(Op::Query));
        mongo.count(Seen::Command(COMMANDS.iter().position(|name| *name == "find")));
        mongo.count(Seen::Command(None));
        mongo.count(Seen::Collection(Access::Query, "books"));
    }
    let sums: BTreeMap<String, u64> = sum(workers.iter()).into_iter().collect();
    for (name, value) in [
        ("tcp.outbound|27017||mongo.downstream_cx_total", 4),
        ("tcp.outbound|27017||mongo.idle_timeout", 0),
        ("mongo.outbound|27017||mongo.op_query", 2),
        ("mongo.outbound|27017||mongo.op_insert", 0),
        ("mongo.outbound|27017||mongo.decoding_error", 0),
        ("mongo.outbound|27017||mongo.cmd.find.total", 2),
        ("mongo.outbound|27017||mongo.cmd.unknown_command.total", 2),
        ("mongo.outbound|27017||mongo.collection.books.query.total", 2),
    ] {
        assert_eq!(sums.get(name), Some(&value), "{name}");
    }
    assert!(!sums.contains_key("mongo.outbound|27017||mongo.cmd.insert.total"));
}

#[test]
fn collections_beyond_the_bound_count_together() {
    let mongo = MongoCounters::default();
    for number in 0..MONGO_COLLECTIONS_MAX + 5 {
        mongo.count(Seen::Collection(Access::Insert, &format!("c{number}")));
    }
    mongo.count(Seen::Collection(Access::Insert, "c0"));
    assert_eq!(mongo.ops.collection_overflow.get(), 5);
    assert_eq!(lock(&mongo.collections).len(), MONGO_COLLECTIONS_MAX);
    assert_eq!(lock(&mongo.collections)["c0"][Access::Insert as usize], 2);
}
