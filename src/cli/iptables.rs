//! `propylon iptables`: sets up and removes the redirection of what leaves a workload, like
//! istio-iptables. Turns flags into rules and hands them to the system's iptables; `rules` knows
//! what they are.

mod rules;

use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use clap::Args;
use ipnet::IpNet;

use super::out::{self, Exit};
use crate::failure::Failure;
use rules::{Family, Redirection};

/// Flags of `iptables`.
#[derive(Debug, Args)]
pub(crate) struct Iptables {
    /// The port that connections are redirected to: a sidecar's `--outbound`
    #[arg(
        short = 'p',
        long,
        alias = "envoy-port",
        value_name = "PORT",
        default_value_t = 15001,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    port: u16,

    /// User whose connections are never redirected: the sidecar's own; may be repeated
    #[arg(
        short = 'u',
        long = "uid",
        alias = "proxy-uid",
        value_name = "UID",
        default_value = "1337",
        value_delimiter = ','
    )]
    uids: Vec<u32>,

    /// Group whose connections are never redirected; may be repeated
    #[arg(
        short = 'g',
        long = "gid",
        alias = "proxy-gid",
        value_name = "GID",
        value_delimiter = ','
    )]
    gids: Vec<u32>,

    /// Redirect only what these users send [default: everybody else]
    #[arg(long = "only-uid", value_name = "UID", value_delimiter = ',')]
    only_uids: Vec<u32>,

    /// Destinations that are redirected; `*` is all [default: `*`, unless ports are given]
    #[arg(
        short = 'i',
        long = "include-cidr",
        alias = "istio-service-cidr",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    include: Vec<Entry<Block>>,

    /// Destinations that are not redirected
    #[arg(
        short = 'x',
        long = "exclude-cidr",
        alias = "istio-service-exclude-cidr",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    exclude: Vec<Entry<IpNet>>,

    /// Ports that are redirected, beside the destinations that are
    #[arg(
        short = 'q',
        long = "include-port",
        alias = "istio-outbound-ports",
        value_name = "PORT",
        value_delimiter = ','
    )]
    include_ports: Vec<Entry<u16>>,

    /// Ports that are not redirected
    #[arg(
        short = 'o',
        long = "exclude-port",
        alias = "istio-local-outbound-ports-exclude",
        value_name = "PORT",
        value_delimiter = ','
    )]
    exclude_ports: Vec<Entry<u16>>,

    /// Redirect IPv6, too: the sidecar has to listen on [::1] as well
    #[arg(long)]
    ipv6: bool,

    /// Remove the redirection
    #[arg(long, alias = "cleanup")]
    clean: bool,

    /// Print the rules and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    #[command(flatten)]
    inbound: Inbound,
}

/// Flags of istio-iptables about what comes in, known only to be refused: a copied command line
/// must not look as if it did all that it says.
#[derive(Debug, Args)]
struct Inbound {
    #[arg(short = 'b', long = "istio-inbound-ports", hide = true)]
    inbound_ports: Option<String>,

    #[arg(short = 'd', long = "istio-local-exclude-ports", hide = true)]
    inbound_exclude: Option<String>,

    #[arg(short = 'z', long = "inbound-capture-port", hide = true)]
    inbound_port: Option<String>,

    #[arg(short = 'm', long = "istio-inbound-interception-mode", hide = true)]
    inbound_mode: Option<String>,
}

impl Inbound {
    fn asked(&self) -> Option<&'static str> {
        let Self { inbound_ports, inbound_exclude, inbound_port, inbound_mode } = self;
        let all = [
            ("-b", inbound_ports),
            ("-d", inbound_exclude),
            ("-z", inbound_port),
            ("-m", inbound_mode),
        ];
        // As in Istio, no ports mean that nothing is intercepted.
        let said = |value: &Option<String>| value.as_ref().is_some_and(|text| !text.is_empty());
        all.into_iter().find(|(_, value)| said(value)).map(|(flag, _)| flag)
    }
}

/// An entry of a list, which may be empty: the arguments of Istio's init container have `-x ""`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry<T> {
    Nothing,
    Is(T),
}

impl<T: std::str::FromStr> std::str::FromStr for Entry<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.is_empty() { Ok(Self::Nothing) } else { text.parse().map(Self::Is) }
    }
}

/// The entries that are something.
fn listed<T: Copy>(list: &[Entry<T>]) -> impl Iterator<Item = T> {
    list.iter().filter_map(|entry| match entry {
        Entry::Nothing => None,
        Entry::Is(value) => Some(*value),
    })
}

/// A block of addresses, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    All,
    Of(IpNet),
}

