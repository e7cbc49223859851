//! What a source sends when: bursts of packets, the same for the same seed.
use std::collections::VecDeque;
use std::time::Duration;

use crate::numbers::Numbers;

/// Frames between two key frames.
const KEY_FRAMES: u64 = 100;

/// The largest packet of a paced source, in bytes on the wire.
const MTU: usize = 1200;

/// How much faster than it encodes a browser's pacer sends.
const PACING: f64 = 2.5;

/// How a source sends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pattern {
    /// Whole frames at once, as encoders hand them over.
    Frames {
        /// Packets of a frame.
        packets: usize,
        /// Bytes of a packet on the wire.
        size: usize,
        /// Frames a second.
        rate: f64,
    },
    /// As browsers send: frames of varying size whose packets leave by one to three, spread by a pacer.
    Paced {
        /// Bit/s on the wire, on average.
        bitrate: f64,
        /// Frames a second.
        rate: f64,
    },
    /// Opus: one small packet every 20 ms.
    Audio,
}

impl Pattern {
    /// Ticks of RTP time between two frames.
    pub fn ticks(&self) -> u32 {
        match self {
            Pattern::Frames { rate, .. } | Pattern::Paced { rate, .. } => (90_000.0 / rate) as u32,
            Pattern::Audio => 960,
        }
    }

    /// Time between two frames.
    pub fn interval(&self) -> Duration {
        match self {
            Pattern::Frames { rate, .. } | Pattern::Paced { rate, .. } => Duration::from_secs_f64(1.0 / rate),
            Pattern::Audio => Duration::from_millis(20),
        }
    }

    /// Whether it is sound.
    pub fn is_audio(&self) -> bool {
        *self == Pattern::Audio
    }
}

/// Packets that leave together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Burst {
    /// When, since the beginning.
    pub at: Duration,
    /// Number of the frame that they belong to.
    pub frame: u64,
    /// Bytes of each on the wire.
    pub sizes: Vec<usize>,
    /// Whether the frame begins with them.
    pub begins: bool,
    /// Whether the frame ends with them.
    pub ends: bool,
    /// Whether the frame needs no other.
    pub key: bool,
}

/// The bursts of one source, one after the other.
#[derive(Debug, Clone)]
pub struct Timetable {
    pattern: Pattern,
    numbers: Numbers,
    frame: u64,
    /// Where in the first interval it begins, so that sources of one room do not send all at once.
    offset: Duration,
    waiting: VecDeque<Burst>,
}

impl Timetable {
    /// The bursts of a source; `user` tells sources with one seed apart.
    pub fn new(pattern: Pattern, seed: u64, user: u64) -> Self {
        let mut numbers = Numbers::of(seed, user);
        let offset = pattern.interval().mul_f64(numbers.fraction());
        Self { pattern, numbers, frame: 0, offset, waiting: VecDeque::new() }
    }

    fn plan_frame(&mut self) {
        let frame = self.frame;
        self.frame += 1;
        let at = self.offset + self.pattern.interval().mul_f64(frame as f64);
        let key = frame.is_multiple_of(KEY_FRAMES);
        let burst = Burst { at, frame, key, ..Burst::default() };
        match self.pattern {
            Pattern::Frames { packets, size, .. } => {
                self.waiting.push_back(Burst {
                    sizes: vec![size; packets],
                    begins: true,
                    ends: true,
                    ..burst
                });
            }
            Pattern::Audio => {
                // Speech at 32 kbit/s with variable bitrate.
                let size = 90 + (self.numbers.fraction() * 60.0) as usize;
                self.waiting.push_back(Burst { sizes: vec![size], begins: true, ends: true, ..burst });
            }
            Pattern::Paced { bitrate, rate } => {
                // A key frame has three times the bytes of others, which give them up.
                let share = if key { 3.0 } else { (KEY_FRAMES as f64 - 3.0) / (KEY_FRAMES as f64 - 1.0) };
                let varied = 0.75 + 0.5 * self.numbers.fraction();
                let bytes = (bitrate / 8.0 / rate * share * varied).max(100.0) as usize;
                let mut left = bytes.div_ceil(MTU);
                // Packets of a frame have one size, as libwebrtc cuts them.
                let size = bytes.div_ceil(left);
                let mut at = at;
                while left > 0 {
                    let count = (1 + (self.numbers.bits() % 3) as usize).min(left);
                    let begins = self.waiting.is_empty();
                    left -= count;
                    let (sizes, ends) = (vec![size; count], left == 0);
                    self.waiting.push_back(Burst { at, sizes, begins, ends, ..burst.clone() });
                    at += Duration::from_secs_f64((count * size * 8) as f64 / (bitrate * PACING));
                }
            }
        }
    }
}

impl Iterator for Timetable {
    type Item = Burst;

    /// The next burst; there is always one.
    fn next(&mut self) -> Option<Burst> {
        if self.waiting.is_empty() {
            self.plan_frame();
        }
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACED: Pattern = Pattern::Paced { bitrate: 1.5e6, rate: 30.0 };

    #[test]
    fn one_seed_gives_one_sequence_and_another_seed_another() {
        let bursts = |seed, user| Timetable::new(PACED, seed, user).take(500).collect::<Vec<_>>();
        assert_eq!(bursts(7, 1), bursts(7, 1));
        assert_ne!(bursts(7, 1), bursts(8, 1));
        assert_ne!(bursts(7, 1), bursts(7, 2));
    }

    #[test]
    fn a_paced_source_keeps_its_bitrate_in_bursts_of_one_to_three() {
        let bursts: Vec<Burst> =
            Timetable::new(PACED, 1, 1).take_while(|burst| burst.at < Duration::from_secs(100)).collect();
        let bits: usize = bursts.iter().flat_map(|burst| &burst.sizes).map(|size| size * 8).sum();
        let rate = bits as f64 / 100.0;
        assert!((1.4e6..1.6e6).contains(&rate), "{rate}");
        assert!(bursts.iter().all(|burst| (1..=3).contains(&burst.sizes.len())));
        assert!(bursts.iter().flat_map(|burst| &burst.sizes).all(|size| *size <= MTU));
        let count = |of: fn(&Burst) -> bool| bursts.iter().filter(|burst| of(burst)).count();
        assert_eq!(count(|burst| burst.begins), 3000, "each frame begins once");
        assert!(count(|burst| burst.ends) >= 2999);
        assert!(count(|burst| burst.ends) < bursts.len(), "frames are spread");
    }

    #[test]
    fn a_frame_source_sends_whole_frames() {
        let pattern = Pattern::Frames { packets: 10, size: 1200, rate: 100.0 };
        let bursts: Vec<Burst> = Timetable::new(pattern, 3, 0).take(201).collect();
        assert!(bursts.iter().all(|burst| burst.sizes == [1200; 10] && burst.begins && burst.ends));
        assert_eq!(bursts.iter().filter(|burst| burst.key).count(), 3);
        assert_eq!(bursts[200].at - bursts[0].at, Duration::from_secs(2));
    }
}
