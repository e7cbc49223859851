//! The way of data channel messages through a worker, turn by turn: datagrams of SCTP in DTLS in, and out.
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::control::Labels;
use crate::plugin::waited::waited;
use crate::plugin::{PluginSet, ppid};
use crate::testing::bench::Bench;
use crate::testing::build::Build;
use crate::testing::room::PeerId;
use crate::testing::{PeerOptions, ReceivedData};

/// What a peer got out of datagrams of the worker.
#[derive(Debug, Default)]
pub struct Heard {
    /// Messages.
    pub messages: Vec<ReceivedData>,
    /// Datagrams with which it answers.
    pub answers: Vec<Vec<u8>>,
}

/// Peers of one room with an association each, who speak on stream 1 and hear on stream 2; whoever measures carries datagrams.
pub struct DataPath<S: PluginSet> {
    bench: Bench<S>,
    peers: Vec<PeerId>,
}

impl<S: PluginSet> DataPath<S> {
    /// So many peers, whose labels `user` are `p0`, `p1` …
    pub fn new(build: Build<S>, peers: usize) -> Self {
        let mut bench = build.real_clock().start();
        let join = |bench: &mut Bench<S>, n: usize| {
            let labels = Labels::new().with("room", "hall").with("user", format!("p{n}"));
            let options = PeerOptions::webrtc().data().labels(labels).consent_timeout(Duration::ZERO);
            bench.peer_with(options.without_reports())
        };
        let peers: Vec<PeerId> = (0..peers).map(|n| join(&mut bench, n)).collect();
        for peer in &peers {
            let speaks = bench.data_producer(*peer, 1);
            bench.consume_data(*peer, speaks, 2);
        }
        bench.advance(Duration::from_secs(1));
        // A first message each, so that its stream is open.
        for peer in &peers {
            bench.send_data(*peer, 1, ppid::STRING, br#"{"v":1,"to":{"peer":"nobody"},"body":0}"#);
        }
        bench.advance(Duration::from_secs(2));
        peers.iter().for_each(|peer| drop(bench.take_data(*peer)));
        DataPath { bench, peers }
    }

    /// The worker around it.
    pub fn bench(&mut self) -> &mut Bench<S> {
        &mut self.bench
    }

    /// A peer says something: the datagrams with which it does, none if it has to wait for what was sent before.
    pub fn say(&mut self, peer: usize, at: Instant, text: &str) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let Some(peer) = self.peers.get(peer).and_then(|peer| self.bench.peers.get_mut(peer.0)) else {
            return out;
        };
        if let Some(data) = &mut peer.data {
            data.say(at, 1, ppid::STRING, Bytes::copy_from_slice(text.as_bytes()));
        }
        peer.drive_data(at, &mut out);
        out
    }

    /// A peer gets a datagram.
    pub fn hear(&mut self, peer: usize, at: Instant, datagram: &[u8]) -> Heard {
        let mut heard = Heard::default();
        let Some(peer) = self.peers.get(peer).and_then(|peer| self.bench.peers.get_mut(peer.0)) else {
            return heard;
        };
        peer.receive(at, datagram, &mut heard.answers);
        if let Some(data) = &mut peer.data {
            heard.messages.append(&mut data.received);
        }
        heard
    }

    /// Timers of peers that have run out: who sends what.
    pub fn wake_peers(&mut self, at: Instant) -> Vec<(usize, Vec<u8>)> {
        let mut sent = Vec::new();
        for (index, id) in self.peers.iter().enumerate() {
            let Some(peer) = self.bench.peers.get_mut(id.0) else { continue };
            if peer.next_deadline().is_some_and(|due| due <= at) {
                let mut out = Vec::new();
                peer.handle_timeout(at, &mut out);
                sent.extend(out.into_iter().map(|datagram| (index, datagram)));
            }
        }
        sent
    }

    /// When the worker, or a peer, has something to do without being sent anything.
    pub fn next_deadline(&mut self, at: Instant) -> Option<Instant> {
        let worker = self.bench.workers.first_mut().and_then(|worker| worker.shell.next_deadline(at));
        let peers = self.bench.peers.iter().filter_map(|peer| peer.next_deadline());
        worker.into_iter().chain(peers).min()
    }

    /// A turn of the loop with these datagrams, in real time: how long it took, and what goes to whom.
    pub fn turn(
        &mut self,
        at: Instant,
        datagrams: &mut [(usize, Vec<u8>)],
    ) -> (Duration, Vec<(usize, Vec<u8>)>) {
        self.bench.now = at;
        let routes: Vec<_> = datagrams
            .iter()
            .map(|(peer, _)| {
                self.peers.get(*peer).and_then(|peer| self.bench.peers.get(peer.0)?.current_route())
            })
            .collect();
        let Some(worker) = self.bench.workers.first_mut() else { return Default::default() };
        // Without what others ran meanwhile: on a crowded machine that is most of the slowest turns.
        let (waited_before, began) = (waited(), Instant::now());
        worker.shell.begin_turn(at);
        for ((_, datagram), route) in datagrams.iter_mut().zip(routes) {
            if let Some(route) = route {
                worker.shell.receive(at, route, datagram);
            }
        }
        worker.shell.turn(at, &mut worker.sockets);
        let took = began.elapsed();
        let took = took.saturating_sub(waited().saturating_sub(waited_before));
        worker.shell.end_turn(at, took);
        let by_address = &self.bench.by_address;
        let place = |peer: usize| self.peers.iter().position(|id| id.0 == peer);
        let outbox = worker.shell.outbox();
        let sent = outbox.iter().filter_map(|(route, bytes)| {
            let peer = by_address.get(&route.remote).copied().and_then(place)?;
            Some((peer, bytes.to_vec()))
        });
        let sent = sent.collect();
        outbox.clear();
        worker.shell.around().events.clear();
        (took, sent)
    }
}
