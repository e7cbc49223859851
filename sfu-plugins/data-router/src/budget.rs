//! How much may still be sent: what is not used adds up to a burst.
use std::time::{Duration, Instant};

/// Nanoseconds of a second: levels are kept in units × nanoseconds, so that nothing is lost to rounding.
const SECOND: u128 = 1_000_000_000;

/// So many units (messages, bytes) per second, and a burst of them at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    per_second: u32,
    most: u128,
    level: u128,
    filled: Instant,
}

impl Budget {
    /// A full one, with the worth of `burst` at once, but one unit at least; 0 per second has no limit.
    pub(crate) fn new(per_second: u32, burst: Duration, now: Instant) -> Self {
        let most = (u128::from(per_second) * burst.as_nanos()).max(SECOND);
        Budget { per_second, most, level: most, filled: now }
    }

    /// Whether so many units may be sent now.
    #[inline]
    pub(crate) fn covers(&mut self, now: Instant, units: u32) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let passed = now.saturating_duration_since(self.filled).as_nanos();
        self.level = (self.level + passed * u128::from(self.per_second)).min(self.most);
        self.filled = self.filled.max(now);
        // What is larger than a burst may be sent when nothing else was.
        self.level >= (u128::from(units) * SECOND).min(self.most)
    }

    /// Takes what was sent.
    #[inline]
    pub(crate) fn take(&mut self, units: u32) {
        self.level = self.level.saturating_sub(u128::from(units) * SECOND);
    }

    /// Takes one unit, if there is one.
    #[inline]
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        let is_covered = self.covers(now, 1);
        if is_covered {
            self.take(1);
        }
        is_covered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: fn(u64) -> Duration = Duration::from_secs;

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
    fn a_burst_at_once_and_then_no_more_than_the_rate() {
        let start = Instant::now();
        let mut budget = Budget::new(1000, SECONDS(2), start);
        let sum = through(&mut budget, start, 10_000, 40);
        assert!((11_900..=12_000).contains(&sum), "{sum}");
    }

    #[test]
    fn what_keeps_to_the_rate_always_gets_through() {
        let start = Instant::now();
        let mut budget = Budget::new(1000, Duration::from_millis(10), start);
        assert_eq!(through(&mut budget, start, 60_000, 1), 60_000);
    }

    #[test]
    fn no_limit_limits_nothing_and_a_large_message_passes_a_small_limit() {
        let start = Instant::now();
        assert_eq!(
            through(&mut Budget::new(0, SECONDS(1), start), start, 10, u32::MAX),
            10 * u64::from(u32::MAX)
        );
        let sum = through(&mut Budget::new(1000, SECONDS(1), start), start, 10_000, 5000);
        assert!(sum > 0 && sum <= 55_000, "{sum}");
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_gives_nothing() {
        let start = Instant::now() + SECONDS(5);
        let mut budget = Budget::new(1, SECONDS(1), start);
        assert!(budget.spend(start) && !budget.spend(start) && !budget.spend(start - SECONDS(3)));
        assert!(budget.spend(start + SECONDS(1)));
    }
}
