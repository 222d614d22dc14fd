//! The stable codes of per-object validation, one per kind of mistake.
//!
//! Whole-world analysis has its own codes; numbers are never reused for another meaning.

/// A name, host or namespace that is no DNS name.
pub(super) const HOST: &str = "GW1001";
/// A port number outside 1 to 65535.
pub(super) const PORT: &str = "GW1002";
/// A name of an object, port or subset that is no DNS label.
pub(super) const NAME: &str = "GW1003";
/// The same entry twice where only one counts.
pub(super) const DUPLICATE: &str = "GW1004";
/// A field without which the object means nothing.
pub(super) const MISSING: &str = "GW1005";
/// A duration that Istio does not take.
pub(super) const DURATION: &str = "GW1006";
/// A regular expression that does not compile.
pub(super) const REGEX: &str = "GW1007";
/// A header name that HTTP does not allow here.
pub(super) const HEADER_NAME: &str = "GW1008";
/// A header value that is no valid format string.
pub(super) const HEADER_VALUE: &str = "GW1009";
/// Fields that exclude each other.
pub(super) const CONFLICT: &str = "GW1010";
/// An `exportTo` that contradicts itself.
pub(super) const EXPORT_TO: &str = "GW1011";
/// A percentage outside its range.
pub(super) const PERCENT: &str = "GW1012";
/// Weights that send traffic nowhere.
pub(super) const WEIGHT: &str = "GW1013";
/// A label that Kubernetes does not allow.
pub(super) const LABEL: &str = "GW1014";
/// An address, CIDR block or socket path that cannot be read.
pub(super) const ADDRESS: &str = "GW1015";
/// A value that is not one of those the field takes.
pub(super) const VALUE: &str = "GW1016";
/// A number outside the field's range.
pub(super) const RANGE: &str = "GW1017";
/// A field that Istio has replaced by another.
pub(super) const DEPRECATED: &str = "GW1018";
/// A field that does nothing where it stands.
pub(super) const NO_EFFECT: &str = "GW1019";
/// A feature of the API that no Istio implements.
pub(super) const UNSUPPORTED: &str = "GW1020";
/// A reference to a Gateway that cannot be read.
pub(super) const GATEWAY_REFERENCE: &str = "GW1021";
/// TLS settings that contradict the server or each other.
pub(super) const TLS: &str = "GW1022";
/// A body that is too large for configuration.
pub(super) const BODY_SIZE: &str = "GW1023";
/// Locality settings that contradict each other.
pub(super) const LOCALITY: &str = "GW1024";
/// An authorization rule that would never or always match by mistake.
pub(super) const AUTHORIZATION: &str = "GW1025";
/// Keys of a token issuer that cannot be used.
pub(super) const TOKEN: &str = "GW1026";
