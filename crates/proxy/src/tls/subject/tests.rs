//! Names as Envoy's TLS library writes them; the expected texts are an Envoy's.

use x509_parser::prelude::FromDer;

use super::*;

/// DER with this tag.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128, "short forms only");
    [&[tag, length], content.as_slice()].concat()
}

/// An attribute: its type as DER bytes behind the tag, and its value.
fn attribute(oid: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    der(0x30, &[&der(0x06, &[oid]), &der(kind, &[value])])
}

/// The text of a name of these parts, each a set of attributes.
fn written(parts: &[&[Vec<u8>]]) -> String {
    let sets: Vec<Vec<u8>> = parts
        .iter()
        .map(|part| der(0x31, &part.iter().map(Vec::as_slice).collect::<Vec<_>>()))
        .collect();
    let bytes = der(0x30, &sets.iter().map(Vec::as_slice).collect::<Vec<_>>());
    text(&X509Name::from_der(&bytes).unwrap().1)
}

const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;

#[test]
fn attributes_have_the_librarys_short_names() {
    let short = |oid: &[u8]| written(&[&[attribute(oid, UTF8, b"x")]]);
    for (number, name) in [
        (3, "CN"),
        (4, "SN"),
        (5, "serialNumber"),
        (6, "C"),
        (7, "L"),
        (8, "ST"),
        (9, "street"),
        (10, "O"),
        (11, "OU"),
        (12, "title"),
        (17, "postalCode"),
        (41, "name"),
        (42, "GN"),
        (44, "generationQualifier"),
        (45, "x500UniqueIdentifier"),
        (46, "dnQualifier"),
        (54, "dmdName"),
        (65, "pseudonym"),
        (72, "role"),
    ] {
        assert_eq!(short(&[0x55, 4, number]), format!("{name}=x"));
    }
    let pilot = [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01];
    assert_eq!(short(&[&pilot[..], &[1]].concat()), "UID=x");
    assert_eq!(short(&[&pilot[..], &[25]].concat()), "DC=x");
    let pkcs9 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];
    assert_eq!(short(&pkcs9), "emailAddress=x");
}

#[test]
fn the_last_part_comes_first_and_so_does_the_last_attribute_of_a_part() {
    let country = attribute(&[0x55, 4, 6], PRINTABLE, b"DE");
    let name = attribute(&[0x55, 4, 3], UTF8, b"a");
    let unit = attribute(&[0x55, 4, 11], UTF8, b"b");
    assert_eq!(written(&[&[country], &[name, unit]]), "OU=b+CN=a,C=DE");
    assert_eq!(written(&[]), "");
}

#[test]
fn values_are_escaped_byte_by_byte() {
    let name = |value: &[u8]| written(&[&[attribute(&[0x55, 4, 3], UTF8, value)]]);
    assert_eq!(name(b" lead and trail "), "CN=\\ lead and trail\\ ");
    assert_eq!(name(b"#hash"), "CN=\\#hash");
    assert_eq!(name(b"a,b+c\"d\\e<f>g;h=i"), "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h=i");
    assert_eq!(name(b"tab\t\x7f"), "CN=tab\\09\\7F");
    assert_eq!(name("J\u{f6}rg".as_bytes()), "CN=J\\C3\\B6rg");
}

#[test]
fn texts_of_other_kinds_are_read_as_their_characters() {
    let name = |kind, value: &[u8]| written(&[&[attribute(&[0x55, 4, 3], kind, value)]]);
    assert_eq!(name(0x1e, b"\0a\x65\xe5"), "CN=a\\E6\\97\\A5");
    assert_eq!(name(0x1c, b"\0\0\0a\0\0\x65\xe5"), "CN=a\\E6\\97\\A5");
    assert_eq!(name(0x14, b"t\xe9"), "CN=t\\C3\\A9");
}

#[test]
fn what_has_no_name_or_is_no_text_is_shown_as_it_is_encoded() {
    let unknown = attribute(&[0x2a, 0x03, 0x04], UTF8, b"hi");
    assert_eq!(written(&[&[unknown]]), "1.2.3.4=#0C026869");
    let number = attribute(&[0x55, 4, 3], 0x02, &[5]);
    assert_eq!(written(&[&[number]]), "CN=#020105");
}
