//! The grammar of hosts, as sentences.

use super::{fqdn_flaw, is_label, is_partial_wildcard, wildcard_flaw};

#[test]
fn labels_have_letters_digits_and_inner_hyphens() {
    for label in ["a", "web-1", "A9", &"x".repeat(63)] {
        assert!(is_label(label), "{label}");
    }
    for text in ["", "-a", "a-", "a_b", "a.b", "ä", &"x".repeat(64)] {
        assert!(!is_label(text), "{text}");
    }
}

#[test]
fn a_wildcard_stands_for_the_first_label_or_its_start() {
    for host in ["*", "*.foo.com", "*foo.com", "*-x.com", "foo.com", "foo", "foo.com."] {
        assert_eq!(wildcard_flaw(host), None, "{host}");
    }
    for host in ["", "foo.*.com", "**.com", "foo*.com", "foo..com", ".com", "a b.com"] {
        assert!(wildcard_flaw(host).is_some(), "{host}");
    }
}

#[test]
fn a_name_does_not_end_with_a_number() {
    assert!(fqdn_flaw("a.b.9").is_some_and(|flaw| flaw.contains("number")));
    assert_eq!(fqdn_flaw("9.b"), None);
}

#[test]
fn only_whole_labels_are_full_wildcards() {
    assert!(is_partial_wildcard("*foo.com"));
    assert!(!is_partial_wildcard("*.foo.com"));
    assert!(!is_partial_wildcard("*"));
}
