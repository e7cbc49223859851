//! Against dimpl, a DTLS written from scratch in Rust, in virtual time.
use std::collections::VecDeque;
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::*;

/// dimpl behind our trait.
struct Dimpl {
    dtls: dimpl::Dtls,
    role: Role,
    events: VecDeque<Event>,
    deadline: Option<Instant>,
    peer_certificate: Vec<u8>,
    srtp: Option<SrtpKeys>,
}

enum Event {
    Datagram(Vec<u8>),
    Data(Vec<u8>),
    Connected,
    Closed,
}

impl Dimpl {
    fn new(role: Role, timer: Duration, now: Instant) -> Self {
        let config = dimpl::Config::builder()
            .flight_start_rto(timer)
            // Its timers have jitter: the same every time.
            .dangerously_set_rng_seed(1)
            .use_server_cookie(role == Role::Client)
            .build()
            .expect("config");
        let certificate = dimpl::DtlsCertificate {
            certificate: ec().chain()[0].clone(),
            private_key: ec().private_key().to_vec(),
        };
        let mut dtls = dimpl::Dtls::new_12(Arc::new(config), certificate, now);
        dtls.set_active(role == Role::Client);
        let mut dimpl = Self {
            dtls,
            role,
            events: VecDeque::new(),
            deadline: None,
            peer_certificate: Vec::new(),
            srtp: None,
        };
        dimpl.handle_timeout(now);
        dimpl
    }

    fn collect(&mut self) {
        let mut buffer = vec![0; 20_000];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                dimpl::Output::Packet(packet) => self.events.push_back(Event::Datagram(packet.to_vec())),
                dimpl::Output::Timeout(deadline) => {
                    self.deadline = Some(deadline);
                    return;
                }
                dimpl::Output::Connected => self.events.push_back(Event::Connected),
                dimpl::Output::PeerCert(der) => self.peer_certificate = der.to_vec(),
                dimpl::Output::KeyingMaterial(material, profile) => {
                    self.srtp = Some(keys(self.role, &material, profile));
                }
                dimpl::Output::ApplicationData(data) => self.events.push_back(Event::Data(data.to_vec())),
                dimpl::Output::CloseNotify => self.events.push_back(Event::Closed),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn keys(role: Role, material: &[u8], profile: dimpl::SrtpProfile) -> SrtpKeys {
    let profile = match profile {
        dimpl::SrtpProfile::AES128_CM_SHA1_80 => SrtpProfile::Aes128CmSha1_80,
        dimpl::SrtpProfile::AEAD_AES_128_GCM => SrtpProfile::AeadAes128Gcm,
        dimpl::SrtpProfile::AEAD_AES_256_GCM => SrtpProfile::AeadAes256Gcm,
        other => panic!("{other:?}"),
    };
    let (key, salt) = (profile.key_len(), profile.salt_len());
    let take = |from: usize, len: usize| material[from..from + len].to_vec();
    let client = (take(0, key), take(2 * key, salt));
    let server = (take(key, key), take(2 * key + salt, salt));
    let (local, remote) = if role == Role::Client { (client, server) } else { (server, client) };
    SrtpKeys {
        profile,
        local_key: ArrayVec::from_iter(local.0),
        local_salt: ArrayVec::from_iter(local.1),
        remote_key: ArrayVec::from_iter(remote.0),
        remote_salt: ArrayVec::from_iter(remote.1),
    }
}

impl Dtls for Dimpl {
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> bool {
        self.dtls.handle_timeout(now).expect("dimpl timeout");
        self.collect();
        self.dtls.handle_packet(datagram).expect("dimpl packet");
        self.collect();
        true
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.dtls.handle_timeout(now).expect("dimpl timeout");
        self.collect();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn poll(&mut self, out: &mut [u8]) -> Output {
        match self.events.pop_front() {
            None => Output::Idle,
            Some(Event::Datagram(bytes)) => {
                out[..bytes.len()].copy_from_slice(&bytes);
                Output::Datagram(bytes.len())
            }
            Some(Event::Data(bytes)) => {
                out[..bytes.len()].copy_from_slice(&bytes);
                Output::Data(bytes.len())
            }
            Some(Event::Connected) => Output::Connected(Box::new(Connected {
                srtp: self.srtp.take(),
                peer_certificate: self.peer_certificate.clone(),
            })),
            Some(Event::Closed) => Output::Closed,
        }
    }

    fn send(&mut self, _now: Instant, data: &[u8]) -> Result<(), DtlsError> {
        self.dtls.send_application_data(data).expect("dimpl send");
        self.collect();
        Ok(())
    }

    fn close(&mut self, _now: Instant) {
        self.dtls.close().expect("dimpl close");
        self.collect();
    }
}

/// We in `role` and dimpl, with its timer, in the other one.
fn world(ours: &DtlsContext, role: Role, timer: Duration) -> World {
    let start = Instant::now();
    let mine = Endpoint::ours(ours, role, start);
    let other = |role| Endpoint::new(Dimpl::new(role, timer, start));
    match role {
        Role::Client => World::new(start, mine, other(Role::Server)),
        Role::Server => World::new(start, other(Role::Client), mine),
    }
}

#[test]
fn both_roles_agree_on_keys_and_exchange_data() {
    let ours = context(ec(), &SrtpProfile::ALL, BROWSER_TIMER);
    for role in [Role::Client, Role::Server] {
        let mut world = world(&ours, role, BROWSER_TIMER);
        assert!(world.connects(Duration::from_secs(5), &mut deliver), "as {role:?}");
        let expected = match role {
            Role::Client => SrtpProfile::AeadAes256Gcm, // dimpl's preference
            Role::Server => SrtpProfile::AeadAes128Gcm,
        };
        assert_eq!(world.ends[0].srtp().profile, expected);
        world.assert_works();
        let (now, other) = (world.now, usize::from(role == Role::Client));
        world.ends[other].dtls.close(now);
        world.run(Duration::from_millis(50), &mut deliver, |_| false);
        assert!(world.ends[1 - other].closed);
    }
}

/// Our role and dimpl's timer, all combinations; our timer is that of the worker. (dimpl gives up after four repetitions: a peer of
/// its kind with 50 ms does not wait for one that repeats after a second.)
fn constellations() -> impl Iterator<Item = (Role, Duration)> {
    [Role::Client, Role::Server]
        .into_iter()
        .flat_map(|role| [BROWSER_TIMER, CLASSIC_TIMER].map(|theirs| (role, theirs)))
}

#[test]
fn any_one_or_two_lost_datagrams_are_survived_in_both_roles() {
    let ours = context(ec(), &SrtpProfile::ALL, DtlsTimers::default().initial);
    for (role, theirs) in constellations() {
        let text = format!("as {role:?} against {theirs:?}");
        loss::lose_every_one_and_every_two(&text, || world(&ours, role, theirs));
    }
}

#[test]
fn of_a_thousand_handshakes_at_ten_percent_loss_at_most_one_fails_in_both_roles() {
    let ours = context(ec(), &SrtpProfile::ALL, DtlsTimers::default().initial);
    for (role, theirs) in constellations() {
        let text = format!("as {role:?} against {theirs:?}");
        loss::lose_a_tenth(&text, 1000, || world(&ours, role, theirs));
    }
}
