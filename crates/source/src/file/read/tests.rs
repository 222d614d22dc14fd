//! Reading files and directories: what counts, in which order, and what is left of broken ones.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use propylon_model::{AnyObject, Kind};

use super::{Read, ReadOptions, read, read_again, read_bytes};
use crate::file::{Memory, fuzz_yaml};

fn service(name: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n")
}

fn read_dir(path: &Path) -> Read {
    read(&[path.to_path_buf()], &ReadOptions::default())
}

fn names(read: &Read) -> Vec<String> {
    read.objects.iter().map(|object| object.meta().key.name.to_string()).collect()
}

#[test]
fn a_directory_means_its_yaml_and_json_files_in_order_of_their_paths() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("b.yml", &service("b"));
    write("a.yaml", &service("a"));
    write("sub/c.JSON", r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "c"}}"#);
    write("readme.md", "# not configuration");
    write(".hidden.yaml", "{");
    write(".git/x.yaml", "{");
    let found = read_dir(dir.path());
    assert_eq!(names(&found), ["a", "b", "c"]);
    assert!(found.problems.is_empty() && found.files.iter().all(|file| file.ok));
}

#[test]
fn a_file_is_read_whatever_its_name_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yaml");
    let odd = dir.path().join("config");
    fs::write(&file, service("a")).unwrap();
    fs::write(&odd, service("b")).unwrap();
    let found = read(&[odd, file, dir.path().to_path_buf()], &ReadOptions::default());
    assert_eq!(names(&found), ["a", "b"]);
    assert!(found.problems.is_empty());
}

#[cfg(unix)]
#[test]
fn a_mounted_config_map_is_read_through_its_links_once() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let version = dir.path().join("..2026_01_01");
    fs::create_dir(&version).unwrap();
    fs::write(version.join("a.yaml"), service("a")).unwrap();
    symlink("..2026_01_01", dir.path().join("..data")).unwrap();
    symlink("..data/a.yaml", dir.path().join("a.yaml")).unwrap();
    let found = read_dir(dir.path());
    assert_eq!(names(&found), ["a"]);
    assert_eq!(found.files[0].path, dir.path().join("a.yaml"));
}

#[cfg(unix)]
#[test]
fn a_link_to_a_parent_directory_has_an_end() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.yaml"), service("a")).unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
    let found = read_dir(dir.path());
    assert_eq!(names(&found), ["a"]);
    assert!(found.problems.is_empty(), "{:?}", found.problems);
}

#[test]
fn what_says_the_same_is_not_parsed_again() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("a.yaml", &service("a"));
    write("b.yaml", &service("b"));
    write("c.yaml", "kind: [");
    let paths = [dir.path().to_path_buf()];
    let (options, mut memory) = (ReadOptions::default(), Memory::default());
    let mut again = |options: &ReadOptions| read_again(&paths, options, &mut memory);
    let first = again(&options);
    let same = |one: &Read, other: &Read, position: usize| {
        let pair = (&one.objects[position], &other.objects[position]);
        matches!(pair, (AnyObject::Service(a), AnyObject::Service(b)) if Arc::ptr_eq(a, b))
    };
    // As long as before, and perhaps within the same tick of the file system's clock.
    write("b.yaml", &service("x"));
    let second = again(&options);
    assert_eq!((names(&first), names(&second)), (vec![s("a"), s("b")], vec![s("a"), s("x")]));
    assert!(same(&first, &second, 0) && !same(&first, &second, 1));
    let fresh = read_dir(dir.path());
    assert_eq!((&fresh.objects, &fresh.problems), (&second.objects, &second.problems));
    assert_eq!(fresh.files, second.files);
    fs::remove_file(dir.path().join("a.yaml")).unwrap();
    assert_eq!(names(&again(&options)), ["x"]);
    let elsewhere = ReadOptions { default_namespace: "shop".into(), ..options };
    assert_eq!(&*again(&elsewhere).objects[0].meta().key.namespace, "shop");
}

fn s(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_missing_path_is_a_problem_and_not_read() {
    let found = read_dir(Path::new("/nonexistent/propylon"));
    assert!(found.problems[0].message.starts_with("cannot read /nonexistent/propylon: "));
    assert!(!found.files[0].ok);
}

#[test]
fn a_broken_document_leaves_the_others_of_its_file() {
    let text = format!("{}---\na: b: c\n---\n{}", service("a"), service("b"));
    let found = read_bytes(text.as_bytes());
    assert_eq!(names(&found), ["a", "b"]);
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].position, Some((6, 5)));
    assert!(!found.files[0].ok);
}

