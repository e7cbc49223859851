//! How much one speaker speaks, over three spans of time: the scores that Volfin and Cohen compare ("Dominant Speaker
//! Identification for Multipoint Videoconferencing", 2013, §3).
use std::time::{Duration, Instant};

/// Loudest level; levels count up from 0, no sound.
const MAX_LEVEL: u8 = 127;
/// How often the paper wants a level.
const LEVEL_SPAN: Duration = Duration::from_millis(20);
/// Sub-units of a level.
const N1: u8 = 13;
/// Levels of a medium span.
const N2: usize = 5;
/// Medium spans of a long one.
const N3: usize = 10;
/// Levels of a long span.
const LEVELS: usize = N2 * N3;
/// Steps of a level that make one sub-unit.
const STEP: u8 = MAX_LEVEL.div_ceil(N1);
/// Sub-units that a level must exceed to be active within a medium span.
const ACTIVE_LEVEL: u8 = 7;
/// Active levels that a medium span must exceed to be active within a long one.
const ACTIVE_MEDIUM: u8 = 4;
/// Weights of activity: λ of the exponential distribution that active speech is taken to have, for each span.
const LAMBDA: [f64; 3] = [0.78, 24.0, 47.0];
/// Scores are compared by their ratio, so that none may be 0.
const MIN_SCORE: f64 = 1e-10;
/// Levels after which the noise floor may rise: 15 s.
const FLOOR_WINDOW: u32 = 750;

/// Scores of speech activity over the last 20 ms, 100 ms and second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Activity(pub(crate) [f64; 3]);

/// The levels of one speaker over the last second.
#[derive(Debug)]
pub(crate) struct Speech {
    /// A ring.
    levels: [u8; LEVELS],
    next: usize,
    /// Until when the ring is filled.
    filled_to: Instant,
    heard_at: Instant,
    floor: NoiseFloor,
}

impl Speech {
    /// Nothing was heard yet.
    pub(crate) fn new(now: Instant) -> Self {
        Speech { levels: [0; LEVELS], next: 0, filled_to: now, heard_at: now, floor: NoiseFloor::default() }
    }

    /// Takes a level, 0 (no sound) to 127. Packets longer than 20 ms, or further apart, count for all of their time.
    pub(crate) fn hear(&mut self, now: Instant, level: u8) {
        let level = level.min(MAX_LEVEL);
        self.fill(now, level);
        self.heard_at = self.heard_at.max(now);
        self.floor.update(level);
    }

    /// Nothing was heard since the last level.
    pub(crate) fn fade(&mut self, now: Instant) {
        if now.saturating_duration_since(self.filled_to) >= LEVEL_SPAN {
            self.fill(now, 0);
        }
    }

    /// How long ago the last packet was.
    pub(crate) fn quiet_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard_at)
    }

    fn fill(&mut self, now: Instant, level: u8) {
        let spans = now.saturating_duration_since(self.filled_to).as_millis() / LEVEL_SPAN.as_millis();
        for _ in 0..spans.clamp(1, LEVELS as u128) {
            if let Some(slot) = self.levels.get_mut(self.next) {
                *slot = level;
            }
            self.next = (self.next + 1) % LEVELS;
        }
        self.filled_to = self.filled_to.max(now);
    }

    /// The scores of now.
    pub(crate) fn activity(&self) -> Activity {
        let (recent, early) = self.levels.split_at(self.next.min(LEVELS));
        let mut newest_first = early.iter().chain(recent).rev().map(|level| self.sub_units(*level));
        let mut medium = [0u8; N3];
        let mut newest = None;
        for active in &mut medium {
            for units in newest_first.by_ref().take(N2) {
                newest.get_or_insert(units);
                *active += u8::from(units > ACTIVE_LEVEL);
            }
        }
        let long = medium.iter().filter(|active| **active > ACTIVE_MEDIUM).count() as u8;
        let [first, second, third] = LAMBDA;
        let [newest_medium, ..] = medium;
        Activity([
            score(newest.unwrap_or(0), N1, first),
            score(newest_medium, N2 as u8, second),
            score(long, N3 as u8, third),
        ])
    }

    /// Sub-units of a level, 0 where it does not stand out of the noise.
    fn sub_units(&self, level: u8) -> u8 {
        if level < self.floor.level.saturating_add(STEP) { 0 } else { level / STEP }
    }
}

/// The likelihood that `active` of `all` parts are speech rather than noise (§3.2 of the paper, with probability one half).
fn score(active: u8, all: u8, lambda: f64) -> f64 {
    let active = active.min(all);
    let speech = ln_binomial(all, active) - f64::from(all) * std::f64::consts::LN_2;
    (speech - lambda.ln() + lambda * f64::from(active)).max(MIN_SCORE)
}

