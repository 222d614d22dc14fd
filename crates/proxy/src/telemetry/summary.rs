//! Sums the counters of all workers under their names.

use std::sync::Arc;

use propylon_snapshot::Reason;

use super::Counters;

/// Every counter of all workers, summed, in a stable order. Reasons follow as `http.reason.<name>`.
pub(crate) fn sum(workers: &[Arc<Counters>]) -> Vec<(String, u64)> {
    let mut sums: Vec<(String, u64)> = Vec::new();
    for worker in workers {
        let reasons = Reason::ALL.iter().map(|reason| {
            (format!("http.reason.{}", snake(&format!("{reason:?}"))), worker.reason(*reason))
        });
        let all = worker.plain().map(|(name, value)| (name.to_owned(), value)).chain(reasons);
        for (index, (name, value)) in all.enumerate() {
            match sums.get_mut(index) {
                Some((_, sum)) => *sum = sum.wrapping_add(value),
                None => sums.push((name, value)),
            }
        }
    }
    sums
}

/// `NoRoute` becomes `no_route`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
