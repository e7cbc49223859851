//! A worker in virtual time under fire.
mod direct;
mod dtls;
mod media;
mod sdp;
mod stun;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::Chance;
use super::peers::{self, Peer};
use super::rtp_seeds::SeedStream;
use crate::control::*;
use crate::engine::{
    Clock, Counters, Engine, EngineConfig, ListenCandidate, Random, RelayWord, SharedListen, Sizes,
    SocketFactory,
};
use crate::net::{Listening, Route, SocketId};
use crate::plugin::{Launch, OutcomeSender, PluginLimits, PluginSet, PluginSettings, Plugins};
use crate::shell::{Relayed, Shell, Surroundings};
use crate::transport::dtls::{Certificate, DtlsContext, DtlsTimers, HashAlgorithm, SrtpProfile};
pub(super) use stun::check;

/// The shared UDP socket.
const SHARED: SocketId = SocketId(1);
/// Where the worker is.
const WORKER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Datagrams of one turn of the loop.
const BATCH: usize = 16;

/// What a storm did and what it reached.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Inputs sent.
    pub sent: u64,
    /// Those that got past integrity, tag or signature, or (SDP) that could be read.
    pub reached: u64,
    /// Figures that tell how deep they got.
    pub details: BTreeMap<&'static str, u64>,
}

/// A worker with transports of every kind, producers of every codec and consumers of them.
pub struct Storm<S: PluginSet> {
    shell: Shell<S, Around>,
    sockets: Sockets,
    now: Instant,
    chance: Chance,
    router: RouterId,
    session: SessionId,
    publishers: Vec<Peer>,
    viewers: Vec<Peer>,
    /// Signaling itself, on a direct transport, and its producers.
    signaling: Option<(Peer, Vec<ProducerId>)>,
    /// WebRTC transports with their credentials, for STUN.
    doors: Vec<(TransportId, IceParameters)>,
    strangers: usize,
    /// Sequence numbers that left lately, by SSRC.
    lately: BTreeMap<u32, u16>,
    in_batch: usize,
    seed: S::Seed,
    launch: Launch,
}

/// Certificate and settings of one side; made once, since keys are slow to make.
struct Identity {
    context: DtlsContext,
    fingerprint: DtlsFingerprint,
}

impl Identity {
    fn make() -> Self {
        let certificate = Certificate::generate().expect("fuzz: a certificate");
        let timers = DtlsTimers { initial: Duration::from_millis(50), max: Duration::from_secs(1) };
        let profiles = [SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmSha1_80];
        let context = DtlsContext::new(&certificate, &profiles, timers, 1200).expect("fuzz: a DTLS context");
        let value = certificate.fingerprint(HashAlgorithm::Sha256).value();
        Identity { context, fingerprint: DtlsFingerprint { algorithm: FingerprintAlgorithm::Sha256, value } }
    }

    fn worker() -> &'static Self {
        static WORKER: OnceLock<Identity> = OnceLock::new();
        WORKER.get_or_init(Self::make)
    }

    fn peer() -> &'static Self {
        static PEER: OnceLock<Identity> = OnceLock::new();
        PEER.get_or_init(Self::make)
    }
}

/// Sockets that only have names.
#[derive(Default)]
struct Sockets {
    next: u32,
    open: BTreeMap<SocketId, u16>,
}

impl SocketFactory for Sockets {
    fn open(&mut self, listen: &ListenInfo) -> Result<(SocketId, SocketAddr), ControlError> {
        self.next += 1;
        let socket = SocketId(1000 + self.next);
        let port = 10_000 + (self.next % 50_000) as u16;
        self.open.insert(socket, port);
        Ok((socket, SocketAddr::new(listen.ip, port)))
    }
    fn close(&mut self, socket: SocketId) {
        self.open.remove(&socket);
    }
}

/// What is around the media thread: it listens for faults.
#[derive(Default)]
struct Around {
    faults: Vec<String>,
    events: u64,
    /// Packets of direct transports.
    handed: u64,
}

impl<S: PluginSet> Surroundings<S> for Around {
    fn tell(&mut self, event: Event) {
        self.events += 1;
        if let EventBody::PluginFault { plugin, step, text } = event.body {
            self.faults.push(format!("{plugin}: {step}: {text}"));
        }
    }
    fn hand(&mut self, _: Told) -> bool {
        self.handed += 1;
        true
    }
    fn relay(&mut self, _: u8, _: Relayed<S>, _: usize) -> bool {
        false
    }
    fn say(&mut self, _: u8, _: RelayWord) {}
    fn command(&mut self, _: Command, outcome: OutcomeSender) {
        outcome.send(Err(ControlError::unsupported("fuzz: there is one media thread")));
    }
}

