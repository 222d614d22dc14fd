//! What a certificate says, for people and for `x-forwarded-client-cert`: names, dates,
//! fingerprints. Reads public parts only; it judges nothing.

use std::fmt::Write;
use std::net::IpAddr;

use propylon_snapshot::Opaque;
use rustls::crypto::hash::HashAlgorithm;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::{credential, subject};

/// The public facts of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The subject in the order of RFC 2253: `CN=shop.example,O=Acme`.
    pub subject: String,
    /// The issuer, likewise.
    pub issuer: String,
    /// Alternative names that are DNS names.
    pub dns: Vec<String>,
    /// Alternative names that are URIs, SPIFFE identities among them.
    pub uris: Vec<String>,
    /// Alternative names that are addresses or mailboxes.
    pub others: Vec<String>,
    /// The serial number in hexadecimal digits, two for each byte.
    pub serial: String,
    /// First second of its validity, in seconds since 1970.
    pub not_before: i64,
    /// Last second of its validity, in seconds since 1970.
    pub not_after: i64,
    /// SHA-256 of the whole certificate.
    pub fingerprint: [u8; 32],
    /// SHA-256 of its public key (subjectPublicKeyInfo).
    pub key_fingerprint: [u8; 32],
}

impl CertificateFacts {
    /// Reads a certificate in DER; `None` if it is none.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let mut facts = Self {
            subject: subject::text(certificate.subject()),
            issuer: subject::text(certificate.issuer()),
            dns: Vec::new(),
            uris: Vec::new(),
            others: Vec::new(),
            serial: serial(certificate.raw_serial()),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            fingerprint: sha256(der),
            key_fingerprint: sha256(certificate.public_key().raw),
        };
        facts.read_names(&certificate);
        Some(facts)
    }

    /// The fingerprint as people compare it: 64 hexadecimal digits.
    #[must_use]
    pub fn fingerprint_text(&self) -> String {
        hex(&self.fingerprint)
    }

    /// True if it is for `name` as Envoy judges Istio's `subjectAltNames`: a DNS name in any case,
    /// of which a wildcard stands for a part of the leftmost label, or another alternative name
    /// that is exactly this.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        let others = || self.uris.iter().chain(&self.others).any(|own| own == name);
        self.dns.iter().any(|pattern| covers(pattern, name)) || others()
    }

    fn read_names(&mut self, certificate: &X509Certificate<'_>) {
        let Ok(Some(names)) = certificate.subject_alternative_name() else { return };
        for name in &names.value.general_names {
            match name {
                GeneralName::DNSName(name) => self.dns.push((*name).to_owned()),
                GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                GeneralName::RFC822Name(mailbox) => self.others.push((*mailbox).to_owned()),
                GeneralName::IPAddress(bytes) => {
                    self.others.extend(address(bytes).map(|address| address.to_string()));
                }
                _ => {}
            }
        }
    }
}

/// The public facts of every certificate of a PEM text, in its order. Those that cannot be parsed
/// are left out.
///
/// # Errors
/// A sentence that says why the text is no list of certificates.
pub fn certificates_in(pem: &Opaque) -> Result<Vec<CertificateFacts>, String> {
    let list = credential::certificates(pem)?;
    Ok(list.iter().filter_map(|der| CertificateFacts::parse(der)).collect())
}

/// DER puts a zero in front of numbers whose first bit is set.
fn serial(bytes: &[u8]) -> String {
    let significant = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    hex(&bytes[significant..])
}

/// The value of `x-forwarded-client-cert` as Envoy writes it for SANITIZE_SET with all details on:
/// `By` (one for each URI of our own certificate), Hash, Cert, Subject, URI, DNS.
pub(super) fn forwarded(own_uris: &[String], der: &[u8], facts: &CertificateFacts) -> Vec<u8> {
    let mut text = String::new();
    for uri in own_uris {
        let _ = write!(text, "By={uri};");
    }
    let _ = write!(text, "Hash={};Cert=\"", facts.fingerprint_text());
    write_pem(&mut text, der);
    let _ = write!(text, "\";Subject=\"{}\"", facts.subject);
    // Envoy writes the URI's key even where there is none, unlike those of the other details.
    if facts.uris.is_empty() {
        text.push_str(";URI=");
    }
    for uri in &facts.uris {
        let _ = write!(text, ";URI={uri}");
    }
    for name in &facts.dns {
        let _ = write!(text, ";DNS={name}");
    }
    // Control characters of a hostile certificate must not end the header line.
    let printable = text.bytes().map(|byte| if byte.is_ascii_control() { b'?' } else { byte });
    printable.collect()
}

/// A certificate in PEM with what Envoy encodes for a header: line ends, blanks, `+`, `/` and `=`.
fn write_pem(out: &mut String, der: &[u8]) {
    out.push_str("-----BEGIN%20CERTIFICATE-----%0A");
    let mut column = 0;
    for group in der.chunks(3) {
        let bytes = [group[0], *group.get(1).unwrap_or(&0), *group.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        for position in 0..4 {
            if position > group.len() {
                out.push_str("%3D");
                continue;
            }
            match BASE64[(bits >> (18 - 6 * position)) as usize & 63] {
                b'+' => out.push_str("%2B"),
                b'/' => out.push_str("%2F"),
                plain => out.push(char::from(plain)),
            }
        }
        column += 4;
        if column == PEM_COLUMNS {
            out.push_str("%0A");
            column = 0;
        }
    }
    if column > 0 {
        out.push_str("%0A");
    }
    out.push_str("-----END%20CERTIFICATE-----%0A");
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

/// True if a certificate's DNS name covers `name`.
fn covers(pattern: &str, name: &str) -> bool {
    if pattern.eq_ignore_ascii_case(name) {
        return true;
    }
    let (Some((own, own_rest)), Some((label, rest))) =
        (pattern.split_once('.'), name.split_once('.'))
    else {
        return false;
    };
    // An internationalised label is no pattern (RFC 6125 section 6.4.3).
    let international = own.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    let Some((before, after)) = own.split_once('*') else { return false };
    let single = !after.contains('*') && !own_rest.contains('*') && !international;
    let fits = || {
        let label = label.to_ascii_lowercase();
        label.len() >= before.len() + after.len()
            && label.starts_with(&before.to_ascii_lowercase())
            && label.ends_with(&after.to_ascii_lowercase())
    };
    single && own_rest.eq_ignore_ascii_case(rest) && fits()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    let suite = rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let Some(suite) = suite.tls13() else { return digest };
    debug_assert_eq!(suite.common.hash_provider.algorithm(), HashAlgorithm::SHA256);
    let output = suite.common.hash_provider.hash(bytes);
    digest.copy_from_slice(output.as_ref());
    digest
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters of one line of PEM (RFC 7468 section 2).
const PEM_COLUMNS: usize = 64;

#[cfg(test)]
mod tests;
