//! A call: a worker, peers that have joined it, and who watches whom.
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu_core::control::SrtpCryptoSuite;
use sfu_core::testing::bench_support::{PeerIdentity, SecurePeer, overhead};

use crate::crew::Crew;
use crate::options::{Options, Signaling, Transport};
use crate::path::Path;
use crate::peer::{Paths, Peer};
use crate::progress::Progress;
use crate::room::{Producer, Room};
use crate::rtp_parameters::TRANSPORT_CC;
use crate::sdp::Offer;
use crate::server::{Role, Server};
use crate::sinks::Reading;
use crate::source::key;
use crate::timetable::Pattern;
use crate::track::Track;
use crate::worker::Worker;

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

/// Who takes part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Member {
    /// What it sends: each source with its layers, the smallest one first.
    pub publishes: Vec<Vec<Pattern>>,
    /// Whether it gets what all others send.
    pub watches: bool,
}

/// The worker.
pub enum Target {
    /// Driven over mediasoup's channel.
    Mediasoup(Worker),
    /// Over HTTP.
    Http(Server),
}

impl Target {
    fn process(&self) -> Option<u32> {
        match self {
            Target::Mediasoup(worker) => Some(worker.pid()),
            Target::Http(server) => server.process(),
        }
    }
}

/// One source of the call, as viewers get it: what the floor sends, too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Source {
    /// How it sends; of layers, the largest one.
    pub pattern: Pattern,
    /// Its place among the streams of the seed.
    pub user: u64,
}

/// A call.
pub struct Call {
    target: Target,
    crew: Crew,
    members: Vec<Member>,
    sources: Vec<Source>,
    viewers: Vec<SocketAddr>,
    /// URLs that end the sessions of peers over HTTP.
    sessions: Vec<String>,
    joined_in: Duration,
    memory: Option<u64>,
}

/// What goes into a call while it is set up.
struct SetUp<'a> {
    options: &'a Options,
    identity: PeerIdentity,
    suite: Option<SrtpCryptoSuite>,
    crew: Crew,
    sources: Vec<Source>,
    viewers: Vec<SocketAddr>,
    sessions: Vec<String>,
    streams: u32,
    progress: Progress,
}

impl Call {
    /// Starts a worker, if none runs, and lets everybody join.
    pub fn set_up(options: &Options, members: Vec<Member>) -> io::Result<Self> {
        options.check()?;
        let (core, own_core) = options.cores();
        let suite = options.srtp.suite();
        let mut set_up = SetUp {
            options,
            identity: PeerIdentity::new(suite.as_slice()),
            suite,
            crew: Crew::start(options.threads, own_core)?,
            sources: Vec::new(),
            viewers: Vec::new(),
            sessions: Vec::new(),
            streams: 0,
            progress: Progress::new("joined", members.len()),
        };
        let begun = Instant::now();
        let program = options.worker.as_deref();
        let missing = || io::Error::other("--worker: a worker is needed");
        let target = match (options.signaling, &options.url) {
            (Signaling::Mediasoup, _) => Target::Mediasoup(Worker::start(
                program.ok_or_else(missing)?,
                core,
                &options.worker_arguments,
            )?),
            (Signaling::Whip, Some(url)) => {
                Target::Http(Server::running(url, options.pid, options.token.clone()))
            }
            (Signaling::Whip, None) => {
                Target::Http(Server::start(program.ok_or_else(missing)?, core, &options.worker_arguments)?)
            }
        };
        let empty = target.process().map(crate::process::memory).transpose()?;
        let target = match target {
            Target::Mediasoup(mut worker) => {
                set_up.over_mediasoup(&mut worker, &members)?;
                Target::Mediasoup(worker)
            }
            Target::Http(server) => {
                set_up.over_http(&server, &members)?;
                Target::Http(server)
            }
        };
        set_up.wait_for(0)?;
        let SetUp { crew, sources, viewers, sessions, .. } = set_up;
        let full = target.process().map(crate::process::memory).transpose()?;
        let memory = full.zip(empty).map(|(full, empty)| full.saturating_sub(empty));
        Ok(Self { target, crew, members, sources, viewers, sessions, joined_in: begun.elapsed(), memory })
    }

    /// The peers.
    pub fn crew(&mut self) -> &mut Crew {
        &mut self.crew
    }

    /// Who takes part; the number of a member is that of its peer.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// All sources.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Where those are who watch.
    pub fn viewers(&self) -> &[SocketAddr] {
        &self.viewers
    }

    /// How many watch a member.
    pub fn watchers_of(&self, member: &Member) -> u64 {
        self.viewers.len() as u64 - u64::from(member.watches)
    }

    /// Whether what viewers get can be told from what was sent: not where the worker chooses among layers.
    pub fn is_exact(&self) -> bool {
        self.members.iter().flat_map(|member| &member.publishes).all(|layers| layers.len() == 1)
    }

    /// How long it took until all had joined.
    pub fn joined_in(&self) -> Duration {
        self.joined_in
    }

    /// How much more memory the worker has with everybody in the call, in bytes.
    pub fn memory(&self) -> Option<u64> {
        self.memory
    }

    /// CPU time of the worker, if it can be told.
    pub fn worker_cpu(&self) -> io::Result<Option<Duration>> {
        self.target.process().map(crate::process::cpu).transpose()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Target::Http(server) = &self.target {
            server.end(&self.sessions);
        }
    }
}

impl SetUp<'_> {
    /// A peer with the streams that a member sends; SSRCs of each source with it.
    fn peer(&mut self, number: usize, member: &Member) -> io::Result<(Peer, Vec<(bool, Vec<u32>)>)> {
        let now = Instant::now();
        // Who only sends always sends runs.
        let reading = if member.watches { self.options.reading() } else { Reading::Merged };
        let mut peer = Peer::open(reading, REPORTS + number as u32, now)?;
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
    fn wait_for(&mut self, most: usize) -> io::Result<()> {
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

    fn over_mediasoup(&mut self, worker: &mut Worker, members: &[Member]) -> io::Result<()> {
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

    fn over_http(&mut self, server: &Server, members: &[Member]) -> io::Result<()> {
        server.wait()?;
        for (number, member) in members.iter().enumerate() {
            let (mut peer, published) = self.peer(number, member)?;
            if member.watches != published.is_empty() || published.iter().any(|(_, ssrcs)| ssrcs.len() > 1) {
                return Err(io::Error::other(
                    "--signaling whip: a peer publishes one encoding of each kind, or watches",
                ));
            }
            let of = |wanted: bool| {
                let found = published.iter().find(|(audio, _)| *audio == wanted);
                found.and_then(|(_, ssrcs)| ssrcs.first().copied())
            };
            let ufrag = format!("load{number}");
            let offer = Offer {
                ufrag: &ufrag,
                fingerprint: self.identity.fingerprint(),
                sends: (!member.watches).then(|| (of(true), of(false))),
                feedback: self.options.feedback,
            };
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
