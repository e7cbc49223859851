//! Keeps a consumer's RTP timestamps on one timeline while its source changes.

use std::time::{Duration, Instant};

use super::ntp;
use super::report::ClockMapping;

/// If the sources' clocks place a switch farther than this from where the time passed places it, they are not believed.
const MAX_CLOCK_ERROR: Duration = Duration::from_secs(1);

/// A packet farther behind than this is not late: its source jumped.
const LATE_SECONDS: u32 = 10;

/// Where a source begins on the outgoing timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switch {
    /// Placed by the clocks of both sources, which keeps audio and video in step; otherwise by the time passed.
    pub(crate) by_clock: bool,
    /// Ticks it had to be moved on so that timestamps don't run backwards.
    pub(crate) moved: u32,
}

/// The offset between the source's timestamps and the outgoing ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimestampSwitch {
    clock_rate: u32,
    offset: u32,
    /// The newest outgoing timestamp, and when it left.
    last: Option<(u32, Instant)>,
}

impl TimestampSwitch {
    /// A timeline in which the first source keeps its timestamps plus `offset`.
    pub(crate) fn new(clock_rate: u32, offset: u32) -> Self {
        Self { clock_rate, offset, last: None }
    }

    /// The outgoing timestamp for one of the current source.
    pub(crate) fn rewrite(&self, timestamp: u32) -> u32 {
        timestamp.wrapping_add(self.offset)
    }

    /// The newest outgoing timestamp, and when it left.
    pub(crate) fn last(&self) -> Option<(u32, Instant)> {
        self.last
    }

    /// Notes that a packet with this outgoing timestamp left.
    pub(crate) fn left(&mut self, now: Instant, timestamp: u32) {
        // The time of a frame is that of its first packet; late packets of older frames say nothing. Far behind is no late packet but a
        // source that began a new timeline without saying so.
        let behind = |last: u32| last.wrapping_sub(timestamp) as i32;
        let late = 0..=i32::try_from(self.clock_rate.saturating_mul(LATE_SECONDS)).unwrap_or(i32::MAX);
        if !self.last.is_some_and(|(last, _)| late.contains(&behind(last))) {
            self.last = Some((timestamp, now));
        }
    }

    /// Changes the source: its packet with timestamp `first` is next. Give both sources' clock mappings if they share a clock (layers of one sender).
    pub(crate) fn switch(
        &mut self,
        now: Instant,
        first: u32,
        from: Option<ClockMapping>,
        to: Option<ClockMapping>,
    ) -> Switch {
        let Some((last, at)) = self.last else {
            return Switch { by_clock: false, moved: 0 };
        };
        let passed = ntp::duration_ticks(now.saturating_duration_since(at), self.clock_rate);
        let by_time = last.wrapping_add(passed.max(1));
        let by_clock = from.zip(to).and_then(|(from, to)| self.by_clock(first, from, to)).filter(|place| {
            let error = (place.wrapping_sub(by_time) as i32).unsigned_abs();
            error <= ntp::duration_ticks(MAX_CLOCK_ERROR, self.clock_rate)
        });
        let place = by_clock.unwrap_or(by_time);
        let ahead = place.wrapping_sub(last) as i32;
        let moved = if ahead < 1 { 1i32.wrapping_sub(ahead) as u32 } else { 0 };
        self.offset = place.wrapping_add(moved).wrapping_sub(first);
        Switch { by_clock: by_clock.is_some(), moved }
    }

