//! What went wrong with TLS to an endpoint, in words for whoever runs the gateway: which side did
//! not like what, and where a certificate is the reason, which one and why.

use std::io;
use std::time::{Duration, UNIX_EPOCH};

use rustls::{AlertDescription, CertificateError, Error, OtherError};
use rustls_pki_types::UnixTime;

use super::credential::BadCredential;
use super::trust::WrongName;

/// A handshake with an endpoint that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Our own certificate, authorities or lists cannot be used.
    #[error("{0}")]
    Credential(BadCredential),
    /// The request's host is no name that a certificate could be for.
    #[error("`{0}`, the request's host, is no name that a certificate can be for")]
    Name(Box<str>),
    /// The endpoint's certificate is not accepted.
    #[error("{}", certificate(.error, .authorities))]
    Certificate {
        /// What is wrong with it.
        error: CertificateError,
        /// Who should have signed it.
        authorities: Box<str>,
    },
    /// The endpoint's words, or its lack of them.
    #[error("{}", protocol(.0))]
    Protocol(Error),
    /// The connection broke.
    #[error("the endpoint closed the connection during the TLS handshake ({0})")]
    Broken(io::Error),
}

impl Trouble {
    /// Of an error of the TLS library; `authorities` says who should have signed.
    pub(super) fn of(error: Error, authorities: &str) -> Self {
        match error {
            Error::InvalidCertificate(error) => {
                Self::Certificate { error, authorities: authorities.into() }
            }
            error => Self::Protocol(error),
        }
    }

    /// True if the certificate is of another than was meant.
    pub(crate) fn is_name(&self) -> bool {
        match self {
            Self::Name(_) => true,
            Self::Certificate { error: CertificateError::Other(OtherError(error)), .. } => {
                error.is::<WrongName>()
            }
            _ => false,
        }
    }

    /// True if the endpoint's certificate was not accepted.
    pub(crate) fn is_certificate(&self) -> bool {
        matches!(self, Self::Certificate { .. } | Self::Name(_))
    }
}

fn certificate(error: &CertificateError, authorities: &str) -> String {
    use CertificateError as Bad;
    match error {
        Bad::Expired => "its certificate has expired".to_owned(),
        Bad::ExpiredContext { not_after, .. } => {
            format!("its certificate expired on {}", date(*not_after))
        }
        Bad::NotValidYet => "its certificate is not valid yet".to_owned(),
        Bad::NotValidYetContext { not_before, .. } => {
            format!("its certificate is not valid before {}", date(*not_before))
        }
        Bad::Revoked => "its certificate is revoked".to_owned(),
        Bad::UnknownRevocationStatus => {
            "no revocation list (`caCrl`) is of the authority that signed its certificate, or of \
             one above it"
                .to_owned()
        }
        Bad::ExpiredRevocationList | Bad::ExpiredRevocationListContext { .. } => {
            "the revocation list (`caCrl`) has ended".to_owned()
        }
        Bad::UnknownIssuer => {
            format!("its certificate is not signed by an authority of {authorities}")
        }
        Bad::BadEncoding => "its certificate cannot be read".to_owned(),
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "its certificate is not made for servers (extended key usage)".to_owned()
        }
        Bad::Other(OtherError(error)) if error.is::<WrongName>() => error.to_string(),
        Bad::Other(OtherError(error)) => {
            // The library's words for its own findings, such as an authority used as a server.
            format!("its certificate is not acceptable: {error}")
        }
        other => format!("its certificate is not acceptable: {other}"),
    }
}

fn protocol(error: &Error) -> String {
    use AlertDescription as Alert;
    match error {
        Error::AlertReceived(alert) => {
            let meaning = match alert {
                Alert::CertificateRequired => "it wants a client certificate (mode MUTUAL)",
                Alert::UnknownCA => "it does not know who signed the client certificate",
                Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateUnknown
                | Alert::AccessDenied => "it does not accept the client certificate",
                Alert::CertificateExpired => "it says that the client certificate has expired",
                Alert::CertificateRevoked => "it says that the client certificate is revoked",
                Alert::UnrecognisedName => "it does not serve the server name (`sni`)",
                Alert::ProtocolVersion => "it speaks neither TLS 1.2 nor 1.3",
                Alert::NoApplicationProtocol => "it does not speak the protocol offered by ALPN",
                Alert::HandshakeFailure => {
                    "it shares no cipher suite, or misses a client certificate or server name"
                }
                _ => "",
            };
            let alert = format!("{alert:?}");
            match meaning {
                "" => format!("it refused by the TLS alert {alert}"),
                meaning => format!("it refused by the TLS alert {alert}: {meaning}"),
            }
        }
        Error::InvalidMessage(_) => format!("it does not answer in TLS ({error})"),
        other => format!("{other}"),
    }
}

fn date(time: UnixTime) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(time.as_secs().min(LAST_SECOND)))
}

/// The last second of the year 9999, which dates in certificates cannot exceed.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests;
