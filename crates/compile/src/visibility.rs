//! Who may see an object: `exportTo` and the mesh-wide defaults behind it.
//! It knows namespaces only. Asked by the registry, by VirtualService order and by rule look-up.

/// How an object is visible from the gateway's namespace; in Istio's order of precedence between
/// VirtualServices: private ones first, then those exported by name, then public ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// Exported to its own namespace, not to all, and that is the one that looks.
    Private,
    /// Exported by name to the namespace that looks.
    Named,
    /// Exported to all.
    Public,
}

/// How an object of `namespace` with this `exportTo` is seen from `viewer`; `None`: not at all.
///
/// An empty `export_to` means `defaults`, and empty defaults mean everybody (Istio's `["*"]`).
#[must_use]
pub fn of(
    export_to: &[String],
    defaults: &[String],
    namespace: &str,
    viewer: &str,
) -> Option<Visibility> {
    let list = if export_to.is_empty() { defaults } else { export_to };
    if list.is_empty() || list.iter().any(|entry| entry == "*") {
        return Some(Visibility::Public);
    }
    if list.iter().any(|entry| entry == "~") {
        return None;
    }
    let sees = |entry: &String| entry == viewer || (entry == "." && namespace == viewer);
    if !list.iter().any(sees) {
        return None;
    }
    Some(if namespace == viewer { Visibility::Private } else { Visibility::Named })
}

#[cfg(test)]
mod tests;
