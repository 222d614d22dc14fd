//! What has to happen, a file per subject.

mod capture;
mod names;
mod secure;
mod tutorials;

use std::fs;
use std::path::Path;

/// What one story does; it panics where it does not come to its end.
type Story = fn();

/// Every story by its name.
pub(crate) fn all() -> impl Iterator<Item = &'static (&'static str, Story)> {
    [tutorials::STORIES, secure::STORIES, capture::STORIES, names::STORIES].into_iter().flatten()
}

/// The objects of a golden file: a tutorial's, as printed.
fn tutorial(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    fs::read_to_string(path).expect("a golden file")
}

/// A ConfigMap that refuses what nobody defined.
const REGISTRY_ONLY: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
";
