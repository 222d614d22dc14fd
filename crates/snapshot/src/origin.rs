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

impl ObjectName {
    /// The list of its `spec` that origins in it count: that of the kind, or, for a VirtualService,
    /// the one given. `None` where origins mean the whole object.
    #[must_use]
    pub fn list<'l>(&self, of_routes: &'l str) -> Option<&'l str> {
        match &*self.kind {
            "Gateway" => Some("servers"),
            "Service" | "ServiceEntry" => Some("ports"),
            "Sidecar" | "MeshConfig" => None,
            _ => Some(of_routes),
        }
    }
}

/// An object and a place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The object.
    pub object: ObjectId,
    /// Position in `spec.http` (VirtualService), `spec.servers` (Gateway) or `spec.ports` (services
    /// that a sidecar reaches).
    pub entry: u32,
    /// Position in `match` of that entry, where it has one.
    pub matching: Option<u32>,
}