/// Natural logarithm of the number of ways to choose `k` of `n`.
fn ln_binomial(n: u8, k: u8) -> f64 {
    (1..=k).map(|i| (f64::from(n - k + i) / f64::from(i)).ln()).sum()
}

/// The quietest level of a speaker: falls at once, rises slowly.
#[derive(Debug, Default)]
struct NoiseFloor {
    level: u8,
    /// The quietest level since the floor was last set, and how many there were.
    since: u8,
    count: u32,
}

impl NoiseFloor {
    fn update(&mut self, level: u8) {
        // No sound at all is a muted microphone, not a quiet room.
        if level == 0 {
            return;
        }
        if self.level == 0 || level < self.level {
            *self = NoiseFloor { level, since: 0, count: 0 };
            return;
        }
        self.since = if self.count == 0 { level } else { self.since.min(level) };
        self.count += 1;
        if self.count >= FLOOR_WINDOW {
            let mean = (f64::from(self.level) * f64::from(self.since)).sqrt();
            *self = NoiseFloor { level: mean as u8, since: 0, count: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A speaker of whom these levels were heard, one each 20 ms.
    fn speech(levels: impl IntoIterator<Item = u8>) -> Speech {
        let start = Instant::now();
        let mut speech = Speech::new(start);
        for (n, level) in (1..).zip(levels) {
            speech.hear(start + ms(20 * n), level);
        }
        speech
    }

    /// A quiet room first, so that there is a floor to stand out of.
    fn after_noise(levels: impl IntoIterator<Item = u8>) -> [f64; 3] {
        speech([20; 50].into_iter().chain(levels)).activity().0
    }

    #[test]
    fn each_span_answers_in_its_own_time() {
        let none = after_noise([]);
        assert_eq!(none, [MIN_SCORE; 3]);
        let [immediate, medium, long] = after_noise([100]);
        assert!(immediate > 1.0 && medium > 1.0, "one loud packet");
        assert_eq!(long, MIN_SCORE);
        let [.., long] = after_noise([100; 5]);
        assert!(long > 1.0, "a hundred milliseconds of speech");
        let [.., longer] = after_noise([100; 50]);
        assert!(longer > 5.0 * long, "a second of it");
    }

    #[test]
    fn what_is_over_is_forgotten_the_shortest_span_first() {
        let [immediate, medium, long] = after_noise([100; 50].into_iter().chain([20; 6]));
        assert_eq!([immediate, medium], [MIN_SCORE; 2]);
        assert!(long > 1.0);
        assert_eq!(after_noise([100; 50].into_iter().chain([20; 50])), [MIN_SCORE; 3]);
    }

    #[test]
    fn steady_noise_becomes_the_floor_and_is_no_speech() {
        let noise = speech([90; 60]).activity().0;
        assert_eq!(noise, [MIN_SCORE; 3]);
        let [immediate, ..] = speech([90; 60].into_iter().chain([110])).activity().0;
        assert!(immediate > 1.0, "what stands out of it is");
    }

    #[test]
    fn the_floor_rises_with_a_room_that_got_loud() {
        let [_, _, before] = speech([20].into_iter().chain([85; 100])).activity().0;
        assert!(before > 1.0);
        let [_, _, after] = speech([20].into_iter().chain([85; 5000])).activity().0;
        assert_eq!(after, MIN_SCORE);
    }

    #[test]
    fn long_packets_and_gaps_count_for_their_time() {
        let start = Instant::now();
        let mut speech = Speech::new(start);
        speech.hear(start, 20);
        speech.hear(start + ms(100), 100);
        let mut dense = Speech::new(start);
        dense.hear(start, 20);
        (1..=5).for_each(|n| dense.hear(start + ms(20 * n), 100));
        assert_eq!(speech.activity(), dense.activity());
        speech.hear(start + Duration::from_secs(86_400), 0);
        assert_eq!(speech.activity().0, [MIN_SCORE; 3]);
    }

    #[test]
    fn scores_are_those_of_the_formula_and_never_nothing() {
        // ln C(10, 3) - 10 ln 2 - ln 47 + 47 · 3
        let expected = 120f64.ln() - 10.0 * 2f64.ln() - 47f64.ln() + 141.0;
        assert!((score(3, 10, 47.0) - expected).abs() < 1e-9);
        assert_eq!(score(0, 13, 0.78), MIN_SCORE);
        assert_eq!(score(255, 5, 24.0), score(5, 5, 24.0), "what can't be is the most that can");
    }
}