impl<S: PluginSet> Storm<S> {
    /// A worker whose plugins are configured by the `[plugins]` table `plugins`. Their background work needs a tokio
    /// runtime around the caller, or is not begun.
    pub fn new(seed: u64, plugins: Value) -> Self {
        let settings = match plugins {
            Value::Null => PluginSettings::default(),
            table => PluginSettings::from_json(table).expect("fuzz: settings of plugins"),
        };
        let launch = match tokio::runtime::Handle::try_current() {
            Ok(runtime) => Launch::on(runtime, 1),
            Err(_) => Launch::with_spawner(std::sync::Arc::new(drop), 1),
        };
        let now = Instant::now() + Duration::from_secs(3600);
        let prepared = S::prepare(&settings, &launch).expect("fuzz: plugins that can be prepared");
        let mut started = Plugins::<S>::start(&prepared, &settings, &launch, PluginLimits::default(), 0, now)
            .expect("fuzz: plugins that can be started");
        started.desk.clock = stopped_clock;
        let identity = Identity::worker();
        let at = SocketAddr::new(WORKER, 3478);
        let engine = Engine::new(EngineConfig {
            worker: 0,
            shared: SharedListen {
                sockets: vec![Listening { socket: SHARED, protocol: Protocol::Udp, address: at }],
                candidates: vec![ListenCandidate {
                    order: 0,
                    is_internal: false,
                    protocol: Protocol::Udp,
                    address: WORKER.to_string(),
                    port: 3478,
                }],
            },
            dtls: identity.context.clone(),
            fingerprints: vec![identity.fingerprint.clone()],
            clock: Clock::new(now, SystemTime::UNIX_EPOCH + Duration::from_secs(1_750_000_000)),
            random: Random::seeded(seed),
            pacing: true,
        });
        let shell = Shell::new(engine, started, Around::default());
        let mut storm = Storm {
            shell,
            sockets: Sockets::default(),
            now,
            chance: Chance::new(seed),
            router: RouterId::from_raw(RawId::new(0, 0, 0)),
            session: SessionId::from_raw(RawId::new(0, 0, 0)),
            publishers: Vec::new(),
            viewers: Vec::new(),
            signaling: None,
            doors: Vec::new(),
            strangers: 0,
            lately: BTreeMap::new(),
            in_batch: 0,
            seed: prepared,
            launch,
        };
        storm.furnish();
        storm
    }

    /// Makes the entities.
    fn furnish(&mut self) {
        let Ok(Reply::Router(router)) = self.command(Command::CreateRouter { labels: Labels::new() }) else {
            panic!("fuzz: no router")
        };
        let create =
            CreateSession { signaling: "storm".into(), labels: Labels::new().with("stream", "storm") };
        let Ok(Reply::Session(session)) = self.command(Command::CreateSession(create)) else {
            panic!("fuzz: no session")
        };
        (self.router, self.session) = (router, session);
        use SrtpCryptoSuite::{AeadAes128Gcm, AesCm128HmacSha1_80};
        let mut producers = Vec::new();
        for (suite, transport_cc, first) in [(AeadAes128Gcm, true, 1000), (AesCm128HmacSha1_80, false, 5000)]
        {
            let mut peer = self.peer(suite);
            producers.extend(self.sources(&mut peer, transport_cc, first));
            self.publishers.push(peer);
        }
        for (suite, shift, first) in [(AesCm128HmacSha1_80, 3, 20_000), (AeadAes128Gcm, 30, 30_000)] {
            let mut peer = self.peer(suite);
            for (index, (producer, kind)) in producers.iter().enumerate() {
                let ssrc = first + 10 * index as u32;
                let mid = format!("m{index}");
                let mut parameters = peers::parameters(*kind, Some(&mid), shift, true);
                parameters.encodings = vec![peers::encoding(ssrc, *kind == MediaKind::Video)];
                let options =
                    ConsumerOptions { ignore_dtx: index == 0, ..ConsumerOptions::new(*producer, parameters) };
                let transport = peer.transport;
                self.command(Command::Consume { transport, options }).expect("fuzz: a consumer");
                peer.received.push(ssrc);
                if *kind == MediaKind::Video {
                    peer.received.push(ssrc + 1);
                }
            }
            self.viewers.push(peer);
        }
        self.furnish_direct(&producers);
        self.furnish_pipe(&producers);
        for _ in 0..3 {
            let (id, ice) = self.webrtc(DtlsRole::Client);
            self.doors.push((id, ice));
        }
    }

