//! Did you mean: the candidate that differs least from what was written.

/// More edits than this make another word.
const EDITS_MAX: usize = 2;
/// More equally near candidates than this make a list, not a suggestion.
const SUGGESTIONS_MAX: usize = 2;
/// Beyond this many candidates no suggestion is worth its time.
const CANDIDATES_MAX: usize = 10_000;

/// Asks whether one of the candidates nearest to `text` was meant; `None` where none is near, or so
/// many are equally near that each would be a guess.
pub(super) fn question<'c>(
    text: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<String> {
    let near = nearest(text, candidates);
    let named: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    let asks = (1..=SUGGESTIONS_MAX).contains(&named.len());
    asks.then(|| format!("did you mean {}?", named.join(" or ")))
}

/// All candidates that are equally near to `text`, at most two edits away. Short words need to be
/// nearer. Sorted.
fn nearest<'c>(text: &str, candidates: impl Iterator<Item = &'c str>) -> Vec<&'c str> {
    let mut allowed = EDITS_MAX.min(text.chars().count() / 3).max(1);
    let mut best = Vec::new();
    for candidate in candidates.take(CANDIDATES_MAX).filter(|candidate| *candidate != text) {
        if candidate.len().abs_diff(text.len()) > allowed {
            continue;
        }
        let found = distance(text, candidate);
        if found > allowed {
            continue;
        }
        if found < allowed {
            best.clear();
            allowed = found;
        }
        best.push(candidate);
    }
    best.sort_unstable();
    best.dedup();
    best
}

/// True if one text is a slip of the finger away from the other.
pub(super) fn is_slip(a: &str, b: &str) -> bool {
    a.len().abs_diff(b.len()) <= 1 && distance(a, b) == 1
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (row, from) in a.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in b.iter().enumerate() {
            let replaced = above[column] + usize::from(from != to);
            let mut least = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && a[row - 1] == *to && *from == b[column - 1];
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
