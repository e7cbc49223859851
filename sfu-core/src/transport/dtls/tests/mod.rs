//! Two endpoints and a network between them, in virtual time.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::*;

mod files;
mod hostile;
mod interop_dimpl;
mod interop_openssl;
mod loss;
mod memory;
mod negotiation;
mod speed;

/// One way, between the two endpoints.
const DELAY: Duration = Duration::from_millis(10);
const BROWSER_TIMER: Duration = Duration::from_millis(50);
const CLASSIC_TIMER: Duration = Duration::from_secs(1);
/// How long a handshake may take on a bad path.
const PATIENCE: Duration = Duration::from_secs(30);

/// Timers of client and server: a browser's, the standard's, and both mixtures.
fn timer_pairs() -> [(Duration, Duration); 4] {
    [
        (BROWSER_TIMER, BROWSER_TIMER),
        (CLASSIC_TIMER, BROWSER_TIMER),
        (BROWSER_TIMER, CLASSIC_TIMER),
        (CLASSIC_TIMER, CLASSIC_TIMER),
    ]
}

pub(super) fn ec() -> &'static Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE.get_or_init(|| Certificate::generate().expect("ec certificate"))
}

pub(super) fn rsa() -> &'static Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE.get_or_init(Certificate::generate_rsa)
}

pub(super) fn context(certificate: &Certificate, profiles: &[SrtpProfile], initial: Duration) -> DtlsContext {
    let timers = DtlsTimers { initial, max: Duration::from_secs(3) };
    DtlsContext::new(certificate, profiles, timers, 1200).expect("context")
}

/// One side and what has come out of it.
pub(super) struct Endpoint {
    pub(super) dtls: Box<dyn Dtls>,
    pub(super) connected: Option<Connected>,
    pub(super) data: Vec<Vec<u8>>,
    pub(super) failed: Option<DtlsError>,
    pub(super) closed: bool,
}

impl Endpoint {
    pub(super) fn new(dtls: impl Dtls + 'static) -> Self {
        Self { dtls: Box::new(dtls), connected: None, data: Vec::new(), failed: None, closed: false }
    }

    pub(super) fn ours(context: &DtlsContext, role: Role, now: Instant) -> Self {
        Self::new(AwsLcDtls::new(context, role, now).expect("association"))
    }

    /// Takes everything that has happened; returns the datagrams to send.
    pub(super) fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut out = vec![0; 20_000];
        let mut datagrams = Vec::new();
        loop {
            match self.dtls.poll(&mut out) {
                Output::Datagram(len) => datagrams.push(out[..len].to_vec()),
                Output::Connected(connected) => {
                    assert!(self.connected.replace(*connected).is_none(), "connected twice");
                }
                Output::Data(len) => self.data.push(out[..len].to_vec()),
                Output::Closed => self.closed = true,
                Output::Failed(error) => {
                    assert!(self.failed.replace(error).is_none(), "failed twice");
                }
                Output::Idle => return datagrams,
            }
        }
    }

    pub(super) fn srtp(&self) -> &SrtpKeys {
        self.connected.as_ref().and_then(|connected| connected.srtp.as_ref()).expect("srtp keys")
    }
}

/// The network: at each datagram sent (0 is the first of both directions together, `from` 0 the client) says what
/// arrives.
pub(super) type Fate<'a> = &'a mut dyn FnMut(usize, usize, &[u8]) -> Vec<Vec<u8>>;

/// A datagram on its way; of two that arrive together the one sent first is ahead.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct InFlight {
    arrival: Instant,
    order: usize,
    to: usize,
    datagram: Vec<u8>,
}

pub(super) struct World {
    pub(super) now: Instant,
    start: Instant,
    pub(super) ends: [Endpoint; 2],
    pub(super) sent: usize,
    in_flight: BinaryHeap<Reverse<InFlight>>,
}

impl World {
    /// The client first.
    pub(super) fn new(start: Instant, client: Endpoint, server: Endpoint) -> Self {
        Self { now: start, start, ends: [client, server], sent: 0, in_flight: BinaryHeap::new() }
    }

    /// Two of ours with the retransmission timers given.
    pub(super) fn ours(client: &DtlsContext, server: &DtlsContext) -> Self {
        let start = Instant::now();
        Self::new(
            start,
            Endpoint::ours(client, Role::Client, start),
            Endpoint::ours(server, Role::Server, start),
        )
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn send(&mut self, fate: Fate<'_>) {
        for from in 0..2 {
            for datagram in self.ends[from].drain() {
                for (copy, arriving) in fate(self.sent, from, &datagram).into_iter().enumerate() {
                    let order = self.sent * 16 + copy;
                    self.in_flight.push(Reverse(InFlight {
                        arrival: self.now + DELAY,
                        order,
                        to: 1 - from,
                        datagram: arriving,
                    }));
                }
                self.sent += 1;
            }
        }
    }

    /// Lets time pass until nothing more happens, `done` says so, or `limit` is over.
    pub(super) fn run(
        &mut self,
        limit: Duration,
        fate: Fate<'_>,
        mut done: impl FnMut(&[Endpoint; 2]) -> bool,
    ) {
        let end = self.now + limit;
        loop {
            self.send(fate);
            if done(&self.ends) {
                return;
            }
            let arrival = self.in_flight.peek().map(|Reverse(next)| next.arrival);
            let timers = self.ends.iter().filter_map(|end| end.dtls.poll_timeout());
            let Some(next) = timers.chain(arrival).min().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            for side in &mut self.ends {
                if side.dtls.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
                    side.dtls.handle_timeout(self.now);
                }
            }
            self.send(fate);
            while self.in_flight.peek().is_some_and(|Reverse(next)| next.arrival <= self.now) {
                let Some(Reverse(next)) = self.in_flight.pop() else { break };
                self.ends[next.to].dtls.handle_datagram(self.now, &next.datagram);
                self.send(fate);
            }
        }
    }

    /// Runs up to `limit`; whether both ends got connected.
    pub(super) fn connects(&mut self, limit: Duration, fate: Fate<'_>) -> bool {
        self.run(limit, fate, both_connected);
        both_connected(&self.ends)
    }

    /// Panics unless both ends hold the same keys, swapped, and data flows both ways.
    pub(super) fn assert_works(&mut self) {
        let (client, server) = (self.ends[0].srtp(), self.ends[1].srtp());
        assert_eq!(client.profile, server.profile);
        assert_eq!(client.local_key.len(), client.profile.key_len());
        assert_eq!(client.local_salt.len(), client.profile.salt_len());
        assert_eq!((&client.local_key, &client.local_salt), (&server.remote_key, &server.remote_salt));
        assert_eq!((&client.remote_key, &client.remote_salt), (&server.local_key, &server.local_salt));
        assert_ne!(client.local_key, client.remote_key);
        self.assert_data_flows();
    }

    pub(super) fn assert_data_flows(&mut self) {
        let now = self.now;
        self.ends[0].dtls.send(now, b"from client").expect("client connected");
        self.ends[1].dtls.send(now, b"from server").expect("server connected");
        self.run(Duration::from_millis(100), &mut deliver, |_| false);
        assert_eq!(self.ends[0].data, [b"from server"]);
        assert_eq!(self.ends[1].data, [b"from client"]);
    }
}

pub(super) fn both_connected(ends: &[Endpoint; 2]) -> bool {
    ends.iter().all(|end| end.connected.is_some())
}

/// The network that loses nothing.
pub(super) fn deliver(_: usize, _: usize, datagram: &[u8]) -> Vec<Vec<u8>> {
    vec![datagram.to_vec()]
}

/// A small generator of numbers that depend on the seed alone (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
