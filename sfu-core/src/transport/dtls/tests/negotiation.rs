//! What both sides agree on.
use super::*;

fn connect(client: &DtlsContext, server: &DtlsContext) -> World {
    let mut world = World::ours(client, server);
    assert!(
        world.connects(Duration::from_secs(5), &mut deliver),
        "{:?} {:?}",
        world.ends[0].failed,
        world.ends[1].failed
    );
    world
}

#[test]
fn certificates_of_both_kinds_meet_in_both_roles() {
    for client in [ec(), rsa()] {
        for server in [ec(), rsa()] {
            let mut world = connect(
                &context(client, &SrtpProfile::ALL, BROWSER_TIMER),
                &context(server, &SrtpProfile::ALL, BROWSER_TIMER),
            );
            world.assert_works();
            for (end, peer) in [(0, server), (1, client)] {
                let connected = world.ends[end].connected.as_ref().expect("connected");
                assert_eq!(connected.peer_certificate, peer.chain()[0]);
                for algorithm in HashAlgorithm::ALL {
                    assert_eq!(connected.verify_peer(&[peer.fingerprint(algorithm)]), Ok(()));
                }
            }
        }
    }
}

#[test]
fn the_wrong_fingerprint_is_refused_and_one_right_among_wrong_ones_suffices() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let mut world = connect(&ours, &ours);
    let right = ec().fingerprint(HashAlgorithm::Sha256);
    let wrong = rsa().fingerprint(HashAlgorithm::Sha256);
    let server = world.ends[1].connected.as_ref().expect("connected");
    assert_eq!(server.verify_peer(std::slice::from_ref(&wrong)), Err(DtlsError::WrongFingerprint));
    assert_eq!(server.verify_peer(&[]), Err(DtlsError::WrongFingerprint));
    assert_eq!(server.verify_peer(&[wrong, right]), Ok(()));
    let now = world.now;
    world.ends[1].dtls.close(now);
    assert!(world.ends[1].dtls.send(now, b"late").is_err());
    world.run(Duration::from_millis(50), &mut deliver, |_| false);
    assert!(world.ends[0].closed && !world.ends[1].closed, "the refused peer is told, we know already");
}

#[test]
fn the_servers_order_of_srtp_profiles_decides() {
    use SrtpProfile::{AeadAes128Gcm, AeadAes256Gcm, Aes128CmSha1_32, Aes128CmSha1_80};
    // A browser's offer.
    let browser = [Aes128CmSha1_80, AeadAes256Gcm, AeadAes128Gcm];
    let cases: [(&[SrtpProfile], &[SrtpProfile], SrtpProfile); 8] = [
        (&browser, &SrtpProfile::ALL, AeadAes128Gcm),
        (&[Aes128CmSha1_80, AeadAes256Gcm], &SrtpProfile::ALL, AeadAes256Gcm),
        (&[Aes128CmSha1_32, Aes128CmSha1_80], &SrtpProfile::ALL, Aes128CmSha1_80),
        (&[Aes128CmSha1_32], &SrtpProfile::ALL, Aes128CmSha1_32),
        (&browser, &[AeadAes256Gcm, AeadAes128Gcm, Aes128CmSha1_80], AeadAes256Gcm),
        (&SrtpProfile::ALL, &[Aes128CmSha1_32, AeadAes128Gcm], Aes128CmSha1_32),
        (&SrtpProfile::ALL, &[Aes128CmSha1_80], Aes128CmSha1_80),
        (&SrtpProfile::ALL, &[AeadAes256Gcm], AeadAes256Gcm),
    ];
    for (offer, order, expected) in cases {
        let mut world = connect(&context(ec(), offer, BROWSER_TIMER), &context(ec(), order, BROWSER_TIMER));
        assert_eq!(world.ends[1].srtp().profile, expected);
        world.assert_works();
    }
}

#[test]
fn without_a_common_srtp_profile_data_channels_remain() {
    let client = context(ec(), &[SrtpProfile::Aes128CmSha1_32], BROWSER_TIMER);
    let server = context(ec(), &[SrtpProfile::AeadAes128Gcm], BROWSER_TIMER);
    let mut world = connect(&client, &server);
    assert!(world.ends.iter().all(|end| end.connected.as_ref().is_some_and(|c| c.srtp.is_none())));
    world.assert_data_flows();
}

#[test]
fn close_tells_the_peer_once() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let mut world = connect(&ours, &ours);
    let now = world.now;
    world.ends[0].dtls.close(now);
    world.ends[0].dtls.close(now);
    world.run(Duration::from_secs(1), &mut deliver, |_| false);
    assert!(world.ends[1].closed);
    assert!(world.ends.iter().all(|end| end.failed.is_none() && end.dtls.poll_timeout().is_none()));
}

#[test]
fn a_key_of_another_certificate_is_refused_when_the_context_is_made() {
    let config =
        |chain: &Certificate, key: &Certificate, profiles: &[SrtpProfile]| sfu_dtls_sys::ContextConfig {
            certificate_chain: chain.chain().to_vec(),
            private_key: key.private_key().to_vec(),
            srtp_profiles: profiles.to_vec(),
        };
    let other = Certificate::generate().expect("certificate");
    let all = SrtpProfile::ALL;
    let error = |config| sfu_dtls_sys::Context::new(&config).err().expect("refused").to_string();
    assert!(error(config(ec(), &other, &all)).contains("does not fit the private key"));
    assert!(error(config(ec(), rsa(), &all)).contains("does not fit the private key"));
    assert!(error(config(ec(), ec(), &[])).contains("srtp profiles"));
    let mut broken = config(ec(), ec(), &all);
    broken.private_key.truncate(20);
    assert!(error(broken).contains("private key"));
    let mut empty = config(ec(), ec(), &all);
    empty.certificate_chain.clear();
    assert!(error(empty).contains("0 certificates"));
}

#[test]
fn a_record_of_full_size_passes_and_a_larger_one_is_refused() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let mut world = connect(&ours, &ours);
    let now = world.now;
    let largest = vec![7; 16384];
    world.ends[0].dtls.send(now, &largest).expect("largest");
    assert!(world.ends[0].dtls.send(now, &vec![7; 16385]).is_err());
    world.run(Duration::from_millis(50), &mut deliver, |_| false);
    assert_eq!(world.ends[1].data, [largest]);
    world.ends[1].data.clear();
    world.assert_data_flows();
}

#[test]
fn nothing_can_be_sent_before_the_handshake_is_complete() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    let now = Instant::now();
    let mut client = AwsLcDtls::new(&ours, Role::Client, now).expect("association");
    assert_eq!(client.send(now, b"early"), Err(DtlsError::Library(sfu_dtls_sys::Error::NotConnected)));
    client.close(now);
    let mut out = [0; 2048];
    assert!(matches!(client.poll(&mut out), Output::Datagram(_)));
    assert!(matches!(client.poll(&mut out), Output::Idle));
}
