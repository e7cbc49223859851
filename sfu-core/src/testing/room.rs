//! Peers of a bench, their producers and their consumers.
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::bench::Bench;
use super::media::{Media, consumer_parameters, mapping};
use super::peer::Peer;
use super::peer_options::{PeerOptions, Speech};
use super::receiver::Receiver;
use super::secure::{Agent, Identity, Keys, Protection};
use super::sender::Sender;
use super::surroundings::Sockets;
use crate::control::{
    Command, ConnectPlainTransport, ConsumerId, ConsumerOptions, ControlError, CreateSession,
    DtlsFingerprint, DtlsParameters, DtlsRole, ListenInfo, PlainTransportOptions, ProducerId,
    ProducerOptions, Protocol, Reply, SctpOptions, SessionId, SrtpParameters, TransportId,
    WebRtcTransportOptions,
};
use crate::net::{Route, SocketId};
use crate::plugin::PluginSet;
use crate::transport::profile_of;
use crate::transport::srtp::MasterKey;

/// How long a peer may take to connect, in virtual time.
const PATIENCE: Duration = Duration::from_secs(30);

/// A peer of a bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub(super) usize);

/// A transport for a peer, the ways to it for RTP and, where it has one of its own, for RTCP, and how media is protected.
type Joined = (TransportId, Route, Option<Route>, Protection);

impl<S: PluginSet> Bench<S> {
    /// A peer that speaks plain RTP on the first media thread.
    pub fn peer(&mut self) -> PeerId {
        self.peer_with(PeerOptions::plain())
    }

    /// A peer, connected unless it was to be silent.
    pub fn peer_with(&mut self, options: PeerOptions) -> PeerId {
        let text = format!("{options:?}");
        self.try_peer(options).unwrap_or_else(|error| panic!("testing: {text}: {error}"))
    }

    /// A peer; fails where the worker or a plugin refuses its session or transport.
    pub fn try_peer(&mut self, mut options: PeerOptions) -> Result<PeerId, ControlError> {
        let mut router = self.router(options.worker);
        if options.is_placed {
            router = self.place(router);
            options.worker = router.worker();
        }
        let worker = options.worker;
        let create = CreateSession { signaling: "test".into(), labels: options.labels.clone() };
        let session = match self.command_on(worker, Command::CreateSession(create))? {
            Reply::Session(id) => id,
            other => panic!("testing: unexpected {other:?}"),
        };
        let index = self.peers.len();
        let [_, _, high, low] = (index as u32).to_be_bytes();
        let address = SocketAddr::new(Ipv4Addr::new(10, worker, high, low).into(), 5004);
        let made = match options.speech {
            Speech::WebRtc => self.join_webrtc(router, session, address, &options),
            _ => self.join_plain(router, session, address, &options),
        };
        let (transport, route, rtcp_route, protection) = match made {
            Ok(made) => made,
            Err(error) => {
                self.close(session);
                return Err(error);
            }
        };
        let ssrc = self.take_ssrcs();
        let mut peer = Peer::new(worker, transport, session, route, protection, self.clock, ssrc);
        peer.rtcp_route = rtcp_route;
        peer.up.conditions = options.to_worker;
        peer.down.conditions = options.to_peer;
        peer.reports = options.reports;
        peer.data = options.data.then(super::data::DataPeer::new);
        peer.clock_ahead = (options.clock_ahead.as_nanos() * (1 << 32) / 1_000_000_000) as i64;
        if let Protection::WebRtc(agent) = &mut peer.protection {
            agent.checking = options.connect;
        }
        self.peers.push(peer);
        self.by_address.insert(address, index);
        if let Some(rtcp) = rtcp_route {
            self.by_address.insert(rtcp.remote, index);
        }
        let waits = options.connect && options.speech == Speech::WebRtc && !options.wrong_fingerprint;
        if waits {
            let ready = self.advance_until(PATIENCE, |bench| {
                bench.peers.get(index).is_some_and(|peer| peer.protection.is_ready())
            });
            assert!(ready, "testing: the peer did not connect");
        }
        self.settle();
        Ok(PeerId(index))
    }

