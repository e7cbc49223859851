//! Continuous sequence numbers and timestamps over pauses and changes of the source.

use crate::rtp::sequence::{ExtendedSequence, is_newer_u32};

/// Rewrites the numbers of packets so that what comes out looks like one stream: it starts at sequence number 1 and
/// timestamp 0, and goes on without a gap when the source changes or after a pause. Loss and reordering inside one source are kept.
///
/// ```
/// use sfu_core::media::Switcher;
/// let mut switcher = Switcher::new(3000);
/// assert_eq!(switcher.rewrite(7, 500, 90_000), Some((1, 0)));
/// assert_eq!(switcher.rewrite(7, 502, 96_000), Some((3, 6000)));
/// // Another source goes on where the first one ended, one step later.
/// assert_eq!(switcher.rewrite(8, 10, 42), Some((4, 9000)));
/// ```
#[derive(Clone, Debug)]
pub struct Switcher {
    step: u32,
    source: Option<Source>,
    last_sequence: u64,
    last_timestamp: u32,
}

/// The source that packets come from now, and where it joins what comes out.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    sequence: ExtendedSequence,
    base_sequence: u64,
    base_timestamp: u32,
    out_sequence: u64,
    out_timestamp: u32,
}

impl Switcher {
    /// A switcher that puts `step` timestamp units between the last packet before a switch and the first one after it: the
    /// duration of a packet of audio, or of a frame of video.
    pub fn new(step: u32) -> Self {
        Self { step, source: None, last_sequence: 0, last_timestamp: 0u32.wrapping_sub(step) }
    }

    /// The next packet begins anew, one step after the last one, even if it is from the same source: call it after a pause.
    pub fn restart(&mut self) {
        self.source = None;
    }

    /// As [`restart`](Self::restart), but the next packet comes `gap` timestamp units after the last one.
    /// Does nothing before the first packet.
    pub fn restart_after(&mut self, gap: u32) {
        if self.last_sequence != 0 {
            self.source = None;
            self.last_timestamp = self.last_timestamp.wrapping_add(gap).wrapping_sub(self.step);
        }
    }

    /// The sequence number and timestamp that a packet gets. A new `ssrc` is a change of the source.
    /// `None` for a packet from before the point where its source came in, which has no number to get: drop it.
    pub fn rewrite(&mut self, ssrc: u32, sequence_number: u16, timestamp: u32) -> Option<(u16, u32)> {
        let mut source = match self.source {
            Some(source) if source.ssrc == ssrc => source,
            _ => {
                let mut sequence = ExtendedSequence::default();
                Source {
                    ssrc,
                    base_sequence: sequence.unroll(sequence_number),
                    sequence,
                    base_timestamp: timestamp,
                    out_sequence: self.last_sequence + 1,
                    out_timestamp: self.last_timestamp.wrapping_add(self.step),
                }
            }
        };
        let ahead = source.sequence.unroll(sequence_number).checked_sub(source.base_sequence)?;
        let sequence = source.out_sequence + ahead;
        let timestamp = timestamp.wrapping_sub(source.base_timestamp).wrapping_add(source.out_timestamp);
        self.source = Some(source);
        self.last_sequence = self.last_sequence.max(sequence);
        if is_newer_u32(timestamp, self.last_timestamp) {
            self.last_timestamp = timestamp;
        }
        Some((sequence as u16, timestamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_go_on_after_a_pause_and_over_the_wrap() {
        let mut switcher = Switcher::new(960);
        assert_eq!(switcher.rewrite(1, 65535, u32::MAX), Some((1, 0)));
        assert_eq!(switcher.rewrite(1, 0, 959), Some((2, 960)));
        switcher.restart();
        assert_eq!(switcher.rewrite(1, 300, 500_000), Some((3, 1920)));
        switcher.restart_after(48_000);
        assert_eq!(switcher.rewrite(1, 900, 0), Some((4, 49_920)));
    }

    #[test]
    fn reordering_is_kept_but_nothing_comes_before_the_switch() {
        let mut switcher = Switcher::new(3000);
        switcher.restart_after(5);
        assert_eq!(switcher.rewrite(1, 10, 1000), Some((1, 0)));
        assert_eq!(switcher.rewrite(1, 12, 4000), Some((3, 3000)));
        assert_eq!(switcher.rewrite(1, 11, 1000), Some((2, 0)));
        assert_eq!(switcher.rewrite(1, 9, 0), None);
        assert_eq!(switcher.rewrite(2, 12, 0), Some((4, 6000)));
        assert_eq!(switcher.rewrite(2, 11, 0), None);
    }

    proptest! {
        #[test]
        fn switching_leaves_no_gap_and_no_overlap(sources in prop::collection::vec((any::<u32>(), any::<u16>(), any::<u32>(), 1..40u16), 1..20)) {
            let mut switcher = Switcher::new(10);
            let mut expected = (1u16, 0u32);
            for (ssrc, sequence, timestamp, count) in sources {
                switcher.restart();
                for n in 0..count {
                    let got = switcher.rewrite(ssrc, sequence.wrapping_add(n), timestamp.wrapping_add(u32::from(n) * 10));
                    prop_assert_eq!(got, Some(expected));
                    expected = (expected.0.wrapping_add(1), expected.1.wrapping_add(10));
                }
            }
        }
    }
}