impl std::str::FromStr for Block {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::All);
        }
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let block = text.parse().ok().or_else(address).map(Self::Of);
        block.ok_or_else(|| "write it as ADDRESS/BITS, e.g. 10.96.0.0/12, or `*`".to_owned())
    }
}

impl Iptables {
    /// Sets the rules, removes them, or prints them.
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        self.contradiction().map_or(Ok(()), |why| Err(Failure::Other(why)))?;
        for family in [Family::V4, Family::V6] {
            // Removing touches both: nothing may stay behind.
            if family == Family::V6 && !self.ipv6 && !self.clean {
                continue;
            }
            let removing = rules::removal(family);
            let setting = self.redirection(family).rules();
            if self.dry_run {
                let commands = if self.clean { removing.join("\n") } else { setting };
                out::unless_closed(out::line(&format!("# {}\n{commands}", family.program())))?;
                continue;
            }
            remove(family, &removing)?;
            if !self.clean {
                restore(family, &setting)?;
            }
        }
        Ok(Exit::Success)
    }

    /// What flags ask for that cannot be had together; nobody should find that out from traffic.
    fn contradiction(&self) -> Option<String> {
        if self.clean {
            return None;
        }
        if let Some(flag) = self.inbound.asked() {
            return Some(format!(
                "{flag} is about what comes in to a workload, which is not intercepted: leave out \
                 -b, -d, -z and -m, or say `-b \"\"` alone"
            ));
        }
        if let Some(uid) = self.only_uids.iter().find(|uid| self.uids.contains(uid)) {
            return Some(format!(
                "user {uid} is to be redirected (--only-uid) and left alone (--uid): run the \
                 sidecar as another user, and name that one with --uid"
            ));
        }
        let included = listed(&self.include).filter_map(|block| match block {
            Block::All => None,
            Block::Of(block) => Some(block),
        });
        let mut blocks = included.chain(listed(&self.exclude));
        let v6 = blocks.find(|block| Family::V6.has(*block) && !self.ipv6)?;
        Some(format!("{v6} has no effect, as IPv6 is not redirected: add --ipv6"))
    }

    fn redirection(&self, family: Family) -> Redirection {
        let of = |block: &IpNet| family.has(*block);
        let unsaid = self.include.is_empty() && self.include_ports.is_empty();
        let all = unsaid || self.include.contains(&Entry::Is(Block::All));
        let include = listed(&self.include).filter_map(|block| match block {
            Block::All => None,
            Block::Of(block) => Some(block).filter(of),
        });
        let exclude_ports: Vec<u16> = listed(&self.exclude_ports).collect();
        Redirection {
            family,
            port: self.port,
            own_uids: self.uids.clone(),
            own_gids: self.gids.clone(),
            only_uids: self.only_uids.clone(),
            include: (!all).then(|| include.collect()),
            exclude: listed(&self.exclude).filter(of).collect(),
            include_ports: listed(&self.include_ports)
                .filter(|port| !exclude_ports.contains(port))
                .collect(),
            exclude_ports,
        }
    }
}

/// Removes what an earlier run set; what is not there is no failure.
fn remove(family: Family, commands: &[String]) -> Result<(), Failure> {
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let Some((program, arguments)) = words.split_first() else { continue };
        let run = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        run.map_err(|error| missing(family.program(), &error))?;
    }
    Ok(())
}

/// Sets all rules at once: the kernel takes all of them or none.
fn restore(family: Family, rules: &str) -> Result<(), Failure> {
    let program = family.restorer();
    let mut child = Command::new(program)
        .args(["--noflush", "--wait=30"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| missing(program, &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(rules.as_bytes())?;
    }
    let ended = child.wait_with_output()?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(Failure::Other(format!(
        "{program} refused the rules: {} (this needs the capability CAP_NET_ADMIN)",
        said.trim()
    )))
}

fn missing(program: &str, error: &std::io::Error) -> Failure {
    Failure::Other(format!(
        "cannot run {program}: {error}; install iptables, or use the sidecar as an explicit proxy \
         (http_proxy=http://127.0.0.1:15080), which needs no redirection"
    ))
}

pub(super) const EXAMPLES: &str = "\
Examples:
  propylon iptables --dry-run                     the rules, without setting them
  propylon iptables --uid 1337                    redirect what everybody but user 1337 sends
  propylon iptables --only-uid 1000 -x 10.0.0.0/8 only what user 1000 sends, and not into 10/8
  propylon iptables --clean                       remove the redirection

Run the sidecar as the user that is left alone:
  setpriv --reuid 1337 --clear-groups propylon run --role sidecar ./config";

#[cfg(test)]
mod tests;
