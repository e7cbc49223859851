//! How fast bursts may leave by one transport: a budget in bytes that grows with time.
//!
//! Receivers with shallow queues lose what comes at line rate. So what goes beyond an allowance waits, and leaves in runs that are long
//! enough to be one system call, and far enough apart for the receiver. Pure arithmetic: it knows neither packets nor sockets.
use std::time::{Duration, Instant};

/// What may leave at once, bytes: a run of ten full packets and a few more, so that the frames of ordinary video never wait.
pub(crate) const ALLOWANCE: i32 = 15_000;

/// What waits leaves within this, or the rate is raised.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(40);

/// A run of what waits is so long, bytes, if it can be; and so far from the one before at the least and at the most.
const RUN: i32 = 12_000;
const SHORTEST_TICK: Duration = Duration::from_millis(1);
const LONGEST_TICK: Duration = Duration::from_millis(5);

/// The budget is counted anew when it is used up, and after so long: packets beyond it are rare, and time has to be looked at for each.
const RECOUNT: Duration = Duration::from_millis(5);

/// Never less than this, bytes a second.
const SLOWEST: u32 = 250_000;

/// What leaves is faster than the path is known to carry on average: pictures are bursts.
const FACTOR: (u64, u64) = (5, 2);

/// What was sent is measured over so long at the least.
const MEASURED_OVER: Duration = Duration::from_millis(100);

/// After so long without a measurement, what was before says nothing.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// What a transport knows of its path.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PathFigures {
    /// Bytes sent since the beginning.
    pub(crate) sent: u64,
    /// What it carries by estimate, bit/s.
    pub(crate) available: Option<u32>,
}

/// The budget of one transport.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    /// Bytes that may leave; below zero after a packet that was larger than what was left.
    room: i32,
    /// Until then `room` holds without being counted anew; none while something waits.
    holds: Option<Instant>,
    counted: Option<Instant>,
    /// Bytes a second.
    rate: u32,
    /// Likewise, for what waits to leave in time; 0 while nothing does.
    hurry: u32,
    /// What was sent of late, bytes a second.
    recent: u32,
    measured: Option<(Instant, u64)>,
    /// When the next run is due, as the timers know it.
    pub(crate) armed: Option<Instant>,
    limited: bool,
}

impl Pacer {
    /// One that spreads bursts, or lets everything pass.
    pub(crate) fn new(limited: bool) -> Self {
        Pacer { limited, ..Self::default() }
    }

    /// Takes a packet out of the budget. False if it has to wait, or if the budget has to be counted anew: see [`Pacer::count`].
    #[inline]
    pub(crate) fn take(&mut self, now: Instant, size: usize) -> bool {
        let passes = self.room > 0 && self.holds.is_some_and(|until| now < until);
        if passes {
            self.spend(size);
        }
        passes
    }

    /// Takes what left anyway out of the budget.
    #[inline]
    pub(crate) fn spend(&mut self, size: usize) {
        self.room = self.room.saturating_sub(size as i32);
    }

    /// Whether what waits may leave now.
    pub(crate) fn has_room(&self) -> bool {
        self.room > 0
    }

    /// Whether [`Pacer::measure`] has something to do.
    pub(crate) fn is_to_measure(&self, now: Instant) -> bool {
        let old = |(at, _): (Instant, u64)| now.saturating_duration_since(at) >= MEASURED_OVER;
        self.limited && self.measured.is_none_or(old)
    }

    /// Sets the rate by what the path carries and what was sent of late.
    pub(crate) fn measure(&mut self, now: Instant, figures: PathFigures) {
        if let Some((at, sent)) = self.measured {
            let passed = now.saturating_duration_since(at).max(SHORTEST_TICK);
            let rate =
                figures.sent.saturating_sub(sent).saturating_mul(1_000_000) / passed.as_micros() as u64;
            // Up at once and down slowly: what comes in bursts is measured in bursts.
            let before = if passed < FORGOTTEN { self.recent - self.recent / 8 } else { 0 };
            self.recent = before.max(u32::try_from(rate).unwrap_or(u32::MAX));
        }
        self.measured = Some((now, figures.sent));
        let known = u64::from(self.recent).max(u64::from(figures.available.unwrap_or(0)) / 8);
        self.rate = u32::try_from(known * FACTOR.0 / FACTOR.1).unwrap_or(u32::MAX).max(SLOWEST);
    }

    /// Counts the budget anew while nothing waits: [`Pacer::take`] then answers for good.
    pub(crate) fn count(&mut self, now: Instant) {
        if !self.limited {
            (self.room, self.holds) = (i32::MAX, Some(now + FORGOTTEN));
            return;
        }
        match self.counted {
            Some(_) => self.earn(now),
            None => (self.room, self.counted) = (ALLOWANCE, Some(now)),
        }
        self.room = self.room.min(ALLOWANCE);
        self.holds = Some(now + RECOUNT);
    }

    /// Adds what time has brought.
    pub(crate) fn earn(&mut self, now: Instant) {
        let counted = *self.counted.get_or_insert(now);
        let passed = now.saturating_duration_since(counted).min(FORGOTTEN);
        let earned = u64::from(self.rate.max(self.hurry)) * passed.as_nanos() as u64 / 1_000_000_000;
        // Less than a byte goes on growing.
        if earned > 0 {
            self.room = self.room.saturating_add(i32::try_from(earned).unwrap_or(i32::MAX));
            self.counted = Some(now);
        }
    }

    /// From now on something waits: nothing passes it.
    pub(crate) fn begin_wait(&mut self) {
        (self.holds, self.hurry) = (None, 0);
    }

    /// So many bytes wait, the newest of them until now not at all: the rate is raised for it to leave in time.
    pub(crate) fn waits(&mut self, bytes: u32) {
        let in_time = (LONGEST_WAIT - LONGEST_TICK).as_millis() as u64;
        self.hurry = self.hurry.max(u32::try_from(u64::from(bytes) * 1000 / in_time).unwrap_or(u32::MAX));
    }

    /// Nothing waits any more.
    pub(crate) fn end_wait(&mut self) {
        (self.holds, self.hurry) = (None, 0);
        self.room = self.room.min(ALLOWANCE);
    }

    /// When the first run is due of what has begun to wait.
    pub(crate) fn first_run(now: Instant) -> Instant {
        now + SHORTEST_TICK
    }

    /// When the next run of what waits is due.
    pub(crate) fn next_run(&self, now: Instant, bytes: u32) -> Instant {
        let wanted = i32::try_from(bytes).unwrap_or(i32::MAX).min(RUN);
        let missing = u64::try_from(i64::from(wanted) - i64::from(self.room)).unwrap_or(0);
        let nanos = missing * 1_000_000_000 / u64::from(self.rate.max(self.hurry).max(1));
        now + Duration::from_nanos(nanos).clamp(SHORTEST_TICK, LONGEST_TICK)
    }
}

#[cfg(test)]
#[path = "pacer_tests.rs"]
mod tests;
