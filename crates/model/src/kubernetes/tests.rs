//! Secrets and ports of plain Kubernetes objects.

use serde_json::{from_value, json};

use super::{PortRef, Secret, Service};

#[test]
fn a_secret_merges_its_two_forms_as_the_api_server_does() {
    let secret: Secret = from_value(json!({
        "type": "kubernetes.io/tls",
        "data": { "tls.crt": "Y2VydA==", "tls.key": "b2xk" },
        "stringData": { "tls.key": "new" },
    }))
    .unwrap();
    assert_eq!(secret.data["tls.crt"].reveal(), b"cert");
    assert_eq!(secret.data["tls.key"].reveal(), b"new");
}

#[test]
fn a_secret_does_not_show_its_contents() {
    let secret: Secret = from_value(json!({ "stringData": { "key": "hunter2" } })).unwrap();
    assert!(!format!("{secret:?}").contains("hunter2"));
}

#[test]
fn a_target_port_is_a_number_or_a_name_and_other_fields_are_passed_over() {
    let service: Service = from_value(json!({
        "clusterIP": "None",
        "ipFamilyPolicy": "SingleStack",
        "ports": [
            { "port": 80, "targetPort": 8080 },
            { "port": 81, "targetPort": "http" },
            { "port": 82, "targetPort": "8082" },
            { "port": 83 },
        ],
    }))
    .unwrap();
    let targets: Vec<_> = service.ports.iter().map(|port| port.target_port.clone()).collect();
    assert_eq!(service.cluster_ip, "None");
    assert_eq!(
        targets,
        [
            Some(PortRef::Number(8080)),
            Some(PortRef::Name("http".into())),
            Some(PortRef::Number(8082)),
            None
        ]
    );
}
