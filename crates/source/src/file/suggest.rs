//! What someone probably meant: near spellings, and the place where a field belongs.

use super::decode::Outline;
use super::yaml::camel_case;

/// The name nearest to what was written, if any is near.
pub(crate) fn nearest<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let most = (written.chars().count() / 3).clamp(1, EDITS_MAX);
    names
        .map(|name| (edits(&written.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(edits, _)| *edits <= most)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// Advice for a field that its message does not have. `place` is the message's place, as in
/// [`Outline::place`].
pub(crate) fn for_field(
    written: &str,
    place: &str,
    known: &[&'static str],
    prefix: &str,
    outline: &[Outline],
) -> String {
    let spellings: Vec<_> = known.iter().copied().filter(|name| !name.contains('_')).collect();
    let near = nearest(written, spellings.iter().copied());
    let wanted = camel_case(written);
    let one_edit = near.filter(|name| edits(&wanted.to_lowercase(), &name.to_lowercase()) <= 1);
    if let Some(name) = one_edit {
        return format!("did you mean `{name}`?");
    }
    let homes = homes(&wanted, place, prefix, outline);
    if !homes.is_empty() {
        return format!("`{wanted}` belongs {}", homes.join(" or "));
    }
    match near {
        Some(name) => format!("did you mean `{name}`?"),
        None if spellings.is_empty() => "no fields are known here".to_owned(),
        None => {
            let more = if spellings.len() > NAMES_SHOWN { " ..." } else { "" };
            let shown: Vec<_> = spellings.into_iter().take(NAMES_SHOWN).collect();
            format!("known here: {}{more}", shown.join(", "))
        }
    }
}

/// Where a field belongs: the messages that have it and share most of the way to `place`.
fn homes(field: &str, place: &str, prefix: &str, outline: &[Outline]) -> Vec<String> {
    let shared = |other: &str| {
        place.split('.').zip(other.split('.')).take_while(|(a, b)| a == b && !a.is_empty()).count()
    };
    let having = || {
        let others = outline.iter().filter(|message| message.place != place);
        others.filter(|message| message.fields.contains(&field))
    };
    let most = having().map(|message| shared(&message.place)).max().unwrap_or_default();
    let nearest = having().filter(|message| shared(&message.place) == most);
    nearest
        .take(HOMES_SHOWN)
        .map(|home| match (prefix, home.place.as_str()) {
            ("", "") => "at the left margin".to_owned(),
            (prefix, "") => format!("under `{prefix}`"),
            ("", place) => format!("under `{place}`"),
            (prefix, place) => format!("under `{prefix}.{place}`"),
        })
        .collect()
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn edits(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(LETTERS_MAX).collect();
    let b: Vec<char> = b.chars().take(LETTERS_MAX).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(left != right);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *left == b[j - 1] && a[i - 1] == *right {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

/// More edits than this make another word.
const EDITS_MAX: usize = 3;

/// Field names are shorter; longer words are cut so that comparing them stays cheap.
const LETTERS_MAX: usize = 64;

/// More places than this confuse.
const HOMES_SHOWN: usize = 3;

/// As many as fit into a line or two.
const NAMES_SHOWN: usize = 16;

#[cfg(test)]
mod tests;
