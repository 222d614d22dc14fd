//! What becomes of a request, chance left open: every destination it may take and how each fares.
//! Reads the decision and the snapshot; knows no words for people.

use propylon_snapshot::{
    Abort, AbortAnswer, Action, Availability, Cluster, Decision, Destination, DirectResponse,
    Forward, Reason, Rule, Snapshot, Target, Verdict,
};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outlook<'s> {
    /// It is sent to one of the destinations.
    Forwarded { rule: &'s Rule, forward: &'s Forward, branches: Vec<Branch<'s>> },
    /// It is answered with a location.
    Redirected { status: u16, location: String },
    /// It is answered directly.
    Answered(&'s DirectResponse),
    /// A cross-origin preflight is answered.
    Preflight { allowed: bool },
    /// A failure is injected whatever the dice say.
    Aborted(&'s Abort),
    /// It is refused.
    Refused(Reason),
}

/// One destination and how it fares.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Branch<'s> {
    pub(super) destination: &'s Destination,
    /// Its cluster, where it exists.
    pub(super) cluster: Option<&'s Cluster>,
    /// Why requests to it fail, and with which reason.
    pub(super) fails: Option<(Reason, String)>,
}

impl<'s> Outlook<'s> {
    /// The outlook of a decision whose dice fell on the last side.
    pub(super) fn of(snapshot: &'s Snapshot, decision: &Decision<'s>) -> Self {
        match &decision.verdict {
            Verdict::Redirect { status, location } => {
                return Self::Redirected { status: *status, location: location.clone() };
            }
            Verdict::Respond(response) => return Self::Answered(response),
            Verdict::Preflight { allowed, .. } => return Self::Preflight { allowed: *allowed },
            Verdict::Abort(abort) => return Self::Aborted(abort),
            Verdict::Forward { .. } | Verdict::Reject(_) => {}
        }
        // What only the dice decided is told for every side of them.
        if let Some(rule) = decision.rule
            && let Action::Forward(forward) = &rule.action
            && decision.verdict != Verdict::Reject(Reason::Unenforced)
        {
            let branches = forward.destinations.iter().map(|d| branch(snapshot, d)).collect();
            return Self::Forwarded { rule, forward, branches };
        }
        match decision.verdict {
            Verdict::Reject(reason) => Self::Refused(reason),
            _ => Self::Refused(Reason::NoRoute),
        }
    }

    /// Whether some request like this one is served.
    pub(super) fn served(&self) -> bool {
        match self {
            Self::Forwarded { branches, .. } => branches.iter().any(|b| b.fails.is_none()),
            Self::Redirected { .. } | Self::Answered(_) | Self::Preflight { .. } => true,
            Self::Aborted(_) | Self::Refused(_) => false,
        }
    }
}

fn branch<'s>(snapshot: &'s Snapshot, destination: &'s Destination) -> Branch<'s> {
    let cluster = match &destination.target {
        Target::Missing(_) => {
            let fails = Some((Reason::NoCluster, "no such service, port or subset".to_owned()));
            return Branch { destination, cluster: None, fails };
        }
        Target::Cluster(id) => snapshot.cluster(*id),
    };
    let empty = !cluster.discovery.has_endpoints();
    let fails = match &cluster.availability {
        Availability::Closed(why) => Some((Reason::ClusterClosed, why.to_string())),
        Availability::Open if empty => Some((Reason::NoEndpoint, "no endpoints".to_owned())),
        Availability::Open => None,
    };
    Branch { destination, cluster: Some(cluster), fails }
}

/// The status of an injected failure.
pub(super) fn abort_status(abort: &Abort) -> u16 {
    match abort.answer {
        AbortAnswer::Http(status) => status,
        // gRPC failures travel in a 200.
        AbortAnswer::Grpc(_) => 200,
    }
}
