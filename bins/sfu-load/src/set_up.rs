//! How peers join a call, over either signaling.
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use sfu_core::control::{IceParameters, SrtpCryptoSuite};
use sfu_core::testing::bench_support::{PeerIdentity, SecurePeer, overhead};

use crate::call::{Member, Source};
use crate::crew::Crew;
use crate::janus::{Handle, Janus};
use crate::options::{Options, Transport};
use crate::path::Path;
use crate::peer::Peer;
use crate::progress::Progress;
use crate::room::{Producer, Room};
use crate::rtp_parameters::TRANSPORT_CC;
use crate::sdp::{self, Offer, Remote};
use crate::server::{Role, Server};
use crate::sinks::Reading;
use crate::source::key;
use crate::track::Track;
use crate::wire::Paths;
use crate::worker::Worker;

/// Whether a source is audio, and the SSRCs of its layers.
type Published = (bool, Vec<u32>);

/// Handshakes under way at the same time at the most: thousands at once would only repeat each other's flights.
const JOINING: usize = 32;

/// How long peers may take to connect, all that are under way together.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first SSRC of publishers.
const SSRC: u32 = 0x0a00_0000;

/// The first SSRC that peers report with.
const REPORTS: u32 = 0x0b00_0000;

/// The stream of a call over WHIP and WHEP.
const STREAM: &str = "load";

/// What goes into a call while it is set up.
pub struct SetUp<'a> {
    options: &'a Options,
    identity: PeerIdentity,
    suite: Option<SrtpCryptoSuite>,
    /// The peers.
    pub crew: Crew,
    /// What they send.
    pub sources: Vec<Source>,
    /// Where those are who watch.
    pub viewers: Vec<SocketAddr>,
    /// URLs that end the sessions of peers over HTTP.
    pub sessions: Vec<String>,
    /// Where all peers are.
    address: IpAddr,
    streams: u32,
    progress: Progress,
}

impl<'a> SetUp<'a> {
    /// Nobody is there yet of so many; peers live on the given core, if one is.
    pub fn begin(options: &'a Options, members: usize, core: Option<usize>) -> io::Result<Self> {
        let suite = options.srtp.suite();
        Ok(Self {
            options,
            // Where nothing is protected, nobody shakes hands.
            identity: PeerIdentity::new(&[suite.unwrap_or(SrtpCryptoSuite::AeadAes128Gcm)]),
            suite,
            crew: Crew::start(options.threads, core)?,
            sources: Vec::new(),
            viewers: Vec::new(),
            sessions: Vec::new(),
            address: options.address()?,
            streams: 0,
            progress: Progress::new("joined", members),
        })
    }

    /// A peer with the streams that a member sends; SSRCs of each source with it.
    fn peer(&mut self, number: usize, member: &Member) -> io::Result<(Peer, Vec<Published>)> {
        let now = Instant::now();
        // Who only sends always sends runs.
        let reading = if member.watches { self.options.reading() } else { Reading::Merged };
        let mut peer = Peer::open(self.address, reading, REPORTS + number as u32, now)?;
        let mut published = Vec::new();
        for layers in &member.publishes {
            let mut ssrcs = Vec::new();
            for pattern in layers {
                let ssrc = SSRC + self.streams;
                let user = u64::from(self.streams);
                self.streams += 1;
                peer.publish(Track::new(*pattern, ssrc, self.options.seed, user));
                ssrcs.push(ssrc);
            }
            let Some(largest) = layers.last() else { continue };
            self.sources.push(Source { pattern: *largest, user: u64::from(self.streams) - 1 });
            published.push((largest.is_audio(), ssrcs));
        }
        if member.watches {
            self.viewers.push(peer.address()?);
            if self.options.feedback {
                peer.give_feedback(TRANSPORT_CC, now);
            }
        }
        let how = self.options.impairment();
        if !how.is_none() {
            let path = |way: u64| Path::new(how, self.options.seed, number as u64 * 2 + way);
            peer.impair(Paths { up: path(0), down: path(1) });
        }
        Ok((peer, published))
    }

    /// A peer begins its life; where too many are about to connect, waits for some.
    fn join(&mut self, peer: Peer) -> io::Result<()> {
        self.crew.join(peer)?;
        self.wait_for(JOINING)
    }

