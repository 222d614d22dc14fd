//! Which objects count, and in what order: Istio's order of creation and its label selectors.

use std::sync::Arc;

use propylon_model::{Labels, Meta, Object};

/// Objects in Istio's order: creation time, then name, then namespace. Those without a time, as in
/// files, count as equally old. The world keeps this order already; a world built by hand may not.
pub(crate) fn in_order<S>(list: &[Arc<Object<S>>]) -> Vec<&Object<S>> {
    let mut objects: Vec<&Object<S>> = list.iter().map(Arc::as_ref).collect();
    objects.sort_by(|a, b| age(&a.meta).cmp(&age(&b.meta)));
    objects
}

/// The sort key of [`in_order`].
pub(crate) fn age(meta: &Meta) -> (Option<&str>, &str, &str) {
    (meta.created.as_deref(), &meta.key.name, &meta.key.namespace)
}

/// True if `labels` carry every pair of `selector`. An empty selector selects everything.
pub(crate) fn selects(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}
