//! Routes that answer themselves: redirects and direct responses, with Istio's defaults.

use propylon_model::virtual_service::{
    DirectResponse as WrittenResponse, HttpRedirect, RedirectPort as WrittenPort,
    RedirectPortSelection,
};
use propylon_snapshot::{DirectResponse, Redirect, RedirectPath, RedirectPort, Scheme};

/// Istio's default.
const MOVED_PERMANENTLY: u16 = 301;

/// Compiles a redirect on a plaintext listener whose declared port is `listener_port`. The error
/// names the field and says why.
pub(crate) fn redirect(
    written: &HttpRedirect,
    listener_port: u16,
) -> Result<Redirect, (&'static str, String)> {
    let HttpRedirect { uri, authority, redirect_port, scheme, redirect_code, prefix_rewrite } =
        written;
    let scheme = match scheme.as_str() {
        "" => None,
        "http" => Some(Scheme::Http),
        "https" => Some(Scheme::Https),
        other => return Err(("scheme", format!("`{other}` is neither http nor https"))),
    };
    let path = match (uri.as_str(), prefix_rewrite.as_str()) {
        ("", "") => RedirectPath::Keep,
        ("", prefix) => RedirectPath::Prefix(prefix.into()),
        (uri, _) => RedirectPath::Replace(uri.into()),
    };
    Ok(Redirect {
        status: status(redirect_code.unwrap_or(0))?,
        scheme,
        authority: (!authority.is_empty()).then(|| authority.as_str().into()),
        port: port(redirect_port.as_ref(), scheme.unwrap_or(Scheme::Http), listener_port)?,
        path,
    })
}

/// The codes Envoy can send; Istio's validation lets others pass and Envoy refuses them.
fn status(written: u32) -> Result<u16, (&'static str, String)> {
    match written {
        0 => Ok(MOVED_PERMANENTLY),
        301 | 302 | 303 | 307 | 308 => Ok(u16::try_from(written).unwrap_or(MOVED_PERMANENTLY)),
        other => Err(("redirectCode", format!("{other} is not one of 301, 302, 303, 307, 308"))),
    }
}

/// The port to name. Istio leaves out the default of the final scheme, and then Envoy keeps the
/// port of the request.
fn port(
    written: Option<&WrittenPort>,
    scheme: Scheme,
    listener_port: u16,
) -> Result<RedirectPort, (&'static str, String)> {
    let number = match written {
        None | Some(WrittenPort::Derive(RedirectPortSelection::FromProtocolDefault)) => {
            return Ok(RedirectPort::Keep);
        }
        Some(WrittenPort::Derive(RedirectPortSelection::FromRequestPort)) => listener_port,
        Some(WrittenPort::Number(number)) => {
            u16::try_from(*number).map_err(|_| ("port", format!("{number} is no port number")))?
        }
    };
    let default = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    let keeps = number == default || number == 0;
    Ok(if keeps { RedirectPort::Keep } else { RedirectPort::Number(number) })
}

/// Compiles a direct response. The error names the field and says why.
pub(crate) fn direct_response(
    written: &WrittenResponse,
) -> Result<DirectResponse, (&'static str, String)> {
    let WrittenResponse { status, body } = written;
    let status = u16::try_from(*status)
        .ok()
        .filter(|status| (200..600).contains(status))
        .ok_or_else(|| ("status", format!("{status} is no final HTTP status")))?;
    let body = body.as_ref().map_or(&[][..], |body| body.as_bytes());
    Ok(DirectResponse { status, body: body.into() })
}
