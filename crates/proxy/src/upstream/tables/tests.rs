//! Tables are shared while they are used.

use super::*;

const RING: Balance = Balance::RingHash { points_min: 16 };

fn members(names: &[&str]) -> Vec<(String, f64)> {
    names.iter().map(|name| ((*name).to_owned(), 0.5)).collect()
}

#[test]
fn the_same_endpoints_share_a_table_as_long_as_somebody_uses_it() {
    let tables = Tables::default();
    let (near, far) = (tables.of(RING, members(&["a", "b"])), tables.of(RING, members(&["c"])));
    assert!(Arc::ptr_eq(&near, &tables.of(RING, members(&["a", "b"]))));
    assert!(Arc::ptr_eq(&far, &tables.of(RING, members(&["c"]))), "of two priorities at once");
    drop((near, far));
    let _other = tables.of(RING, members(&["d"]));
    assert_eq!(tables.0.lock().unwrap().made.len(), 1, "what nobody uses is forgotten");
}

#[test]
fn what_is_prepared_waits_for_those_who_ask() {
    let tables = Tables::default();
    tables.prepare(RING, vec![members(&["a"]), members(&["b"])]);
    assert_eq!(tables.0.lock().unwrap().made.len(), 2);
    assert_eq!(Arc::strong_count(&tables.of(RING, members(&["b"]))), 2);
}
