//! Certificates and keys as openssl writes them, read from files and used.
use std::path::{Path, PathBuf};

use super::*;
use crate::transport::dtls::certificate::CertificateError;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/transport/dtls/tests/fixtures").join(name)
}

fn read(certificate: &str, key: &str) -> Certificate {
    Certificate::from_pem_files(&fixture(certificate), &fixture(key)).expect("a readable pair")
}

/// RSA in PKCS#8 and PKCS#1, EC in SEC 1; the certificate that belongs to each.
const PAIRS: [(&str, &str); 3] = [
    ("rsa-certificate.pem", "rsa-pkcs8-key.pem"),
    ("rsa-certificate.pem", "rsa-pkcs1-key.pem"),
    ("ec-certificate.pem", "ec-sec1-key.pem"),
];

#[test]
fn every_kind_of_key_file_makes_a_handshake_in_both_roles() {
    for (certificate, key) in PAIRS {
        let ours = read(certificate, key);
        for (other, timer) in [(ec(), BROWSER_TIMER), (rsa(), BROWSER_TIMER), (ec(), CLASSIC_TIMER)] {
            let contexts = [&ours, other].map(|made| context(made, &SrtpProfile::ALL, timer));
            for role in [Role::Client, Role::Server] {
                let (client, server) = if role == Role::Client {
                    (&contexts[0], &contexts[1])
                } else {
                    (&contexts[1], &contexts[0])
                };
                let mut world = World::ours(client, server);
                assert!(world.connects(Duration::from_secs(5), &mut deliver), "{key} as {role:?}");
                let peer = &world.ends[usize::from(role == Role::Client)];
                let shown = &peer.connected.as_ref().expect("connected").peer_certificate;
                assert!(ours.fingerprint(HashAlgorithm::Sha256).matches(shown), "{key} as {role:?}");
                world.assert_works();
            }
        }
    }
}

#[test]
fn both_forms_of_one_rsa_key_are_the_same_certificate() {
    let [one, other] = [PAIRS[0], PAIRS[1]].map(|(certificate, key)| read(certificate, key));
    assert_eq!(one.chain(), other.chain());
    assert_ne!(one.private_key(), other.private_key(), "PKCS#1 stands inside PKCS#8");
}

#[test]
fn a_key_of_another_certificate_is_refused_when_the_context_is_made() {
    for (certificate, key) in
        [("rsa-certificate.pem", "ec-sec1-key.pem"), ("ec-certificate.pem", "rsa-pkcs1-key.pem")]
    {
        let timers = DtlsTimers { initial: BROWSER_TIMER, max: Duration::from_secs(3) };
        let made = DtlsContext::new(&read(certificate, key), &SrtpProfile::ALL, timers, 1200);
        assert!(made.is_err(), "{certificate} with {key}");
    }
}

#[test]
fn a_certificate_in_the_place_of_the_key_is_refused() {
    let file = fixture("rsa-certificate.pem");
    let error = Certificate::from_pem_files(&file, &file).err().expect("refused");
    assert!(matches!(error, CertificateError::NoPrivateKey(named) if named == file));
}
