//! When a frame was captured, by our clock.

/// Times of capture that are this long before the arrival are not believed, in microseconds.
const OLDEST: i64 = 60_000_000;
/// Nor those that are this long after it.
const NEWEST: i64 = 1_000_000;

/// An instant on the clock of a stream and on ours, as the core has it from sender reports (`View::sender_clock`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// The same instant in nanoseconds, as in labels of packets; less than 0 before they begin.
    pub(crate) at: i64,
}

impl Reading {
    /// As bytes in the ring.
    pub(crate) fn to_bytes(self) -> [u8; 12] {
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [a0, a1, a2, a3, a4, a5, a6, a7] = self.at.to_be_bytes();
        [t0, t1, t2, t3, a0, a1, a2, a3, a4, a5, a6, a7]
    }

    /// Out of the ring.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (timestamp, rest) = bytes.split_first_chunk()?;
        Some(Reading {
            timestamp: u32::from_be_bytes(*timestamp),
            at: i64::from_be_bytes(*rest.first_chunk()?),
        })
    }

    /// How many microseconds before its arrival `at` (nanoseconds) something with this RTP timestamp was captured. `None` where
    /// that makes no sense.
    pub(crate) fn age(self, at: u64, timestamp: u32, clock_rate: u32) -> Option<i64> {
        let ticks = i128::from(timestamp.wrapping_sub(self.timestamp) as i32);
        let captured = i128::from(self.at) + ticks * 1_000_000_000 / i128::from(clock_rate.max(1));
        let micros = i64::try_from((i128::from(at) - captured) / 1000).ok()?;
        (-NEWEST..=OLDEST).contains(&micros).then_some(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;
    /// Timestamp 5000 was at second 10.
    const READING: Reading = Reading { timestamp: 5000, at: 10 * SECOND as i64 };

    #[test]
    fn the_age_is_the_time_from_capture_to_arrival_over_the_wrap_too() {
        assert_eq!(Reading::from_bytes(&READING.to_bytes()), Some(READING));
        // Captured half a second later, and 70 ms on its way.
        let at = 10 * SECOND + 570_000_000;
        assert_eq!(READING.age(at, 5000 + 24_000, 48_000), Some(70_000));
        assert_eq!(READING.age(at, 5000_u32.wrapping_sub(24_000), 48_000), Some(1_070_000));
        assert_eq!(Reading { timestamp: 0, at: -5000 }.age(0, 0, 48_000), Some(5));
    }

    #[test]
    fn what_makes_no_sense_is_not_believed() {
        assert_eq!(READING.age(11 * SECOND, 5000 + 480_000, 48_000), None, "9 s ahead");
        assert_eq!(READING.age(100 * SECOND, 5000, 48_000), None, "90 s ago");
    }

    proptest! {
        #[test]
        fn hostile_reports_never_panic(at: u64, timestamp: u32, rate: u32, sent: u32, when: i64) {
            if let Some(age) = (Reading { timestamp: sent, at: when }).age(at, timestamp, rate) {
                prop_assert!((-NEWEST..=OLDEST).contains(&age));
            }
        }
    }
}
