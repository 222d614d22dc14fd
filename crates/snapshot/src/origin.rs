//! Where a compiled thing came from: an object and a place in it, in a few bytes.
//! Turned into file, line and column only when someone asks.

/// Index into [`crate::Snapshot::objects`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub u32);

/// The printable name of a source object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// `VirtualService`, `Gateway` ...
    pub kind: Box<str>,
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

/// An object and a place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The object.
    pub object: ObjectId,
    /// Position in `spec.http` (VirtualService) or `spec.servers` (Gateway).
    pub entry: u32,
    /// Position in `match` of that entry, where it has one.
    pub matching: Option<u32>,
}