    /// Waits until no more than so many are about to connect.
    pub fn wait_for(&mut self, most: usize) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (ready, all) = (self.crew.ready(), self.crew.tallies().len());
            self.progress.show(ready);
            if all - ready <= most {
                return Ok(());
            }
            self.crew.check()?;
            if Instant::now() > deadline {
                return Err(io::Error::other(format!(
                    "{} of {all} peers have not connected in {} s",
                    all - ready,
                    PATIENCE.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// All join over mediasoup's channel; then those who watch get consumers.
    pub fn over_mediasoup(&mut self, worker: &mut Worker, members: &[Member]) -> io::Result<()> {
        let mut room = Room::new(worker, "room", self.suite)?;
        let mut producers: Vec<(usize, Producer)> = Vec::new();
        let mut transports = Vec::new();
        for (number, member) in members.iter().enumerate() {
            let (mut peer, published) = self.peer(number, member)?;
            let is_webrtc = match self.options.transport {
                Transport::Plain => false,
                Transport::Webrtc => true,
                Transport::Mixed => number % 2 == 1,
            };
            let (id, address, secure) = if is_webrtc {
                let transport = room.webrtc(self.identity.fingerprint())?;
                let ufrag = format!("load{number}");
                let secure = SecurePeer::webrtc(&self.identity, Instant::now(), transport.ice, ufrag);
                (transport.id, transport.address, secure)
            } else {
                let transport = room.plain(peer.address()?)?;
                let secure = match (self.suite, &transport.key) {
                    (Some(suite), Some(remote)) => SecurePeer::keyed(suite, &key(suite), remote)
                        .ok_or_else(|| io::Error::other("worker: an SRTP key of another suite"))?,
                    _ => SecurePeer::clear(),
                };
                (transport.id, transport.address, secure)
            };
            peer.connect(address, secure, overhead(self.suite));
            for (audio, ssrcs) in published {
                producers.push((number, room.produce(&id, audio, &ssrcs)?));
            }
            transports.push(id);
            self.join(peer)?;
        }
        let mut progress = Progress::new("members who watch", members.len());
        for (number, (member, transport)) in members.iter().zip(&transports).enumerate() {
            progress.show(number);
            for (publisher, producer) in producers.iter().filter(|_| member.watches) {
                if *publisher != number {
                    room.consume(transport, producer, self.options.feedback)?;
                }
            }
        }
        progress.show(members.len());
        Ok(())
    }

    /// All join a Janus VideoRoom: publishers over WebRTC, viewers over WebRTC or as forwarders of the streams.
    pub fn over_janus(&mut self, janus: &Janus, members: &[Member]) -> io::Result<()> {
        let secured = Some(self.suite.unwrap_or(SrtpCryptoSuite::AeadAes128Gcm));
        // Those who publish, then those who watch: what is watched has to be there.
        let mut publishers: Vec<(Handle, u64, usize)> = Vec::new();
        let (watching, publishing): (Vec<_>, Vec<_>) =
            members.iter().enumerate().partition(|(_, member)| member.watches);
        for (number, member) in publishing.into_iter().chain(watching) {
            let (mut peer, published) = self.peer(number, member)?;
            let several = published.iter().any(|(_, ssrcs)| ssrcs.len() > 1);
            if member.watches != published.is_empty() || several {
                return Err(io::Error::other(
                    "--signaling janus: a peer publishes one encoding of each kind, or watches",
                ));
            }
            let ufrag = format!("load{number}");
            let handle = janus.attach()?;
            if member.watches && self.options.transport == Transport::Plain {
                let (address, key) = (peer.address()?, self.suite.map(key));
                for (publisher, id, sections) in &publishers {
                    for mid in 0..*sections {
                        let key = self.suite.zip(key.as_deref());
                        janus.forward(*publisher, *id, &mid.to_string(), address, key)?;
                    }
                }
                let secure = match (self.suite, &key) {
                    (Some(suite), Some(key)) => SecurePeer::keyed(suite, key, key)
                        .ok_or_else(|| io::Error::other("an SRTP key of another suite"))?,
                    _ => SecurePeer::clear(),
                };
                peer.connect(address, secure, overhead(self.suite));
                self.join(peer)?;
                continue;
            }
            let remote = if member.watches {
                let ids: Vec<u64> = publishers.iter().map(|(_, id, _)| *id).collect();
                let offer = janus.watch(handle, &ids)?;
                let answer = sdp::answer(&offer, &ufrag, self.identity.fingerprint(), peer.address()?);
                janus.begin_watching(handle, &answer)?;
                Remote::parse(&offer)?
            } else {
                let offer = self.offer(&ufrag, member, &published);
                let offer = Offer { lite: Some(peer.address()?), ..offer }.text();
                let (id, answer) = janus.publish(handle, &offer)?;
                publishers.push((handle, id, published.len()));
                Remote::parse(&answer)?
            };
            let local =
                IceParameters { username_fragment: ufrag, password: sdp::PASSWORD.into(), ice_lite: true };
            let secure = SecurePeer::webrtc_lite(&self.identity, Instant::now(), remote.address, local);
            peer.connect(remote.address, secure, overhead(secured));
            self.join(peer)?;
            if !member.watches {
                self.wait_for(0)?;
            }
        }
        Ok(())
    }

    /// What a member offers: the streams that it sends, or to watch.
    fn offer<'b>(&'b self, ufrag: &'b str, member: &Member, published: &[Published]) -> Offer<'b> {
        let of = |wanted: bool| {
            let found = published.iter().find(|(audio, _)| *audio == wanted);
            found.and_then(|(_, ssrcs)| ssrcs.first().copied())
        };
        Offer {
            ufrag,
            fingerprint: self.identity.fingerprint(),
            sends: (!member.watches).then(|| (of(true), of(false))),
            feedback: self.options.feedback,
            lite: None,
        }
    }

    /// All join over WHIP and WHEP.
    pub fn over_http(&mut self, server: &Server, members: &[Member]) -> io::Result<()> {
        server.wait()?;
        for (number, member) in members.iter().enumerate() {
            let (mut peer, published) = self.peer(number, member)?;
            if member.watches != published.is_empty() || published.iter().any(|(_, ssrcs)| ssrcs.len() > 1) {
                return Err(io::Error::other(
                    "--signaling whip: a peer publishes one encoding of each kind, or watches",
                ));
            }
            let ufrag = format!("load{number}");
            let offer = self.offer(&ufrag, member, &published);
            let role = if member.watches { Role::Whep } else { Role::Whip };
            let (remote, location) = server.ask(role, STREAM, &offer)?;
            self.sessions.push(location);
            let secure = SecurePeer::webrtc(&self.identity, Instant::now(), remote.ice, ufrag);
            peer.connect(remote.address, secure, overhead(self.suite));
            self.join(peer)?;
            if !member.watches {
                // Viewers find it there.
                self.wait_for(0)?;
            }
        }
        Ok(())
    }
}
