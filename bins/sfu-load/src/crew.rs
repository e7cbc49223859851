//! The threads that peers live on: each waits for the sockets and the deadlines of its share.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::latency::Histogram;
use crate::link::Buffers;
use crate::peer::{Mode, Peer};
use crate::tally::{Counts, Tally};

/// The token of orders from outside.
const ORDERS: Token = Token(usize::MAX);

enum Order {
    Join(Box<Peer>),
    Mode(Mode),
    End,
}

/// One thread.
struct Hand {
    orders: Sender<Order>,
    waker: Waker,
    latency: Arc<Mutex<Histogram>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Threads with peers. They end when this is dropped.
pub struct Crew {
    hands: Vec<Hand>,
    next: usize,
    tallies: Vec<Arc<Tally>>,
}

impl Crew {
    /// So many threads without peers; each on the given core, if one is.
    pub fn start(threads: usize, core: Option<usize>) -> io::Result<Self> {
        let mut hands = Vec::new();
        for number in 0..threads.max(1) {
            let poll = Poll::new()?;
            let waker = Waker::new(poll.registry(), ORDERS)?;
            let (orders, given) = channel();
            let latency = Arc::new(Mutex::new(Histogram::default()));
            let shared = latency.clone();
            let thread = std::thread::Builder::new().name(format!("peers-{number}")).spawn(move || {
                if let Some(core) = core {
                    crate::cpu::pin_this_thread(core)?;
                }
                Shift::new(poll, given, shared).work()
            })?;
            hands.push(Hand { orders, waker, latency, thread: Some(thread) });
        }
        Ok(Self { hands, next: 0, tallies: Vec::new() })
    }

    /// A peer begins its life; its number.
    pub fn join(&mut self, peer: Peer) -> io::Result<usize> {
        self.tallies.push(peer.tally().clone());
        let index = self.next % self.hands.len().max(1);
        self.next += 1;
        if let Some(hand) = self.hands.get(index) {
            hand.tell(Order::Join(Box::new(peer)))?;
        }
        Ok(self.tallies.len() - 1)
    }

    /// All peers do this from now on.
    pub fn set_mode(&self, mode: Mode) -> io::Result<()> {
        self.hands.iter().try_for_each(|hand| hand.tell(Order::Mode(mode)))
    }

    /// What each peer counts, by its number.
    pub fn tallies(&self) -> &[Arc<Tally>] {
        &self.tallies
    }

    /// What all peers count.
    pub fn counts(&self) -> Counts {
        self.tallies.iter().fold(Counts::default(), |sum, tally| sum.plus(tally.read()))
    }

    /// How many can send and receive.
    pub fn ready(&self) -> usize {
        self.tallies.iter().filter(|tally| tally.is_ready()).count()
    }

    /// Waits until nothing has come for a while.
    pub fn settle(&self) {
        let came = || self.tallies.iter().map(|tally| tally.packets.get() + tally.floor.get()).sum::<u64>();
        let (mut before, end) = (came(), Instant::now() + Duration::from_secs(5));
        loop {
            std::thread::sleep(Duration::from_millis(150));
            let now = came();
            if now == before || Instant::now() > end {
                return;
            }
            before = now;
        }
    }

    /// How long packets were under way since the last call.
    pub fn take_latency(&self) -> Histogram {
        let mut all = Histogram::default();
        for hand in &self.hands {
            let taken = std::mem::take(&mut *hand.latency.lock().unwrap_or_else(PoisonError::into_inner));
            all.merge(&taken);
        }
        all
    }

    /// Whether a thread has ended by itself, and why.
    pub fn check(&mut self) -> io::Result<()> {
        for hand in &mut self.hands {
            if hand.thread.as_ref().is_some_and(JoinHandle::is_finished) {
                let error = match hand.thread.take().map(JoinHandle::join) {
                    Some(Ok(Err(error))) => error.to_string(),
                    _ => "it ended".into(),
                };
                return Err(io::Error::other(format!("peers: a thread has failed: {error}")));
            }
        }
        Ok(())
    }
}

impl Hand {
    fn tell(&self, order: Order) -> io::Result<()> {
        self.orders.send(order).map_err(|_| io::Error::other("peers: their thread has ended"))?;
        self.waker.wake()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for hand in &mut self.hands {
            let _ = hand.tell(Order::End);
            if let Some(thread) = hand.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

/// What a thread works with.
struct Shift {
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
    fn new(poll: Poll, orders: Receiver<Order>, latency: Arc<Mutex<Histogram>>) -> Self {
        let (peers, wakes, due) = (Vec::new(), BinaryHeap::new(), Vec::new());
        Self { poll, orders, latency, peers, wakes, due, mode: Mode::Quiet }
    }

    fn work(mut self) -> io::Result<()> {
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
                let taken = std::mem::take(&mut latency);
                self.latency.lock().unwrap_or_else(PoisonError::into_inner).merge(&taken);
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
