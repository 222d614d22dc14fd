//! The naive matcher: reads like Istio's and Envoy's documentation, looks at everything, indexes
//! nothing. Property tests hold the real one equal to it.

use proptest::prelude::*;

use crate::samples::{exact, host, prefix, respond, rule};
use crate::{
    Head, HeaderMatch, Line, Matcher, PathMatch, Pattern, QueryMatch, Rule, Scheme, StringMatch,
    VirtualHost,
};

/// The host whose domain is the most specific that covers the authority without its port.
pub(crate) fn naive_host(hosts: &[VirtualHost], authority: &str) -> Option<usize> {
    let host = match authority.rsplit_once(':') {
        Some((host, after)) if !after.contains(']') => host,
        _ => authority,
    };
    let host = host.to_lowercase();
    let domain = |position: &usize| hosts[*position].domain.to_string();
    let positions = 0..hosts.len();
    let exact = positions.clone().find(|position| domain(position) == host);
    let covering = positions.filter(|position| {
        let domain = domain(position);
        let suffix = domain.trim_start_matches('*');
        domain != "*" && domain.starts_with('*') && host != suffix && host.ends_with(suffix)
    });
    let longest = covering.rev().max_by_key(|position| domain(position).len());
    exact.or(longest).or_else(|| hosts.iter().position(|host| &*host.domain == "*"))
}

/// The first rule all of whose conditions hold.
pub(crate) fn naive_rule(rules: &[Rule], head: &Head<'_>) -> Option<usize> {
    rules.iter().position(|rule| naive_match(&rule.matcher, head))
}

fn naive_match(matcher: &Matcher, head: &Head<'_>) -> bool {
    let Matcher { path, method, scheme, authority, headers, query } = matcher;
    let holds = |test: &Option<StringMatch>, text: &str| match test {
        Some(test) => naive_test(test, text),
        None => true,
    };
    naive_path(path, head.path)
        && holds(method, head.method)
        && holds(scheme, head.scheme.as_str())
        && holds(authority, head.authority)
        && headers.iter().all(|header| naive_header(header, head))
        && query.iter().all(|query| naive_query(query, head.query))
}

fn naive_test(test: &StringMatch, text: &str) -> bool {
    match test {
        StringMatch::Exact(exact) => text == &**exact,
        StringMatch::Prefix(prefix) => text.starts_with(&**prefix),
        StringMatch::Regex(pattern) => pattern.matches(text.as_bytes()),
    }
}

fn naive_path(test: &PathMatch, path: &str) -> bool {
    let cased = |text: &str, ignore: bool| {
        if ignore { text.to_lowercase() } else { text.to_owned() }
    };
    match test {
        PathMatch::Any => true,
        PathMatch::Exact { text, ignore_case } => {
            cased(path, *ignore_case) == cased(text, *ignore_case)
        }
        PathMatch::Prefix { text, ignore_case } => {
            cased(path, *ignore_case).starts_with(&cased(text, *ignore_case))
        }
        PathMatch::Regex(pattern) => pattern.matches(path.as_bytes()),
    }
}

fn naive_header(header: &HeaderMatch, head: &Head<'_>) -> bool {
    let values: Vec<String> = head
        .lines
        .iter()
        .filter(|line| line.name == &*header.name)
        .map(|line| String::from_utf8_lossy(line.value).into_owned())
        .collect();
    match (&header.test, header.invert) {
        (None, false) => !values.is_empty(),
        (None, true) => values.is_empty(),
        (Some(test), false) => values.iter().any(|value| naive_test(test, value)),
        (Some(test), true) if values.is_empty() => !naive_test(test, ""),
        (Some(test), true) => values.iter().all(|value| !naive_test(test, value)),
    }
}

fn naive_query(parameter: &QueryMatch, query: Option<&str>) -> bool {
    let parameters = query.unwrap_or("").split('&').filter(|part| !part.is_empty());
    let first = parameters
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .find(|(name, _)| *name == &*parameter.name);
    match (first, &parameter.test) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some((_, value)), Some(test)) => naive_test(test, value),
    }
}

/// A request that owns its texts.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) authority: String,
    method: &'static str,
    scheme: Scheme,
    path: String,
    query: Option<String>,
    lines: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn with<T>(&self, ask: impl FnOnce(&Head<'_>) -> T) -> T {
        let lines: Vec<Line<'_>> =
            self.lines.iter().map(|(name, value)| Line { name, value: value.as_bytes() }).collect();
        ask(&Head {
            method: self.method,
            scheme: self.scheme,
            authority: &self.authority,
            path: &self.path,
            query: self.query.as_deref(),
            lines: &lines,
        })
    }
}

/// Texts from so few letters that tests and requests meet.
fn small_text() -> impl Strategy<Value = String> {
    "[aAb]{0,2}"
}

fn small_path() -> impl Strategy<Value = String> {
    "/[ab/A]{0,4}"
}

fn string_match() -> impl Strategy<Value = StringMatch> {
    prop_oneof![
        small_text().prop_map(|text| StringMatch::Exact(text.into())),
        small_text().prop_map(|text| StringMatch::Prefix(text.into())),
        prop::sample::select(vec![".*", "a*", "[ab]", "(?i)a", "a|", "()"])
            .prop_map(|regex| StringMatch::Regex(Pattern::full(regex).unwrap())),
    ]
}

