//! The safe API by itself; sfu-core tests the protocol at length.
use std::time::{Duration, Instant};

use sfu_dtls_sys::{Connection, ConnectionConfig, Context, ContextConfig, Error, Role, SrtpProfile, State};

const LABEL: &str = "EXTRACTOR-dtls_srtp";

fn context() -> Context {
    let key = rcgen::KeyPair::generate().expect("key");
    let params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    let certificate = params.self_signed(&key).expect("certificate");
    Context::new(&ContextConfig {
        certificate_chain: vec![certificate.der().to_vec()],
        private_key: key.serialize_der(),
        srtp_profiles: SrtpProfile::ALL.to_vec(),
    })
    .expect("context")
}

fn forward(now: Instant, from: &mut Connection, to: &mut Connection) -> usize {
    let mut buffer = [0; 2048];
    let mut count = 0;
    while let Some(len) = from.poll_datagram(&mut buffer) {
        to.handle_datagram(now, &buffer[..len]);
        count += 1;
    }
    count
}

fn connected_pair(now: Instant) -> (Connection, Connection) {
    let config = ConnectionConfig::default();
    let mut client = Connection::new(&context(), Role::Client, &config).expect("client");
    let mut server = Connection::new(&context(), Role::Server, &config).expect("server");
    client.start(now);
    while forward(now, &mut client, &mut server) + forward(now, &mut server, &mut client) > 0 {}
    (client, server)
}

#[test]
fn two_connections_agree_on_keys_and_carry_data_until_closed() {
    let now = Instant::now();
    let (mut client, mut server) = connected_pair(now);
    assert_eq!((client.state(), server.state()), (&State::Established, &State::Established));
    assert_eq!((client.next_timeout(), server.next_timeout()), (None, None));
    assert_eq!(client.selected_srtp_profile(), Some(SrtpProfile::AeadAes128Gcm));
    assert!(client.peer_certificate_der().is_some() && server.peer_certificate_der().is_some());
    let (mut a, mut b, mut other) = ([0; 56], [0; 56], [0; 56]);
    client.export_keying_material(LABEL, &mut a).expect("client");
    server.export_keying_material(LABEL, &mut b).expect("server");
    server.export_keying_material("EXPERIMENTAL", &mut other).expect("server");
    assert!(a == b && a != other && a != [0; 56]);

    client.write_application_data(b"one").expect("established");
    forward(now, &mut client, &mut server);
    let mut buffer = [0; 100];
    assert_eq!(server.read_application_data(&mut buffer), Some(3));
    assert_eq!(&buffer[..3], b"one");
    assert_eq!(server.read_application_data(&mut buffer), None);

    client.shutdown();
    forward(now, &mut client, &mut server);
    assert_eq!(server.state(), &State::Closed);
    assert_eq!(client.write_application_data(b"late"), Err(Error::NotConnected));
}

#[test]
fn data_unread_makes_the_next_datagram_lost_and_counted() {
    let now = Instant::now();
    let (mut client, mut server) = connected_pair(now);
    for text in [b"one", b"two"] {
        client.write_application_data(text).expect("established");
    }
    forward(now, &mut client, &mut server);
    assert_eq!(server.datagrams_lost(), 1);
    let mut buffer = [0; 100];
    assert_eq!(server.read_application_data(&mut buffer), Some(3));
    assert_eq!(server.read_application_data(&mut buffer), None);
}

#[test]
fn output_nobody_fetches_is_bounded() {
    let now = Instant::now();
    let (mut client, _server) = connected_pair(now);
    for _ in 0..1000 {
        client.write_application_data(&[0; 1000]).expect("established");
    }
    let mut buffer = [0; 2048];
    let kept = std::iter::from_fn(|| client.poll_datagram(&mut buffer)).count();
    assert!(kept <= 64 && kept as u64 + client.datagrams_lost() == 1000, "{kept}");
}

#[test]
fn a_connection_may_move_between_threads_and_outlive_its_context() {
    let now = Instant::now();
    let (client, server) = connected_pair(now);
    std::thread::spawn(move || {
        let (mut client, mut server) = (client, server);
        let later = now + Duration::from_secs(3600);
        client.write_application_data(b"moved").expect("established");
        forward(later, &mut client, &mut server);
        assert_eq!(server.read_application_data(&mut [0; 100]), Some(5));
    })
    .join()
    .expect("thread");
}

#[test]
fn an_mtu_too_small_for_a_handshake_is_refused() {
    let config = ConnectionConfig { mtu: 100, ..ConnectionConfig::default() };
    assert!(Connection::new(&context(), Role::Server, &config).is_err());
}
