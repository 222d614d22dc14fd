//! Tests of which examples are served together.

use std::path::Path;

use super::pick;

fn example(root: &Path, name: &str, gateway: &str, exchanges: &str) {
    let folder = root.join(name);
    std::fs::create_dir(&folder).unwrap();
    let yaml = format!(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata:\n  name: {gateway}\nspec:\n  \
         servers:\n  - port: {{number: 80, name: http, protocol: HTTP}}\n    hosts: ['*']\n"
    );
    std::fs::write(folder.join("gateway.yaml"), yaml).unwrap();
    std::fs::write(folder.join("exchanges.txt"), exchanges).unwrap();
}

#[test]
fn examples_with_the_same_object_or_flags_of_their_own_stay_apart() {
    let root = tempfile::tempdir().unwrap();
    example(root.path(), "a", "one", "$ curl -i http://127.0.0.1/\n");
    example(root.path(), "b", "two", "");
    example(root.path(), "c", "one", "");
    example(root.path(), "d", "four", "% flags --label app=x\n");
    std::fs::create_dir(root.path().join("e")).unwrap();
    let picked = pick(root.path()).unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let together: Vec<String> = picked.together.iter().map(|e| name(&e.path)).collect();
    assert_eq!(together, ["a", "b"]);
    let apart: Vec<String> = picked.apart.iter().map(|(path, _)| name(path)).collect();
    assert_eq!(apart, ["c", "d"]);
    assert!(picked.apart[0].1.contains("Gateway default/one"), "{:?}", picked.apart);
    assert!(picked.apart[1].1.contains("--label app=x"), "{:?}", picked.apart);
}

#[test]
fn a_folder_with_exchanges_is_one_example() {
    let root = tempfile::tempdir().unwrap();
    example(root.path(), "a", "one", "$ curl -i http://127.0.0.1/\n");
    let picked = pick(&root.path().join("a")).unwrap();
    assert_eq!(picked.together.len(), 1);
    assert_eq!(picked.together[0].exchanges.list.len(), 1);
}

#[test]
fn exchanges_that_are_not_understood_are_an_error_that_names_the_file() {
    let root = tempfile::tempdir().unwrap();
    example(root.path(), "a", "one", "$ wget x\n");
    let error = pick(root.path()).unwrap_err().to_string();
    assert!(error.contains("exchanges.txt: line 1"), "{error}");
}
