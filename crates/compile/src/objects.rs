//! The snapshot's table of objects, which origins point into.
//! It hands out ids in the order of first use; it knows names, not contents.

use std::collections::HashMap;

use propylon_model::{Object, ObjectKey};
use propylon_snapshot::{ObjectId, ObjectName, Origin};

/// Objects that some part of the snapshot comes from.
#[derive(Default)]
pub(crate) struct Objects {
    ids: HashMap<ObjectKey, ObjectId>,
    names: Vec<ObjectName>,
    mesh: Option<ObjectId>,
}

impl Objects {
    /// An origin in `object`.
    pub(crate) fn origin<S>(
        &mut self,
        object: &Object<S>,
        entry: usize,
        matching: Option<usize>,
    ) -> Origin {
        let object = self.id(&object.meta.key);
        Origin { object, entry: position(entry), matching: matching.map(position) }
    }

    /// The origin of what follows from the mesh's settings and from no object.
    pub(crate) fn mesh(&mut self, root: &str) -> Origin {
        let object = *self.mesh.get_or_insert_with(|| {
            let id = ObjectId(position(self.names.len()));
            let (kind, name) = ("MeshConfig".into(), "istio".into());
            self.names.push(ObjectName { kind, namespace: root.into(), name });
            id
        });
        Origin { object, entry: 0, matching: None }
    }

    /// The table for the snapshot.
    pub(crate) fn into_names(self) -> Vec<ObjectName> {
        self.names
    }

    fn id(&mut self, key: &ObjectKey) -> ObjectId {
        if let Some(id) = self.ids.get(key) {
            return *id;
        }
        let id = ObjectId(position(self.names.len()));
        self.names.push(ObjectName {
            kind: key.kind.name().into(),
            namespace: (*key.namespace).into(),
            name: (*key.name).into(),
        });
        self.ids.insert(key.clone(), id);
        id
    }
}

/// A position as the snapshot keeps it. No document holds four billion entries.
fn position(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
