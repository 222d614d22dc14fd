//! Flags that several commands share: whose gateway this is, where ports are bound, how much is
//! said. Turns text into checked values; what they mean is the compiler's matter.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum, ValueHint};
use ipnet::IpNet;
use propylon_compile::{Leg, Role};

use propylon_compile::Families;

use crate::families;
use crate::load::Settings;

/// Whose gateway this is and which files describe it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Workload {
    /// What this workload is: a gateway, or the sidecar of an application
    #[arg(long, value_enum, default_value = "gateway", help_heading = "Gateway")]
    pub role: RoleName,

    /// Label of this workload, which selectors match; given labels replace the default
    /// [default: istio=ingressgateway; none for a sidecar]
    #[arg(long = "label", value_name = "KEY=VALUE", help_heading = "Gateway")]
    pub labels: Vec<Label>,

    /// Namespace this workload is in [default: istio-system; default for a sidecar]
    #[arg(long, value_name = "NAME", value_parser = namespace, help_heading = "Gateway")]
    pub namespace: Option<String>,

    /// Where this workload runs, as REGION/ZONE/SUBZONE from the left as far as known: what is near
    /// comes first where configuration says so [default: what its labels say, as in Istio]
    #[arg(long, value_name = "PLACE", value_parser = place, help_heading = "Gateway")]
    pub locality: Option<String>,

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

    /// Where a sidecar takes connections that the kernel redirects; may be repeated, or `off`
    /// [default: 127.0.0.1:15001]
    #[arg(long, value_name = "ADDRESS", help_heading = "Sidecar")]
    pub outbound: Vec<Serve>,

    /// Where a sidecar answers as an explicit HTTP proxy, CONNECT included, or `off`
    /// [default: 127.0.0.1:15080]
    #[arg(long, value_name = "ADDRESS", help_heading = "Sidecar")]
    pub http_proxy: Option<Serve>,

    /// Look up the hosts of ServiceEntries with `resolution: NONE`, which a gateway cannot reach
    /// otherwise
    #[arg(long, help_heading = "Gateway")]
    pub resolve_none: bool,

    /// Let names that clients choose (DYNAMIC_DNS, NONE) lead to these addresses although they are
    /// not public; may be repeated
    #[arg(
        long = "allow-destination",
        value_name = "CIDR",
        value_parser = block,
        help_heading = "Gateway"
    )]
    pub allowed_destinations: Vec<IpNet>,

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
                labels: self.labels(),
                namespace: self.namespace.clone().unwrap_or_else(|| self.role.namespace()),
                locality: self.locality.clone(),
                domain: self.domain.clone(),
                port_map,
                families: match self.ip_families {
                    Some(IpFamilies::Ipv4) => Families::V4,
                    Some(IpFamilies::Ipv6) => Families::V6,
                    Some(IpFamilies::Both) => Families::Both,
                    None => families::of_this_machine(),
                },
                allow_unenforced_policies: self.allow_unenforced_policies,
                role: self.role(),
                resolve_none: self.resolve_none,
                allowed_destinations: self.allowed_destinations.clone(),
                alert_unknown_names: self.alert_unknown_names,
            },
        }
    }

    fn labels(&self) -> propylon_model::Labels {
        if !self.labels.is_empty() || self.role == RoleName::Sidecar {
            return self.labels.iter().map(|l| (l.key.clone(), l.value.clone())).collect();
        }
        propylon_compile::Options::default().labels
    }

    fn role(&self) -> Role {
        match self.role {
            RoleName::Gateway => Role::Gateway,
            RoleName::Sidecar => {
                let at = |serve: &Serve| match serve {
                    Serve::At(address) => Some(*address),
                    Serve::Off => None,
                };
                let captured = match self.outbound.as_slice() {
                    [] => vec![SocketAddr::from(CAPTURED)],
                    given => given.iter().filter_map(at).collect(),
                };
                let proxy = self.http_proxy.unwrap_or(Serve::At(PROXY.into()));
                Role::Sidecar(Leg { captured, proxy: at(&proxy).into_iter().collect() })
            }
        }
    }
}

/// What a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// It serves the Gateways that select it.
    Gateway,
    /// It takes what leaves an application.
    Sidecar,
}

impl RoleName {
    /// The namespace of a workload of which nothing else is said.
    fn namespace(self) -> String {
        match self {
            Self::Gateway => propylon_compile::Options::default().namespace,
            Self::Sidecar => "default".to_owned(),
        }
    }
}

/// Where a sidecar takes captured connections: Istio's port, on the address that the kernel
/// redirects a machine's own connections to.
const CAPTURED: ([u8; 4], u16) = ([127, 0, 0, 1], 15001);
/// Where a sidecar answers as an explicit proxy: on loopback, as it asks nobody for a password.
const PROXY: ([u8; 4], u16) = ([127, 0, 0, 1], 15080);

/// A block of addresses; a single one is a block of its own.
fn block(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
    let block = text.parse().ok().or_else(address);
    block.ok_or_else(|| "write it as ADDRESS/BITS, e.g. 10.1.0.0/16".to_owned())
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

/// Up to three parts; those on the left are known where those on the right are.
fn place(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('/').collect();
    if parts.len() > 3 || parts.iter().any(|part| part.is_empty() || part.contains('*')) {
        return Err("write it as REGION/ZONE/SUBZONE, e.g. eu-west/a or eu-west".to_owned());
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
