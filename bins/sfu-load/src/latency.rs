//! How long frames are under way, from the first system call of their sender to their last packet at a viewer.
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Frames whose time of departure is remembered.
const FRAMES: usize = 4096;

/// Ticks of RTP time between two frames.
pub const TICKS: u32 = 900;

/// When frames left: written by the source, read by the sinks.
pub struct Departures {
    begun: Instant,
    /// Nanoseconds since the beginning, of the frame with this number modulo the size.
    times: Vec<AtomicU64>,
    latest: AtomicU32,
}

impl Default for Departures {
    fn default() -> Self {
        let times = (0..FRAMES).map(|_| AtomicU64::new(0)).collect();
        Self { begun: Instant::now(), times, latest: AtomicU32::new(0) }
    }
}

impl Departures {
    /// A frame with this RTP timestamp begins to leave now.
    pub fn leaves(&self, timestamp: u32) {
        let nanos = self.begun.elapsed().as_nanos() as u64;
        if let Some(slot) = self.times.get((timestamp / TICKS) as usize % FRAMES) {
            slot.store(nanos, Ordering::Release);
        }
        self.latest.store(timestamp, Ordering::Release);
    }

    /// The timestamp of the last frame.
    pub fn latest(&self) -> u32 {
        self.latest.load(Ordering::Acquire)
    }

    /// When the frame with this timestamp left.
    pub fn of(&self, timestamp: u32) -> Option<Instant> {
        let slot = self.times.get((timestamp / TICKS) as usize % FRAMES)?;
        let nanos = slot.load(Ordering::Acquire);
        (nanos != 0).then(|| self.begun + Duration::from_nanos(nanos))
    }
}

/// Durations in buckets that grow by an eighth of a power of two.
#[derive(Debug, Clone)]
pub struct Histogram {
    buckets: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; 64 * 8] }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let index = Self::index(duration.as_nanos().clamp(1, u128::from(u64::MAX)) as u64);
        if let Some(bucket) = self.buckets.get_mut(index) {
            *bucket += 1;
        }
    }

    /// Counts all that another one has.
    pub fn merge(&mut self, other: &Histogram) {
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(bucket, more)| *bucket += more);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.buckets.fill(0);
    }

    /// Each bucket that has some: its end, and how many there are.
    pub fn filled(&self) -> impl Iterator<Item = (Duration, u64)> {
        let filled = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(index, count)| (Duration::from_nanos(Self::upper(index)), *count))
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What so many of a thousand do not exceed, to an eighth.
    pub fn permille(&self, permille: u64) -> Duration {
        let wanted = (self.count() * permille).div_ceil(1000);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return Duration::from_nanos(Self::upper(index));
            }
        }
        Duration::ZERO
    }

    fn index(nanos: u64) -> usize {
        let power = 63 - nanos.leading_zeros();
        let eighth = if power >= 3 { (nanos >> (power - 3)) & 7 } else { 0 };
        power as usize * 8 + eighth as usize
    }

    /// The end of a bucket.
    fn upper(index: usize) -> u64 {
        let (power, eighth) = (index / 8, index as u64 % 8);
        if power < 3 { 1 << (power + 1) } else { (8 + eighth + 1) << (power - 3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_to_an_eighth() {
        let mut histogram = Histogram::default();
        for micros in 1..=1000 {
            histogram.add(Duration::from_micros(micros));
        }
        for (permille, micros) in [(500, 500.0), (990, 990.0), (1000, 1000.0)] {
            let found = histogram.permille(permille).as_secs_f64() * 1e6;
            assert!((micros..=micros * 1.13).contains(&found), "{permille}: {found}");
        }
    }

    #[test]
    fn a_frame_is_found_by_its_timestamp() {
        let departures = Departures::default();
        departures.leaves(5 * TICKS);
        assert!(departures.of(5 * TICKS).is_some());
        assert!(departures.of(6 * TICKS).is_none());
    }
}
