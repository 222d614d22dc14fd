//! Worlds as tests write them: the YAML of a Gateway for every host, of Services on loopback, and
//! of a VirtualService around the rules that a test is about.

/// A Gateway for every host on port 80.
pub(crate) fn every_host() -> String {
    gateway("web", 80, &["*"])
}

/// A plaintext Gateway in the namespace `default`.
pub(crate) fn gateway(name: &str, port: u16, hosts: &[&str]) -> String {
    let hosts: String = hosts.iter().map(|host| format!("    - \"{host}\"\n")).collect();
    format!(
        "apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: {name}
spec:
  selector:
    istio: ingressgateway
  servers:
  - port:
      number: {port}
      name: http
      protocol: HTTP
    hosts:
{hosts}---
"
    )
}

/// A Service in `default`, port 80, whose only endpoint is this port of loopback.
pub(crate) fn service(name: &str, port: u16) -> String {
    versions(name, &[("v1", port)])
}

/// A Service in `default`, port 80, with one labelled pod a version.
pub(crate) fn versions(name: &str, versions: &[(&str, u16)]) -> String {
    let mut yaml = format!(
        "apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector:
    app: {name}
  ports:
  - name: http
    port: 80
---
"
    );
    for (version, port) in versions {
        yaml += &format!(
            "apiVersion: v1
kind: Pod
metadata:
  name: {name}-{version}
  labels:
    app: {name}
    version: {version}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-{version}
  labels:
    kubernetes.io/service-name: {name}
addressType: IPv4
ports:
- name: http
  port: {port}
endpoints:
- addresses:
  - 127.0.0.1
  targetRef:
    kind: Pod
    name: {name}-{version}
---
"
        );
    }
    yaml
}

/// A VirtualService of the Gateway `web`; `http` is the list of its rules, as YAML.
pub(crate) fn rules(name: &str, host: &str, http: &str) -> String {
    let http: String = outdent(http).lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {name}
spec:
  hosts:
  - \"{host}\"
  gateways:
  - web
  http:
{http}---
"
    )
}

/// Everything for one service behind every host: Gateway, Service `origin`, and these rules.
pub(crate) fn one_service(port: u16, http: &str) -> String {
    every_host() + &service("origin", port) + &rules("rules", "*", http)
}

/// The rule that sends everything to one service.
pub(crate) fn everything_to(service: &str) -> String {
    format!("- route:\n  - destination:\n      host: {service}\n")
}

/// The text without the indentation that all its lines share.
pub(crate) fn outdent(text: &str) -> String {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let indent = lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines().map(|line| format!("{}\n", &line[indent..])).collect()
}
