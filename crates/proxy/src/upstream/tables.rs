//! The tables over a cluster's endpoints that hashes are looked up in, made once for all workers:
//! one may have millions of entries. Kept as long as somebody uses them.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use propylon_snapshot::Balance;

use crate::balance::{self, HashTable};

/// The tables of one cluster.
#[derive(Debug, Default)]
pub(super) struct Tables(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    made: Vec<Made>,
    /// Those that workers will ask for next, held until others take their place.
    ahead: Vec<Arc<HashTable>>,
}

/// A table and what it was made of.
#[derive(Debug)]
struct Made {
    balance: Balance,
    members: Vec<(String, f64)>,
    table: Weak<HashTable>,
}

impl Tables {
    /// The table over endpoints with these keys and shares.
    pub(super) fn of(&self, balance: Balance, members: Vec<(String, f64)>) -> Arc<HashTable> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.table(balance, members)
    }

    /// Makes tables before anybody asks for them.
    pub(super) fn prepare(&self, balance: Balance, lists: Vec<Vec<(String, f64)>>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = lists.into_iter().map(|members| known.table(balance, members)).collect();
        known.ahead = ahead;
    }
}

impl Known {
    fn table(&mut self, balance: Balance, members: Vec<(String, f64)>) -> Arc<HashTable> {
        let same = |made: &&Made| made.balance == balance && made.members == members;
        if let Some(table) = self.made.iter().find(same).and_then(|made| made.table.upgrade()) {
            return table;
        }
        let table = Arc::new(balance::table(balance, &members).unwrap_or_default());
        self.made.retain(|made| made.table.strong_count() > 0);
        self.made.push(Made { balance, members, table: Arc::downgrade(&table) });
        table
    }
}

#[cfg(test)]
mod tests;
