//! Round-trip time, smoothed.

use std::time::Duration;

use super::ntp;

/// What is assumed until the first measurement.
pub(crate) const DEFAULT_ROUND_TRIP: Duration = Duration::from_millis(100);
/// A longer measurement is taken for a broken or hostile report.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(10);

/// Smoothed round-trip time: an exponentially weighted mean with a gain of 1/8 (as TCP's SRTT, RFC 6298 §2).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RoundTrip {
    smoothed: Option<Duration>,
    latest: Option<Duration>,
}

impl RoundTrip {
    /// Takes one measurement; one over 10 s is not believed and not taken.
    pub(crate) fn update(&mut self, sample: Duration) {
        if sample > MAX_ROUND_TRIP {
            return;
        }
        self.latest = Some(sample);
        self.smoothed = Some(match self.smoothed {
            None => sample,
            Some(old) => (old * 7 + sample) / 8,
        });
    }

    /// The smoothed value; `None` before the first measurement.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    /// The latest measurement.
    #[cfg(test)]
    pub(crate) fn latest(&self) -> Option<Duration> {
        self.latest
    }

    /// The smoothed value, or 100 ms before the first measurement.
    pub(crate) fn or_default(&self) -> Duration {
        self.smoothed.unwrap_or(DEFAULT_ROUND_TRIP)
    }
}

/// Round-trip time from a report that echoes one of ours: LSR and DLSR of a report block (RFC 3550 §6.4.1), or LRR and DLRR of an
/// extended report (RFC 3611 §4.5); all in compact NTP, `now` by our clock.
///
/// `None` when the report echoes nothing (`last` is 0) or the result is negative by more than the clocks' rounding or beyond 10 s.
pub(crate) fn from_report(now: u32, last: u32, delay: u32) -> Option<Duration> {
    if last == 0 {
        return None;
    }
    let units = now.wrapping_sub(last).wrapping_sub(delay);
    // On a very fast network rounding on both sides can make it negative by a hair.
    let units = if units > u32::MAX - 66 { 0 } else { units };
    let sample = ntp::duration_from_compact(units);
    (sample <= MAX_ROUND_TRIP).then_some(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_3550_gives_its_answer() {
        // RFC 3550 figure 2: A = b710:8000, LSR = b705:2000, DLSR = 5.25 s: 6.125 s.
        assert_eq!(from_report(0xb710_8000, 0xb705_2000, 0x0005_4000), Some(Duration::from_millis(6125)));
    }

    #[test]
    fn no_echo_gives_nothing() {
        assert_eq!(from_report(0xb710_8000, 0, 0), None);
    }

    #[test]
    fn a_negative_result_is_refused_except_for_rounding() {
        assert_eq!(from_report(1000, 900, 101), Some(Duration::ZERO));
        assert_eq!(from_report(1000, 900, 10_000), None);
    }

    #[test]
    fn the_wrap_of_compact_ntp_is_bridged() {
        let rtt = from_report(0x0000_1000, 0xffff_f000, 0x1000).unwrap();
        assert_eq!(rtt, Duration::from_nanos(62_500_000));
    }

    #[test]
    fn samples_are_smoothed_and_absurd_ones_refused() {
        let mut rtt = RoundTrip::default();
        assert_eq!(rtt.or_default(), DEFAULT_ROUND_TRIP);
        rtt.update(Duration::from_millis(80));
        rtt.update(Duration::from_millis(160));
        rtt.update(Duration::from_secs(11));
        assert_eq!(rtt.smoothed(), Some(Duration::from_millis(90)));
        assert_eq!(rtt.latest(), Some(Duration::from_millis(160)));
    }
}
