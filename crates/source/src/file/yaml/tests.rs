//! YAML as `kubectl` reads it: scalars, aliases, several documents, limits.

use super::{Document, Fault, Node, Resolved, Scalar, Value, camel_case, parse};

fn resolve(text: &str) -> String {
    let scalar = Scalar { text: text.to_owned(), quoted: false };
    match scalar.resolve() {
        Resolved::Text(_) => "text".to_owned(),
        other => format!("{other:?}"),
    }
}

fn only(text: &str) -> Node {
    let mut documents = parse(text);
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0).root.unwrap().unwrap()
}

fn faults(text: &str) -> Vec<String> {
    let faults = parse(text).into_iter().filter_map(|document| document.root.err());
    faults.flatten().map(|Fault { message, .. }| message).collect()
}

/// A tree in one line.
fn show(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Value::Map(entries) => {
            let entries = entries.iter().map(|e| format!("{}:{}", e.key, show(&e.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
        }
    }
}

#[test]
fn plain_scalars_mean_what_kubectl_makes_of_them() {
    for (text, meaning) in [
        ("", "Null"),
        ("~", "Null"),
        ("null", "Null"),
        ("true", "Bool(true)"),
        ("FALSE", "Bool(false)"),
        ("yes", "WordBool(true)"),
        ("Off", "WordBool(false)"),
        ("80", "Integer(80)"),
        ("-1", "Integer(-1)"),
        ("+1_000", "Integer(1000)"),
        ("0x1F", "Integer(31)"),
        ("0o17", "Integer(15)"),
        ("010", "Octal"),
        ("0", "Integer(0)"),
        ("1.10", "Float(1.1)"),
        ("1e3", "Float(1000.0)"),
        (".5", "Float(0.5)"),
        ("-.inf", "Float(-inf)"),
        ("1.2.3", "text"),
        ("1s", "text"),
        ("-", "text"),
        (".", "text"),
        ("+", "text"),
        ("e5", "text"),
        ("1e", "text"),
        ("10.0.0.1", "text"),
        ("2021-01-01", "text"),
        ("v1", "text"),
        ("inf", "text"),
        ("*", "text"),
        ("0x", "text"),
        ("0x+1", "text"),
    ] {
        assert_eq!(resolve(text), meaning, "{text}");
    }
}

#[test]
fn quoted_and_block_scalars_are_texts() {
    let node = only("a: \"80\"\nb: 'yes'\nc: |\n  1\nd: !!str 1.10\n");
    let Value::Map(entries) = &node.value else { panic!("a mapping") };
    for entry in entries {
        let Value::Scalar(scalar) = &entry.value.value else { panic!("a scalar") };
        assert!(matches!(scalar.resolve(), Resolved::Text(_)), "{}", entry.key);
    }
}

#[test]
fn keys_and_values_know_their_places() {
    let node = only("# comment\na:\n  b: xyz\n");
    let entry = node.get("a").unwrap().entry("b").unwrap();
    let start = entry.key_extent.start;
    assert_eq!((start.line, start.column, start.offset), (3, 3, 15));
    let extent = entry.value.extent;
    assert_eq!((extent.start.column, extent.end.column, extent.end.line), (6, 9, 3));
}

#[test]
fn aliases_and_merge_keys_repeat_what_they_name() {
    let text = "base: &b {x: 1, y: 2}\nuse: *b\nmore:\n  <<: *b\n  y: 3\nall: {<<: [*b, {z: 4}]}\n";
    assert_eq!(
        show(&only(text)),
        "{base:{x:1 y:2} use:{x:1 y:2} more:{y:3 x:1} all:{x:1 y:2 z:4}}"
    );
}

#[test]
fn aliases_cannot_grow_a_small_file_into_a_large_tree() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{uses}]\n"));
    }
    assert_eq!(faults(&text), ["aliases repeat more than 100000 values"]);
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(faults(&text).len(), 1);
    let mut chained = "- &a0 [x]\n".to_owned();
    for level in 1..200 {
        chained.push_str(&format!("- &a{level} [*a{}]\n", level - 1));
    }
    chained.push_str("---\na: 1\n");
    let documents = parse(&chained);
    assert_eq!(faults(&chained), ["values are nested more than 100 levels deep"]);
    assert!(documents[1].root.is_ok());
}

