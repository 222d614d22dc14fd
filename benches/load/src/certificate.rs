//! The one P-256 certificate that all proxies serve, made anew for each run: no key lies about.

use std::path::Path;
use std::{fs, io};

use crate::link::HOST;

/// Writes `certs/cert.pem`, `certs/key.pem`, and both in one file as HAProxy wants it.
pub fn write(here: &Path) -> io::Result<()> {
    let folder = here.join("certs");
    fs::create_dir_all(&folder)?;
    // rcgen's own choice is ECDSA on P-256 with SHA-256.
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).map_err(io::Error::other)?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(folder.join("cert.pem"), &certificate)?;
    fs::write(folder.join("key.pem"), &key)?;
    fs::write(folder.join("both.pem"), certificate + &key)
}
