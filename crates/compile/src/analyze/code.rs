//! The stable codes of whole-world analysis: Istio's analyzer codes where there is one.

/// Istio: a referenced Gateway, host, port or subset does not exist.
pub(super) const NOT_FOUND: &str = "IST0101";
/// Istio: a destination needs a port, because its service has several.
pub(super) const PORT_NEEDED: &str = "IST0112";
/// Istio: a Gateway selects no workload.
pub(super) const SELECTOR: &str = "IST0127";
/// Istio: a rule is never reached.
pub(super) const UNREACHABLE_RULE: &str = "IST0130";
/// Istio: a match is never reached.
pub(super) const UNREACHABLE_MATCH: &str = "IST0131";
/// Istio: a VirtualService's host is not among its Gateway's.
pub(super) const HOST_OUTSIDE: &str = "IST0132";
/// Istio: a server's credential cannot be used.
pub(super) const CREDENTIAL: &str = "IST0161";
/// Istio: a subset selects no endpoints.
pub(super) const EMPTY_SUBSET: &str = "IST0173";
/// Istio: a DestinationRule's host does not exist.
pub(super) const UNKNOWN_HOST: &str = "IST0174";

/// A service that routes send requests to has no endpoints.
pub(super) const NO_ENDPOINTS: &str = "GW2001";
/// A VirtualService that no gateway serves.
pub(super) const NO_GATEWAY: &str = "GW2002";
/// A short host that gateways complete to what no client sends.
pub(super) const SHORT_HOST: &str = "GW2003";
/// A match that no server of the VirtualService's Gateways fulfils.
pub(super) const DEAD_MATCH: &str = "GW2004";
/// A rule that another VirtualService of the same host takes all requests from.
pub(super) const SHADOWED: &str = "GW2005";
/// TLS is passed through, so HTTP routes are never used.
pub(super) const PASSTHROUGH: &str = "GW2006";
/// A delegate that nobody delegates to.
pub(super) const UNUSED_DELEGATE: &str = "GW2007";
/// Weights that do not give what they seem to.
pub(super) const WEIGHT: &str = "GW2008";
/// A rewrite that doubles or loses a slash.
pub(super) const SLASH: &str = "GW2009";
/// An expression that no path can match.
pub(super) const REGEX: &str = "GW2010";
/// A fault that is never injected.
pub(super) const FAULT: &str = "GW2011";
/// A cross-origin policy that allows nobody.
pub(super) const CORS: &str = "GW2012";
/// A header that is set on two levels.
pub(super) const HEADER: &str = "GW2013";
/// Retries that the timeout leaves no time for.
pub(super) const TIMEOUT: &str = "GW2014";
/// Outlier detection that can never eject.
pub(super) const EJECTION: &str = "GW2015";
/// Settings of a port that drop those of the rule.
pub(super) const PORT_SETTINGS: &str = "GW2016";
/// A DestinationRule, or a part of one, that another one overrules.
pub(super) const OVERRULED: &str = "GW2017";
/// Places are compared with the gateway's own, which is not known.
pub(super) const PLACE: &str = "GW2018";
/// The original destination of connections is asked for, which have none.
pub(super) const ORIGINAL: &str = "GW2019";
/// TLS towards a destination that begins too rarely or too often.
pub(super) const ORIGINATION: &str = "GW2021";