    fn join_plain(
        &mut self,
        router: crate::control::RouterId,
        session: SessionId,
        address: SocketAddr,
        options: &PeerOptions,
    ) -> Result<Joined, ControlError> {
        let worker = options.worker;
        let suite = match options.speech {
            Speech::Srtp(suite) => Some(suite),
            _ => None,
        };
        let create = PlainTransportOptions {
            session: Some(session),
            listen: ListenInfo::udp(Sockets::ip(worker)),
            rtcp_mux: !options.separate_rtcp,
            comedia: options.comedia,
            srtp: suite,
            sctp: options.data.then(SctpOptions::default),
            ..Default::default()
        };
        let created = match self.try_command(Command::CreatePlainTransport { router, options: create })? {
            Reply::PlainTransport(created) => created,
            other => panic!("testing: unexpected {other:?}"),
        };
        let mut protection = Protection::Clear;
        let mut srtp = None;
        if let (Some(suite), Some(theirs)) = (suite, &created.srtp_parameters) {
            let profile = profile_of(suite);
            let own: Vec<u8> = (0..profile.key_len() + profile.salt_len()).map(|n| n as u8 ^ 0x5a).collect();
            let key = |bytes: &[u8]| MasterKey::from_key_and_salt(profile, bytes).ok();
            let theirs = BASE64.decode(&theirs.key_base64).unwrap_or_default();
            let keys =
                key(&own).zip(key(&theirs)).and_then(|(own, theirs)| Keys::new(profile, &own, &theirs));
            protection = Protection::Keyed(Box::new(keys.expect("testing: SRTP keys")));
            srtp = Some(SrtpParameters { crypto_suite: suite, key_base64: BASE64.encode(&own) });
        }
        let (ip, port) = match options.comedia {
            true => (None, None),
            false => (Some(address.ip()), Some(address.port())),
        };
        let rtcp_address = SocketAddr::new(address.ip(), address.port() + 1);
        let rtcp_port = port.filter(|_| options.separate_rtcp).map(|_| rtcp_address.port());
        let peer = ConnectPlainTransport { ip, port, rtcp_port, srtp };
        self.try_command(Command::ConnectPlainTransport { transport: created.id, peer })?;
        let socket = self.socket_at(worker, Protocol::Udp, created.tuple.local);
        let rtcp_route = created.rtcp_tuple.map(|tuple| {
            let socket = self.socket_at(worker, Protocol::Udp, tuple.local);
            route(socket, Protocol::Udp, rtcp_address)
        });
        Ok((created.id, route(socket, Protocol::Udp, address), rtcp_route, protection))
    }

    fn join_webrtc(
        &mut self,
        router: crate::control::RouterId,
        session: SessionId,
        address: SocketAddr,
        options: &PeerOptions,
    ) -> Result<Joined, ControlError> {
        let create = WebRtcTransportOptions {
            session: Some(session),
            ice_consent_timeout: options.consent_timeout,
            listen: options.listen.clone(),
            sctp: options.data.then(SctpOptions::default),
            ..Default::default()
        };
        let created = match self.try_command(Command::CreateWebRtcTransport { router, options: create })? {
            Reply::WebRtcTransport(created) => created,
            other => panic!("testing: unexpected {other:?}"),
        };
        let mut fingerprint = Identity::peer().fingerprint.clone();
        if options.wrong_fingerprint {
            fingerprint = DtlsFingerprint { value: ["00"; 32].join(":"), ..fingerprint };
        }
        let role = if options.dtls_server { DtlsRole::Server } else { DtlsRole::Client };
        let dtls_parameters = DtlsParameters { role, fingerprints: vec![fingerprint] };
        let connect = Command::ConnectWebRtcTransport { transport: created.id, dtls_parameters };
        self.try_command(connect)?;
        let local = format!("peer{}", self.peers.len());
        let agent = Agent::new(self.now, created.ice_parameters, local, !options.dtls_server);
        let protocol = if options.tcp { Protocol::Tcp } else { Protocol::Udp };
        let candidate = created.ice_candidates.iter().find(|candidate| candidate.protocol == protocol);
        let candidate = candidate.expect("testing: no candidate of the protocol that the peer speaks");
        let at = SocketAddr::new(Sockets::ip(options.worker), candidate.port);
        let socket = self.socket_at(options.worker, protocol, at);
        let route = route(socket, protocol, address);
        Ok((created.id, route, None, Protection::WebRtc(Box::new(agent))))
    }

    /// What a peer reaches that sends to an address of a worker: a TCP listener accepts a connection.
    fn socket_at(&mut self, worker: u8, protocol: Protocol, address: SocketAddr) -> SocketId {
        let worker = self.workers.get_mut(usize::from(worker)).expect("testing: no such media thread");
        let socket = worker.sockets.bound_to(protocol, address).expect("testing: nothing listens there");
        match protocol {
            Protocol::Udp => socket,
            Protocol::Tcp => worker.sockets.accept(address),
        }
    }

    /// A range of SSRCs that nobody has: so many encodings with RTX fit.
    pub(super) fn take_ssrcs(&mut self) -> u32 {
        self.next_ssrc += 0x100;
        self.next_ssrc
    }

