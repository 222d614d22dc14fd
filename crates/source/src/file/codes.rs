//! The stable names of the problems that reading can find.
//!
//! `GW0001` to `GW0099` belong to this crate; Istio's own code stands where Istio has one.

/// A file or directory could not be read.
pub(crate) const UNREADABLE: &str = "GW0001";
/// The text is not YAML.
pub(crate) const SYNTAX: &str = "GW0002";
/// The indentation of a document is lost, as happens when it is copied from a web page.
pub(crate) const INDENTATION_LOST: &str = "GW0003";
/// A key stands twice in one mapping.
pub(crate) const DUPLICATE_KEY: &str = "GW0004";
/// A document is larger or deeper than any configuration is.
pub(crate) const TOO_LARGE: &str = "GW0005";
/// A document is not an object with `apiVersion`, `kind` and `metadata.name`.
pub(crate) const NOT_AN_OBJECT: &str = "GW0006";
/// A kind that Propylon does not read.
pub(crate) const UNKNOWN_KIND: &str = "GW0007";
/// A version that a kind does not have.
pub(crate) const WRONG_VERSION: &str = "GW0008";
/// An object is there twice.
pub(crate) const DUPLICATE_OBJECT: &str = "GW0009";
/// Istio's `SchemaValidationError`: an unknown field, or a value that its field cannot have.
pub(crate) const SCHEMA: &str = "IST0106";
