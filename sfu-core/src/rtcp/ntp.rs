//! NTP time as RTCP carries it (RFC 3550 section 4): 32.32 fixed point seconds since 1900.

#[cfg(test)]
use std::time::Instant;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds from 1900 to 1970.
const UNIX_OFFSET: u64 = 2_208_988_800;

/// A wall clock time, 32.32 fixed point seconds since 1900; wraps in 2036.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NtpTime(u64);

impl NtpTime {
    /// The time with these 64 bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The middle 32 bits: 16.16 fixed point seconds, wraps after 18 hours.
    pub const fn compact(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// The value of the abs-send-time extension: 6.18 fixed point seconds in 24 bits, wraps after 64 s.
    pub const fn abs_send_time(self) -> u32 {
        (self.0 >> 14) as u32 & 0x00FF_FFFF
    }

    /// This time and `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.wrapping_add(fixed_point(duration)))
    }

    /// This time less `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.wrapping_sub(fixed_point(duration)))
    }
}

impl From<SystemTime> for NtpTime {
    fn from(time: SystemTime) -> Self {
        let epoch = Self(UNIX_OFFSET << 32);
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => epoch.plus(since),
            Err(before) => epoch.minus(before.duration()),
        }
    }
}

/// 32.32 fixed point seconds, rounded down; whole 2^32 seconds are lost, as NTP time wraps.
fn fixed_point(duration: Duration) -> u64 {
    (duration.as_secs() << 32) + ((u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000)
}

/// Turns instants into NTP times; the wall clock is read once, by whoever makes it, so that the clock never jumps.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub struct NtpClock {
    anchor: Instant,
    time: NtpTime,
}

#[cfg(test)]
impl NtpClock {
    /// A clock on which `anchor` is `wall`.
    #[cfg(test)]
    pub fn new(anchor: Instant, wall: SystemTime) -> Self {
        Self { anchor, time: wall.into() }
    }

    /// The NTP time at `now`, before or after the anchor.
    #[cfg(test)]
    pub fn at(&self, now: Instant) -> NtpTime {
        match now.checked_duration_since(self.anchor) {
            Some(since) => self.time.plus(since),
            None => self.time.minus(self.anchor.duration_since(now)),
        }
    }
}

/// A duration in 1/65536 s, as delays in reports are; longer ones than 18 hours are clamped.
pub fn compact_duration(duration: Duration) -> u32 {
    u32::try_from(
        (duration.as_secs().min(1 << 16) << 16) + (u64::from(duration.subsec_nanos()) << 16) / 1_000_000_000,
    )
    .unwrap_or(u32::MAX)
}

/// The duration that `compact` means, in 1/65536 s.
pub fn from_compact_duration(compact: u32) -> Duration {
    Duration::from_nanos((u64::from(compact) * 1_000_000_000) >> 16)
}

/// Round trip time from a report block that arrived at `now` (RFC 3550 section 6.4.1); `None` if the peer had no sender
/// report yet, or if its figures give a negative time or one above 18000 s / 2.
pub fn round_trip(now: NtpTime, last_sr: u32, delay_since_last_sr: u32) -> Option<Duration> {
    let trip = now.compact().wrapping_sub(last_sr).wrapping_sub(delay_since_last_sr);
    (last_sr != 0 && trip < 1 << 31).then(|| from_compact_duration(trip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_time_is_ntp_time_less_seventy_years() {
        let time = NtpTime::from(UNIX_EPOCH + Duration::from_millis(1500));
        assert_eq!(time.to_bits(), (UNIX_OFFSET + 1) << 32 | 0x8000_0000);
        assert_eq!(time.compact(), ((UNIX_OFFSET as u32 + 1) << 16) | 0x8000);
        assert_eq!(time.abs_send_time(), ((UNIX_OFFSET as u32 + 1) << 18 | 0x2_0000) & 0xFF_FFFF);
        let before = NtpTime::from(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(before.to_bits(), (UNIX_OFFSET - 1) << 32);
    }

    #[test]
    fn the_clock_runs_both_ways_from_its_anchor() {
        let anchor = Instant::now() + Duration::from_secs(10);
        let clock = NtpClock::new(anchor, UNIX_EPOCH);
        assert_eq!(clock.at(anchor + Duration::from_secs(2)).to_bits(), (UNIX_OFFSET + 2) << 32);
        assert_eq!(clock.at(anchor - Duration::from_secs(2)).to_bits(), (UNIX_OFFSET - 2) << 32);
    }

    #[test]
    fn round_trips_come_from_the_peers_delay() {
        let sent = NtpTime::from(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        let now = sent.plus(Duration::from_millis(750));
        let delay = compact_duration(Duration::from_millis(250));
        assert_eq!(round_trip(now, sent.compact(), delay), Some(Duration::from_millis(500)));
        assert_eq!(round_trip(now, 0, delay), None);
        assert_eq!(round_trip(now, sent.compact(), compact_duration(Duration::from_secs(1))), None);
        assert_eq!(compact_duration(Duration::MAX), u32::MAX);
    }
}
