//! How long addressed messages of data channels take through a media thread: `data_router` prints a table as markdown.
//!
//! Fifty peers send messages at random moments over SCTP inside DTLS. The loop is the worker's own and runs in real time; when
//! datagrams arrive, and thus which turn they meet, is reckoned from how long turns took. So the figures have everything in them but
//! the kernel's way from and to the network.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use sfu_core::plugin::{Cons, Nil};
use sfu_core::serde_json::json;
use sfu_core::testing::Build;
use sfu_core::testing::bench_support::DataPath;
use sfu_data_router::DataRouter;

const PEERS: usize = 50;

/// Messages of each peer in a second.
const RATE: u64 = 10;

/// Messages of the flooding peer in a second; it is allowed 500, as configured by default.
const FLOOD: u64 = 5000;

/// How long they talk.
const LENGTH: Duration = Duration::from_secs(20);

/// Datagrams in a turn at the most.
const BATCH: usize = 64;

/// The same numbers every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// A pause, so that in the mean so many come in a second, independent of each other.
    fn pause(&mut self, rate: u64) -> Duration {
        let share = (self.next() + 1) as f64 / (1u64 << 31) as f64;
        Duration::from_secs_f64(-share.ln() / rate as f64)
    }
}

/// Something that happens outside of the loop: in order of time, then as it came about.
type Event = Reverse<(Instant, u64, usize, Option<Vec<u8>>)>;

struct Talk {
    path: DataPath<Cons<DataRouter, Nil>>,
    events: BinaryHeap<Event>,
    order: u64,
    chance: Chance,
    /// When messages set out, and the first turn that they could have met, by number.
    sent: BTreeMap<u64, (Instant, u64)>,
    turns: u64,
    latencies: Vec<Duration>,
    most_turns: u64,
    busy: Duration,
}

impl Talk {
    fn new() -> Self {
        let config = json!({ "data-router": { "enabled": true } });
        let build = Build::of::<DataRouter>().config(config);
        Talk {
            path: DataPath::new(build, PEERS),
            events: BinaryHeap::new(),
            order: 0,
            chance: Chance(5),
            sent: BTreeMap::new(),
            turns: 0,
            latencies: Vec::new(),
            most_turns: 0,
            busy: Duration::ZERO,
        }
    }

    fn happens(&mut self, at: Instant, peer: usize, datagram: Option<Vec<u8>>) {
        self.order += 1;
        self.events.push(Reverse((at, self.order, peer, datagram)));
    }

    /// All peers talk, the last one in a flood if so wished.
    fn run(&mut self, is_flooded: bool) {
        let start = self.path.bench().now();
        let end = start + LENGTH;
        let mut clock = start;
        for peer in 0..PEERS {
            let pause = self.chance.pause(RATE);
            self.happens(start + pause, peer, None);
        }
        let mut number = 0;
        let mut arrived = std::collections::VecDeque::new();
        loop {
            let next = self.events.peek().map(|Reverse((at, ..))| *at);
            let timer = self.path.next_deadline(clock);
            if arrived.is_empty() {
                let Some(next) = next.into_iter().chain(timer).min() else { return };
                clock = clock.max(next);
            }
            if clock > end {
                return;
            }
            for (peer, datagram) in self.path.wake_peers(clock) {
                self.happens(clock, peer, Some(datagram));
            }
            while self.events.peek().is_some_and(|Reverse((at, ..))| *at <= clock) {
                let Some(Reverse((at, _, peer, datagram))) = self.events.pop() else { break };
                match datagram {
                    Some(datagram) => arrived.push_back((peer, datagram)),
                    None => {
                        let floods = is_flooded && peer == PEERS - 1;
                        number += 1;
                        let to = self.chance.next() as usize % (PEERS - 1);
                        let body = if floods { u64::MAX } else { number };
                        let text =
                            format!(r#"{{"v":1,"to":{{"peer":"p{to}"}},"body":[{body},"{:060}"]}}"#, 0);
                        let datagrams = self.path.say(peer, at, &text);
                        if !floods {
                            self.sent.insert(number, (at, self.turns + 1));
                        }
                        arrived.extend(datagrams.into_iter().map(|datagram| (peer, datagram)));
                        let pause = self.chance.pause(if floods { FLOOD } else { RATE });
                        self.happens(at + pause, peer, None);
                    }
                }
            }
            let mut batch: Vec<_> = arrived.drain(..arrived.len().min(BATCH)).collect();
            self.turns += 1;
            let (took, leaves) = self.path.turn(clock, &mut batch);
            self.busy += took;
            clock += took;
            for (peer, datagram) in leaves {
                let heard = self.path.hear(peer, clock, &datagram);
                for message in heard.messages {
                    self.heard(&message.payload, clock);
                }
                for answer in heard.answers {
                    self.happens(clock, peer, Some(answer));
                }
            }
        }
    }

    fn heard(&mut self, payload: &[u8], at: Instant) {
        let text = String::from_utf8_lossy(payload);
        let number = text.split_once("[").and_then(|(_, rest)| rest.split(',').next()?.parse::<u64>().ok());
        if let Some((sent, turn)) = number.and_then(|number| self.sent.remove(&number)) {
            self.latencies.push(at - sent);
            self.most_turns = self.most_turns.max(self.turns - turn + 1);
        }
    }

    /// A row of the table.
    fn report(&mut self, what: &str) {
        self.latencies.sort_unstable();
        let at = |share: f64| {
            let place = (self.latencies.len() as f64 * share) as usize;
            let latency = self.latencies.get(place).copied().unwrap_or_default();
            latency.as_secs_f64() * 1e6
        };
        println!(
            "| {what} | {} | {:.0} | {:.0} | {:.0} | {} | {:.1} % |",
            self.latencies.len(),
            at(0.5),
            at(0.99),
            at(0.999),
            self.most_turns,
            self.busy.as_secs_f64() / LENGTH.as_secs_f64() * 100.0,
        );
    }
}

fn main() {
    println!(
        "| 50 peers, 10 messages a second each | messages | p50 µs | p99 µs | p99.9 µs | turns, at most | one core |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (what, is_flooded) in [("nobody floods", false), ("one sends 5000 a second", true)] {
        let mut talk = Talk::new();
        talk.run(is_flooded);
        let refused = talk.path.bench().stats("data-router")["dropped_rate"].as_u64().unwrap_or(0);
        assert_eq!(refused > 0, is_flooded, "{refused} messages were beyond the limit");
        talk.report(what);
    }
}