#[test]
fn a_file_that_ends_in_the_middle_is_not_ok() {
    let text = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata:\n  name: a\nspec:\n  \
                servers:\n  - port:\n      number: 80\n    hosts: [\"*\"\n";
    for end in [text.len(), text.len() - 3, text.find("kind").unwrap()] {
        assert!(!read_bytes(&text.as_bytes()[..end]).files[0].ok, "{end}");
    }
    assert!(read_bytes(b"").files[0].ok);
}

#[test]
fn a_file_that_is_being_written_is_left_out_and_not_ok_where_only_settled_files_count() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.yaml");
    fs::write(&path, "").unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let settled = |by| ReadOptions { settled_for: Some(by), ..ReadOptions::default() };
    let young = read(std::slice::from_ref(&path), &settled(day));
    assert!(young.objects.is_empty() && young.problems.is_empty());
    assert!(!young.files[0].ok);
    fs::write(&path, service("old")).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - 2 * day).unwrap();
    let old = read(std::slice::from_ref(&path), &settled(day));
    assert_eq!(names(&old), ["old"]);
    assert!(old.files[0].ok);
}

#[test]
fn an_empty_file_is_not_ok_where_only_settled_files_count() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.yaml");
    let settled = ReadOptions { settled_for: Some(Duration::ZERO), ..ReadOptions::default() };
    for (text, ok) in [("", false), (" \n\n", false), ("# nothing\n", true)] {
        fs::write(&path, text).unwrap();
        let read = read(std::slice::from_ref(&path), &settled);
        assert!(read.objects.is_empty() && read.problems.is_empty());
        assert_eq!(read.files[0].ok, ok, "{text:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_named_with_their_place() {
    let found = read_bytes(b"a: b\nc: \xff\n");
    assert!(found.problems[0].message.contains("not text in UTF-8"));
    assert_eq!(found.problems[0].position, Some((2, 4)));
    assert!(!found.files[0].ok);
}

#[test]
fn an_object_that_is_there_twice_names_the_first_and_the_first_stays() {
    let first = "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {which: first}}\n";
    let second = "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {which: second}}\n";
    let found = read_bytes(format!("{first}---\n{second}").as_bytes());
    assert_eq!(found.objects.len(), 1);
    assert_eq!(found.objects[0].meta().labels["which"], "first");
    let problem = &found.problems[0];
    assert_eq!(problem.message, "Service default/a is there twice; the first one stays in force");
    assert_eq!(problem.notes[0].text, "the first one is here");
}

#[test]
fn the_same_name_in_another_namespace_or_of_another_kind_is_another_object() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\napiVersion: v1\nkind: \
                Service\nmetadata: {name: a, namespace: b}\n---\napiVersion: v1\nkind: Pod\n\
                metadata: {name: a}\n";
    let found = read_bytes(text.as_bytes());
    assert_eq!(found.objects.len(), 3);
    assert!(found.problems.is_empty());
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let text = format!("\u{feff}{}", service("a").replace('\n', "\r\n"));
    let found = read_bytes(text.as_bytes());
    assert_eq!(names(&found), ["a"], "{:?}", found.problems);
}

#[test]
fn two_thousand_documents_are_read() {
    let documents: Vec<_> = (0..2000)
        .map(|number| {
            format!(
                "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: \
                 g{number}}}\nspec:\n  selector: {{istio: ingressgateway}}\n  servers:\n  - port: \
                 {{number: 80, name: http, protocol: HTTP}}\n    hosts: [h{number}.example]\n"
            )
        })
        .collect();
    let found = read_bytes(documents.join("---\n").as_bytes());
    assert_eq!(found.objects.len(), 2000);
    assert!(found.problems.is_empty());
    assert!(found.objects.iter().all(|object| object.kind() == Kind::Gateway));
}

/// Pieces that make more interesting texts than random bytes do.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "apiVersion: networking.istio.io/v1\n",
        "kind: VirtualService\n",
        "kind: Secret\n",
        "kind: List\nitems:\n",
        "metadata:\n",
        "  name: a\n",
        "name: a\n",
        "spec:\n",
        "  hosts: [\"*\"]\n",
        "  http:\n",
        "  - match:\n",
        "    - uri: {prefix: /}\n",
        "    timeout: 5s\n",
        "---\n",
        "- ",
        "  ",
        "&a ",
        "*a\n",
        "<<: *a\n",
        "? ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "|\n",
        "#",
        "\t",
        "\u{feff}",
        "\u{e9}",
        "%YAML 1.2\n",
        "!!str ",
        "...\n",
        "\r",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_stop_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_yaml(&bytes);
    }

    #[test]
    fn arbitrary_pieces_of_yaml_never_stop_the_reader(text in pieces()) {
        fuzz_yaml(text.as_bytes());
    }

    #[test]
    fn what_cannot_be_read_is_always_said(text in pieces()) {
        let read = read_bytes(text.as_bytes());
        prop_assert!(read.files.iter().all(|file| file.ok) || !read.problems.is_empty());
    }
}
