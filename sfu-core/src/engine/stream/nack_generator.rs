//! Which missing packets to ask for, and when (RFC 4585 §6.2.1).

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

/// More missing packets than this are not worth repairing: a key frame is.
pub(crate) const MAX_MISSING: usize = 1000;
/// A missing packet this far behind the highest is given up.
pub(crate) const MAX_AGE: u64 = 10_000;
/// How often one packet is asked for.
pub(crate) const MAX_RETRIES: u8 = 10;
/// Shortest time between two requests for one packet, and the beat of repeats.
pub(crate) const TICK: Duration = Duration::from_millis(40);

/// What [`NackGenerator::poll`] wants sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NackStep {
    /// Nothing.
    Idle,
    /// A NACK for the numbers in `out`. When `out` is full there may be more: poll again.
    Nack,
    /// Too much is missing: ask for a key frame. All missing packets have been given up.
    KeyFrame,
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    extended_seq: u64,
    /// When it was noticed or, after the first request, when it was last asked for.
    at: Instant,
    retries: u8,
}

/// Remembers the gaps of one stream and asks for them: at once, then again no sooner than a round trip and 40 ms, ten times at most.
///
/// Works on extended sequence numbers, so it never sees a wrap-around. Its list takes 32 bytes for each missing packet, grows to what a stream
/// needs, and never over [`MAX_MISSING`].
#[derive(Debug, Clone)]
pub(crate) struct NackGenerator {
    /// Ascending.
    missing: Vec<Missing>,
    highest: Option<u64>,
    last_key_frame: Option<u64>,
    /// How long a gap may be mere reordering before it is asked for.
    delay: Duration,
    /// When the first entry not yet asked for is due.
    fresh_due: Option<Instant>,
    /// When repeats are looked at.
    repeat_due: Option<Instant>,
    /// Since when a key frame is needed instead.
    key_frame_due: Option<Instant>,
    given_up: u64,
    requested: u64,
}

impl NackGenerator {
    /// Waits `delay` before it asks for a gap; zero asks at once, 10 ms forgives reordering.
    pub(crate) fn new(delay: Duration) -> Self {
        Self {
            missing: Vec::new(),
            highest: None,
            last_key_frame: None,
            delay,
            fresh_due: None,
            repeat_due: None,
            key_frame_due: None,
            given_up: 0,
            requested: 0,
        }
    }

    /// Takes a new packet, however it came. True when it had been asked for: it is an answer to a NACK.
    ///
    /// Afterwards [`next_deadline`](Self::next_deadline) may be due at once.
    pub(crate) fn on_packet(&mut self, now: Instant, extended_seq: u64, is_key_frame: bool) -> bool {
        if is_key_frame {
            self.last_key_frame = self.last_key_frame.max(Some(extended_seq));
        }
        let Some(highest) = self.highest else {
            self.highest = Some(extended_seq);
            return false;
        };
        if extended_seq <= highest {
            return self.remove(extended_seq);
        }
        self.highest = Some(extended_seq);
        self.forget_below(extended_seq.saturating_sub(MAX_AGE));
        if extended_seq > highest + 1 {
            self.add(now, highest + 1, extended_seq);
        }
        if self.missing.is_empty() {
            self.rest();
        }
        false
    }

