//! Certificates made for one test: an authority and what it signs, in PEM.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevocationReason, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
    key: String,
}

/// A certificate and its key.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = named(name);
        let certificate = params.self_signed(&key).expect("a certificate");
        let text = key.serialize_pem();
        Self { pem: certificate.pem(), key: text, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate and key, as those who sign for themselves use them.
    pub(crate) fn itself(&self) -> Pair {
        Pair { certificate: self.pem.clone(), key: self.key.clone() }
    }

    /// An authority that this one vouches for.
    pub(crate) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named(name);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let text = key.serialize_pem();
        Self { pem: certificate.pem(), key: text, issuer: Issuer::new(params, key) }
    }

    /// A certificate for a server of these names.
    pub(crate) fn server(&self, names: &[&str]) -> Pair {
        self.pair(names[0], names, &[], |_| {})
    }

    /// A certificate, valid from the first of one year to the first of another.
    pub(crate) fn server_between(&self, name: &str, from: i32, until: i32) -> Pair {
        self.pair(name, &[name], &[], |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
        })
    }

    /// A certificate for a server with this serial number.
    pub(crate) fn server_of_serial(&self, names: &[&str], serial: u64) -> Pair {
        self.pair(names[0], names, &[], |params| {
            params.serial_number = Some(SerialNumber::from(serial));
        })
    }

    /// A revocation list with one serial number, in PEM.
    pub(crate) fn revokes(&self, serial: u64) -> String {
        self.revokes_until(serial, 4000)
    }

    /// Such a list, good until the beginning of a year.
    pub(crate) fn revokes_until(&self, serial: u64, until: i32) -> String {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("a list").pem().expect("a list in PEM")
    }

    /// A certificate for a client with DNS names and URIs.
    pub(crate) fn client(&self, name: &str, dns: &[&str], uris: &[&str]) -> Pair {
        self.pair(name, dns, uris, |_| {})
    }

    fn pair(
        &self,
        name: &str,
        dns: &[&str],
        uris: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = dns.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("parameters");
        params.distinguished_name = named(name);
        let uris = uris.iter().map(|uri| SanType::URI((*uri).try_into().expect("a URI")));
        params.subject_alt_names.extend(uris);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::OrganizationName, "Acme");
    names.push(DnType::CommonName, name);
    names
}
