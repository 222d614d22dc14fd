//! The mesh configuration: from a file of its own, or from the ConfigMap that Istio keeps it in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use propylon_model::{
    AnyObject, Code, ConfigMap, FieldPath, MeshConfig, Object, Problem, Severity, Source,
};

use super::decode::{Decoded, Outline, Strictness, decode, outline};
use super::yaml::{self, Node};
use super::{codes, suggest};

/// The mesh configuration of the objects: key `mesh` of the ConfigMap `istio`. One in
/// `root_namespace` comes before others. `None` where there is none or it cannot be read.
#[must_use]
pub fn mesh_config(
    objects: &[AnyObject],
    root_namespace: &str,
) -> (Option<MeshConfig>, Vec<Problem>) {
    let named = objects.iter().filter_map(|object| match object {
        AnyObject::ConfigMap(map) if &*map.meta.key.name == "istio" => Some(map),
        _ => None,
    });
    let Some(map) = named.min_by_key(|map| {
        let namespace = map.meta.key.namespace.clone();
        (&*namespace != root_namespace, namespace)
    }) else {
        return (None, Vec::new());
    };
    let Some(text) = map.spec.data.get("mesh") else { return (None, Vec::new()) };
    match parse(text) {
        Ok(mesh) => (Some(mesh), Vec::new()),
        Err(findings) => (None, findings.into_iter().map(|found| found.in_map(map)).collect()),
    }
}

/// Reads a file that is a mesh configuration.
///
/// # Errors
/// All problems of the file, where there are any.
pub fn read_mesh_config(path: &Path) -> Result<MeshConfig, Vec<Problem>> {
    let source = Source::File { path: Arc::new(PathBuf::from(path)), document: 0, item: None };
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        vec![problem(codes::UNREADABLE, source.clone(), message, String::new())]
    })?;
    parse(&text).map_err(|findings| {
        findings.into_iter().map(|found| found.in_file(source.clone())).collect()
    })
}

/// Something wrong in the text of a mesh configuration.
struct Finding {
    code: &'static str,
    field: FieldPath,
    at_key: bool,
    position: Option<(usize, usize)>,
    message: String,
    help: String,
}

impl Finding {
    fn in_map(self, map: &Object<ConfigMap>) -> Problem {
        let place = match (self.position, self.field.to_string()) {
            (Some((line, column)), _) => format!(" (line {line}, column {column} of the text)"),
            (None, field) if field.is_empty() => String::new(),
            (None, field) => format!(" (at `{field}` of the text)"),
        };
        let field = FieldPath::root().key("data").key("mesh");
        let message = format!("the mesh configuration cannot be read: {}{place}", self.message);
        Problem::of(Severity::Error, self.code, map, field, message).help(self.help)
    }

    fn in_file(self, source: Source) -> Problem {
        Problem {
            field: self.field,
            at_key: self.at_key,
            position: self.position,
            ..problem(self.code, source, self.message, self.help)
        }
    }
}

fn problem(code: &'static str, source: Source, message: String, help: String) -> Problem {
    Problem {
        severity: Severity::Error,
        code: Code(code),
        object: None,
        source,
        field: FieldPath::root(),
        at_key: false,
        message,
        help,
        position: None,
        notes: Vec::new(),
    }
}

fn parse(text: &str) -> Result<MeshConfig, Vec<Finding>> {
    let Some(document) = yaml::parse(text).into_iter().next() else {
        return Ok(MeshConfig::default());
    };
    match document.root {
        Ok(Some(root)) if !root.is_null() => typed(&root),
        Ok(_) => Ok(MeshConfig::default()),
        Err(faults) => Err(faults
            .into_iter()
            .map(|fault| Finding {
                code: fault.code,
                field: FieldPath::root(),
                at_key: false,
                position: Some((fault.mark.line as usize, fault.mark.column as usize)),
                message: fault.message,
                help: fault.help,
            })
            .collect()),
    }
}

fn typed(root: &Node) -> Result<MeshConfig, Vec<Finding>> {
    let Decoded { result, unknown } =
        decode::<MeshConfig>(root, &FieldPath::root(), Strictness::Message);
    let messages: Vec<Outline> =
        if unknown.is_empty() { Vec::new() } else { outline::<MeshConfig>() };
    let mut findings: Vec<Finding> = unknown
        .into_iter()
        .map(|field| Finding {
            code: codes::SCHEMA,
            at_key: true,
            position: None,
            message: format!("unknown field `{}`", field.name),
            help: suggest::for_field(
                &field.name,
                &field.parent.to_string(),
                field.known,
                "",
                &messages,
            ),
            field: field.parent.key(field.name),
        })
        .collect();
    match result {
        Ok(mesh) if findings.is_empty() => Ok(mesh),
        Ok(_) => Err(findings),
        Err(faults) => {
            findings.extend(faults.into_iter().map(|fault| Finding {
                code: codes::SCHEMA,
                field: fault.path.unwrap_or_default(),
                at_key: fault.at_key,
                position: None,
                message: fault.message,
                help: fault.help,
            }));
            Err(findings)
        }
    }
}

#[cfg(test)]
mod tests;