    pub(super) fn peer_at(&mut self, id: PeerId) -> &mut Peer {
        self.peers.get_mut(id.0).expect("testing: no such peer")
    }

    /// A new peer that sends Opus.
    pub fn audio_producer(&mut self) -> ProducerId {
        let peer = self.peer();
        self.produce(peer, Media::opus())
    }

    /// A new peer that sends VP8.
    pub fn video_producer(&mut self) -> ProducerId {
        let peer = self.peer();
        self.produce(peer, Media::vp8())
    }

    /// A peer sends media.
    pub fn produce(&mut self, peer: PeerId, media: Media) -> ProducerId {
        self.try_produce(peer, media).unwrap_or_else(|error| panic!("testing: {error}"))
    }

    /// A peer sends media; fails where the worker or a plugin refuses it.
    pub fn try_produce(&mut self, peer: PeerId, media: Media) -> Result<ProducerId, ControlError> {
        self.try_produce_with(peer, media, |_| {})
    }

    /// The same, with a look at the options before.
    pub fn try_produce_with(
        &mut self,
        peer: PeerId,
        media: Media,
        change: impl FnOnce(&mut ProducerOptions),
    ) -> Result<ProducerId, ControlError> {
        let first = self.take_ssrcs();
        let (parameters, ssrcs) = media.numbered(first);
        let mut options = ProducerOptions {
            rtp_mapping: mapping(&parameters, first + 0x80),
            ..ProducerOptions::new(media.kind, parameters)
        };
        change(&mut options);
        let parameters = options.rtp_parameters.clone();
        let transport = self.peer_at(peer).transport;
        let id = match self.try_command(Command::Produce { transport, options })? {
            Reply::Producer(created) => created.id,
            other => panic!("testing: unexpected {other:?}"),
        };
        let sequence = self.random.u16() >> 1;
        let sender = Sender::new(id, media.kind, parameters, &ssrcs, sequence);
        self.peer_at(peer).senders.push(sender);
        self.producers.insert(id, peer.0);
        Ok(id)
    }

    /// A new peer, on the last media thread, that receives a producer's media.
    pub fn consumer(&mut self, producer: ProducerId) -> ConsumerId {
        let peer = self.peer_with(PeerOptions::plain().worker(self.workers() - 1));
        self.consume(peer, producer)
    }

    /// So many of them.
    pub fn consumers(&mut self, producer: ProducerId, count: usize) -> Vec<ConsumerId> {
        (0..count).map(|_| self.consumer(producer)).collect()
    }

    /// A peer receives a producer's media.
    pub fn consume(&mut self, peer: PeerId, producer: ProducerId) -> ConsumerId {
        self.try_consume(peer, producer).unwrap_or_else(|error| panic!("testing: {error}"))
    }

    /// A peer receives a producer's media; fails where the worker or a plugin refuses it.
    pub fn try_consume(&mut self, peer: PeerId, producer: ProducerId) -> Result<ConsumerId, ControlError> {
        self.try_consume_with(peer, producer, |_| {})
    }

    /// The same, with a look at the options before.
    pub fn try_consume_with(
        &mut self,
        peer: PeerId,
        producer: ProducerId,
        change: impl FnOnce(&mut ConsumerOptions),
    ) -> Result<ConsumerId, ControlError> {
        let ssrc = self.take_ssrcs();
        let mid = self.peer_at(peer).receivers.len().to_string();
        let parameters = consumer_parameters(&self.sender(producer).parameters, ssrc, &mid);
        let mut options = ConsumerOptions::new(producer, parameters);
        change(&mut options);
        self.try_consume_as(peer, options)
    }

    /// A peer receives a producer's media by these options; for producers that no peer sends.
    pub fn try_consume_as(
        &mut self,
        peer: PeerId,
        options: ConsumerOptions,
    ) -> Result<ConsumerId, ControlError> {
        let parameters = options.rtp_parameters.clone();
        let transport = self.peer_at(peer).transport;
        let id = match self.try_command(Command::Consume { transport, options })? {
            Reply::Consumer(id) => id,
            other => panic!("testing: unexpected {other:?}"),
        };
        for encoding in 0..parameters.encodings.len() {
            self.peer_at(peer).receivers.push(Receiver::new(id, &parameters, encoding));
        }
        self.consumers.insert(id, peer.0);
        Ok(id)
    }

    pub(super) fn index_of(&self, producer: ProducerId) -> usize {
        *self.producers.get(&producer).expect("testing: no peer sends this producer's media")
    }
}

pub(super) fn route(socket: SocketId, protocol: Protocol, remote: SocketAddr) -> Route {
    Route { socket, protocol, remote, local: None }
}
