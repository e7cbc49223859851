//! How far a sender's NTP clock is from ours.

use std::time::{Duration, Instant};

/// How long the least delayed sender report counts: long enough to outlast a queue, short enough to follow a drifting clock.
const MEMORY: Duration = Duration::from_secs(30);

/// Estimates the offset of a sender's clock from its sender reports; one for all streams of a sender, so that they stay in step with each other.
///
/// A report that was delayed less makes the sender's clock look further ahead, so the largest difference of the last 30 to 60 s is the best
/// estimate (short by the least network delay, the same for all streams).
#[derive(Debug, Clone, Copy, Default)]
pub struct RemoteClock {
    /// Largest offset of this period and of the one before.
    current: Option<i64>,
    previous: Option<i64>,
    period_ends: Option<Instant>,
}

impl RemoteClock {
    /// Takes a sender report: when it arrived by our NTP clock and the sender's NTP time in it, both 32.32 fixed point.
    pub fn on_sender_report(&mut self, now: Instant, local_ntp: u64, remote_ntp: u64) {
        let offset = remote_ntp.wrapping_sub(local_ntp) as i64;
        if self.period_ends.is_none_or(|end| now >= end) {
            self.previous = self.current.take();
            self.period_ends = Some(now + MEMORY);
        }
        // A clock that was set back by more than any queue delays is a new clock.
        const STEP: i64 = 5 << 32;
        if self.offset().is_some_and(|known| offset < known.saturating_sub(STEP)) {
            self.previous = None;
            self.current = None;
        }
        self.current = self.current.max(Some(offset));
    }

    /// The sender's clock minus ours, 32.32 fixed point seconds; `None` before the first report.
    pub fn offset(&self) -> Option<i64> {
        self.current.max(self.previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = (1 << 32) / 1000;

    #[test]
    fn the_least_delayed_report_counts() {
        let start = Instant::now();
        let mut clock = RemoteClock::default();
        assert_eq!(clock.offset(), None);
        let local = 1u64 << 60;
        for (second, delay) in [(0u64, 80), (1, 20), (2, 300)] {
            let sent = local + (second << 32);
            let remote = sent.wrapping_add((5000 * MS) as u64);
            clock.on_sender_report(start + Duration::from_secs(second), sent + (delay * MS) as u64, remote);
        }
        assert_eq!(clock.offset(), Some(4980 * MS));
    }

    #[test]
    fn an_old_estimate_is_forgotten() {
        let start = Instant::now();
        let mut clock = RemoteClock::default();
        clock.on_sender_report(start, 0, 1000);
        clock.on_sender_report(start + Duration::from_secs(31), 0, 900);
        assert_eq!(clock.offset(), Some(1000));
        clock.on_sender_report(start + Duration::from_secs(62), 0, 800);
        assert_eq!(clock.offset(), Some(900));
    }

    #[test]
    fn a_clock_that_was_set_is_followed_both_ways() {
        let start = Instant::now();
        let mut clock = RemoteClock::default();
        clock.on_sender_report(start, 1 << 60, 1 << 61);
        clock.on_sender_report(start, 1 << 60, 1 << 60);
        assert_eq!(clock.offset(), Some(0));
        clock.on_sender_report(start, 1 << 60, 1 << 61);
        assert_eq!(clock.offset(), Some(1 << 60));
        clock.on_sender_report(start, u64::MAX, 0);
        clock.on_sender_report(start, 0, 1 << 63);
    }
}