#[test]
fn an_alias_of_nothing_or_of_itself_is_a_fault() {
    assert_eq!(faults("a: *b\n").len(), 1);
    assert_eq!(faults("a: &a [*a]\n"), ["an alias contains itself"]);
}

#[test]
fn a_key_that_stands_twice_is_a_fault_with_both_lines() {
    assert_eq!(
        faults("a: 1\nb: 2\na: 3\n"),
        ["`a` stands twice in the same mapping, first in line 1"]
    );
}

#[test]
fn a_broken_document_costs_only_itself() {
    let documents = parse("a: 1\n---\na: b: c\n---\nb: 2\n---\n---\nc: 3\n");
    let shapes: Vec<_> = documents
        .iter()
        .map(|Document { root }| match root {
            Ok(Some(node)) => show(node),
            Ok(None) => "nothing".to_owned(),
            Err(_) => "broken".to_owned(),
        })
        .collect();
    assert_eq!(shapes, ["{a:1}", "broken", "{b:2}", "~", "{c:3}"]);
}

#[test]
fn json_is_yaml() {
    assert_eq!(
        show(&only("{\"a\": [1, true, null, \"x\"],\n\t\"b\": {}}")),
        "{a:[1 true null x] b:{}}"
    );
}

#[test]
fn a_collection_as_a_key_says_what_to_do() {
    assert!(faults("{a: 1}: b\n")[0].contains("must be a text, not a collection"));
}

#[test]
fn a_template_tag_is_refused() {
    assert!(faults("a: !Ref b\n")[0].contains("`!Ref` has no meaning here"));
}

#[test]
fn a_document_whose_indentation_is_lost_gets_one_sentence() {
    let text = "apiVersion: v1\nkind: X\nmetadata:\nname: a\nspec:\nselector:\n# c\nservers:\n\
                - a:\nname: b\n";
    let faults = faults(text);
    assert_eq!(
        faults,
        ["the indentation of this document is lost: `name`, `selector`, `servers` stand at the \
          left margin but belong under `metadata` and `spec`"]
    );
}

#[test]
fn only_the_document_with_lost_indentation_is_lost() {
    let good = "metadata:\n  name: a\nspec:\n  hosts: [b]\n";
    let lost = "metadata:\nname: a\nspec:\nhosts: [b]\n";
    let documents = parse(&format!("{good}---\n{lost}---\n{good}"));
    assert_eq!(documents.iter().map(|d| d.root.is_ok()).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn an_empty_spec_is_not_lost_indentation() {
    assert!(faults("metadata:\n  name: a\nspec:\nstatus: {}\n").is_empty());
    assert!(faults("metadata:\n  name: a\nspec:\n").is_empty());
    assert!(faults("spec:\n- a\n").is_empty());
}

#[test]
fn both_spellings_of_a_key_are_found() {
    assert_eq!(camel_case("export_to"), "exportTo");
    assert_eq!(camel_case("consecutive_5xx_errors"), "consecutive5xxErrors");
    assert_eq!(camel_case("_"), "");
    assert!(only("export_to: []").get("exportTo").is_some());
}

#[test]
fn a_bare_wildcard_must_be_quoted() {
    let advice = |text: &str| {
        let Err(faults) = &parse(text)[0].root else { return String::new() };
        format!("{} | {}", faults[0].message, faults[0].help)
    };
    assert_eq!(
        advice("hosts:\n- *.example.com\n"),
        "`*.example.com` must be quoted: a bare `*` names an anchor in YAML | write \
         \"*.example.com\""
    );
    assert!(advice("hosts: [*]\n").ends_with("| write \"*\""));
    assert!(advice("hosts:\n- *\n").ends_with("| write \"*\""));
}

#[test]
fn what_is_copied_around_a_document_is_to_be_left_out() {
    let help = |text: &str| {
        let Err(faults) = &parse(text)[0].root else { return String::new() };
        faults[0].help.clone()
    };
    let heredoc = "kubectl apply -f - <<EOF\napiVersion: v1\nkind: Pod\nEOF\n";
    assert!(help(heredoc).contains("between `<<EOF` and `EOF`"));
    assert!(help("```yaml\na: b\n```\n").contains("leave them out"));
    assert!(help("metadata:\n\tname: a\n").contains("indent with spaces"));
    assert!(help("a: {b: 1\nc: 2\n").contains("close `{`"));
}
