//! NTP time as RTCP carries it (RFC 3550 §4): 64-bit fixed point seconds, 32 bits of fraction, and its middle 32 bits.

use std::time::Duration;

/// The middle 32 bits of a 64-bit NTP time: 16 bits of seconds, 16 of fraction (RFC 3550 §4), as in LSR.
pub(crate) const fn compact(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// A duration in units of 1/65536 s, as in DLSR; saturates at 18.2 hours.
pub(crate) fn compact_from_duration(duration: Duration) -> u32 {
    let units = (duration.as_nanos() << 16) / 1_000_000_000;
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// The duration of so many units of 1/65536 s.
pub(crate) fn duration_from_compact(units: u32) -> Duration {
    Duration::from_nanos((u64::from(units) * 1_000_000_000) >> 16)
}

/// A signed NTP difference (32.32 fixed point seconds) in ticks of an RTP clock, rounded to the nearest.
pub(crate) fn ticks(ntp_difference: i64, clock_rate: u32) -> i64 {
    ((i128::from(ntp_difference) * i128::from(clock_rate) + (1 << 31)) >> 32) as i64
}

/// So many ticks of an RTP clock as a signed NTP difference (32.32 fixed point seconds); zero for a clock rate of zero.
pub(crate) fn from_ticks(ticks: i32, clock_rate: u32) -> i64 {
    if clock_rate == 0 {
        return 0;
    }
    (i64::from(ticks) << 32) / i64::from(clock_rate)
}

/// A duration in ticks of an RTP clock, modulo 2³² like an RTP timestamp.
pub(crate) fn duration_ticks(duration: Duration, clock_rate: u32) -> u32 {
    // Split, so that neither product can overflow 64 bits whatever the duration.
    let seconds = duration.as_secs().wrapping_mul(u64::from(clock_rate));
    let rest = u64::from(duration.subsec_nanos()) * u64::from(clock_rate) / 1_000_000_000;
    seconds.wrapping_add(rest) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_is_the_middle_of_the_ntp_time() {
        assert_eq!(compact(0xb44d_b705_2000_0000), 0xb705_2000);
    }

    #[test]
    fn dlsr_of_the_example_in_rfc_3550_is_reproduced() {
        // RFC 3550 §6.4.1, figure 2: a delay of 5.250 s is 0x0005:4000.
        assert_eq!(compact_from_duration(Duration::from_millis(5250)), 0x0005_4000);
        assert_eq!(duration_from_compact(0x0005_4000), Duration::from_millis(5250));
    }

    #[test]
    fn a_delay_beyond_the_field_saturates() {
        assert_eq!(compact_from_duration(Duration::from_secs(1 << 20)), u32::MAX);
    }

    #[test]
    fn ticks_and_back() {
        assert_eq!(ticks(1 << 32, 90_000), 90_000);
        assert_eq!(ticks(-(1 << 31), 48_000), -24_000);
        assert_eq!(from_ticks(24_000, 48_000), 1 << 31);
        assert_eq!(from_ticks(5, 0), 0);
        assert_eq!(duration_ticks(Duration::from_millis(20), 48_000), 960);
    }

    #[test]
    fn extreme_values_do_not_overflow() {
        assert_eq!(ticks(i64::MAX, 1), i64::from(i32::MAX) + 1);
        let _ = ticks(i64::MIN, u32::MAX);
        let _ = from_ticks(i32::MIN, 1);
        let _ = duration_ticks(Duration::MAX, u32::MAX);
    }
}
