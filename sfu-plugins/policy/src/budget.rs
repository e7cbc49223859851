//! How much may still be sent: what is not used adds up for a second.
use std::time::Instant;

/// Nanoseconds of a second: levels are kept in units × nanoseconds, so that nothing is lost to rounding.
const SECOND: u64 = 1_000_000_000;

/// So many units (bits, packets) per second, a second's worth of them at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    per_second: u32,
    level: u64,
    filled: Instant,
}

impl Budget {
    /// A full one; 0 per second has no limit.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        Budget { per_second, level: u64::from(per_second) * SECOND, filled: now }
    }

    /// Whether there is a limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.per_second > 0
    }

    /// Whether so many units may be sent now.
    #[inline]
    pub(crate) fn covers(&mut self, now: Instant, units: u32) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let passed = now.saturating_duration_since(self.filled).min(std::time::Duration::from_secs(1));
        let most = u64::from(self.per_second) * SECOND;
        self.level = (self.level + passed.as_nanos() as u64 * u64::from(self.per_second)).min(most);
        self.filled = self.filled.max(now);
        // What is larger than a second's worth may be sent when nothing else was.
        self.level >= u64::from(units).saturating_mul(SECOND).min(most)
    }

    /// Whether half a second's worth is there.
    #[inline]
    pub(crate) fn is_half_full(&mut self, now: Instant) -> bool {
        let half = self.per_second / 2;
        self.covers(now, half.max(1))
    }

    /// Takes what was sent.
    #[inline]
    pub(crate) fn take(&mut self, units: u32) {
        self.level = self.level.saturating_sub(u64::from(units) * SECOND);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Units that get through when so many are offered every millisecond.
    fn through(budget: &mut Budget, start: Instant, millis: u64, units: u32) -> u64 {
        let mut sum = 0;
        for millisecond in 0..millis {
            if budget.covers(start + Duration::from_millis(millisecond), units) {
                budget.take(units);
                sum += u64::from(units);
            }
        }
        sum
    }

    #[test]
    fn a_seconds_worth_at_once_and_then_no_more_than_the_rate() {
        let start = Instant::now();
        let mut budget = Budget::new(1_000_000, start);
        let sum = through(&mut budget, start, 10_000, 4_000);
        assert!((10_900_000..=11_000_000).contains(&sum), "{sum}");
    }

    #[test]
    fn what_keeps_to_the_rate_always_gets_through() {
        let start = Instant::now();
        let mut budget = Budget::new(1_000_000, start);
        assert_eq!(through(&mut budget, start, 60_000, 1_000), 60_000_000);
    }

    #[test]
    fn no_limit_limits_nothing() {
        let start = Instant::now();
        let mut budget = Budget::new(0, start);
        assert!(!budget.is_limited());
        assert_eq!(through(&mut budget, start, 100, u32::MAX), 100 * u64::from(u32::MAX));
    }

    #[test]
    fn one_that_is_smaller_than_a_packet_still_lets_packets_through() {
        let start = Instant::now();
        let mut budget = Budget::new(8_000, start);
        let sum = through(&mut budget, start, 10_000, 12_000);
        assert!((72_000..=132_000).contains(&sum), "{sum}");
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_gives_nothing() {
        let start = Instant::now() + Duration::from_secs(5);
        let mut budget = Budget::new(10, start);
        budget.take(10);
        assert!(!budget.covers(start, 1) && !budget.covers(start - Duration::from_secs(3), 1));
    }
}
