//! OCSP responses that a server staples to its certificate (RFC 6960): whether one is of that
//! certificate, and how long it holds. Its signature is for the clients to verify.

use std::sync::Arc;

use rustls::sign::CertifiedKey;
use x509_parser::asn1_rs::{Any, Class, FromDer};
use x509_parser::time::ASN1Time;

/// A certificate with its key, and the same with an OCSP response.
#[derive(Debug)]
pub(super) struct Shown {
    /// Without one.
    pub(super) plain: Arc<CertifiedKey>,
    /// With the one that was configured, and when that ends, in seconds since 1970.
    stapled: Option<(Arc<CertifiedKey>, i64)>,
    /// Why the one that was configured is not used.
    pub(super) refused: Option<&'static str>,
}

impl Shown {
    /// A certificate whose key may hold a response, which is used if it is its own.
    pub(super) fn new(mut key: CertifiedKey) -> Self {
        let response = key.ocsp.take();
        let plain = Arc::new(key.clone());
        let Some(response) = response else {
            return Self { plain, stapled: None, refused: None };
        };
        match end(&response, &key.cert[0]) {
            Ok(end) => {
                key.ocsp = Some(response);
                Self { plain, stapled: Some((Arc::new(key), end)), refused: None }
            }
            Err(why) => Self { plain, stapled: None, refused: Some(why) },
        }
    }

    /// What is shown at a time, in seconds since 1970. A response that has ended is left out, as
    /// Envoy does it: there are clients that trust a certificate less with it than without.
    pub(super) fn at(&self, now: i64) -> &Arc<CertifiedKey> {
        match &self.stapled {
            Some((stapled, end)) if now <= *end => stapled,
            _ => &self.plain,
        }
    }
}

/// When a response about a certificate ends, in seconds since 1970; never, if it does not say.
fn end(response: &[u8], certificate: &[u8]) -> Result<i64, &'static str> {
    let unread = "it is no OCSP response in DER";
    let (_, leaf) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| "the certificate cannot be read")?;
    let mut outer = Values(value(&mut Values(response)).ok_or(unread)?.data);
    if value(&mut outer).ok_or(unread)?.data != [SUCCESSFUL] {
        return Err("the OCSP responder failed");
    }
    let single = single_response(&mut outer, leaf.raw_serial()).ok_or(unread)?;
    single.ok_or("the OCSP response is of another certificate")
}

/// `responseStatus` (section 4.2.1).
const SUCCESSFUL: u8 = 0;

/// The end of the response about the certificate with this serial number, if there is one; `None`
/// for what is no response.
fn single_response(outer: &mut Values<'_>, serial: &[u8]) -> Option<Option<i64>> {
    let mut bytes = Values(value(&mut Values(value(outer)?.data))?.data);
    let _kind = value(&mut bytes)?;
    let mut basic = Values(value(&mut Values(value(&mut bytes)?.data))?.data);
    let mut data = Values(value(&mut basic)?.data);
    let mut first = value(&mut data)?;
    // The version is left out where it is the first, whose tag no responder has.
    if first.class() == Class::ContextSpecific && first.tag().0 == 0 {
        first = value(&mut data)?;
    }
    let (_responder, _produced) = (first, value(&mut data)?);
    let mut responses = Values(value(&mut data)?.data);
    while !responses.0.is_empty() {
        let mut single = Values(value(&mut responses)?.data);
        let mut about = Values(value(&mut single)?.data);
        let (_algorithm, _name, _key) =
            (value(&mut about)?, value(&mut about)?, value(&mut about)?);
        if value(&mut about)?.data != serial {
            continue;
        }
        let (_status, _from) = (value(&mut single)?, value(&mut single)?);
        return Some(Some(match value(&mut single) {
            Some(until) if until.class() == Class::ContextSpecific && until.tag().0 == 0 => {
                ASN1Time::from_der(until.data).ok()?.1.timestamp()
            }
            _ => i64::MAX,
        }));
    }
    Some(None)
}

/// Values in DER that follow one another.
struct Values<'d>(&'d [u8]);

/// Takes the next one.
fn value<'d>(values: &mut Values<'d>) -> Option<Any<'d>> {
    let (rest, value) = Any::from_der(values.0).ok()?;
    values.0 = rest;
    Some(value)
}

#[cfg(test)]
mod tests;
