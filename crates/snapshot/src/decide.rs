//! The whole decision for one request. Pure: no clock, no socket, no lock; chance is an argument.
//! The data plane, `explain`, the golden tests, fuzzing and the benches all call it.

use std::time::Duration;

use crate::policy::CorsAnswer;
use crate::{
    Abort, Action, Availability, Cors, Destination, DirectResponse, Forward, Head, Reason,
    RouteTableId, Rule, Scheme, Snapshot, Target, VirtualHost,
};

/// Chance: `dice(n)` draws a number in `0..n`.
pub type Dice<'d> = dyn FnMut(u32) -> u32 + 'd;

/// What cross-origin policy adds to the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorsReply<'s> {
    /// Nothing.
    None,
    /// The origin is allowed: the response gets the policy's headers.
    Allowed(&'s Cors),
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'s> {
    /// Send it to `destination`.
    Forward {
        /// The rule's forwarding part.
        forward: &'s Forward,
        /// The destination drawn; it stays the same across retries.
        destination: &'s Destination,
    },
    /// Answer with a location.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The whole URL.
        location: String,
    },
    /// Answer directly.
    Respond(&'s DirectResponse),
    /// Answer a cross-origin preflight with 200; `allowed` says whether its origin is.
    Preflight {
        /// The policy.
        cors: &'s Cors,
        /// Whether the origin is allowed.
        allowed: bool,
    },
    /// Answer with an injected failure.
    Abort(&'s Abort),
    /// Refuse.
    Reject(Reason),
}

/// The decision and what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'s> {
    /// The virtual host, where one was found.
    pub host: Option<&'s VirtualHost>,
    /// The rule, where one matched. Its response operations apply to every answer, local ones too.
    pub rule: Option<&'s Rule>,
    /// Wait this long before carrying out the verdict (fault injection).
    pub delay: Option<Duration>,
    /// Cross-origin headers of the response.
    pub cors: CorsReply<'s>,
    /// What to do.
    pub verdict: Verdict<'s>,
}

impl<'s> Decision<'s> {
    /// A decision with a verdict and nothing else yet.
    fn of(host: Option<&'s VirtualHost>, rule: Option<&'s Rule>, verdict: Verdict<'s>) -> Self {
        Self { host, rule, delay: None, cors: CorsReply::None, verdict }
    }
}

impl Snapshot {
    /// Decides one request on one listener's table.
    ///
    /// The order is that of Istio's filter chain: host and rule, then policies that deny, then
    /// fault injection, then CORS, then the rule's action. Chance is drawn only where the outcome
    /// depends on it: the delay's share, the abort's share, the weighted destination.
    #[must_use]
    pub fn decide<'s>(
        &'s self,
        table: RouteTableId,
        head: &Head<'_>,
        dice: &mut Dice<'_>,
    ) -> Decision<'s> {
        let host = self.table(table).lookup(head.authority);
        if self.closed {
            // Envoy's RBAC stands behind the route choice and before everything the route does;
            // the route's response operations still apply.
            let rule = host.filter(|host| !host.sends_to_tls(head)).and_then(|h| h.rule(head));
            return Decision::of(host, rule, Verdict::Reject(Reason::Unenforced));
        }
        // `OPTIONS *` and `CONNECT` name no path, and no rule is asked about them (Envoy's rule).
        let Some(host) = host.filter(|_| head.path.starts_with('/')) else {
            return Decision::of(None, None, Verdict::Reject(Reason::NoRoute));
        };
        if host.sends_to_tls(head) {
            let verdict = Verdict::Redirect { status: 301, location: tls_location(head) };
            return Decision::of(Some(host), None, verdict);
        }
        let Some(rule) = host.rule(head) else {
            return Decision::of(Some(host), None, Verdict::Reject(Reason::NoRoute));
        };
        self.carry_out(host, rule, head, dice)
    }

    /// What a chosen rule does with the request.
    fn carry_out<'s>(
        &'s self,
        host: &'s VirtualHost,
        rule: &'s Rule,
        head: &Head<'_>,
        dice: &mut Dice<'_>,
    ) -> Decision<'s> {
        let mut decision = Decision::of(Some(host), Some(rule), Verdict::Reject(Reason::NoRoute));
        if let (Some(fault), Action::Forward(_)) = (&rule.fault, &rule.action) {
            decision.delay =
                fault.delay.as_ref().filter(|d| d.share.hits(dice)).map(|delay| delay.duration);
            if let Some(abort) = fault.abort.as_ref().filter(|abort| abort.share.hits(dice)) {
                decision.verdict = Verdict::Abort(abort);
                return decision;
            }
        }
        // Envoy's CORS filter passes over routes that answer by themselves, preflights included.
        if let (Some(cors), Action::Forward(_)) = (&rule.cors, &rule.action) {
            match cors.answer(head) {
                CorsAnswer::None => {}
                CorsAnswer::Allowed => decision.cors = CorsReply::Allowed(cors),
                CorsAnswer::Preflight { allowed } => {
                    decision.verdict = Verdict::Preflight { cors, allowed };
                    return decision;
                }
            }
        }
        decision.verdict = match &rule.action {
            Action::Forward(forward) => self.forward(forward, dice),
            Action::Redirect(redirect) => Verdict::Redirect {
                status: redirect.status,
                location: redirect.location(&rule.matcher, head),
            },
            Action::Respond(response) => Verdict::Respond(response),
        };
        decision
    }

    fn forward<'s>(&'s self, forward: &'s Forward, dice: &mut Dice<'_>) -> Verdict<'s> {
        let Some(destination) = forward.draw(dice) else {
            return Verdict::Reject(Reason::NoCluster);
        };
        match &destination.target {
            Target::Missing(_) => Verdict::Reject(Reason::NoCluster),
            Target::Cluster(id) => match self.cluster(*id).availability {
                Availability::Open => Verdict::Forward { forward, destination },
                Availability::Closed(_) => Verdict::Reject(Reason::ClusterClosed),
            },
        }
    }
}

impl VirtualHost {
    /// True if the host answers this request with a redirect to https, whatever its rules.
    #[must_use]
    pub fn sends_to_tls(&self, head: &Head<'_>) -> bool {
        self.require_tls && head.scheme != Scheme::Https
    }

    fn rule(&self, head: &Head<'_>) -> Option<&Rule> {
        self.rules.first_match(head)
    }
}

impl Forward {
    /// Draws a destination by weight. A single destination draws nothing; `None` if there is none.
    #[must_use]
    pub fn draw(&self, dice: &mut Dice<'_>) -> Option<&Destination> {
        let (last, others) = self.destinations.split_last()?;
        if others.is_empty() {
            return Some(last);
        }
        let sum = self.destinations.iter().fold(0_u32, |sum, d| sum.saturating_add(d.weight));
        let mut drawn = dice(sum.max(1));
        for destination in others {
            if drawn < destination.weight {
                return Some(destination);
            }
            drawn -= destination.weight;
        }
        Some(last)
    }
}

/// Envoy's `require_tls` location: the request with another scheme, its port kept.
fn tls_location(head: &Head<'_>) -> String {
    let mut location =
        String::with_capacity("https://?".len() + head.authority.len() + head.target_len());
    location.push_str("https://");
    location.push_str(head.authority);
    head.push_target(&mut location);
    location
}

#[cfg(test)]
mod tests;