    /// The outgoing timestamp that the old source would have had at the moment of `first`.
    fn by_clock(&self, first: u32, from: ClockMapping, to: ClockMapping) -> Option<u32> {
        if self.clock_rate == 0 {
            return None;
        }
        let since_to = ntp::from_ticks(first.wrapping_sub(to.rtp_timestamp) as i32, self.clock_rate);
        let moment = to.ntp.wrapping_add_signed(since_to);
        let since_from = ntp::ticks(moment.wrapping_sub(from.ntp) as i64, self.clock_rate);
        Some(from.rtp_timestamp.wrapping_add(since_from as u32).wrapping_add(self.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn without_clocks_the_time_passed_places_the_new_source() {
        let start = Instant::now();
        let mut line = TimestampSwitch::new(90_000, 5);
        line.left(start, line.rewrite(u32::MAX - 4));
        let switch = line.switch(start + ms(100), 77, None, None);
        assert_eq!(switch, Switch { by_clock: false, moved: 0 });
        assert_eq!(line.rewrite(77), 9_000);
    }

    #[test]
    fn late_packets_do_not_move_the_timeline_but_a_jump_of_the_source_does() {
        let start = Instant::now();
        let mut line = TimestampSwitch::new(90_000, 0);
        line.left(start, 2_000_000);
        line.left(start + ms(5), 2_000_000);
        line.left(start + ms(9), 1_997_000);
        assert_eq!(line.last(), Some((2_000_000, start)));
        line.left(start + ms(20), 50_000);
        assert_eq!(line.last(), Some((50_000, start + ms(20))));
    }

    #[test]
    fn a_switch_in_the_same_moment_still_moves_on() {
        let start = Instant::now();
        let mut line = TimestampSwitch::new(90_000, 0);
        line.left(start, 1000);
        line.switch(start, 500, None, None);
        assert_eq!(line.rewrite(500), 1001);
    }

    #[test]
    fn layers_with_a_common_clock_are_aligned_exactly() {
        let start = Instant::now();
        let mut line = TimestampSwitch::new(90_000, 1_000_000);
        // Both layers took this SR at the same NTP second; they have different random offsets.
        let low = ClockMapping { ntp: 100 << 32, rtp_timestamp: 50_000 };
        let high = ClockMapping { ntp: 101 << 32, rtp_timestamp: 4_294_900_000 };
        line.left(start, line.rewrite(50_000 + 90_000));
        // 40 ms later by the sender's clock, though 70 ms later by arrival.
        let first = 4_294_900_000u32.wrapping_add(3_600);
        let switch = line.switch(start + ms(70), first, Some(low), Some(high));
        assert_eq!(switch, Switch { by_clock: true, moved: 0 });
        assert_eq!(line.rewrite(first), 1_000_000 + 140_000 + 3_600);
    }

    #[test]
    fn a_frame_older_than_the_last_is_moved_on() {
        let start = Instant::now();
        let mut line = TimestampSwitch::new(90_000, 0);
        let low = ClockMapping { ntp: 100 << 32, rtp_timestamp: 0 };
        let high = ClockMapping { ntp: 100 << 32, rtp_timestamp: 7_000 };
        line.left(start, 90_000);
        let first = 7_000 + 90_000 - 2_700;
        let switch = line.switch(start + ms(10), first, Some(low), Some(high));
        assert_eq!(switch, Switch { by_clock: true, moved: 2_701 });
        assert_eq!(line.rewrite(first), 90_001);
    }

    #[test]
    fn a_frame_of_the_same_moment_is_moved_on_by_one() {
        let start = Instant::now();
        let mut line = TimestampSwitch::new(90_000, 0);
        let clock = ClockMapping { ntp: 100 << 32, rtp_timestamp: 0 };
        line.left(start, 90_000);
        let switch = line.switch(start, 90_000, Some(clock), Some(clock));
        assert_eq!((switch.moved, line.rewrite(90_000)), (1, 90_001));
    }

    #[test]
    fn clocks_that_contradict_the_time_passed_are_not_believed() {
        let start = Instant::now();
        let mut line = TimestampSwitch::new(90_000, 0);
        let low = ClockMapping { ntp: 100 << 32, rtp_timestamp: 0 };
        let broken = ClockMapping { ntp: 5_000 << 32, rtp_timestamp: 0 };
        line.left(start, 90_000);
        let switch = line.switch(start + ms(20), 90_000, Some(low), Some(broken));
        assert!(!switch.by_clock);
        assert_eq!(line.rewrite(90_000), 91_800);
    }

    proptest! {
        #[test]
        fn whatever_the_sources_say_time_moves_forward(
            rate in 1u32..200_000,
            last in any::<u32>(),
            first in any::<u32>(),
            passed in 0u64..10_000,
            from in any::<Option<(u64, u32)>>(),
            to in any::<Option<(u64, u32)>>(),
        ) {
            let start = Instant::now();
            let mapping = |(ntp, rtp_timestamp)| ClockMapping { ntp, rtp_timestamp };
            let mut line = TimestampSwitch::new(rate, 0);
            line.left(start, last);
            line.switch(start + ms(passed), first, from.map(mapping), to.map(mapping));
            prop_assert!((line.rewrite(first).wrapping_sub(last) as i32) > 0);
        }
    }
}
