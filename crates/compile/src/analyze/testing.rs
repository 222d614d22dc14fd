//! Worlds for tests, written as YAML, and questions about what the analysis says of them.

use std::io::Write as _;

use propylon_model::{Problem, Severity, World};
use propylon_source::file::{ReadOptions, read};

use super::analyze;
use crate::Options;

/// What the analysis says about these objects.
pub(super) fn problems(yaml: &str) -> Vec<Problem> {
    analyze(&world(yaml), &Options::default())
}

/// The objects of a YAML text.
pub(super) fn world(yaml: &str) -> World {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    let found = read(&[file.path().to_owned()], &ReadOptions::default());
    let errors: Vec<_> =
        found.problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    World::from_objects(found.objects)
}

/// Asserts that the analysis finds nothing.
#[track_caller]
pub(super) fn healthy(yaml: &str) {
    let found = problems(yaml);
    assert!(found.is_empty(), "unexpected problems: {found:#?}");
}

/// Asserts a problem of this code at this field whose message or help has these words.
#[track_caller]
pub(super) fn finds(yaml: &str, severity: Severity, code: &str, field: &str, words: &[&str]) {
    has(&problems(yaml), severity, code, field, words);
}

/// The same of problems that were found before.
#[track_caller]
pub(super) fn has(found: &[Problem], severity: Severity, code: &str, field: &str, words: &[&str]) {
    let fits = |problem: &&Problem| {
        problem.severity == severity && problem.code.0 == code && problem.field.to_string() == field
    };
    let said = |problem: &Problem| format!("{} | {}", problem.message, problem.help);
    let yes = found
        .iter()
        .filter(fits)
        .any(|problem| words.iter().all(|word| said(problem).contains(word)));
    assert!(yes, "no {severity:?} {code} at {field} saying {words:?} in {found:#?}");
}

/// Asserts that no problem has this code.
#[track_caller]
pub(super) fn lacks(yaml: &str, code: &str) {
    let found = problems(yaml);
    assert!(found.iter().all(|problem| problem.code.0 != code), "{found:#?}");
}

/// A Gateway `default/gw` for `*.example.com` on port 80 that selects the default workload.
pub(super) const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ['*.example.com']
---
";

/// A Service `default/web` with port 8000 and one endpoint labelled `version: v1`.
pub(super) const WEB: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 8000, targetPort: 80}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web, version: v1}}
status: {podIP: 10.0.0.1}
---
";

/// A VirtualService `default/vs` of `a.example.com` at the Gateway, with these HTTP routes.
pub(super) fn routes(http: &str) -> String {
    service("vs", "[a.example.com]", "[gw]", http)
}

/// A VirtualService with these hosts, gateways and HTTP routes (indented by two).
pub(super) fn service(name: &str, hosts: &str, gateways: &str, http: &str) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}}}
spec:
  hosts: {hosts}
  gateways: {gateways}
  http:
{http}
---
"
    )
}
