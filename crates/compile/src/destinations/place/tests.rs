//! Where things run, by what says so.

use super::*;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn own(said: Option<&str>, pairs: &[(&str, &str)]) -> String {
    let options =
        Options { labels: labels(pairs), locality: said.map(str::to_owned), ..Options::default() };
    let Locality { region, zone, subzone } = Own::of(&options).locality;
    format!("{region}/{zone}/{subzone}")
}

#[test]
fn options_come_before_the_nodes_labels_and_those_before_the_workloads() {
    let node = (REGION, "eu");
    let workload = ("istio-locality", "us.a.1");
    assert_eq!(own(Some("asia/x"), &[node, workload]), "asia/x/");
    assert_eq!(own(None, &[node, workload]), "eu//");
    assert_eq!(own(None, &[workload]), "us/a/1");
    assert_eq!(own(None, &[]), "//");
}

#[test]
fn a_workloads_label_has_dots_or_slashes_and_the_newer_one_counts() {
    assert_eq!(own(None, &[("istio-locality", "us/a.b")]), "us/a.b/");
    let both = [("istio-locality", "us"), ("topology.istio.io/locality", "eu.a")];
    assert_eq!(own(None, &both), "eu/a/");
}

#[test]
fn old_names_of_labels_are_understood() {
    assert_eq!(of_node(&labels(&[(ZONE_BEFORE, "a"), (REGION_BEFORE, "eu")])).unwrap(), "eu/a/");
    assert_eq!(of_node(&labels(&[("a", "b")])), None);
}

#[test]
fn a_place_says_more_than_the_label_of_it() {
    let at = locality("eu");
    let labels = labels(&[(REGION, "us"), (ZONE, "a"), ("v", "1")]);
    assert_eq!(label(&labels, &at, REGION), Some("eu"));
    assert_eq!(label(&labels, &at, ZONE), Some("a"));
    assert_eq!(label(&labels, &at, "v"), Some("1"));
    assert_eq!(label(&labels, &at, SUBZONE), None);
}
