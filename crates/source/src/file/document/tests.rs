//! What becomes of documents: objects, or one good sentence each.

use propylon_model::{AnyObject, Kind, Severity, Source};

use crate::file::read::{Read, read_bytes};

fn problems(text: &str) -> Vec<String> {
    let Read { problems, .. } = read_bytes(text.as_bytes());
    problems
        .into_iter()
        .map(|p| format!("{} {}: {} | {}", p.code, p.field, p.message, p.help))
        .collect()
}

fn objects(text: &str) -> Vec<AnyObject> {
    let Read { objects, problems, .. } = read_bytes(text.as_bytes());
    assert!(problems.is_empty(), "{problems:?}");
    objects
}

const GATEWAY: &str = "apiVersion: networking.istio.io/v1\nkind: Gateway\n";

#[test]
fn every_version_of_a_kind_is_read() {
    for version in ["v1", "v1beta1", "v1alpha3"] {
        let text = format!(
            "apiVersion: networking.istio.io/{version}\nkind: VirtualService\n\
             metadata: {{name: a}}\n"
        );
        assert_eq!(objects(&text)[0].kind(), Kind::VirtualService);
    }
}

#[test]
fn an_object_carries_its_metadata_and_its_place() {
    let text = "---\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: n\n  \
                labels: {app: a}\n  annotations:\n  uid: 1234\n  creationTimestamp: \
                2024-01-02T03:04:05Z\n";
    let object = &objects(text)[0];
    let meta = object.meta();
    assert_eq!(meta.key.to_string(), "Pod n/a");
    assert_eq!(meta.labels["app"], "a");
    assert_eq!(meta.created.as_deref(), Some("2024-01-02T03:04:05Z"));
    let Source::File { document, item, .. } = &meta.source;
    assert_eq!((*document, *item), (1, None));
}

#[test]
fn objects_without_a_namespace_are_in_the_default_one_and_namespaces_in_none() {
    let text = format!(
        "{GATEWAY}metadata: {{name: a}}\n---\napiVersion: v1\nkind: Namespace\n\
         metadata: {{name: n}}\n"
    );
    let keys: Vec<_> = objects(&text).iter().map(|o| o.meta().key.to_string()).collect();
    assert_eq!(keys, ["Gateway default/a", "Namespace /n"]);
}

#[test]
fn a_list_is_as_good_as_its_items() {
    let item = "{apiVersion: v1, kind: Service, metadata: {name: a}}";
    for kind in ["List", "ServiceList"] {
        let text = format!("apiVersion: v1\nkind: {kind}\nitems: [{item}]\n");
        let object = objects(&text).remove(0);
        let Source::File { item, .. } = &object.meta().source;
        assert_eq!(*item, Some(0));
    }
    assert!(objects("apiVersion: v1\nkind: List\nitems:\n").is_empty());
    let nested = "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: [{}]}]";
    assert!(problems(nested)[0].contains("a list inside a list"));
}

#[test]
fn mesh_external_as_a_resolution_says_that_it_is_a_location() {
    let text = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec: \
                {hosts: [a.com], resolution: MESH_EXTERNAL}\n";
    assert_eq!(
        problems(text),
        ["IST0106 spec.resolution: unknown resolution `MESH_EXTERNAL`: expected one of NONE, \
          STATIC, DNS, DNS_ROUND_ROBIN, DYNAMIC_DNS; MESH_EXTERNAL is a value of `location` | "]
    );
}

#[test]
fn a_document_without_a_kind_says_what_it_looks_like_and_what_is_wrong_inside() {
    assert_eq!(
        problems("spec:\n  hosts: [a]\n  http:\n    route:\n    - destination: {host: b}\n"),
        [
            "GW0006 : this document has no `apiVersion` and `kind`, so it is not read | it looks \
             like a VirtualService: begin it with `apiVersion: networking.istio.io/v1` and \
             `kind: VirtualService`",
            "IST0106 spec.http: `http` is a list: put `- ` before `route` | each entry of a list \
             begins with `- `; what follows is indented under it",
        ]
    );
    assert!(problems("servers: []\n")[0].contains("it looks like a Gateway"));
    assert!(problems("- a\n")[0].contains("is not an object"));
    assert!(problems("just words\n")[0].contains("is not an object"));
}

