//! Two associations over a path in virtual time.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::packet::{self, DATA};
use super::*;

mod delivery;
mod handshake;
mod hostile;
mod limits;
mod matrix;
mod silence;
mod streams;

const ORDERED: Reliability = Reliability { ordered: true, limit: ReliabilityLimit::None };
const UNORDERED: Reliability = Reliability { ordered: false, limit: ReliabilityLimit::None };

/// What came out of one side, other than packets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Message(u16, u32, Vec<u8>),
    Phase(SctpPhase),
    Reset(u16),
    Low(u16, usize),
    Writable(u16),
}

/// Two sides, and the packets between them.
struct Path {
    sides: [Sctp; 2],
    seen: [Vec<(Instant, Seen)>; 2],
    messages_seen: [usize; 2],
    now: Instant,
    /// When each packet arrives, and at which side.
    flying: VecDeque<(Instant, usize, Bytes)>,
    one_way: Duration,
    /// Of a thousand packets so many are lost.
    loss: u64,
    random: u64,
    /// Decides by itself over single packets: false loses one.
    lets_through: fn(usize, &[u8]) -> bool,
}

impl Path {
    fn new(config: SctpConfig) -> Self {
        let now = Instant::now();
        Path {
            sides: [Sctp::new(config), Sctp::new(config)],
            seen: [Vec::new(), Vec::new()],
            messages_seen: [0; 2],
            now,
            flying: VecDeque::new(),
            one_way: Duration::from_millis(25),
            loss: 0,
            random: 0x9e37_79b9_7f4a_7c15,
            lets_through: |_, _| true,
        }
    }

    /// Connected, with stream 0 open from side 0 to side 1.
    fn connected(config: SctpConfig, reliability: Reliability) -> Self {
        let mut path = Path::new(config);
        path.connect(0);
        path.run_for(Duration::from_secs(1));
        assert_eq!(path.phases(), [SctpPhase::Connected; 2]);
        path.sides[0].open_stream(0, reliability);
        path.seen = [Vec::new(), Vec::new()];
        path
    }

    fn phases(&self) -> [SctpPhase; 2] {
        [self.sides[0].phase(), self.sides[1].phase()]
    }

    fn connect(&mut self, side: usize) {
        self.sides[side].connect(self.now);
        self.drain(side);
    }

    fn send(&mut self, side: usize, stream: u16, payload: &[u8]) -> Result<usize, SendError> {
        let waiting = self.sides[side].send(self.now, stream, 53, Bytes::copy_from_slice(payload));
        self.drain(side);
        waiting
    }

    fn reset(&mut self, side: usize, stream: u16) {
        self.sides[side].reset_stream(self.now, stream);
        self.drain(side);
    }

    fn deliver(&mut self, side: usize, datagram: &[u8]) -> bool {
        let is_taken = self.sides[side].handle_packet(self.now, datagram);
        self.drain(side);
        is_taken
    }

    fn chance(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 1000
    }

    fn drain(&mut self, side: usize) {
        let mut message = Vec::new();
        loop {
            let seen = match self.sides[side].poll(&mut message) {
                SctpOutput::Packet(packet) => {
                    assert!(packet.len() <= 1191, "{} bytes", packet.len());
                    assert!(is_sctp(&packet));
                    let is_lost = self.chance() < self.loss || !(self.lets_through)(side, &packet);
                    if !is_lost {
                        self.flying.push_back((self.now + self.one_way, 1 - side, packet));
                    }
                    continue;
                }
                SctpOutput::Message { stream, ppid } => {
                    self.messages_seen[side] += 1;
                    Seen::Message(stream, ppid, message.clone())
                }
                SctpOutput::Phase(phase) => Seen::Phase(phase),
                SctpOutput::StreamReset(stream) => Seen::Reset(stream),
                SctpOutput::BufferedAmountLow { stream, amount } => Seen::Low(stream, amount),
                SctpOutput::Writable(stream) => Seen::Writable(stream),
                SctpOutput::Idle => return,
            };
            self.seen[side].push((self.now, seen));
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let arrival = self.flying.front().map(|(at, ..)| *at);
            let deadlines = self.sides.iter().filter_map(|side| side.poll_timeout());
            let next = deadlines.chain(arrival).min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            while self.flying.front().is_some_and(|(at, ..)| *at <= self.now) {
                if let Some((_, side, packet)) = self.flying.pop_front() {
                    self.deliver(side, &packet);
                }
            }
            for side in 0..2 {
                if self.sides[side].poll_timeout().is_some_and(|at| at <= self.now) {
                    self.sides[side].handle_timeout(self.now);
                    self.drain(side);
                }
            }
        }
        self.now = end;
    }

    fn messages(&self, side: usize) -> Vec<&[u8]> {
        let message = |(_, seen): &'_ (Instant, Seen)| matches!(seen, Seen::Message(..));
        let all = self.seen[side].iter().filter(|seen| message(seen));
        all.map(|(_, seen)| match seen {
            Seen::Message(_, _, payload) => &payload[..],
            _ => &[],
        })
        .collect()
    }

    /// Identifiers of the payloads that a side received.
    fn identifiers(&self, side: usize) -> Vec<u32> {
        let identifier = |(_, seen): &(Instant, Seen)| match seen {
            Seen::Message(_, ppid, _) => Some(*ppid),
            _ => None,
        };
        self.seen[side].iter().filter_map(identifier).collect()
    }

    fn has_seen(&self, side: usize, wanted: &Seen) -> bool {
        self.seen[side].iter().any(|(_, seen)| seen == wanted)
    }
}

/// A message that tells its number and its length.
fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut payload: Vec<u8> =
        (0..len).map(|at| (at as u32).wrapping_mul(31).wrapping_add(number) as u8).collect();
    let head = number.to_be_bytes();
    let have = len.min(4);
    payload[..have].copy_from_slice(&head[4 - have..]);
    payload
}
