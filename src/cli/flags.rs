//! Flags that several commands share: whose gateway this is, where ports are bound, how much is
//! said. Turns text into checked values; what they mean is the compiler's matter.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum, ValueHint};

use propylon_compile::Families;

use crate::families;
use crate::load::Settings;

/// Whose gateway this is and which files describe it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Workload {
    /// Label of this gateway that Gateway selectors match; given labels replace the default
    #[arg(
        long = "label",
        value_name = "KEY=VALUE",
        default_value = "istio=ingressgateway",
        help_heading = "Gateway"
    )]
    pub labels: Vec<Label>,

    /// Namespace this gateway runs in
    #[arg(
        long,
        value_name = "NAME",
        default_value = "istio-system",
        value_parser = namespace,
        help_heading = "Gateway"
    )]
    pub namespace: String,

    /// DNS domain of the cluster that short names end in; `NS.svc.DOMAIN` is understood too
    #[arg(
        long,
        value_name = "DOMAIN",
        default_value = "cluster.local",
        value_parser = domain,
        help_heading = "Gateway"
    )]
    pub domain: String,

    /// Bind a Gateway's port elsewhere, as a Service's targetPort does; may be repeated
    #[arg(long = "port-map", value_name = "PORT=BOUND", help_heading = "Gateway")]
    pub port_map: Vec<PortPair>,

    /// What a server without `bind` listens on [default: as Istio, by this machine's addresses]
    #[arg(long, value_enum, value_name = "WHICH", help_heading = "Gateway")]
    pub ip_families: Option<IpFamilies>,

    /// MeshConfig as a YAML file; without it, key `mesh` of a ConfigMap `istio` among the objects
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Gateway")]
    pub mesh_config: Option<PathBuf>,

    /// Look up absolute certificate paths of the YAML below this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Gateway")]
    pub root: Option<PathBuf>,

    /// Serve although a security policy selects this gateway and cannot be enforced
    #[arg(long, help_heading = "Gateway")]
    pub allow_unenforced_policies: bool,

    /// Tell TLS clients that ask for an unknown server name so, instead of resetting them
    #[arg(long, help_heading = "Gateway")]
    pub alert_unknown_names: bool,
}

impl Workload {
    /// What the loader needs to know.
    #[must_use]
    pub(crate) fn settings(&self, paths: &[PathBuf]) -> Settings {
        let port_map: BTreeMap<u16, u16> =
            self.port_map.iter().map(|pair| (pair.declared, pair.bound)).collect();
        Settings {
            paths: paths.to_vec(),
            mesh_config: self.mesh_config.clone(),
            root: self.root.clone(),
            compile: propylon_compile::Options {
                labels: self.labels.iter().map(|l| (l.key.clone(), l.value.clone())).collect(),
                namespace: self.namespace.clone(),
                domain: self.domain.clone(),
                port_map,
                families: match self.ip_families {
                    Some(IpFamilies::Ipv4) => Families::V4,
                    Some(IpFamilies::Ipv6) => Families::V6,
                    Some(IpFamilies::Both) => Families::Both,
                    None => families::of_this_machine(),
                },
                allow_unenforced_policies: self.allow_unenforced_policies,
                alert_unknown_names: self.alert_unknown_names,
            },
        }
    }
}

/// Address families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IpFamilies {
    /// `0.0.0.0`
    Ipv4,
    /// `::`
    Ipv6,
    /// Both
    Both,
}

/// `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// Before the equals sign.
    pub key: String,
    /// After it.
    pub value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            _ => Err("write it as key=value, e.g. istio=ingressgateway".to_owned()),
        }
    }
}

/// `80=8080`: what a Gateway declares, and what is bound instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PortPair {
    /// The port in the Gateway's server.
    pub declared: u16,
    /// The port that is bound.
    pub bound: u16,
}

impl FromStr for PortPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let advice = || "write it as PORT=BOUND, both from 1 to 65535, e.g. 80=8080".to_owned();
        let (declared, bound) = text.split_once('=').ok_or_else(advice)?;
        let port = |text: &str| text.parse().ok().filter(|&port: &u16| port != 0);
        match (port(declared), port(bound)) {
            (Some(declared), Some(bound)) => Ok(Self { declared, bound }),
            _ => Err(advice()),
        }
    }
}

/// An address to serve on, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serve {
    /// Serve there.
    At(SocketAddr),
    /// Do not serve.
    Off,
}

impl FromStr for Serve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        // `:15000` is every address, as in many other programs.
        let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
        full.parse()
            .map(Self::At)
            .map_err(|_| "write it as ADDRESS:PORT, e.g. 127.0.0.1:15000, or `off`".to_owned())
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// A namespace is a DNS label (Kubernetes).
fn namespace(text: &str) -> Result<String, String> {
    let label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.is_empty() || text.len() > NAMESPACE_LENGTH_MAX || !text.bytes().all(label) {
        return Err("a namespace is up to 63 lower-case letters, digits and dashes".to_owned());
    }
    Ok(text.to_owned())
}

/// Istio passes `NAMESPACE.svc.DOMAIN` to its gateways; the domain is what follows `.svc.`.
fn domain(text: &str) -> Result<String, String> {
    let domain = match text.split_once(".svc.") {
        Some((_, domain)) => domain,
        None => text.strip_prefix("svc.").unwrap_or(text),
    };
    let domain = domain.trim_end_matches('.');
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if domain.is_empty() || !domain.bytes().all(allowed) || domain.contains("..") {
        return Err("a domain is a DNS name, e.g. cluster.local".to_owned());
    }
    Ok(domain.to_ascii_lowercase())
}

/// Characters; the limit of a DNS label (RFC 1035 section 2.3.4).
const NAMESPACE_LENGTH_MAX: usize = 63;

#[cfg(test)]
mod tests;
