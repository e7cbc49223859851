//! The way of a media packet through a worker, from the entry of the socket loop to the sealed slots.
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::control::{ProducerId, SrtpCryptoSuite};
use crate::net::Route;
use crate::plugin::PluginSet;
use crate::shell::Shell;
use crate::testing::bench::Bench;
use crate::testing::build::Build;
use crate::testing::room::PeerId;
use crate::testing::surroundings::Around;
use crate::testing::{Media, PeerOptions, Rtp, vp8_key};

/// Packets in one frame of the stream.
const FRAME: u32 = 10;

/// What a turn of the loop did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turned {
    /// Datagrams that were sealed for consumers, RTCP not counted.
    pub sealed: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// One publisher of VP8 and its viewers, all with SRTP under AES-128-GCM, and datagrams of the publisher that are sealed already.
pub struct MediaPath<S: PluginSet> {
    bench: Bench<S>,
    publisher: PeerId,
    producer: ProducerId,
    route: Route,
    payload: usize,
    interval: Duration,
    made: u32,
    /// Sealed datagrams, the next one last.
    stock: Vec<Vec<u8>>,
}

impl<S: PluginSet> MediaPath<S> {
    /// A publisher with so many viewers, whose packets carry `payload` bytes and come 1 ms apart. With `webrtc` the peers come by ICE
    /// and DTLS, otherwise by plain RTP with given keys.
    pub fn new(build: Build<S>, viewers: usize, payload: usize, webrtc: bool) -> Self {
        let mut bench = build.real_clock().start();
        let options = match webrtc {
            true => PeerOptions::webrtc().consent_timeout(Duration::ZERO),
            false => PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm),
        }
        .without_reports();
        let publisher = bench.peer_with(options.clone());
        let producer = bench.produce(publisher, Media::vp8());
        for _ in 0..viewers {
            let viewer = bench.peer_with(options.clone());
            bench.consume(viewer, producer);
        }
        bench.send(producer, vp8_key(0));
        let route = bench.peers.get(publisher.0).and_then(|peer| peer.current_route()).expect("a path");
        let interval = Duration::from_millis(1);
        let stock = Vec::new();
        MediaPath { bench, publisher, producer, route, payload, interval, made: 0, stock }
    }

    /// The worker around it, for commands.
    pub fn bench(&mut self) -> &mut Bench<S> {
        &mut self.bench
    }

    /// Makes the next datagrams of the publisher, so that a run needs not make any.
    pub fn stock(&mut self, packets: usize) {
        let mut made = Vec::with_capacity(packets);
        for _ in 0..packets {
            let frame = self.made / FRAME;
            let place = self.made % FRAME;
            self.made += 1;
            // A VP8 payload descriptor; only the first packet of a frame begins a partition.
            let mut payload = vec![0x5a; self.payload.max(4)];
            payload[..4].copy_from_slice(if place == 0 { &[0x10, 0x31, 0, 0] } else { &[0, 0x31, 0, 0] });
            let packet = Rtp::new(3000 * (frame + 1), payload).marker(place == FRAME - 1);
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
            self.bench.now += self.interval;
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
