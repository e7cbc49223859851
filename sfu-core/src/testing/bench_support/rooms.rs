//! Many rooms on one media thread: what a packet costs there, with everything that goes by time.
use std::hint::black_box;
use std::time::{Duration, Instant};

use super::Content;
use crate::control::{ProducerId, SrtpCryptoSuite};
use crate::net::Route;
use crate::plugin::Nil;
use crate::shell::Shell;
use crate::testing::PeerOptions;
use crate::testing::bench::{Bench, Worker};
use crate::testing::build::Build;
use crate::testing::room::PeerId;
use crate::testing::surroundings::Around;

/// Rooms of one publisher and some viewers each, under SRTP with AES-128-GCM. Publishers send by turns, as often as one would.
pub struct Rooms {
    bench: Bench<Nil>,
    rooms: Vec<Room>,
    viewers: usize,
    content: Content,
    /// Sealed datagrams with the room of each, the next one last.
    stock: Vec<(usize, Vec<u8>)>,
}

struct Room {
    publisher: PeerId,
    producer: ProducerId,
    route: Route,
    made: u32,
}

impl Rooms {
    /// So many rooms with so many viewers each.
    pub fn new(rooms: usize, viewers: usize, content: Content) -> Self {
        let mut bench = Build::new().real_clock().start();
        let options = PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).without_reports();
        let rooms = (0..rooms).map(|_| Room::new(&mut bench, &options, viewers, content)).collect();
        Rooms { bench, rooms, viewers, content, stock: Vec::new() }
    }

    /// Makes the next packets of all publishers, so many of each.
    pub fn stock(&mut self, rounds: usize) {
        let mut made = Vec::with_capacity(rounds * self.rooms.len());
        for _ in 0..rounds {
            for (index, room) in self.rooms.iter_mut().enumerate() {
                let packet = self.content.packet(room.made);
                room.made += 1;
                let now = self.bench.now;
                let peer = self.bench.peers.get_mut(room.publisher.0);
                let datagram = peer.and_then(|peer| peer.send(now, room.producer, &packet));
                made.extend(datagram.map(|datagram| (index, datagram)));
            }
        }
        made.reverse();
        made.append(&mut self.stock);
        self.stock = made;
    }

    /// Takes all datagrams in stock, so many in each turn of the loop. Answers how many packets were forwarded; panics if a viewer did
    /// not get what its publisher sent.
    pub fn run(&mut self, turn: usize) -> u64 {
        let interval = self.content.interval() / self.rooms.len().max(1) as u32;
        let mut forwarded = 0;
        while !self.stock.is_empty() {
            let first = self.stock.len().saturating_sub(turn);
            let mut datagrams: Vec<(Instant, Route, Vec<u8>)> = Vec::with_capacity(turn);
            for (room, datagram) in self.stock.drain(first..).rev() {
                self.bench.now += interval;
                let Some(room) = self.rooms.get(room) else { continue };
                datagrams.push((self.bench.now, room.route, datagram));
            }
            let expected = datagrams.len() * self.viewers;
            let Some(worker) = self.bench.workers.first_mut() else { break };
            let sealed = whole_turn(worker, self.bench.now, &mut datagrams);
            assert_eq!(sealed, expected, "not every viewer got every packet");
            forwarded += sealed as u64;
            worker.shell.around().events.clear();
        }
        forwarded
    }
}

impl Room {
    fn new(bench: &mut Bench<Nil>, options: &PeerOptions, viewers: usize, content: Content) -> Self {
        let publisher = bench.peer_with(options.clone());
        let producer = bench.produce(publisher, content.media());
        for _ in 0..viewers {
            let viewer = bench.peer_with(options.clone());
            bench.consume(viewer, producer);
        }
        bench.send(producer, content.first());
        let route = bench.peers.get(publisher.0).and_then(|peer| peer.current_route()).expect("a path");
        Room { publisher, producer, route, made: 0 }
    }
}

/// A turn of the loop but for the system calls: see `worker::media_thread::run`. Instructions are counted in here. Answers how many packets
/// of media wait to be sent, RTCP not counted.
#[inline(never)]
fn whole_turn(worker: &mut Worker<Nil>, now: Instant, datagrams: &mut [(Instant, Route, Vec<u8>)]) -> usize {
    let shell: &mut Shell<Nil, Around<Nil>> = &mut worker.shell;
    shell.begin_turn(now);
    for (at, route, datagram) in datagrams {
        shell.receive(*at, *route, datagram);
    }
    let media = shell.outbox().len();
    shell.turn(now, &mut worker.sockets);
    black_box(shell.outbox()).clear();
    shell.end_turn(now, Duration::ZERO);
    black_box(shell.next_deadline(now));
    media
}
