//! What a reload keeps of TLS towards endpoints, and how often failures are told.

use propylon_snapshot::{
    Availability, Balance, Credential, Discovery, Identity, Offers, Opaque, SniName,
    UpstreamProtocol,
};
use rcgen::{CertificateParams, KeyPair};

use super::*;

fn identity() -> Identity {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity {
        chain: Opaque::new(certificate.pem().into_bytes()),
        key: Opaque::new(key.serialize_pem().into_bytes()),
        ocsp: None,
    }
}

fn settings(identity: Identity) -> ClientTls {
    ClientTls {
        identity: Some(Credential { name: "test".into(), read: Ok(identity) }),
        servers: ServerCheck::None,
        asks_for: SniName::OfRequest,
        offers: Offers::Plain,
        cipher_suites: Vec::new(),
        groups: Vec::new(),
    }
}

fn snapshot(tls: Option<ClientTls>) -> Snapshot {
    let cluster = Cluster {
        name: "a".into(),
        discovery: Discovery::Static(Arc::new([])),
        balance: Balance::RoundRobin,
        localities: None,
        warmup: None,
        protocol: UpstreamProtocol::Http1,
        tls: tls.map(Arc::new),
        proxy_header: None,
        connect_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
        limits: propylon_snapshot::Limits::default(),
        outlier: None,
        availability: Availability::Open,
    };
    Snapshot { clusters: vec![cluster], ..Snapshot::default() }
}

fn first(originators: &Originators, snapshot: &Snapshot) -> Arc<Originator> {
    originators.of(0, &snapshot.clusters[0]).unwrap()
}

#[test]
fn unchanged_settings_are_parsed_once_whatever_is_published() {
    let settings = settings(identity());
    let (before, after) = (snapshot(Some(settings.clone())), snapshot(Some(settings)));
    let made = Originators::attach(&before, None);
    let again = Originators::attach(&after, Some((&before, &made)));
    assert!(Arc::ptr_eq(&first(&made, &before), &first(&again, &after)));
    let plain = snapshot(None);
    assert!(Originators::attach(&plain, None).of(0, &plain.clusters[0]).is_none());
}

#[test]
fn a_broken_rotation_leaves_the_last_good_certificate_in_force() {
    let good = snapshot(Some(settings(identity())));
    let made = Originators::attach(&good, None);
    let half = Identity { key: identity().key, ..identity() };
    let broken = snapshot(Some(settings(half)));
    let after = Originators::attach(&broken, Some((&good, &made)));
    let originator = first(&after, &broken);
    assert!(originator.own().is_err());
    assert!(originator.sessions().is_ok());
    let alone = Originators::attach(&broken, None);
    assert!(first(&alone, &broken).sessions().is_err());
}

#[test]
fn a_failure_is_told_at_once_and_its_repetitions_by_their_number() {
    let snapshot = snapshot(Some(settings(identity())));
    let originator = first(&Originators::attach(&snapshot, None), &snapshot);
    let now = Instant::now();
    assert_eq!(originator.complains(now), Some(0));
    assert_eq!(originator.complains(now), None);
    assert_eq!(originator.complains(now + COMPLAINT_PAUSE / 2), None);
    assert_eq!(originator.complains(now + COMPLAINT_PAUSE), Some(2));
}
