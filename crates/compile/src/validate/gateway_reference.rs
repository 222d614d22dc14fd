//! References to Gateways in VirtualServices: `name`, `namespace/name`, `mesh`.

use super::code;
use super::host::{fqdn_flaw, is_label};
use super::report::{Findings, Place};

/// Checks the spelling of references; whether the Gateways exist is the analysis' to say.
pub(super) fn gateway_names(out: &mut Findings<'_>, list: &Place<'_>, names: &[String]) {
    for (position, name) in names.iter().enumerate() {
        gateway_name(out, &list.index(position), name);
    }
}

fn gateway_name(out: &mut Findings<'_>, place: &Place<'_>, text: &str) {
    if let Some((namespace, name)) = text.split_once('/') {
        if namespace == "." && is_label(name) {
            return out.error(
                code::GATEWAY_REFERENCE,
                place,
                format!("`{text}` is refused by Istio: `.` is not allowed here"),
                format!(
                    "write `{name}`; a bare name is looked up in the VirtualService's namespace"
                ),
            );
        }
        if !is_label(namespace) || !is_label(name) {
            out.error(
                code::GATEWAY_REFERENCE,
                place,
                format!("`{text}` names no Gateway, so nothing is bound to it"),
                "write `namespace/name`, both with letters, digits and hyphens only",
            );
        }
        return;
    }
    if let Some(flaw) = fqdn_flaw(text) {
        return out.error(
            code::GATEWAY_REFERENCE,
            place,
            format!("`{text}` names no Gateway: {flaw}"),
            "write `name` or `namespace/name`",
        );
    }
    let mut parts = text.split('.');
    if let (Some(name), Some(namespace)) = (parts.next(), parts.next()) {
        out.warning(
            code::DEPRECATED,
            place,
            format!("`{text}` is the old form of a Gateway's name"),
            format!("write `{namespace}/{name}`"),
        );
    }
}