    /// A peer on a plain transport with SRTP.
    fn peer(&mut self, suite: SrtpCryptoSuite) -> Peer {
        let listen = ListenInfo::udp(WORKER);
        let options = PlainTransportOptions {
            session: Some(self.session),
            listen,
            srtp: Some(suite),
            ..PlainTransportOptions::default()
        };
        let router = self.router;
        let Ok(Reply::PlainTransport(created)) =
            self.command(Command::CreatePlainTransport { router, options })
        else {
            panic!("fuzz: no plain transport")
        };
        let (key, sealer) = peers::key(suite, &mut self.chance);
        let remote = peers::address(1 + self.publishers.len() + self.viewers.len());
        let peer = ConnectPlainTransport {
            ip: Some(remote.ip()),
            port: Some(remote.port()),
            rtcp_port: None,
            srtp: Some(key),
        };
        self.command(Command::ConnectPlainTransport { transport: created.id, peer })
            .expect("fuzz: connected");
        let port = created.tuple.local.port();
        let socket = self.sockets.open.iter().find(|(_, at)| **at == port).map(|(socket, _)| *socket);
        let route = udp(socket.expect("fuzz: a socket"), remote);
        Peer::new(created.id, route, sealer)
    }

    /// Audio, simulcast video, and video with a signaled SSRC.
    fn sources(&mut self, peer: &mut Peer, transport_cc: bool, first: u32) -> Vec<(ProducerId, MediaKind)> {
        let mut made = Vec::new();
        let (audio, video) = (MediaKind::Audio, MediaKind::Video);
        let mut sound = peers::parameters(audio, Some("a"), 0, transport_cc);
        sound.encodings = vec![peers::encoding(first, false)];
        let mut layers = peers::parameters(video, Some("v"), 0, transport_cc);
        let rid = |rid: &str| RtpEncodingParameters { rid: Some(rid.into()), ..Default::default() };
        layers.encodings = vec![rid("l"), rid("m"), rid("h")];
        let mut picture = peers::parameters(video, Some("w"), 0, transport_cc);
        picture.encodings = vec![peers::encoding(first + 20, true)];
        for (index, (kind, parameters)) in
            [(audio, sound), (video, layers), (video, picture)].into_iter().enumerate()
        {
            let options = peers::producer(kind, parameters, first + 50 + 10 * index as u32);
            let transport = peer.transport;
            match self.command(Command::Produce { transport, options }).expect("fuzz: a producer") {
                Reply::Producer(created) => made.push((created.id, kind)),
                other => panic!("fuzz: {other:?}"),
            }
        }
        let mut stream = |mid: &'static [u8], rid: Option<&'static [u8]>, ssrc, repairs, audio| {
            peer.streams.push(SeedStream { mid: Some(mid), rid, ssrc, repairs, audio });
        };
        stream(b"a", None, first, None, true);
        stream(b"w", None, first + 20, None, false);
        stream(b"w", None, first + 21, Some(first + 20), false);
        for (index, rid) in [&b"l"[..], b"m", b"h"].into_iter().enumerate() {
            stream(b"v", Some(rid), first + 30 + index as u32, None, false);
            stream(b"v", Some(rid), first + 40 + index as u32, Some(first + 30 + index as u32), false);
        }
        made
    }

    /// A WebRTC transport that knows the fingerprint of the peers and the role that they take.
    fn webrtc(&mut self, role: DtlsRole) -> (TransportId, IceParameters) {
        let options = WebRtcTransportOptions { session: Some(self.session), ..Default::default() };
        let router = self.router;
        let Ok(Reply::WebRtcTransport(created)) =
            self.command(Command::CreateWebRtcTransport { router, options })
        else {
            panic!("fuzz: no WebRTC transport")
        };
        let fingerprints = vec![Identity::peer().fingerprint.clone()];
        let dtls_parameters = DtlsParameters { role, fingerprints };
        self.command(Command::ConnectWebRtcTransport { transport: created.id, dtls_parameters })
            .expect("fuzz: connected");
        (created.id, created.ice_parameters)
    }

