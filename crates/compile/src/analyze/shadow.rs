//! Rules and matches of one VirtualService that an earlier rule of it takes all requests from.

use propylon_model::virtual_service::{HttpMatch, HttpRoute, StringMatch};
use propylon_model::{FieldPath, Object, Problem, Severity, VirtualService};

use super::code;
use super::cover::{Earlier, Expressions, covers, takes_everything};
use super::index::Index;

/// One match of one rule, or a rule without matches.
#[derive(Clone, Copy)]
struct Item<'w> {
    entry: usize,
    position: Option<usize>,
    condition: Option<&'w HttpMatch>,
    delegates: bool,
}

/// Checks every VirtualService by itself.
pub(super) fn check(index: &Index<'_, '_>, out: &mut Vec<Problem>) {
    for object in &index.view.world.virtual_services {
        check_one(object, out);
    }
}

fn check_one(object: &Object<VirtualService>, out: &mut Vec<Problem>) {
    let items: Vec<_> = object.spec.http.iter().enumerate().flat_map(items).collect();
    let anything = HttpMatch::default();
    let known = Expressions::default();
    let takes = |earlier: &Item<'_>, later: &Item<'_>| {
        let (a, b) = (earlier.condition, later.condition.unwrap_or(&anything));
        !earlier.delegates && a.is_none_or(|a| covers(a, b, &known))
    };
    let mut earlier = Earlier::default();
    let mut taken: Vec<Option<usize>> = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let candidates = earlier.candidates(item.condition.unwrap_or(&anything));
        taken.push(candidates.into_iter().find(|by| takes(&items[*by], item)));
        earlier.add(position, item.condition);
    }
    let mut start = 0;
    for (entry, route) in object.spec.http.iter().enumerate() {
        let end = start + route.r#match.len().max(1);
        let range = start..end;
        start = end;
        let own = || items[range.clone()].iter().zip(&taken[range.clone()]);
        let all = own().all(|(_, by)| by.is_some());
        let first_other = own().find_map(|(_, by)| by.filter(|by| items[*by].entry < entry));
        if let (true, Some(by)) = (all, first_other) {
            let mut single = own().map(|(item, _)| *item);
            let item = single.next();
            let only = item.filter(|_| single.next().is_none());
            report_rule(object, entry, only, &items[by], out);
            continue;
        }
        for (item, by) in own() {
            if let Some(by) = by {
                report_match(object, item, &items[*by], out);
            }
        }
    }
}

fn items<'w>((entry, route): (usize, &'w HttpRoute)) -> Vec<Item<'w>> {
    let delegates = route.delegate.is_some();
    if route.r#match.is_empty() {
        return vec![Item { entry, position: None, condition: None, delegates }];
    }
    let matches = route.r#match.iter().enumerate();
    matches
        .map(|(position, condition)| Item {
            entry,
            position: Some(position),
            condition: Some(condition),
            delegates,
        })
        .collect()
}

fn report_rule(
    object: &Object<VirtualService>,
    entry: usize,
    only: Option<Item<'_>>,
    by: &Item<'_>,
    out: &mut Vec<Problem>,
) {
    let field = match only {
        Some(item) => field(entry, item.position, item.condition),
        None => FieldPath::spec().key("http").index(entry),
    };
    let message = format!(
        "this rule is never reached: http[{}] before it takes every request it could receive",
        by.entry
    );
    let help = format!("move it before http[{}], or remove it", by.entry);
    out.push(explained(object, code::UNREACHABLE_RULE, field, message, by).help(help));
}

fn report_match(
    object: &Object<VirtualService>,
    item: &Item<'_>,
    by: &Item<'_>,
    out: &mut Vec<Problem>,
) {
    let message = if by.entry == item.entry {
        "this match is superfluous: another one of this rule takes all its requests".to_owned()
    } else {
        format!(
            "this match is never reached: http[{}] before it takes every request it could receive",
            by.entry
        )
    };
    let help = format!("move the rule before http[{}], or remove the match", by.entry);
    let help = if by.entry == item.entry { "remove it".to_owned() } else { help };
    let field = field(item.entry, item.position, item.condition);
    out.push(explained(object, code::UNREACHABLE_MATCH, field, message, by).help(help));
}

fn explained(
    object: &Object<VirtualService>,
    code: &'static str,
    at: FieldPath,
    message: String,
    by: &Item<'_>,
) -> Problem {
    let note = field(by.entry, by.position, by.condition);
    let problem = Problem::of(Severity::Warning, code, object, at, message);
    problem.note(object, note, describe(by.condition))
}

/// The way to a match: to its path where it has one.
pub(super) fn field(
    entry: usize,
    position: Option<usize>,
    condition: Option<&HttpMatch>,
) -> FieldPath {
    let rule = FieldPath::spec().key("http").index(entry);
    let Some(position) = position else { return rule };
    let place = rule.key("match").index(position);
    match condition {
        Some(condition) if condition.uri.is_some() => place.key("uri"),
        _ => place,
    }
}

/// What an earlier match takes, for a note.
pub(super) fn describe(condition: Option<&HttpMatch>) -> String {
    let Some(condition) = condition else {
        return "a rule without `match` takes every request".to_owned();
    };
    if takes_everything(condition) {
        return "this takes every request".to_owned();
    }
    match &condition.uri {
        Some(StringMatch::Prefix(prefix)) => format!("prefix `{prefix}` comes first"),
        Some(StringMatch::Exact(path)) => format!("`{path}` comes first"),
        Some(StringMatch::Regex(source)) => format!("expression `{source}` comes first"),
        Some(StringMatch::Unset) | None => "this comes first".to_owned(),
    }
}

#[cfg(test)]
mod tests;
