//! Credential problems, as sentences.

use propylon_model::Severity::Error;

use crate::analyze::testing::{finds, lacks};

fn gateway(mode: &str) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - port: {{number: 443, name: https, protocol: HTTPS}}
    tls: {{mode: {mode}, credentialName: web-cert}}
    hosts: [a.example.com]
---
"
    )
}

fn secret(name: &str, namespace: &str, keys: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: {namespace}}}
stringData: {{{keys}}}
---
"
    )
}

const FIELD: &str = "spec.servers[0].tls.credentialName";
const PAIR: &str = "tls.crt: a, tls.key: b";

fn says(yaml: &str, words: &[&str]) {
    finds(yaml, Error, "IST0161", FIELD, words);
}

#[test]
fn a_missing_secret_says_where_it_is_looked_for() {
    let words = ["Secret istio-system/web-cert does not exist", "kubernetes.io/tls"];
    says(&gateway("SIMPLE"), &words);
    let yaml = format!("{}{}", gateway("SIMPLE"), secret("web-cert", "default", PAIR));
    says(&yaml, &["the gateway's namespace, istio-system", "this one is in default"]);
    let yaml = format!("{}{}", gateway("SIMPLE"), secret("web-certs", "istio-system", PAIR));
    says(&yaml, &["did you mean `web-certs`?"]);
}

#[test]
fn a_secret_has_a_certificate_and_for_mutual_an_authority() {
    let yaml = format!("{}{}", gateway("SIMPLE"), secret("web-cert", "istio-system", "crt: a"));
    says(&yaml, &["no certificate and key", "its keys are: crt"]);
    let whole = secret("web-cert", "istio-system", PAIR);
    lacks(&format!("{}{whole}", gateway("SIMPLE")), "IST0161");
    says(&format!("{}{whole}", gateway("MUTUAL")), &["no authority", "`ca.crt`"]);
    let authority = secret("web-cert-cacert", "istio-system", "ca.crt: c");
    lacks(&format!("{}{whole}{authority}", gateway("MUTUAL")), "IST0161");
}
