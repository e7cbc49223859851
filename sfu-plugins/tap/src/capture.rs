//! When a frame was captured, by our clock.
use std::collections::BTreeMap;
use std::time::Instant;

use sfu_core::media::RemoteClock;

/// Times of capture that are this long before the arrival are not believed, in microseconds.
const OLDEST: i64 = 60_000_000;
/// Nor those that are this long after it.
const NEWEST: i64 = 1_000_000;
/// Streams of a sender whose reports are kept.
const MAX_REPORTS: usize = 64;

/// What a sender report says of a stream (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    /// SSRC of the stream.
    pub(crate) ssrc: u32,
    /// The sender's clock, 32.32 fixed point seconds.
    pub(crate) ntp: u64,
    /// The same moment on the stream's clock.
    pub(crate) timestamp: u32,
}

impl Report {
    /// As bytes in the ring.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let [s0, s1, s2, s3] = self.ssrc.to_be_bytes();
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.ntp.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        [s0, s1, s2, s3, n0, n1, n2, n3, n4, n5, n6, n7, t0, t1, t2, t3]
    }

    /// Out of the ring.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ssrc, rest) = bytes.split_first_chunk()?;
        let (ntp, rest) = rest.split_first_chunk()?;
        Some(Report {
            ssrc: u32::from_be_bytes(*ssrc),
            ntp: u64::from_be_bytes(*ntp),
            timestamp: u32::from_be_bytes(*rest.first_chunk()?),
        })
    }
}

/// Nanoseconds as 32.32 fixed point seconds.
fn fixed_point(nanos: u64) -> u64 {
    ((u128::from(nanos) << 32) / 1_000_000_000) as u64
}

/// A sender's clock, set against ours, and what it says of each of its streams.
#[derive(Debug, Default)]
pub(crate) struct SenderClock {
    clock: RemoteClock,
    reports: BTreeMap<u32, Report>,
}

impl SenderClock {
    /// A report came at a moment, which is `at` in nanoseconds.
    pub(crate) fn hear(&mut self, now: Instant, at: u64, report: Report) {
        self.clock.on_sender_report(now, fixed_point(at), report.ntp);
        if self.reports.len() >= MAX_REPORTS && !self.reports.contains_key(&report.ssrc) {
            // Who has sent under so many numbers has most of them no more; those that are used report again soon.
            self.reports.clear();
        }
        self.reports.insert(report.ssrc, report);
    }

    /// How many microseconds before its arrival `at` (nanoseconds) something with this RTP timestamp was captured: by the stream's
    /// last report, and how far the sender's clock is from ours. `None` where that is not known, or makes no sense.
    pub(crate) fn age(&self, ssrc: u32, at: u64, timestamp: u32, clock_rate: u32) -> Option<i64> {
        let report = self.reports.get(&ssrc)?;
        let offset = self.clock.offset()?;
        let ticks = i64::from(timestamp.wrapping_sub(report.timestamp) as i32);
        let since_report = (i128::from(ticks) << 32) / i128::from(clock_rate.max(1));
        let captured = report.ntp.wrapping_add(since_report as u64).wrapping_sub(offset as u64);
        let age = fixed_point(at).wrapping_sub(captured) as i64;
        let micros = ((i128::from(age) * 1_000_000) >> 32) as i64;
        (-NEWEST..=OLDEST).contains(&micros).then_some(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    /// A sender whose clock is somewhere else, and whose report took 20 ms; it was sent at second 10 of ours.
    fn heard() -> SenderClock {
        let report = Report { ssrc: 1, ntp: 3_900_000_000 << 32, timestamp: 5000 };
        assert_eq!(Report::from_bytes(&report.to_bytes()), Some(report));
        let mut clock = SenderClock::default();
        clock.hear(Instant::now(), 10 * SECOND + 20_000_000, report);
        clock
    }

    #[test]
    fn the_age_is_what_a_packet_took_longer_than_the_quickest_report() {
        // Captured half a second after the report was sent, and 70 ms on its way.
        let at = 10 * SECOND + 570_000_000;
        let got = heard().age(1, at, 5000 + 24_000, 48_000).unwrap();
        assert!((49_990..=50_010).contains(&got), "{got}");
    }

    #[test]
    fn what_makes_no_sense_is_not_believed() {
        let clock = heard();
        assert_eq!(clock.age(2, 11 * SECOND, 5000, 48_000), None, "nothing was said of it");
        assert_eq!(clock.age(1, 11 * SECOND, 5000 + 480_000, 48_000), None, "9 s ahead");
        assert_eq!(clock.age(1, 100 * SECOND, 5000, 48_000), None, "90 s ago");
    }

    #[test]
    fn a_sender_with_ever_new_streams_takes_no_more_memory() {
        let mut clock = heard();
        for ssrc in 0..10_000 {
            clock.hear(Instant::now(), 0, Report { ssrc, ntp: 0, timestamp: 0 });
            assert!(clock.reports.len() <= MAX_REPORTS);
        }
    }

    proptest! {
        #[test]
        fn hostile_reports_never_panic(at: u64, timestamp: u32, rate: u32, sent: u32, ntp: u64, other: u64) {
            let mut clock = SenderClock::default();
            for ntp in [other, ntp] {
                clock.hear(Instant::now(), at, Report { ssrc: 1, ntp, timestamp: sent });
            }
            if let Some(age) = clock.age(1, at, timestamp, rate) {
                prop_assert!((-NEWEST..=OLDEST).contains(&age));
            }
        }
    }
}
