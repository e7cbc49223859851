//! RTP timestamps of one encoding as moments of a recording.
//!
//! Until the sender reports, the first packet counts as of when it arrived, and the RTP clock goes on from there. A report
//! says better (RFC 3550 section 6.4.1): the difference is worked off by an eighth of the time that passes, so that nothing
//! jumps and nothing goes backwards.

/// Moments are nanoseconds since the recording began; before it they are negative.
pub type Nanos = i64;

const SECOND: Nanos = 1_000_000_000;
/// A timestamp that says another moment than the arrival by more than this is a new timeline, not delay.
const MAX_APART: Nanos = 10 * SECOND;
/// After a pause the clock may have stood still: more than this apart it did.
const MAX_APART_AFTER_PAUSE: Nanos = SECOND;
/// More than this is too long to work off: time jumps ahead.
const MAX_WORKED_OFF: Nanos = SECOND;
/// What part of the time that passes may be given to a correction.
const SLEW: Nanos = 8;

/// An RTP time, unrolled, and the moment that it stands for.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    rtp: i64,
    at: Nanos,
}

/// The clock of one encoding.
#[derive(Debug, Clone)]
pub struct Timeline {
    clock_rate: i64,
    /// The last RTP time that was heard of, unrolled: others are counted from it.
    heard: Option<i64>,
    /// RTP time of the last frame.
    rtp: Option<i64>,
    anchor: Option<Anchor>,
    reported: Option<Anchor>,
    paused: bool,
    last: Option<Nanos>,
}

impl Timeline {
    /// Of a stream with so many ticks per second.
    pub fn new(clock_rate: u32) -> Self {
        let clock_rate = i64::from(clock_rate.max(1));
        Timeline {
            clock_rate,
            heard: None,
            rtp: None,
            anchor: None,
            reported: None,
            paused: false,
            last: None,
        }
    }

    /// Another source, with a clock of its own.
    pub fn restart(&mut self) {
        (self.heard, self.rtp, self.anchor, self.reported) = (None, None, None, None);
    }

    /// A pause ends: the clock may have stood still, or gone on.
    pub fn resume(&mut self) {
        self.paused = true;
    }

    /// The sender reports that `timestamp` was at `at`.
    pub fn report(&mut self, timestamp: u32, at: Nanos) {
        let rtp = self.unroll(timestamp);
        self.reported = Some(Anchor { rtp, at });
    }

    /// The moment of a frame whose first packet arrived at `arrived`; never before that of the last one.
    pub fn moment(&mut self, timestamp: u32, arrived: Nanos) -> Nanos {
        let rtp = self.unroll(timestamp);
        let passed = self.rtp.replace(rtp).map_or(0, |last| self.nanos(rtp - last)).max(0);
        let limit = if std::mem::take(&mut self.paused) { MAX_APART_AFTER_PAUSE } else { MAX_APART };
        let of = |anchor: Anchor| anchor.at.saturating_add(self.nanos(rtp - anchor.rtp));
        let near = |at: &Nanos| (at.saturating_sub(arrived)).saturating_abs() <= limit;
        let reported = self.reported.map(of).filter(near);
        let known = self.anchor.map(of).filter(near);
        let mut at = known.or(reported).unwrap_or(arrived);
        if let (Some(reported), Some(_)) = (reported, known) {
            let off = reported - at;
            let step = passed / SLEW;
            at += if off > MAX_WORKED_OFF { off } else { off.clamp(-step, step) };
        }
        if reported.is_none() {
            // What the sender said does not hold any more.
            self.reported = None;
        }
        self.anchor = Some(Anchor { rtp, at });
        let at = self.last.map_or(at, |last| last.max(at));
        self.last = Some(at);
        at
    }

    fn nanos(&self, ticks: i64) -> Nanos {
        (i128::from(ticks) * i128::from(SECOND) / i128::from(self.clock_rate)) as Nanos
    }

