//! What objects say wrongly about each other: references that lead nowhere, rules that are never
//! reached, settings that do not do what they seem to.
//!
//! Looks at the whole world for one gateway workload and rejects nothing. Each analysis is a file
//! of its own over one shared index; the single objects were judged by `validate` before.

mod code;
mod index;
mod nearest;
mod uses;

mod binding;
mod gateway_reference;
mod selection;

mod destination;
mod subset;
mod supply;

mod cover;
mod shadow;
mod shadow_across;

mod credential;
mod server;

mod locality;
mod origination;
mod outlier;
mod path_trap;
mod route_trap;
mod rule_trap;
mod weight;

use propylon_model::{Problem, World};

use crate::Options;
use crate::problems::Problems;
use crate::routes::virtual_service::{Bound, visible};
use crate::view::View;

use index::Index;

/// All problems between the objects of a world, as seen by one gateway workload.
///
/// Pure. Where Istio's analyzers know the mistake, the problem carries their code. A route that
/// only concerns sidecars is none of this gateway's business and is not judged.
#[must_use]
pub fn analyze(world: &World, options: &Options) -> Vec<Problem> {
    let view = View::new(world, options);
    // What the translation finds on the way to its VirtualServices is its own to report.
    let bound = visible(&view, &mut Problems::default());
    within(&view, &bound)
}

/// Like [`analyze`], with the VirtualServices as the translation already has them.
pub(crate) fn within<'w>(view: &View<'w>, bound: &[Bound<'w>]) -> Vec<Problem> {
    let index = Index::new(view);
    let uses = uses::collect(&index);
    let mut problems = Vec::new();
    let out = &mut problems;
    gateway_reference::check(&index, out);
    selection::check(&index, out);
    // Hosts of a sidecar need no server of a Gateway.
    if view.options.role == crate::Role::Gateway {
        binding::check(&index, out);
    }
    destination::check(&index, &uses, out);
    subset::check(&index, &uses, out);
    supply::check(&index, &uses, out);
    shadow::check(&index, out);
    shadow_across::check(&index, bound, out);
    server::check(&index, out);
    credential::check(&index, out);
    weight::check(&index, out);
    path_trap::check(&index, out);
    route_trap::check(&index, out);
    outlier::check(&index, out);
    locality::check(&index, out);
    origination::check(&index, &uses, out);
    rule_trap::check(&index, &uses, out);
    problems
}

#[cfg(test)]
mod testing;