fn path_match() -> impl Strategy<Value = PathMatch> {
    let case = any::<bool>();
    prop_oneof![
        1 => Just(PathMatch::Any),
        4 => small_path().prop_map(|path| exact(&path).path),
        4 => small_path().prop_map(|path| prefix(&path).path),
        1 => ("[/ab]{0,3}", case).prop_map(|(text, ignore_case)| PathMatch::Prefix {
            text: text.into(),
            ignore_case,
        }),
        1 => (small_path(), case).prop_map(|(path, ignore_case)| PathMatch::Exact {
            text: if ignore_case { path.to_lowercase() } else { path }.into(),
            ignore_case,
        }),
        1 => prop::sample::select(vec!["/a.*", ".*b", "/[ab]+", "/"])
            .prop_map(|regex| PathMatch::Regex(Pattern::full(regex).unwrap())),
    ]
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let rarely = || prop::option::weighted(0.1, string_match());
    let method = prop::option::weighted(0.1, Just(StringMatch::Exact("GET".into())));
    let scheme = prop::option::weighted(0.1, Just(StringMatch::Prefix("https".into())));
    let header = ("x-[ab]", prop::option::of(string_match()), any::<bool>())
        .prop_map(|(name, test, invert)| HeaderMatch { name: name.into(), test, invert });
    let query = (small_text(), prop::option::of(string_match()))
        .prop_map(|(name, test)| QueryMatch { name: name.into(), test });
    let some = prop::collection::vec(header, 0..=1);
    (path_match(), method, scheme, rarely(), some, prop::collection::vec(query, 0..=1)).prop_map(
        |(path, method, scheme, authority, headers, query)| Matcher {
            path,
            method,
            scheme,
            authority,
            headers,
            query,
        },
    )
}

/// Lists on both sides of the length from which they are indexed.
pub(crate) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let numbered = |matchers: Vec<Matcher>| {
        matchers
            .into_iter()
            .enumerate()
            .map(|(number, matcher)| rule(&number.to_string(), matcher, respond(200)))
            .collect()
    };
    prop::collection::vec(matcher(), 0..40).prop_map(numbered)
}

/// Hosts with few domains, so that suffixes nest.
pub(crate) fn hosts() -> impl Strategy<Value = Vec<VirtualHost>> {
    let domain = prop_oneof!["[*]?[.]?[ab]([.][ab]){0,2}", Just("*".to_owned())];
    prop::collection::btree_set(domain, 0..8).prop_flat_map(|domains| {
        let count = domains.len();
        (Just(domains), prop::collection::vec(rules(), count)).prop_map(|(domains, lists)| {
            domains.iter().zip(lists).map(|(domain, rules)| host(domain, rules)).collect()
        })
    })
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let authority = "[abA]([.][abB]){0,3}(:8?)?";
    let lines = prop::collection::vec(("x-[ab]", small_text()), 0..3);
    let query = prop::option::of("[ab]{0,1}=?[ab]{0,2}(&[ab]=?[aAb]?){0,2}");
    let scheme = prop::sample::select(vec![Scheme::Http, Scheme::Https]);
    let method = prop::sample::select(vec!["GET", "POST"]);
    (authority, method, scheme, small_path(), query, lines).prop_map(
        |(authority, method, scheme, path, query, lines)| Asked {
            authority,
            method,
            scheme,
            path,
            query,
            lines,
        },
    )
}

mod tests {
    use super::*;
    use crate::samples::{TABLE, no_dice, snapshot};

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn the_decision_chooses_the_host_and_rule_of_the_naive_matcher(
            hosts in hosts(),
            asked in asked(),
        ) {
            let snapshot = snapshot(hosts);
            asked.with(|head| {
                let hosts = snapshot.tables[0].hosts();
                let host = naive_host(hosts, head.authority).map(|position| &hosts[position]);
                let rule = host.and_then(|host| {
                    naive_rule(host.rules.rules(), head).map(|at| &host.rules.rules()[at])
                });
                let decision = snapshot.decide(TABLE, head, &mut no_dice);
                prop_assert_eq!(decision.host, host);
                prop_assert_eq!(decision.rule.map(|r| &r.name), rule.map(|r| &r.name));
                Ok(())
            })?;
        }

        #[test]
        fn long_lists_choose_the_rule_of_the_naive_matcher(
            rules in rules(),
            asked in prop::collection::vec(asked(), 8),
        ) {
            let list = crate::RuleList::new(rules);
            for asked in asked {
                let (found, naive) =
                    asked.with(|head| (list.position(head), naive_rule(list.rules(), head)));
                prop_assert_eq!(found, naive);
            }
        }

        #[test]
        fn an_explanation_ends_with_the_rule_of_the_decision(
            hosts in hosts(),
            asked in asked(),
        ) {
            let snapshot = snapshot(hosts);
            asked.with(|head| {
                let explained = snapshot.explain(TABLE, head, &mut no_dice);
                let matched = explained.tried.last().filter(|last| last.mismatches.is_empty());
                prop_assert_eq!(matched.map(|tried| tried.rule), explained.decision.rule);
                prop_assert_eq!(explained.hosts.first().copied(), explained.decision.host);
                Ok(())
            })?;
        }
    }
}