    fn unroll(&mut self, timestamp: u32) -> i64 {
        let rtp = match self.heard {
            Some(last) => last + i64::from(timestamp.wrapping_sub(last as u32) as i32),
            None => i64::from(timestamp),
        };
        self.heard = Some(rtp);
        rtp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Nanos = 1_000_000;

    #[test]
    fn rtp_time_counts_and_not_how_packets_arrive() {
        let mut timeline = Timeline::new(90_000);
        let first = u32::MAX - 2999;
        assert_eq!(timeline.moment(first, 50 * MS), 50 * MS);
        assert_eq!(timeline.moment(first.wrapping_add(9000), 163 * MS), 150 * MS);
        // A minute without packets.
        assert_eq!(timeline.moment(first.wrapping_add(90_000 * 60), 60_000 * MS), 60_050 * MS);
    }

    #[test]
    fn a_report_corrects_slowly_and_nothing_goes_backwards() {
        for ahead in [80, -80] {
            let mut timeline = Timeline::new(48_000);
            let mut moments = vec![timeline.moment(0, 100 * MS)];
            timeline.report(4800, (200 + ahead) * MS);
            moments.extend((1..60).map(|n| timeline.moment(n * 960, i64::from(n) * 20 * MS + 100 * MS)));
            let steps: Vec<Nanos> = moments.windows(2).map(|two| two[1] - two[0]).collect();
            assert!(steps.iter().all(|step| (17 * MS..=23 * MS).contains(step)), "{steps:?}");
            assert_eq!(moments.last(), Some(&((59 * 20 + 100 + ahead) * MS)));
        }
    }

    #[test]
    fn audio_and_video_of_one_moment_meet_after_their_reports() {
        // A camera that takes 120 ms longer than the microphone, both seen at 1 s by the sender's clock.
        let (mut audio, mut video) = (Timeline::new(48_000), Timeline::new(90_000));
        audio.report(7, 1000 * MS);
        video.report(1_000_000, 1000 * MS);
        assert_eq!(audio.moment(7 + 48_000, 2010 * MS), 2000 * MS);
        assert_eq!(video.moment(1_090_000, 2130 * MS), 2000 * MS);
    }

    #[test]
    fn another_source_goes_on_from_when_it_arrives() {
        let mut timeline = Timeline::new(90_000);
        timeline.moment(5, 1000 * MS);
        timeline.restart();
        assert_eq!(timeline.moment(4_000_000_000, 1040 * MS), 1040 * MS);
        // And one that jumps without saying so.
        assert_eq!(timeline.moment(99, 1080 * MS), 1080 * MS);
    }

    #[test]
    fn a_clock_that_stood_still_in_a_pause_is_noticed() {
        let mut timeline = Timeline::new(90_000);
        timeline.moment(0, 0);
        timeline.resume();
        assert_eq!(timeline.moment(3000, 5000 * MS), 5000 * MS);
        timeline.resume();
        assert_eq!(timeline.moment(3000 + 90_000 * 5, 10_100 * MS), 10_000 * MS, "this one went on");
    }

    #[test]
    fn a_report_from_another_time_is_not_believed() {
        let mut timeline = Timeline::new(90_000);
        timeline.moment(0, 0);
        timeline.report(0, 3_600_000 * MS);
        assert_eq!(timeline.moment(3000, 33 * MS), 33_333_333);
    }

    proptest! {
        #[test]
        fn hostile_clocks_stay_near_arrival_and_never_go_backwards(
            steps in prop::collection::vec((any::<u32>(), 0..100i64, any::<Option<(u32, i64)>>()), 0..60),
        ) {
            let mut timeline = Timeline::new(90_000);
            let (mut arrived, mut last) = (0, Nanos::MIN);
            for (timestamp, passed, report) in steps {
                arrived += passed * MS;
                if let Some((timestamp, at)) = report {
                    timeline.report(timestamp, at);
                }
                let moment = timeline.moment(timestamp, arrived);
                prop_assert!(moment >= last);
                prop_assert!((moment - arrived).abs() <= 2 * MAX_APART + 100 * 60 * MS);
                last = moment;
            }
        }
    }
}