    /// Collects what is due into `out`, which is cleared first. `round_trip` is the sender's; give 100 ms while it is unknown.
    pub(crate) fn poll<const N: usize>(
        &mut self,
        now: Instant,
        round_trip: Duration,
        out: &mut ArrayVec<u16, N>,
    ) -> NackStep {
        out.clear();
        if self.key_frame_due.take().is_some() {
            return NackStep::KeyFrame;
        }
        if self.next_deadline().is_none_or(|deadline| now < deadline) {
            return NackStep::Idle;
        }
        let interval = round_trip.max(TICK);
        let delay = self.delay;
        let mut fresh_due: Option<Instant> = None;
        let mut more = false;
        let mut given_up = 0;
        self.missing.retain_mut(|entry| {
            let due = entry.at + if entry.retries == 0 { delay } else { interval };
            if now < due {
                if entry.retries == 0 {
                    fresh_due = Some(fresh_due.map_or(due, |other: Instant| other.min(due)));
                }
                return true;
            }
            if entry.retries >= MAX_RETRIES {
                given_up += 1;
                return false;
            }
            if out.try_push(entry.extended_seq as u16).is_err() {
                more = true;
                return true;
            }
            entry.retries += 1;
            entry.at = now;
            true
        });
        self.given_up += given_up;
        self.requested += out.len() as u64;
        self.fresh_due = fresh_due;
        self.repeat_due = Some(if more { now } else { now + TICK });
        if self.missing.is_empty() {
            self.rest();
        }
        if out.is_empty() { NackStep::Idle } else { NackStep::Nack }
    }

    /// Gives up what has been missing for `age` and was never asked for, because nobody could; true if there was any.
    pub(crate) fn give_up_unasked(&mut self, now: Instant, age: Duration) -> bool {
        let before = self.missing.len();
        self.missing.retain(|entry| entry.retries > 0 || now.saturating_duration_since(entry.at) < age);
        let given_up = before - self.missing.len();
        self.given_up += given_up as u64;
        if self.missing.is_empty() {
            self.rest();
        }
        given_up > 0
    }

    /// When [`poll`](Self::poll) has something to do; `None` while nothing is missing.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [self.key_frame_due, self.fresh_due, self.repeat_due].into_iter().flatten().min()
    }

    /// Forgets everything: the stream restarted, was paused, or has another source.
    pub(crate) fn reset(&mut self) {
        self.missing.clear();
        self.highest = None;
        self.last_key_frame = None;
        self.key_frame_due = None;
        self.rest();
    }

    /// How many packets are missing.
    #[cfg(test)]
    pub(crate) fn missing(&self) -> usize {
        self.missing.len()
    }

    /// Packets asked for since the beginning, repeats included.
    pub(crate) fn requested(&self) -> u64 {
        self.requested
    }

    /// Packets given up since the beginning: asked for too often, too old, or too many at once.
    #[cfg(test)]
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up
    }

    fn remove(&mut self, extended_seq: u64) -> bool {
        let Ok(at) = self.missing.binary_search_by_key(&extended_seq, |entry| entry.extended_seq) else {
            return false;
        };
        let was_requested = self.missing.remove(at).retries > 0;
        if self.missing.is_empty() {
            self.rest();
        }
        was_requested
    }

    /// Adds `from..to`, all above every entry.
    fn add(&mut self, now: Instant, from: u64, to: u64) {
        let count = to - from;
        let room = |missing: &Vec<Missing>| (MAX_MISSING - missing.len().min(MAX_MISSING)) as u64;
        if count > room(&self.missing) {
            // What precedes a key frame that has begun to arrive is not needed to go on.
            if let Some(key_frame) = self.last_key_frame {
                self.forget_below(key_frame);
                if key_frame >= to {
                    self.given_up += count;
                    return;
                }
            }
        }
        if count > room(&self.missing) {
            self.given_up += self.missing.len() as u64 + count;
            self.missing.clear();
            // The room of a burst is not kept for the life of the stream.
            self.missing.shrink_to(64);
            self.rest();
            self.key_frame_due = Some(now);
            return;
        }
        self.missing.extend((from..to).map(|extended_seq| Missing { extended_seq, at: now, retries: 0 }));
        self.fresh_due = Some(self.fresh_due.map_or(now + self.delay, |due| due.min(now + self.delay)));
    }

    fn forget_below(&mut self, limit: u64) {
        let old = self.missing.partition_point(|entry| entry.extended_seq < limit);
        if old > 0 {
            self.missing.drain(..old);
            self.given_up += old as u64;
        }
    }

    fn rest(&mut self) {
        self.fresh_due = None;
        self.repeat_due = None;
    }
}

#[cfg(test)]
#[path = "nack_generator_tests.rs"]
mod tests;
