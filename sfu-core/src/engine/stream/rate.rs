//! Bytes and packets of the last second.

use std::time::{Duration, Instant};

const BUCKET: Duration = Duration::from_millis(100);
/// Ten complete buckets and the one being filled.
const BUCKETS: usize = 11;

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    bytes: u32,
    packets: u32,
}

/// A sliding window of one second over bytes and packets, in buckets of 100 ms; 112 bytes, never allocates.
///
/// Totals since the beginning are kept beside the window.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateCounter {
    buckets: [Bucket; BUCKETS],
    /// The bucket being filled.
    current: u8,
    /// When the bucket being filled is full; `None` until the first packet.
    current_ends: Option<Instant>,
    packets: u64,
    bytes: u64,
}

impl RateCounter {
    /// Counts one packet of `bytes` bytes.
    #[inline]
    pub(crate) fn add(&mut self, now: Instant, bytes: usize) {
        // Several times for each packet that is forwarded: all but the rule stands elsewhere.
        if self.current_ends.is_none_or(|end| now >= end) {
            self.advance(now);
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if let Some(bucket) = self.buckets.get_mut(usize::from(self.current)) {
            bucket.bytes = bucket.bytes.saturating_add(bytes);
            bucket.packets = bucket.packets.saturating_add(1);
        }
        self.bytes += u64::from(bytes);
        self.packets += 1;
    }

    /// Bits per second over the last second; a stream younger than a second is still divided by a whole one.
    pub(crate) fn bits_per_second(&mut self, now: Instant) -> u64 {
        let span = self.covered_micros(now);
        let bytes: u64 = self.buckets.iter().map(|b| u64::from(b.bytes)).sum();
        bytes * 8 * 1_000_000 / span
    }

    /// Packets per second over the last second.
    #[cfg(test)]
    pub(crate) fn packets_per_second(&mut self, now: Instant) -> u64 {
        let span = self.covered_micros(now);
        let packets: u64 = self.buckets.iter().map(|b| u64::from(b.packets)).sum();
        packets * 1_000_000 / span
    }

    /// Packets since the beginning.
    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes since the beginning.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The time that the buckets stand for: ten whole ones and the part of the current one that has passed.
    fn covered_micros(&mut self, now: Instant) -> u64 {
        self.advance(now);
        let whole = BUCKET.as_micros() as u64 * BUCKETS as u64;
        let to_come = self.current_ends.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
        // A clock that steps back a little makes `to_come` longer than a bucket.
        whole - (to_come.min(BUCKET).as_micros() as u64)
    }

    #[cold]
    fn advance(&mut self, now: Instant) {
        let Some(end) = self.current_ends else {
            self.current_ends = Some(now + BUCKET);
            return;
        };
        if now < end {
            return;
        }
        let late = now - end;
        let steps = (late.as_nanos() / BUCKET.as_nanos()) as usize + 1;
        if steps >= BUCKETS {
            self.buckets = Default::default();
            self.current_ends = Some(now + BUCKET);
            return;
        }
        for _ in 0..steps {
            self.current = (self.current + 1) % BUCKETS as u8;
            if let Some(bucket) = self.buckets.get_mut(usize::from(self.current)) {
                *bucket = Bucket::default();
            }
        }
        self.current_ends = Some(end + BUCKET * steps as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_is_measured_within_one_percent() {
        let start = Instant::now();
        let mut rate = RateCounter::default();
        for i in 0..3000 {
            rate.add(start + Duration::from_millis(i), 125);
        }
        let bps = rate.bits_per_second(start + Duration::from_millis(3000));
        assert!((990_000..=1_010_000).contains(&bps), "{bps}");
        let pps = rate.packets_per_second(start + Duration::from_millis(3037));
        assert!((950..=1_010).contains(&pps), "{pps}");
        assert_eq!((rate.packets(), rate.bytes()), (3000, 375_000));
    }

    #[test]
    fn the_rate_falls_to_zero_when_the_stream_stops() {
        let start = Instant::now();
        let mut rate = RateCounter::default();
        rate.add(start, 1000);
        assert!(rate.bits_per_second(start + Duration::from_millis(900)) > 0);
        assert_eq!(rate.bits_per_second(start + Duration::from_millis(1200)), 0);
        assert_eq!(rate.bits_per_second(start + Duration::from_secs(86_400)), 0);
        assert_eq!(rate.bytes(), 1000);
    }

    #[test]
    fn a_stream_after_a_long_pause_counts_from_fresh() {
        let start = Instant::now();
        let mut rate = RateCounter::default();
        rate.add(start, 1000);
        let later = start + Duration::from_secs(3600);
        rate.add(later, 500);
        let bps = rate.bits_per_second(later + Duration::from_millis(50));
        assert!((3500..=4100).contains(&bps), "{bps}");
    }

    #[test]
    fn an_unused_counter_reads_zero() {
        let now = Instant::now();
        assert_eq!(RateCounter::default().bits_per_second(now), 0);
        assert_eq!(RateCounter::default().packets_per_second(now), 0);
    }

    #[test]
    fn huge_packets_and_a_clock_that_steps_back_do_no_harm() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut rate = RateCounter::default();
        rate.add(start, usize::MAX);
        rate.add(start, usize::MAX);
        rate.add(start - Duration::from_secs(5), 1);
        assert!(rate.bits_per_second(start - Duration::from_secs(5)) > 0);
    }
}
