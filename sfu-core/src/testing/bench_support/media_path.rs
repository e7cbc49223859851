//! The way of a media packet through a worker, from the entry of the socket loop to the sealed slots.
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::control::{ConsumerOptions, ProducerId, SrtpCryptoSuite};
use crate::media::{AudioLevel, ExtensionKind};
use crate::net::Route;
use crate::plugin::PluginSet;
use crate::shell::Shell;
use crate::testing::bench::Bench;
use crate::testing::build::Build;
use crate::testing::room::PeerId;
use crate::testing::surroundings::Around;
use crate::testing::{Media, PeerOptions, Rtp, opus, vp8_key};

/// Packets in one frame of the stream.
const FRAME: u32 = 10;

/// Packets of video, 1 ms apart, after which its rate is known.
const LEARNING: usize = 500;

/// What a turn of the loop did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turned {
    /// Datagrams that were sealed for consumers, RTCP not counted.
    pub sealed: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a publisher sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// VP8: packets of so many bytes, ten in a frame, 1 ms apart.
    Video(usize),
    /// Opus: packets of so many bytes with an audio level, 20 ms apart.
    Audio(usize),
}

impl Content {
    pub(super) fn media(self) -> Media {
        match self {
            Content::Video(_) => Media::vp8(),
            Content::Audio(_) => Media::opus(),
        }
    }

    pub(super) fn interval(self) -> Duration {
        match self {
            Content::Video(_) => Duration::from_millis(1),
            Content::Audio(_) => Duration::from_millis(20),
        }
    }

    /// What comes before all others.
    pub(super) fn first(self) -> Rtp {
        match self {
            Content::Video(_) => vp8_key(0),
            Content::Audio(_) => opus(0),
        }
    }

    /// The `n`th packet after it.
    pub(super) fn packet(self, n: u32) -> Rtp {
        match self {
            Content::Video(bytes) => {
                let (frame, place) = (n / FRAME, n % FRAME);
                // A VP8 payload descriptor; only the first packet of a frame begins a partition.
                let mut payload = vec![0x5a; bytes.max(4)];
                payload[..4].copy_from_slice(if place == 0 { &[0x10, 0x31, 0, 0] } else { &[0, 0x31, 0, 0] });
                Rtp::new(3000 * (frame + 1), payload).marker(place == FRAME - 1)
            }
            Content::Audio(bytes) => {
                let mut payload = vec![0x5a; bytes.max(1)];
                // A packet of one Opus frame of 20 ms.
                payload[..1].copy_from_slice(&[0xfc]);
                let level = AudioLevel { level: 30, voice: true }.to_byte();
                Rtp::new(960 * (n + 1), payload).extension(ExtensionKind::AudioLevel, vec![level])
            }
        }
    }
}

/// One publisher and its viewers, all with SRTP under AES-128-GCM, and datagrams of the publisher that are sealed already.
pub struct MediaPath<S: PluginSet> {
    bench: Bench<S>,
    publisher: PeerId,
    producer: ProducerId,
    route: Route,
    content: Content,
    made: u32,
    /// Sealed datagrams, the next one last.
    stock: Vec<Vec<u8>>,
}

impl<S: PluginSet> MediaPath<S> {
    /// A publisher of VP8 with so many viewers, whose packets carry `payload` bytes. With `webrtc` the peers come by ICE and DTLS,
    /// otherwise by plain RTP with given keys.
    pub fn new(build: Build<S>, viewers: usize, payload: usize, webrtc: bool) -> Self {
        Self::with(build, viewers, Content::Video(payload), webrtc, |_| {})
    }

    /// A publisher of any content; `adapt` changes what its viewers ask for.
    pub fn with(
        build: Build<S>,
        viewers: usize,
        content: Content,
        webrtc: bool,
        adapt: impl Fn(&mut ConsumerOptions),
    ) -> Self {
        // As in a worker: what it costs that nothing has to wait is part of it.
        let mut bench = build.pacing(true).real_clock().start();
        let options = match webrtc {
            true => PeerOptions::webrtc().consent_timeout(Duration::ZERO),
            false => PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm),
        }
        .without_reports();
        let publisher = bench.peer_with(options.clone());
        let producer = bench.produce(publisher, content.media());
        for _ in 0..viewers {
            let viewer = bench.peer_with(options.clone());
            bench.try_consume_with(viewer, producer, &adapt).expect("a viewer");
        }
        bench.send(producer, content.first());
        let route = bench.peers.get(publisher.0).and_then(|peer| peer.current_route()).expect("a path");
        let mut path = MediaPath { bench, publisher, producer, route, content, made: 0, stock: Vec::new() };
        if matches!(content, Content::Video(_)) {
            // Until the worker knows how much is sent, some of it waits.
            path.stock(LEARNING);
            while path.in_stock() > 0 {
                path.turn(FRAME as usize);
            }
        }
        path
    }

    /// The worker around it, for commands.
    pub fn bench(&mut self) -> &mut Bench<S> {
        &mut self.bench
    }

    /// Makes the next datagrams of the publisher, so that a run needs not make any.
    pub fn stock(&mut self, packets: usize) {
        let mut made = Vec::with_capacity(packets);
        for _ in 0..packets {
            let packet = self.content.packet(self.made);
            self.made += 1;
            let now = self.bench.now;
            let peer = self.bench.peers.get_mut(self.publisher.0);
            made.extend(peer.and_then(|peer| peer.send(now, self.producer, &packet)));
        }
        made.reverse();
        made.append(&mut self.stock);
        self.stock = made;
    }

    /// How many datagrams are in stock.
    pub fn in_stock(&self) -> usize {
        self.stock.len()
    }

    /// A turn of the loop with so many of the datagrams in stock.
    pub fn turn(&mut self, packets: usize) -> Turned {
        let first = self.stock.len().saturating_sub(packets);
        for data in self.stock.drain(first..).rev().collect::<Vec<_>>().iter_mut() {
            self.bench.now += self.content.interval();
            let now = self.bench.now;
            if let Some(worker) = self.bench.workers.first_mut() {
                socket_entry(&mut worker.shell, now, self.route, data);
            }
        }
        self.end_turn()
    }

    /// Everything of a turn that is not the way of a packet; the datagrams are thrown away.
    fn end_turn(&mut self) -> Turned {
        let now = self.bench.now;
        let mut turned = Turned::default();
        let Some(worker) = self.bench.workers.first_mut() else { return turned };
        turned.sealed = worker.shell.outbox().len() as u64;
        turned.bytes = worker.shell.outbox().iter().map(|(_, bytes)| bytes.len() as u64).sum();
        worker.shell.turn(now, &mut worker.sockets);
        worker.shell.end_turn(now, Duration::ZERO);
        black_box(worker.shell.outbox()).clear();
        worker.shell.around().events.clear();
        turned
    }
}

/// What the media thread does with a datagram: see the closure in `worker::media_thread::run`. Instructions are counted in here.
#[inline(never)]
fn socket_entry<S: PluginSet>(shell: &mut Shell<S, Around<S>>, at: Instant, route: Route, data: &mut [u8]) {
    shell.receive(at, route, data);
    black_box(shell.outbox().len());
}