    fn command(&mut self, command: Command) -> Result<Reply, ControlError> {
        let (reply, mut answer) = tokio::sync::oneshot::channel();
        self.shell.command(self.now, command, reply, &mut self.sockets);
        answer.try_recv().unwrap_or_else(|_| Err(ControlError::internal("fuzz: not answered at once")))
    }

    /// Hands in a datagram, and turns the loop now and then.
    fn receive(&mut self, route: Route, data: &[u8]) {
        if self.in_batch == 0 {
            self.shell.begin_turn(self.now);
        }
        let mut data = data.to_vec();
        self.shell.receive(self.now, route, &mut data);
        self.in_batch += 1;
        if self.in_batch >= BATCH {
            self.turn(Duration::from_micros(500));
        }
    }

    /// Ends a turn of the loop: what goes by time, and what leaves.
    fn turn(&mut self, time: Duration) {
        self.in_batch = 0;
        self.now += time;
        self.shell.turn(self.now, &mut self.sockets);
        drop(self.shell.engine().take_confirmed());
        for (route, bytes) in self.shell.outbox().iter() {
            // RTP of ours to a viewer: the header is readable.
            if route.socket != SHARED && bytes.len() > 12 && !crate::rtcp::is_rtcp(bytes) {
                let ssrc = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
                self.lately.insert(ssrc, u16::from_be_bytes([bytes[2], bytes[3]]));
            }
        }
        self.shell.outbox().clear();
    }

    /// Lets time pass without any input.
    pub fn rest(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.shell.begin_turn(self.now);
            self.turn(Duration::from_millis(20));
        }
    }

    /// A datagram from somebody who has no keys, to one of the transports.
    pub fn stranger(&mut self, data: &[u8]) {
        self.strangers += 1;
        let known: Vec<Route> = self.publishers.iter().chain(&self.viewers).map(|peer| peer.route).collect();
        let route = match self.strangers % 4 {
            0 => udp(SHARED, peers::address(100 + self.strangers % 1000)),
            n => known.get(n).copied().unwrap_or(udp(SHARED, peers::address(100))),
        };
        self.receive(route, data);
    }

    /// How much there is of everything.
    pub fn sizes(&mut self) -> Sizes {
        self.turn(Duration::from_millis(1));
        self.shell.engine().sizes()
    }

    /// Faults of plugins so far.
    pub fn faults(&mut self) -> Vec<String> {
        self.shell.around().faults.clone()
    }

    /// A counter of the media thread.
    pub fn counter(&mut self, name: &str) -> u64 {
        let counters = self.counters();
        counters.iter().find(|(other, _)| *other == name).map_or(0, |(_, value)| value)
    }

    /// RTP packets that left.
    fn forwarded(&mut self) -> u64 {
        let now = self.now;
        let stats = self.shell.engine().stats(now, Target::Worker).unwrap_or_default();
        stats.transports.iter().map(|transport| transport.rtp_packets_sent).sum()
    }

    fn counters(&mut self) -> Counters {
        self.shell.engine().counters
    }

    /// What the storm's own session and router hold is closed; only what leaked is left. Plugins are asked to stop.
    pub fn end(mut self) -> Sizes {
        let (session, router) = (self.session, self.router);
        self.command(Command::CloseSession(session)).expect("fuzz: a session");
        self.command(Command::CloseRouter(router)).expect("fuzz: a router");
        let mut sizes = self.sizes();
        // Sockets of closed transports are closed at the end of the turn.
        sizes.sockets += self.sockets.open.len();
        self.shell.stop(self.now, &mut self.sockets);
        drop((self.seed, self.launch));
        sizes
    }
}

/// How long hooks take depends on the machine, which is not what a storm is about.
fn stopped_clock() -> Instant {
    static STOPPED: OnceLock<Instant> = OnceLock::new();
    *STOPPED.get_or_init(Instant::now)
}

/// A way over UDP.
fn udp(socket: SocketId, remote: SocketAddr) -> Route {
    Route { socket, protocol: Protocol::Udp, remote, local: None }
}

/// Anonymous memory of this process in RAM, in bytes; 0 where nobody says. Pages of files come and go as the kernel likes.
pub fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let number = kilobytes.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<usize>().ok());
    number.unwrap_or(0) * 1024
}
