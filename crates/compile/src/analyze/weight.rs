//! Weights that do not give what they seem to: nothing for one of several, sums other than 100.

use propylon_model::{FieldPath, Object, Problem, Severity, VirtualService};

use super::code;
use super::index::{Index, Reach};

/// What most authors take weights for.
const USUAL_TOTAL: i64 = 100;

/// Checks the weighted routes of VirtualServices that a gateway serves.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    for object in &index.view.world.virtual_services {
        if object.spec.hosts.is_empty() || index.reach(object) > Reach::Mesh {
            for (entry, route) in object.spec.http.iter().enumerate() {
                let names: Vec<(i32, &str)> = route
                    .route
                    .iter()
                    .map(|one| (one.weight, one.destination.host.as_str()))
                    .collect();
                let place = FieldPath::spec().key("http").index(entry).key("route");
                check_route(object, &place, &names, out);
            }
        }
    }
}

fn check_route(
    object: &Object<VirtualService>,
    place: &FieldPath,
    all: &[(i32, &str)],
    out: &mut Vec<Problem>,
) {
    let total: i64 = all.iter().map(|(weight, _)| i64::from(*weight)).sum();
    if all.len() < 2 || total <= 0 {
        return;
    }
    for (position, (weight, host)) in all.iter().enumerate() {
        if *weight != 0 {
            continue;
        }
        let message = format!(
            "beside others a weight of 0, also when it is left out, means no requests: `{host}` \
             gets none"
        );
        let field = place.index(position);
        let problem = Problem::of(Severity::Info, code::WEIGHT, object, field, message);
        out.push(problem.help("write its share, or remove the destination"));
    }
    let shared = all.iter().filter(|(weight, _)| *weight > 0).count() > 1;
    if shared && total != USUAL_TOTAL {
        let shares: Vec<String> = all
            .iter()
            .map(|(weight, host)| format!("{host} {}%", i64::from(*weight) * 100 / total))
            .collect();
        let message = format!(
            "the weights add up to {total}, not 100; each counts relative to the sum: {}",
            shares.join(", ")
        );
        let problem = Problem::of(Severity::Info, code::WEIGHT, object, place.clone(), message);
        out.push(problem.help("nothing to do if that is what you mean"));
    }
}

#[cfg(test)]
mod tests;
