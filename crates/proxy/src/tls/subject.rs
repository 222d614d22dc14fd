//! Distinguished names as text: RFC 2253 in the words and with the escapes of Envoy's TLS library,
//! because upstreams compare the subjects of `x-forwarded-client-cert` with what Envoy writes.
//! Knows names only, not what certificates they stand in.

use std::fmt::Write;

use x509_parser::asn1_rs::{Any, Tag, ToDer};
use x509_parser::der_parser::oid::Oid;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The name, its most specific part first: `CN=shop.example,O=Acme`.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|rdn| {
            let mut pairs: Vec<String> = rdn.iter().map(pair).collect();
            pairs.reverse();
            pairs.join("+")
        })
        .collect();
    parts.reverse();
    parts.join(",")
}

/// `key=value`; one whose key or kind of value is unknown in RFC 2253's other form, `1.2.3=#hex`.
fn pair(pair: &AttributeTypeAndValue<'_>) -> String {
    let oid = pair.attr_type();
    let known = key(oid).zip(characters(pair.attr_value()));
    if let Some((key, value)) = known {
        return format!("{key}={}", escaped(value.as_bytes()));
    }
    let mut out = key(oid).map_or_else(|| oid.to_id_string(), str::to_owned);
    out.push_str("=#");
    for byte in pair.attr_value().to_der_vec_raw().unwrap_or_default() {
        let _ = write!(out, "{byte:02X}");
    }
    out
}

/// The library's short name of an attribute.
fn key(oid: &Oid<'_>) -> Option<&'static str> {
    let arcs: Vec<u64> = oid.iter()?.collect();
    let (last, arc) = arcs.split_last()?;
    let at = usize::try_from(*last).ok()?;
    match arc {
        [2, 5, 4] => match at {
            65 => Some("pseudonym"),
            72 => Some("role"),
            _ => X520.get(at.checked_sub(3)?).copied(),
        },
        [0, 9, 2342, 19_200_300, 100, 1] => find(&PILOT, *last),
        [1, 2, 840, 113_549, 1, 9] => find(&PKCS9, *last),
        _ => None,
    }
}

fn find(table: &[(u64, &'static str)], last: u64) -> Option<&'static str> {
    table.iter().find(|(number, _)| *number == last).map(|(_, key)| *key)
}

/// The characters of a value; `None` for what is no text.
fn characters(value: &Any<'_>) -> Option<String> {
    let wide = |size: usize| {
        let units = value.data.chunks(size).map(|unit| {
            let number = unit.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
            char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
        });
        Some(units.collect())
    };
    match value.tag() {
        Tag::Utf8String => Some(String::from_utf8_lossy(value.data).into_owned()),
        Tag::BmpString => wide(2),
        Tag::UniversalString => wide(4),
        // Whatever the standard says they hold, they are read as Latin-1.
        Tag::PrintableString
        | Tag::Ia5String
        | Tag::T61String
        | Tag::NumericString
        | Tag::VisibleString
        | Tag::UtcTime
        | Tag::GeneralizedTime => wide(1),
        _ => None,
    }
}

/// Escapes of RFC 2253 section 2.4, and every byte that is not printable ASCII as `\XX`.
fn escaped(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    for (position, byte) in value.iter().enumerate() {
        let first = position == 0;
        let last = position + 1 == value.len();
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b'#' if first => out.push_str("\\#"),
            b' ' if first || last => out.push_str("\\ "),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => {
                let _ = write!(out, "\\{other:02X}");
            }
        }
    }
    out
}

/// Attributes of X.520: 2.5.4.3 and those that follow it.
const X520: [&str; 52] = [
    "CN",
    "SN",
    "serialNumber",
    "C",
    "L",
    "ST",
    "street",
    "O",
    "OU",
    "title",
    "description",
    "searchGuide",
    "businessCategory",
    "postalAddress",
    "postalCode",
    "postOfficeBox",
    "physicalDeliveryOfficeName",
    "telephoneNumber",
    "telexNumber",
    "teletexTerminalIdentifier",
    "facsimileTelephoneNumber",
    "x121Address",
    "internationaliSDNNumber",
    "registeredAddress",
    "destinationIndicator",
    "preferredDeliveryMethod",
    "presentationAddress",
    "supportedApplicationContext",
    "member",
    "owner",
    "roleOccupant",
    "seeAlso",
    "userPassword",
    "userCertificate",
    "cACertificate",
    "authorityRevocationList",
    "certificateRevocationList",
    "crossCertificatePair",
    "name",
    "GN",
    "initials",
    "generationQualifier",
    "x500UniqueIdentifier",
    "dnQualifier",
    "enhancedSearchGuide",
    "protocolInformation",
    "distinguishedName",
    "uniqueMember",
    "houseIdentifier",
    "supportedAlgorithms",
    "deltaRevocationList",
    "dmdName",
];

/// Attributes of the COSINE pilot (RFC 4524), by their last number.
const PILOT: [(u64, &str); 14] = [
    (1, "UID"),
    (2, "textEncodedORAddress"),
    (3, "mail"),
    (4, "info"),
    (6, "roomNumber"),
    (8, "userClass"),
    (9, "host"),
    (10, "manager"),
    (20, "homeTelephoneNumber"),
    (25, "DC"),
    (37, "associatedDomain"),
    (40, "personalTitle"),
    (41, "mobileTelephoneNumber"),
    (48, "buildingName"),
];

/// Attributes of PKCS #9, by their last number.
const PKCS9: [(u64, &str); 5] = [
    (1, "emailAddress"),
    (2, "unstructuredName"),
    (7, "challengePassword"),
    (8, "unstructuredAddress"),
    (20, "friendlyName"),
];

#[cfg(test)]
mod tests;
