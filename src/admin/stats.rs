//! `/stats`: the data plane's counters as Envoy prints them, `name: value`, or as JSON.
//! `filter` is a part of the name.

use serde_json::json;

/// Counters as text or, with `format=json`, in Envoy's JSON shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Json,
}

/// Renders the counters whose name holds `filter`, in the order of their names.
pub(super) fn render(mut counters: Vec<(String, u64)>, filter: &str, shape: Shape) -> String {
    counters.retain(|(name, _)| name.contains(filter));
    counters.sort();
    match shape {
        Shape::Text => counters.iter().map(|(name, value)| format!("{name}: {value}\n")).collect(),
        Shape::Json => {
            let entry = |(name, value): &(String, u64)| json!({ "name": name, "value": value });
            let list: Vec<_> = counters.iter().map(entry).collect();
            json!({ "stats": list }).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters() -> Vec<(String, u64)> {
        vec![("http.downstream_rq_total".to_owned(), 7), ("cluster.a.upstream_rq".to_owned(), 1)]
    }

    #[test]
    fn counters_are_sorted_by_name_and_filtered_by_part_of_it() {
        let all = "cluster.a.upstream_rq: 1\nhttp.downstream_rq_total: 7\n";
        assert_eq!(render(counters(), "", Shape::Text), all);
        assert_eq!(render(counters(), "upstream", Shape::Text), "cluster.a.upstream_rq: 1\n");
    }

    #[test]
    fn the_json_form_has_envoys_shape() {
        let text = render(counters(), "http", Shape::Json);
        assert_eq!(text, r#"{"stats":[{"name":"http.downstream_rq_total","value":7}]}"#);
    }
}
