//! The reader beside that of rustls: what rustls accepts, it must read alike. rustls goes on to
//! refuse hellos that it could not answer, which is not this reader's business.

use std::sync::Arc;

use proptest::prelude::*;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::Acceptor;
use rustls::{ClientConfig, ClientConnection, RootCertStore, version};

use super::*;

const NAME: &str = "a.example.com";

/// A hello as rustls' client sends it.
fn client_hello(name: &str, alpn: &[&str], old: bool) -> Vec<u8> {
    let versions = if old { &[&version::TLS12][..] } else { rustls::ALL_VERSIONS };
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap();
    let mut config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|one| one.as_bytes().to_vec()).collect();
    let name = name.to_owned().try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// What rustls makes of the same bytes; `None` if it does not accept them.
fn accepted(mut bytes: &[u8]) -> Option<Hello> {
    let mut acceptor = Acceptor::default();
    while !bytes.is_empty() {
        acceptor.read_tls(&mut bytes).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            let hello = accepted.client_hello();
            return Some(Hello {
                server_name: hello.server_name().map(|name| name.to_ascii_lowercase().into()),
                alpn: hello.alpn().into_iter().flatten().map(Into::into).collect(),
            });
        }
    }
    None
}

fn read(bytes: &[u8]) -> Option<Hello> {
    match HelloReader::default().read(bytes) {
        Outcome::Hello(hello) => Some(hello),
        Outcome::NeedMore | Outcome::NotTls | Outcome::Bad => None,
    }
}

#[test]
fn hellos_of_a_real_client_are_read_as_rustls_reads_them() {
    for old in [false, true] {
        for name in ["a.example.com", "192.0.2.1", "xn--bcher-kva.example"] {
            let bytes = client_hello(name, &["h2", "http/1.1"], old);
            let expected = accepted(&bytes);
            assert!(expected.is_some());
            assert_eq!(read(&bytes), expected, "{name}");
        }
    }
}

proptest! {
    #[test]
    fn what_rustls_accepts_of_damaged_hellos_is_read_alike(
        old in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = client_hello(NAME, &["h2", "istio"], old);
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Some(expected) = accepted(&bytes) {
            match read(&bytes) {
                Some(hello) => prop_assert_eq!(hello, expected, "{:?}", bytes),
                // rustls overlooks what lies behind a name that damage made shorter. Here, as for
                // BoringSSL, a list of names has one.
                None => {
                    let name = expected.server_name.unwrap_or_default();
                    prop_assert!(name.len() < NAME.len(), "{:?}", bytes);
                }
            }
        }
    }
}
