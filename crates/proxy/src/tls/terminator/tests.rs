//! What a reload keeps of TLS servers: parsed certificates, tickets, and the last good ones.

use std::net::SocketAddr;

use propylon_snapshot::{
    Bind, Credential, Listener, ObjectId, Offered, Opaque, Origin, RouteTableId, ServerIdentity,
    ServerNames, Then, TlsChain,
};
use rcgen::{CertificateParams, KeyPair};

use super::*;

const ORIGIN: Origin = Origin { object: ObjectId(0), entry: 0, matching: None };

fn identity() -> ServerIdentity {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    ServerIdentity {
        chain: Opaque::new(certificate.pem().into_bytes()),
        key: Opaque::new(key.serialize_pem().into_bytes()),
        ocsp: None,
    }
}

fn settings(identity: ServerIdentity) -> ServerTls {
    ServerTls {
        certificates: vec![Credential { name: "test".into(), read: Ok(identity) }],
        clients: ClientCheck::None,
        min_version: TlsVersion::V1_2,
        max_version: TlsVersion::V1_3,
        cipher_suites: Vec::new(),
        groups: Vec::new(),
    }
}

fn asking(authorities: &str) -> ClientCheck {
    let read = Ok(Opaque::new(authorities.as_bytes()));
    ClientCheck::Verify {
        required: true,
        authorities: Box::new(Credential { name: "test".into(), read }),
        revoked: None,
        names: Vec::new(),
        keys: Vec::new(),
        certificates: Vec::new(),
        accept_unverified: false,
    }
}

fn snapshot(servers: Vec<ServerTls>) -> Snapshot {
    let chains = servers.into_iter().enumerate().map(|(number, settings)| TlsChain {
        names: vec![format!("{number}.example").into()],
        offered: Offered::Anything,
        termination: Termination::Terminate(Arc::new(settings)),
        then: Then::Http(RouteTableId(0)),
        origin: ORIGIN,
    });
    let listener = Listener {
        bind: Bind::Ip(SocketAddr::from(([127, 0, 0, 1], 0))),
        also: None,
        port: 443,
        serves: Serves::Tls(ServerNames::new(chains.collect())),
        origin: ORIGIN,
    };
    Snapshot { listeners: vec![listener], ..Snapshot::default() }
}

#[test]
fn an_unchanged_server_is_parsed_once_whatever_is_published() {
    let (first, other) = (settings(identity()), settings(identity()));
    let before = snapshot(vec![first.clone()]);
    let made = Terminators::attach(&before, None);
    let after = snapshot(vec![first, other]);
    let again = Terminators::attach(&after, Some((&before, &made)));
    assert!(Arc::ptr_eq(made.at(0, 0).unwrap(), again.at(0, 0).unwrap()));
    assert!(again.at(0, 1).is_some());
    assert!(again.at(0, 2).is_none() && again.at(1, 0).is_none());
}

#[test]
fn a_broken_rotation_leaves_the_last_good_certificate_in_force() {
    let good = snapshot(vec![settings(identity())]);
    let made = Terminators::attach(&good, None);
    let mut half = identity();
    half.key = identity().key;
    let broken = snapshot(vec![settings(half.clone())]);
    let after = Terminators::attach(&broken, Some((&good, &made)));
    assert!(after.at(0, 0).unwrap().own(0).is_err());
    assert!(after.at(0, 0).unwrap().ready(0).is_ok());
    half.chain = Opaque::default();
    let worse = snapshot(vec![settings(half)]);
    let twice = Terminators::attach(&worse, Some((&broken, &after)));
    assert!(twice.at(0, 0).unwrap().ready(0).is_ok());
}

#[test]
fn the_last_good_certificate_never_brings_older_rules_about_clients_back() {
    let good = snapshot(vec![settings(identity())]);
    let made = Terminators::attach(&good, None);
    let stricter = ServerTls { clients: asking("no authority"), ..settings(identity()) };
    let after = Terminators::attach(&snapshot(vec![stricter]), Some((&good, &made)));
    assert!(after.at(0, 0).unwrap().ready(0).is_err());
}

#[test]
fn tickets_are_shared_by_servers_that_accept_the_same_clients_and_by_no_others() {
    let open = settings(identity());
    let asks =
        |authorities: &str| ServerTls { clients: asking(authorities), ..settings(identity()) };
    let before = snapshot(vec![open.clone(), settings(identity()), asks("one"), asks("two")]);
    let made = Terminators::attach(&before, None);
    let keys = |made: &Terminators, chain: usize| {
        Arc::clone(made.at(0, chain).unwrap().tickets.as_ref().unwrap())
    };
    assert!(Arc::ptr_eq(&keys(&made, 0), &keys(&made, 1)));
    assert!(!Arc::ptr_eq(&keys(&made, 0), &keys(&made, 2)));
    assert!(!Arc::ptr_eq(&keys(&made, 2), &keys(&made, 3)));
    // A rotation keeps tickets worth something.
    let rotated = snapshot(vec![settings(identity())]);
    let after = Terminators::attach(&rotated, Some((&before, &made)));
    assert!(Arc::ptr_eq(&keys(&made, 0), &keys(&after, 0)));
}

#[test]
fn nothing_of_a_key_is_ever_printed() {
    let identity = identity();
    let key = String::from_utf8(identity.key.reveal().to_vec()).unwrap();
    let made = Terminators::attach(&snapshot(vec![settings(identity)]), None);
    let printed = format!("{made:?}");
    assert!(!key.lines().any(|line| printed.contains(line)));
}
