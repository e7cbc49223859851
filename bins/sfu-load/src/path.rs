//! A bad network inside the process: what happens to the n-th datagram of a direction is decided by the seed and n.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::numbers::Numbers;

/// How long datagrams wait for a limited rate at the most; what comes on top is dropped, as a router would.
const QUEUE: Duration = Duration::from_millis(300);

/// IPv4 and UDP headers, in bytes.
const OVERHEAD: usize = 28;

/// What happens to datagrams.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Impairment {
    /// Share that gets lost, 0 to 1.
    pub loss: f64,
    /// How long each takes.
    pub delay: Duration,
    /// Up to so much more, different for each, so that they overtake each other.
    pub jitter: Duration,
    /// Bit/s at the most; 0: any.
    pub rate: u64,
}

impl Impairment {
    /// Whether it does nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// One direction.
#[derive(Debug)]
pub struct Path {
    how: Impairment,
    numbers: Numbers,
    /// When everything has left that waits for the rate.
    free: Option<Instant>,
    waiting: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>>,
    count: u64,
    dropped: u64,
}

impl Path {
    /// A direction; `user` tells the directions of one seed apart.
    pub fn new(how: Impairment, seed: u64, user: u64) -> Self {
        let numbers = Numbers::of(seed.rotate_left(17), user);
        Self { how, numbers, free: None, waiting: BinaryHeap::new(), count: 0, dropped: 0 }
    }

    /// A datagram sets out.
    pub fn enter(&mut self, now: Instant, datagram: &[u8]) {
        self.count += 1;
        match self.arrival(now, datagram.len()) {
            Some(at) => self.waiting.push(Reverse((at, self.count, datagram.to_vec()))),
            None => self.dropped += 1,
        }
    }

    fn arrival(&mut self, now: Instant, len: usize) -> Option<Instant> {
        // Always two numbers a datagram, so that one setting does not shift the sequence of another.
        let (luck, spread) = (self.numbers.fraction(), self.numbers.fraction());
        if luck < self.how.loss {
            return None;
        }
        let mut at = now;
        if self.how.rate > 0 {
            at = self.free.map_or(now, |free| free.max(now));
            if at.saturating_duration_since(now) > QUEUE {
                return None;
            }
            at += Duration::from_secs_f64((len + OVERHEAD) as f64 * 8.0 / self.how.rate as f64);
            self.free = Some(at);
        }
        Some(at + self.how.delay + self.how.jitter.mul_f64(spread))
    }

    /// When the next one arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse((at, _, _))| *at)
    }

    /// A datagram that has arrived.
    pub fn leave(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.next_arrival().filter(|at| *at <= now)?;
        self.waiting.pop().map(|Reverse((_, _, datagram))| datagram)
    }

    /// How many got lost.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survivors(how: Impairment, seed: u64, now: Instant) -> Vec<u8> {
        let mut path = Path::new(how, seed, 1);
        (0..200_u8).for_each(|number| path.enter(now, &[number]));
        let mut came = Vec::new();
        while let Some(datagram) = path.leave(now + Duration::from_secs(9)) {
            came.extend(datagram);
        }
        assert_eq!(came.len() as u64 + path.dropped(), 200);
        came
    }

    #[test]
    fn one_seed_loses_the_same_datagrams() {
        let (how, now) = (Impairment { loss: 0.2, ..Impairment::default() }, Instant::now());
        let came = survivors(how, 1, now);
        assert!((120..190).contains(&came.len()), "{}", came.len());
        assert_eq!(came, survivors(how, 1, now));
        assert_ne!(came, survivors(how, 2, now));
        let delayed = Impairment { delay: Duration::from_millis(3), ..how };
        assert_eq!(came, survivors(delayed, 1, now), "a delay loses no others");
    }

    #[test]
    fn delay_and_rate_hold_datagrams_back() {
        let now = Instant::now();
        let how = Impairment { delay: Duration::from_millis(10), rate: 8000, ..Impairment::default() };
        let mut path = Path::new(how, 1, 1);
        path.enter(now, &[0; 72]);
        assert_eq!(path.leave(now + Duration::from_millis(109)), None);
        assert_eq!(path.next_arrival(), Some(now + Duration::from_millis(110)));
        assert_eq!(path.leave(now + Duration::from_millis(110)), Some(vec![0; 72]));
        (0..9).for_each(|_| path.enter(now, &[0; 72]));
        assert_eq!(path.dropped(), 6, "more than the queue holds");
    }
}
