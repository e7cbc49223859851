//! What one thread of a crew does: waits for the sockets and the deadlines of its peers.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::latency::Histogram;
use crate::link::Buffers;
use crate::peer::{Mode, Peer};

/// The token of orders from outside.
pub const ORDERS: Token = Token(usize::MAX);

/// What a thread is told.
pub enum Order {
    /// A peer begins its life.
    Join(Box<Peer>),
    /// All peers do this from now on.
    Mode(Mode),
    /// It is over.
    End,
}

/// What a thread works with.
pub struct Shift {
    poll: Poll,
    orders: Receiver<Order>,
    latency: Arc<Mutex<Histogram>>,
    peers: Vec<Peer>,
    /// Deadlines; an entry that is not the peer's own any more is passed over.
    wakes: BinaryHeap<Reverse<(Instant, usize)>>,
    due: Vec<Instant>,
    mode: Mode,
}

impl Shift {
    /// Without peers; waits by `poll`, obeys `orders`, leaves latencies where others can take them.
    pub fn new(poll: Poll, orders: Receiver<Order>, latency: Arc<Mutex<Histogram>>) -> Self {
        let (peers, wakes, due) = (Vec::new(), BinaryHeap::new(), Vec::new());
        Self { poll, orders, latency, peers, wakes, due, mode: Mode::Quiet }
    }

    /// Works until the end.
    pub fn work(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffers = Buffers::default();
        // Kept here, so that the lock is taken once a turn.
        let mut latency = Histogram::default();
        loop {
            let now = Instant::now();
            let wait = self.wakes.peek().map(|Reverse((at, _))| at.saturating_duration_since(now));
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                if event.token() == ORDERS {
                    continue;
                }
                let index = event.token().0;
                if let Some(peer) = self.peers.get_mut(index) {
                    peer.receive(&mut buffers, &mut latency)?;
                    self.plan(index);
                }
            }
            if !self.obey()? {
                return Ok(());
            }
            self.wake(&mut latency);
            if latency.count() > 0 {
                self.latency.lock().unwrap_or_else(PoisonError::into_inner).merge(&latency);
                latency.clear();
            }
        }
    }

    /// Does what came from outside; false at the end.
    fn obey(&mut self) -> io::Result<bool> {
        while let Ok(order) = self.orders.try_recv() {
            let now = Instant::now();
            match order {
                Order::Join(mut peer) => {
                    let index = self.peers.len();
                    peer.set_mode(self.mode, now);
                    let descriptor = peer.link().descriptor();
                    self.poll.registry().register(
                        &mut SourceFd(&descriptor),
                        Token(index),
                        Interest::READABLE,
                    )?;
                    self.due.push(now);
                    self.wakes.push(Reverse((now, index)));
                    self.peers.push(*peer);
                }
                Order::Mode(mode) => {
                    self.mode = mode;
                    for index in 0..self.peers.len() {
                        if let Some(peer) = self.peers.get_mut(index) {
                            peer.set_mode(mode, now);
                        }
                        self.plan(index);
                    }
                }
                Order::End => {
                    self.peers.iter_mut().for_each(|peer| peer.close(now));
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Does what is due.
    fn wake(&mut self, latency: &mut Histogram) {
        let now = Instant::now();
        while let Some(&Reverse((at, index))) = self.wakes.peek()
            && at <= now
        {
            self.wakes.pop();
            if self.due.get(index) != Some(&at) {
                continue;
            }
            if let Some(peer) = self.peers.get_mut(index) {
                // Late by what others took: a burst leaves when it leaves, and its stamp says so.
                peer.handle_timeout(Instant::now(), latency);
            }
            self.plan_after(index, now);
        }
    }

    /// Notes when a peer wants to be woken, if that is another time than before.
    fn plan(&mut self, index: usize) {
        let Some(next) = self.peers.get(index).map(Peer::next_deadline) else { return };
        if let Some(due) = self.due.get_mut(index)
            && *due != next
        {
            *due = next;
            self.wakes.push(Reverse((next, index)));
        }
    }

    /// The same after its entry was taken out; never for this turn, so that it ends.
    fn plan_after(&mut self, index: usize, now: Instant) {
        let Some(next) = self.peers.get(index).map(Peer::next_deadline) else { return };
        let next = next.max(now + Duration::from_micros(50));
        if let Some(due) = self.due.get_mut(index) {
            *due = next;
            self.wakes.push(Reverse((next, index)));
        }
    }
}
