//! Wall-clock time for RTCP and header extensions, without a clock inside the engine.
use std::time::{Duration, Instant, SystemTime};

/// Seconds from 1900 to 1970.
const NTP_OFFSET: u64 = 2_208_988_800;

/// Ties the monotonic clock to NTP time, once, at start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    /// NTP time of `start`, 32.32 fixed point.
    ntp_at_start: u64,
}

impl Clock {
    /// A clock whose `start` is the given wall-clock time.
    pub(crate) fn new(start: Instant, wall: SystemTime) -> Self {
        let since_1970 = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Clock { start, ntp_at_start: fixed(since_1970).wrapping_add(NTP_OFFSET << 32) }
    }

    /// The first of the moments a step apart that is not before `at`. What need not be exact and is due at one of these wakes the thread
    /// together with others.
    pub(crate) fn round_up(&self, at: Instant, step: Duration) -> Instant {
        let step = step.as_nanos().max(1);
        let steps = at.saturating_duration_since(self.start).as_nanos().div_ceil(step);
        self.start + Duration::from_nanos((steps * step) as u64)
    }

    /// NTP time, 32.32 fixed point (RFC 5905 §6).
    pub(crate) fn ntp(&self, now: Instant) -> u64 {
        self.ntp_at_start.wrapping_add(fixed(now.saturating_duration_since(self.start)))
    }

    /// The instant of an NTP time, 32.32 fixed point; `start` for an earlier one.
    pub(crate) fn instant(&self, ntp: u64) -> Instant {
        let since = ntp.wrapping_sub(self.ntp_at_start) as i64;
        let nanos = (u128::from(since.max(0) as u64) * 1_000_000_000) >> 32;
        // At most 2^31 s.
        self.start + Duration::from_nanos(nanos as u64)
    }

    /// Milliseconds since 1970.
    pub(crate) fn unix_millis(&self, now: Instant) -> u64 {
        let ntp = self.ntp(now).wrapping_sub(NTP_OFFSET << 32);
        // Rounded: a fraction of 2³² is seldom a whole millisecond.
        (ntp >> 32) * 1000 + (((ntp & 0xffff_ffff) * 1000 + (1 << 31)) >> 32)
    }

    /// Absolute send time, 6.18 fixed point seconds in 24 bits.
    #[inline]
    pub(crate) fn abs_send_time(&self, now: Instant) -> u32 {
        ((self.ntp(now) >> 14) & 0x00ff_ffff) as u32
    }

    /// A moment in the forms that packets and what remembers them have.
    fn tick(&self, now: Instant) -> Tick {
        let since_start = now.saturating_duration_since(self.start);
        Tick { now, millis: since_start.as_millis() as u32, send_time: self.abs_send_time(now) }
    }
}

/// A moment in the forms that packets and what remembers them have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    now: Instant,
    /// Milliseconds since the start of the clock, modulo 2³².
    pub(crate) millis: u32,
    /// Absolute send time, 6.18 fixed point seconds in 24 bits.
    pub(crate) send_time: u32,
}

/// The last moment that was asked for: all that leaves in a turn leaves at the same one, and its forms cost more than all else about it.
#[derive(Debug)]
pub(crate) struct Ticker(Tick);

impl Ticker {
    /// At the start of a clock.
    pub(crate) fn new(clock: &Clock) -> Self {
        Ticker(clock.tick(clock.start))
    }

    /// That moment.
    #[inline]
    pub(crate) fn at(&mut self, clock: &Clock, now: Instant) -> Tick {
        if self.0.now != now {
            self.0 = clock.tick(now);
        }
        self.0
    }
}

/// A duration in 32.32 fixed point seconds.
#[inline]
fn fixed(duration: Duration) -> u64 {
    (duration.as_secs() << 32) | ((u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_tells_each_moment_as_the_clock_does() {
        let start = Instant::now();
        let clock = Clock::new(start, SystemTime::UNIX_EPOCH + Duration::from_millis(1500));
        let mut ticker = Ticker::new(&clock);
        for micros in [0, 900, 900, 1000, 2_500_700, 1000] {
            let now = start + Duration::from_micros(micros);
            let Tick { millis, send_time, .. } = ticker.at(&clock, now);
            assert_eq!((u64::from(millis), send_time), (micros / 1000, clock.abs_send_time(now)));
        }
    }

    #[test]
    fn ntp_time_counts_from_1900_and_goes_on_with_the_monotonic_clock() {
        let start = Instant::now();
        let clock = Clock::new(start, SystemTime::UNIX_EPOCH + Duration::from_millis(1500));
        assert_eq!(clock.ntp(start), ((NTP_OFFSET + 1) << 32) | (1 << 31));
        assert_eq!(clock.ntp(start + Duration::from_millis(500)), (NTP_OFFSET + 2) << 32);
    }

    #[test]
    fn an_instant_and_its_ntp_time_are_one() {
        let start = Instant::now();
        let clock = Clock::new(start, SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        let later = start + Duration::from_millis(12_500);
        assert_eq!(clock.instant(clock.ntp(later)), later);
        assert_eq!(clock.instant(clock.ntp(start).wrapping_sub(1)), start);
        assert_eq!(clock.instant(clock.ntp(start).wrapping_add(1 << 63)), start);
    }

    #[test]
    fn what_need_not_be_exact_is_due_together() {
        let start = Instant::now();
        let clock = Clock::new(start, SystemTime::UNIX_EPOCH);
        let at = |millis| start + Duration::from_millis(millis);
        let step = Duration::from_millis(20);
        let rounded = [0, 1, 20, 21, 40].map(|millis| clock.round_up(at(millis), step));
        assert_eq!(rounded, [0, 20, 20, 40, 40].map(at));
    }

    #[test]
    fn milliseconds_count_from_1970() {
        let start = Instant::now();
        let clock = Clock::new(start, SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        assert_eq!(clock.unix_millis(start + Duration::from_millis(250)), 1_700_000_000_250);
    }

    #[test]
    fn absolute_send_time_has_18_fraction_bits() {
        let start = Instant::now();
        let clock = Clock::new(start, SystemTime::UNIX_EPOCH);
        let later = clock.abs_send_time(start + Duration::from_millis(250));
        assert_eq!(later.wrapping_sub(clock.abs_send_time(start)) & 0x00ff_ffff, 1 << 16);
    }
}
