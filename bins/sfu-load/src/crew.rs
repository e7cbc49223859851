//! The threads that peers live on: each waits for the sockets and the deadlines of its share.
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Poll, Waker};

use crate::latency::Histogram;
use crate::peer::{Mode, Peer};
use crate::shift::{ORDERS, Order, Shift};
use crate::tally::{Counts, Tally};

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
