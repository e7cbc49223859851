//! Tries whether a path carries more: for less than a second padding fills up what is sent to a higher rate.

use std::time::{Duration, Instant};

/// For so long padding is sent.
const SENDING: Duration = Duration::from_millis(800);

/// After so long no feedback will come that says how it went.
const VERDICT: Duration = Duration::from_millis(1500);

/// So much of its rate has to arrive for the path to carry it.
const CARRIED: (u64, u64) = (9, 10);

/// Between two tries, once one failed: at first, and at the most.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(40);

/// What went well and was too much all the same, or failed, within so long makes the next ones wait longer.
const MEMORY: Duration = Duration::from_secs(60);
const PROMISE: Duration = Duration::from_secs(10);

/// After one that went well the next may come soon.
const NEXT: Duration = Duration::from_secs(1);

/// After a failed one the path still empties its queue.
const GRACE: Duration = Duration::from_millis(800);

/// What the queue then held arrives faster than it is sent, and counts for so long.
const AFTERMATH: Duration = Duration::from_millis(1500);

/// One try.
#[derive(Debug, Clone, Copy)]
struct Try {
    began: Instant,
    /// What is to be sent, media and padding, bit/s.
    rate: u32,
    /// What was sent, bytes.
    sent: u64,
}

/// The tries of one path.
#[derive(Debug)]
pub(super) struct Probe {
    present: Option<Try>,
    wait: Duration,
    next: Instant,
    proven: Option<Instant>,
    /// Likewise, until it turned out to be too much.
    promised: Option<Instant>,
    failed: Option<Instant>,
    grace: Option<Instant>,
}

impl Probe {
    pub(super) fn new(now: Instant) -> Self {
        Probe {
            present: None,
            wait: FIRST_WAIT,
            next: now,
            proven: None,
            promised: None,
            failed: None,
            grace: None,
        }
    }

    /// Whether a try is under way, or was until a moment ago and the path recovers from it.
    pub(super) fn disturbs(&self, now: Instant) -> bool {
        self.present.is_some() || self.grace.is_some_and(|until| now < until)
    }

    /// Whether what arrived in the last second has nothing to do with a failed try.
    pub(super) fn is_forgotten(&self, now: Instant) -> bool {
        self.grace.is_none_or(|until| now >= until + AFTERMATH)
    }

    /// Whether a try is under way.
    pub(super) fn is_under_way(&self) -> bool {
        self.present.is_some()
    }

    /// Whether one may begin.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.present.is_none() && now >= self.next
    }

    /// Begins one.
    pub(super) fn begin(&mut self, now: Instant, rate: u32) {
        if self.failed.is_none_or(|at| now.saturating_duration_since(at) >= MEMORY) {
            self.wait = FIRST_WAIT;
        }
        self.present = Some(Try { began: now, rate, sent: 0 });
    }

    /// When a path was last shown to carry what was tried.
    pub(super) fn proven(&self) -> Option<Instant> {
        self.proven
    }

    /// Something was sent.
    #[inline]
    pub(super) fn on_sent(&mut self, size: usize) {
        if let Some(present) = &mut self.present {
            present.sent += size as u64;
        }
    }

    /// Bytes that are missing from its rate now; none after its end.
    pub(super) fn missing(&mut self, now: Instant) -> Option<u64> {
        let present = self.present?;
        let passed = now.saturating_duration_since(present.began);
        if passed >= VERDICT {
            // Nobody said how it went, or something else was sent too slowly.
            (self.present, self.next) = (None, now + self.wait);
            return None;
        }
        let wanted = u64::from(present.rate) * passed.min(SENDING).as_millis() as u64 / 8000;
        Some(if passed < SENDING { wanted.saturating_sub(present.sent) } else { 0 })
    }

    /// So much arrives, bit/s: what the path is shown to carry by it, once that is enough.
    pub(super) fn arrives(&mut self, now: Instant, arrived: u32) -> Option<u32> {
        let present = self.present?;
        if u64::from(arrived) * CARRIED.1 < u64::from(present.rate) * CARRIED.0 {
            return None;
        }
        (self.proven, self.promised) = (Some(now), Some(now));
        (self.present, self.next) = (None, now + NEXT);
        Some(arrived.min(present.rate))
    }

    /// What is sent is too much: because of a try, or of what one promised, or without any.
    pub(super) fn overused(&mut self, now: Instant) {
        let tried = self.present.take().is_some();
        let promised = self.promised.take().is_some_and(|at| now.saturating_duration_since(at) < PROMISE);
        self.next = self.next.max(now + self.wait);
        if tried || promised {
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
            self.failed = Some(now);
        }
        if tried {
            self.grace = Some(now + GRACE);
        }
    }
}