#[test]
fn unknown_kinds_and_versions_are_errors_with_advice() {
    let text = |version: &str, kind: &str| {
        problems(&format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n"))
    };
    assert_eq!(
        text("networking.istio.io/v1", "VirtualServise"),
        ["GW0007 kind: `networking.istio.io` has no kind `VirtualServise`, so it is not read | \
          did you mean `VirtualService`?"]
    );
    assert!(
        text("networking.istio.io/v1", "Telemetry")[0]
            .ends_with("write `apiVersion: telemetry.istio.io/v1`")
    );
    assert_eq!(
        text("networking.istio.io/v2", "Gateway"),
        ["GW0008 apiVersion: `v2` is not a version of Gateway, so it is not read | write \
          `apiVersion: networking.istio.io/v1`"]
    );
    assert!(text("v1", "Gateway")[0].contains("`v1` has no kind Gateway"));
}

#[test]
fn kinds_of_others_are_passed_over_with_a_word() {
    let severity = |version: &str, kind: &str| {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n");
        let read = read_bytes(text.as_bytes());
        assert!(read.files[0].ok);
        read.problems[0].severity
    };
    assert_eq!(severity("v1", "ServiceAccount"), Severity::Info);
    assert_eq!(severity("apps/v1", "StatefulSet"), Severity::Info);
    assert_eq!(severity("rbac.authorization.k8s.io/v1", "Role"), Severity::Info);
    assert_eq!(severity("gateway.networking.k8s.io/v1", "Gateway"), Severity::Warning);
    assert_eq!(severity("networking.k8s.io/v1", "Ingress"), Severity::Warning);
    assert_eq!(severity("extensions.istio.io/v1alpha1", "TrafficExtension"), Severity::Warning);
    assert_eq!(severity("example.com/v1", "Thing"), Severity::Warning);
    assert_eq!(severity("v1", "Servce"), Severity::Warning);
}

#[test]
fn a_field_of_the_spec_at_the_margin_says_where_it_belongs() {
    assert_eq!(
        problems(&format!("{GATEWAY}metadata: {{name: a}}\nservers: []\nlabels: {{}}\n")),
        [
            "IST0106 servers: unknown field `servers` | `servers` belongs under `spec`",
            "IST0106 labels: unknown field `labels` | `labels` belongs under `metadata`",
        ]
    );
}

#[test]
fn an_object_without_a_name_is_an_error() {
    for metadata in ["", "metadata:\n", "metadata: {namespace: a}\n"] {
        let problems = problems(&format!("{GATEWAY}{metadata}"));
        assert!(problems[0].contains("has no `metadata.name`"), "{problems:?}");
    }
    assert!(problems(&format!("{GATEWAY}metadata: {{name: 1}}\n"))[0].contains("must be quoted"));
}

#[test]
fn a_misspelt_field_of_the_metadata_is_an_error() {
    let problems = problems(&format!("{GATEWAY}metadata: {{name: a, lables: {{}}}}\n"));
    assert!(problems[0].ends_with("did you mean `labels`?"), "{problems:?}");
}

#[test]
fn faults_in_a_secret_do_not_repeat_what_is_written() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 987654}\n\
                data: {key: 'hunter2!'}\n";
    let problems = problems(text);
    assert_eq!(problems.len(), 2);
    assert!(!problems.concat().contains("987654") && !problems.concat().contains("hunter2"));
}

#[test]
fn a_label_without_a_value_is_an_empty_one() {
    let text = format!("{GATEWAY}metadata: {{name: a, labels: {{app: }}, annotations: }}\n");
    assert_eq!(objects(&text)[0].meta().labels["app"], "");
}
