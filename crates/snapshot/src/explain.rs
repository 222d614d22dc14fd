//! Why a request is decided as it is: the decision itself, which hosts came into question, and what
//! every rule on the way said. Data for `explain`; printing is the command line's.

use crate::{Decision, Dice, Head, Mismatch, RouteTableId, Rule, Snapshot, VirtualHost, host_of};

/// How many similar domains a miss names.
const NEAREST_DOMAINS: usize = 3;

/// One rule that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried<'s> {
    /// The rule.
    pub rule: &'s Rule,
    /// Its position in the list.
    pub position: usize,
    /// Every condition that does not hold; empty for the rule that matched.
    pub mismatches: Vec<Mismatch<'s>>,
}

/// A decision and the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<'s> {
    /// What the data plane would do.
    pub decision: Decision<'s>,
    /// Every host whose domain fits the authority, in order of preference; the first is chosen.
    /// Later ones are never asked, even if no rule of the first matches.
    pub hosts: Vec<&'s VirtualHost>,
    /// Where no host fits: the hosts with the most similar domains, nearest first.
    pub nearest_hosts: Vec<&'s VirtualHost>,
    /// The rules that were asked, in order, up to and with the match.
    pub tried: Vec<Tried<'s>>,
}

impl<'s> Explanation<'s> {
    /// Where no rule matched: the first of the rules with the fewest failing conditions.
    #[must_use]
    pub fn nearest_miss(&self) -> Option<&Tried<'s>> {
        if self.decision.rule.is_some() {
            return None;
        }
        self.tried.iter().min_by_key(|tried| tried.mismatches.len())
    }
}

impl Snapshot {
    /// Decides with [`Snapshot::decide`] and tells how that came about. Not for the data plane: it
    /// allocates, and it asks rules that the decision's index leaves out.
    #[must_use]
    pub fn explain<'s>(
        &'s self,
        table: RouteTableId,
        head: &Head<'_>,
        dice: &mut Dice<'_>,
    ) -> Explanation<'s> {
        let decision = self.decide(table, head, dice);
        let all = self.table(table).hosts();
        let authority = host_of(head.authority).to_ascii_lowercase();
        let mut hosts: Vec<_> = all.iter().filter(|host| host.fits(&authority)).collect();
        hosts.sort_by_key(|host| host.preference());
        let nearest_hosts =
            if decision.host.is_none() { nearest(all, &authority) } else { Vec::new() };
        let asked = decision.host.filter(|host| !host.sends_to_tls(head));
        let tried = asked.map_or_else(Vec::new, |host| tried(host, head));
        Explanation { decision, hosts, nearest_hosts, tried }
    }
}

impl VirtualHost {
    /// True if the domain covers a lower-case host without port.
    fn fits(&self, host: &str) -> bool {
        match self.domain.strip_prefix('*') {
            None => *self.domain == *host,
            Some("") => true,
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        }
    }

    /// Exact domains first, then the longest suffix.
    fn preference(&self) -> (bool, std::cmp::Reverse<usize>) {
        (self.domain.starts_with('*'), std::cmp::Reverse(self.domain.len()))
    }
}

fn tried<'s>(host: &'s VirtualHost, head: &Head<'_>) -> Vec<Tried<'s>> {
    let mut tried = Vec::new();
    for (position, rule) in host.rules.rules().iter().enumerate() {
        let mismatches: Vec<_> = rule.matcher.mismatches(head).collect();
        let matched = mismatches.is_empty();
        tried.push(Tried { rule, position, mismatches });
        if matched {
            break;
        }
    }
    tried
}

fn nearest<'s>(hosts: &'s [VirtualHost], authority: &str) -> Vec<&'s VirtualHost> {
    let mut hosts: Vec<_> = hosts
        .iter()
        .map(|host| (distance(host.domain.as_bytes(), authority.as_bytes()), host))
        .collect();
    hosts.sort_by(|(a, host), (b, other)| (a, &host.domain).cmp(&(b, &other.domain)));
    hosts.into_iter().take(NEAREST_DOMAINS).map(|(_, host)| host).collect()
}

/// Levenshtein distance: how many letters to insert, drop or change.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests;
