//! Path normalisation as measured on Envoy 1.40, and its promises for any input.

use std::borrow::Cow;

use proptest::prelude::*;

use crate::PathNormalization::{Base, DecodeAndMergeSlashes, MergeSlashes, None};
use crate::{BadPath, fuzz_path, normalize};

#[track_caller]
fn becomes(path: &str, base: &str, merged: &str, decoded: &str) {
    assert_eq!(normalize(path, None).as_deref(), Ok(path));
    assert_eq!(normalize(path, Base).as_deref(), Ok(base), "BASE");
    assert_eq!(normalize(path, MergeSlashes).as_deref(), Ok(merged), "MERGE_SLASHES");
    let decode = normalize(path, DecodeAndMergeSlashes);
    assert_eq!(decode.as_deref(), Ok(decoded), "DECODE_AND_MERGE_SLASHES");
}

#[track_caller]
fn always_becomes(path: &str, normal: &str) {
    becomes(path, normal, normal, normal);
}

#[test]
fn dot_segments_are_resolved() {
    always_becomes("/a/../b", "/b");
    always_becomes("/../a", "/a");
    always_becomes("/a/./b/.", "/a/b/");
    always_becomes("/a/b/..", "/a/");
    always_becomes("/..", "/");
    always_becomes("/a/.../b", "/a/.../b");
    becomes("/a//../b", "/a/b", "/a/b", "/a/b");
    becomes("//..", "/", "/", "/");
}

#[test]
fn escaped_dots_are_dots() {
    always_becomes("/a/%2e%2E/b", "/b");
    always_becomes("/a/.%2e/b", "/b");
    always_becomes("/a%2e", "/a.");
}

#[test]
fn unreserved_escapes_are_decoded_and_others_stay() {
    always_becomes("/%7euser", "/~user");
    always_becomes("/%C3%A9%20", "/%C3%A9%20");
    always_becomes("/%41%2d", "/A-");
}

#[test]
fn slashes_are_merged_only_where_asked_for() {
    becomes("//a///b", "//a///b", "/a/b", "/a/b");
    becomes("/a//", "/a//", "/a/", "/a/");
    becomes("///", "///", "//", "//");
}

#[test]
fn escaped_slashes_are_decoded_only_where_asked_for() {
    becomes("/a%2fb", "/a%2fb", "/a%2fb", "/a/b");
    becomes("/a%2Fb%5cc", "/a%2Fb%5cc", "/a%2Fb%5cc", "/a/b/c");
    becomes("/a%2f..%2fb", "/a%2f..%2fb", "/a%2f..%2fb", "/b");
    becomes("/..%2fx", "/..%2fx", "/..%2fx", "/x");
}

#[test]
fn backslashes_are_slashes() {
    always_becomes("/a\\b", "/a/b");
    always_becomes("/a\\..\\b", "/b");
}

#[test]
fn parameters_behind_plain_dots_go_with_them() {
    always_becomes("/..;/admin", "/admin");
    always_becomes("/a/b/..;x=1/c", "/a/c");
    always_becomes("/a/b/.;x/c", "/a/b/c");
    always_becomes("/a/b/..;x\\c", "/a/");
    always_becomes("/a/b;x/c", "/a/b;x/c");
    always_becomes("/a/%2e%2e;x/c", "/a/..;x/c");
    always_becomes("/a\\..;x/c", "/a/..;x/c");
}

#[test]
fn malformed_escapes_stay_and_never_become_well_formed() {
    always_becomes("/a%zz", "/a%zz");
    always_becomes("/a%", "/a%");
    always_becomes("/%a%41", "/%25aA");
    always_becomes("/%4%41", "/%254A");
    always_becomes("/%%34%31", "/%2541");
}

#[test]
fn letters_that_no_url_holds_are_escaped() {
    always_becomes("/\"<>^`{|}", "/%22%3C%3E%5E%60%7B%7C%7D");
    always_becomes("/é", "/%C3%A9");
}

#[test]
fn an_escaped_nul_is_refused_wherever_paths_are_normalised() {
    assert_eq!(normalize("/a%00b", None).as_deref(), Ok("/a%00b"));
    assert_eq!(normalize("/a%00b", Base), Err(BadPath::Nul));
    assert_eq!(normalize("/a%00b", DecodeAndMergeSlashes), Err(BadPath::Nul));
}

#[test]
fn a_fragment_is_always_refused() {
    for how in [None, Base, MergeSlashes, DecodeAndMergeSlashes] {
        assert_eq!(normalize("/a#frag", how), Err(BadPath::Fragment));
    }
}

#[test]
fn a_path_starts_with_a_slash_or_is_a_star() {
    assert_eq!(normalize("*", Base).as_deref(), Ok("*"));
    assert_eq!(normalize("a", Base), Err(BadPath::Relative));
    assert_eq!(normalize("", Base), Err(BadPath::Relative));
}

#[test]
fn a_path_that_stays_as_it_is_is_not_copied() {
    for path in ["/", "/a/b.c/d..e/.well-known", "/%20/%C3%A9", "/a;b=c/~x"] {
        assert!(matches!(normalize(path, DecodeAndMergeSlashes), Ok(Cow::Borrowed(_))), "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: Option::None, ..Default::default() })]

    #[test]
    fn no_path_comes_out_with_dot_segments(
        path in "/([/.;a%\\\\]|%2e|%2f|%5c|%41|\\.\\.){0,12}",
    ) {
        fuzz_path(path.as_bytes());
    }

    #[test]
    fn any_text_is_a_path_or_refused(text in ".{0,40}") {
        fuzz_path(text.as_bytes());
    }
}
