//! The rules that redirect what leaves a workload, in chains of Istio's names, as
//! `iptables-restore` reads them. Pure text; nothing is run here.

use std::fmt::Write;

use ipnet::IpNet;

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    /// The program that changes single rules.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::V4 => "iptables",
            Self::V6 => "ip6tables",
        }
    }

    /// The program that sets many rules at once.
    pub(super) fn restorer(self) -> &'static str {
        match self {
            Self::V4 => "iptables-restore",
            Self::V6 => "ip6tables-restore",
        }
    }

    pub(super) fn has(self, block: IpNet) -> bool {
        matches!((self, block), (Self::V4, IpNet::V4(_)) | (Self::V6, IpNet::V6(_)))
    }

    fn loopback(self) -> &'static str {
        match self {
            Self::V4 => "127.0.0.1/32",
            Self::V6 => "::1/128",
        }
    }
}

/// What is redirected where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirection {
    pub(super) family: Family,
    pub(super) port: u16,
    /// Whose connections are never redirected: the sidecar's own would come back to it.
    pub(super) own_uids: Vec<u32>,
    pub(super) own_gids: Vec<u32>,
    /// Whose connections are redirected; empty: everybody's.
    pub(super) only_uids: Vec<u32>,
    /// Destinations that are redirected; `None`: all.
    pub(super) include: Option<Vec<IpNet>>,
    pub(super) exclude: Vec<IpNet>,
    /// Ports that are redirected whatever the destination, as in Istio.
    pub(super) include_ports: Vec<u16>,
    pub(super) exclude_ports: Vec<u16>,
}

impl Redirection {
    /// All rules, for `iptables-restore --noflush`.
    pub(super) fn rules(&self) -> String {
        let mut text = format!("*nat\n:{OUTPUT} - [0:0]\n:{REDIRECT} - [0:0]\n");
        let mut rule = |chain: &str, rule: &str| {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "-A {chain} {rule}");
        };
        rule("OUTPUT", &format!("-p tcp -j {OUTPUT}"));
        rule(REDIRECT, &format!("-p tcp -j REDIRECT --to-ports {}", self.port));
        for uid in &self.own_uids {
            rule(OUTPUT, &format!("-m owner --uid-owner {uid} -j RETURN"));
        }
        for gid in &self.own_gids {
            rule(OUTPUT, &format!("-m owner --gid-owner {gid} -j RETURN"));
        }
        // What an application says to itself is its own business.
        rule(OUTPUT, &format!("-d {} -j RETURN", self.family.loopback()));
        rule(OUTPUT, "-o lo -j RETURN");
        for block in &self.exclude {
            rule(OUTPUT, &format!("-d {block} -j RETURN"));
        }
        for port in &self.exclude_ports {
            rule(OUTPUT, &format!("-p tcp --dport {port} -j RETURN"));
        }
        let whose = match self.only_uids.as_slice() {
            [] => vec![String::new()],
            uids => uids.iter().map(|uid| format!("-m owner --uid-owner {uid} ")).collect(),
        };
        let ports = self.include_ports.iter().map(|port| format!("-p tcp --dport {port} "));
        let where_to = match &self.include {
            None => vec![String::new()],
            Some(blocks) => blocks.iter().map(|block| format!("-d {block} ")).collect(),
        };
        for what in ports.chain(where_to) {
            for who in &whose {
                rule(OUTPUT, &format!("{what}{who}-j {REDIRECT}"));
            }
        }
        text.push_str("COMMIT\n");
        text
    }
}

/// The commands that remove what [`Redirection::rules`] sets; each may find nothing to remove.
pub(super) fn removal(family: Family) -> Vec<String> {
    let program = family.program();
    let all = [
        format!("-D OUTPUT -p tcp -j {OUTPUT}"),
        format!("-F {OUTPUT}"),
        format!("-F {REDIRECT}"),
        format!("-X {OUTPUT}"),
        format!("-X {REDIRECT}"),
    ];
    all.iter().map(|rule| format!("{program} --wait 30 -t nat {rule}")).collect()
}

/// Istio's chain of what is looked at on its way out.
const OUTPUT: &str = "ISTIO_OUTPUT";
/// Istio's chain of what is redirected.
const REDIRECT: &str = "ISTIO_REDIRECT";
