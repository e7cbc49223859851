//! How loud a producer is.
use std::time::{Duration, Instant};

use sfu_core::plugin::AudioLevel;

/// Share of a louder packet that is taken over: a syllable counts within three packets.
const ATTACK: f32 = 0.4;
/// Share of a quieter packet: a pause between words does not.
const RELEASE: f32 = 0.05;
/// Who sends nothing this long is silent: encoders with discontinuous transmission send something every 400 ms.
const PATIENCE: Duration = Duration::from_millis(500);

/// Loudness, smoothed: 0 is silence, 127 the loudest.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loudness {
    smoothed: f32,
    heard: Option<Instant>,
}

impl Loudness {
    /// Takes the level of a packet (RFC 6464).
    #[inline]
    pub(crate) fn hear(&mut self, now: Instant, level: AudioLevel) {
        let loud = f32::from(127 - level.level.min(127));
        let share = if loud > self.smoothed { ATTACK } else { RELEASE };
        self.smoothed += (loud - self.smoothed) * share;
        self.heard = Some(now);
    }

    /// Loudness now; none if no packet ever told its level.
    pub(crate) fn at(&self, now: Instant) -> Option<f32> {
        let heard = self.heard?;
        Some(if now.saturating_duration_since(heard) < PATIENCE { self.smoothed } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(levels: impl IntoIterator<Item = u8>) -> f32 {
        let mut loudness = Loudness::default();
        let start = Instant::now();
        let mut now = start;
        for level in levels {
            now += Duration::from_millis(20);
            loudness.hear(now, AudioLevel { level, voice: true });
        }
        loudness.at(now).unwrap_or_default()
    }

    #[test]
    fn a_syllable_counts_at_once_and_a_pause_between_words_does_not() {
        assert!(heard([30; 4]) > 77.0, "{}", heard([30; 4]));
        let words = [30; 20].into_iter().chain([127; 5]);
        assert!(heard(words.clone()) > 70.0, "{}", heard(words));
        let silence = [30; 20].into_iter().chain([127; 60]);
        assert!(heard(silence.clone()) < 10.0, "{}", heard(silence));
    }

    #[test]
    fn who_sends_nothing_is_silent_and_who_tells_no_level_is_unknown() {
        let mut loudness = Loudness::default();
        let now = Instant::now();
        assert_eq!(loudness.at(now), None);
        loudness.hear(now, AudioLevel { level: 0, voice: true });
        assert!(loudness.at(now) > Some(40.0));
        assert_eq!(loudness.at(now + Duration::from_secs(1)), Some(0.0));
    }
}
