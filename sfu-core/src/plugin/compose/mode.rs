//! How hot hooks are run.
use std::time::{Duration, Instant};

use crate::plugin::slot::PluginSlot;

/// How hot hooks are run; chosen once per turn, not per packet.
pub trait Mode: Copy {
    /// Each hook is timed.
    const TIMED: bool = false;
    /// How the egress hooks run for what came in this way.
    type Out: Mode;
    /// The way on, from the ingress hooks to those of everybody who gets it.
    fn out(self) -> Self::Out;
    /// Whether a plugin's ingress hook runs.
    #[inline]
    fn admits_in(self, slot: PluginSlot) -> bool {
        let _ = slot;
        true
    }
    /// Whether a plugin's egress hook runs.
    #[inline]
    fn admits_out(self, slot: PluginSlot) -> bool {
        let _ = slot;
        true
    }
}

/// As fast as can be: the rule.
#[derive(Debug, Clone, Copy)]
pub struct Untimed;

/// Each hook is timed: in turns after one that took too long.
#[derive(Debug, Clone, Copy)]
pub struct Timed;

/// For what a plugin injected: only the plugins that the packet meets after it, timed as the turn is.
#[derive(Debug, Clone, Copy)]
pub struct Below<M>(pub PluginSlot, pub M);

/// For what a plugin injected, on its way out: all plugins but that one. Who guards the way out guards it whoever made the packet.
#[derive(Debug, Clone, Copy)]
pub struct Past<M>(pub PluginSlot, pub M);

impl Mode for Untimed {
    type Out = Self;
    #[inline]
    fn out(self) -> Self {
        self
    }
}

impl Mode for Timed {
    const TIMED: bool = true;
    type Out = Self;
    #[inline]
    fn out(self) -> Self {
        self
    }
}

impl<M: Mode> Mode for Below<M> {
    const TIMED: bool = M::TIMED;
    type Out = Past<M>;
    #[inline]
    fn out(self) -> Past<M> {
        Past(self.0, self.1)
    }
    // Slots count from the end of the list.
    #[inline]
    fn admits_in(self, slot: PluginSlot) -> bool {
        slot < self.0
    }
    #[inline]
    fn admits_out(self, slot: PluginSlot) -> bool {
        slot > self.0
    }
}

impl<M: Mode> Mode for Past<M> {
    const TIMED: bool = M::TIMED;
    type Out = Self;
    #[inline]
    fn out(self) -> Self {
        self
    }
    #[inline]
    fn admits_out(self, slot: PluginSlot) -> bool {
        slot != self.0
    }
}

/// How long hooks are timed after a turn that took too long.
const WATCH: Duration = Duration::from_secs(1);
/// Time, and turns, between two turns whose hooks are timed to know what plugins cost: on a busy thread a packet costs the same.
const SAMPLE: (Duration, u32) = (Duration::from_millis(100), 8192);
/// Time after which one is timed also where there are few.
const SAMPLE_OF_FEW: Duration = Duration::from_secs(60);
/// Turns, as a mask, of which one is taken by chance when that time has passed: turns with and without packets may take turns.
const CHANCE: u32 = 15;

/// Why the hot hooks of a turn are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// They are not.
    None,
    /// To name one that is slow.
    Watch,
    /// To know what plugins cost; what is found stands for so many turns.
    Sample(u32),
}

/// Chooses the turns whose hot hooks are timed: those within a second after a turn that took too long, and of the others one in a
/// eight thousand or in a minute.
///
/// Every turn is timed as a whole, which costs nothing per packet; a hook that was slow made its turn slow, and the next time it
/// is slow within that second, it is named.
#[derive(Debug, Default)]
pub struct TurnTimer {
    watched_until: Option<Instant>,
    sampled: Option<Instant>,
    /// Turns since then.
    turns: u32,
    /// Turns to let pass until the next sample.
    skip: u32,
    chance: u32,
}

impl TurnTimer {
    /// How the next turn is timed; one has ended `now` that `took` so long, and `slow` is too long.
    #[inline]
    pub fn next(&mut self, now: Instant, took: Duration, slow: Duration) -> Timing {
        if took > slow {
            self.watched_until = Some(now + WATCH);
        }
        self.watched_until = self.watched_until.filter(|until| now < *until);
        self.turns = self.turns.saturating_add(1);
        if self.watched_until.is_some() {
            return Timing::Watch;
        }
        let since = self.sampled.map_or(Duration::MAX, |sampled| now.saturating_duration_since(sampled));
        let (time, turns) = SAMPLE;
        if since < SAMPLE_OF_FEW && (since < time || self.turns < turns) {
            return Timing::None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Timing::None;
        }
        // As much chance as it takes (Numerical Recipes' generator; its high bits are the good ones).
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.skip = (self.chance >> 16) & CHANCE;
        self.sampled = Some(now);
        Timing::Sample(std::mem::take(&mut self.turns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_millis(5);

    #[test]
    fn hooks_are_watched_for_a_second_after_a_slow_turn() {
        let start = Instant::now();
        let mut timer = TurnTimer::default();
        assert_ne!(timer.next(start, SLOW, SLOW), Timing::Watch);
        assert_eq!(timer.next(start, SLOW * 2, SLOW), Timing::Watch);
        assert_eq!(timer.next(start + WATCH / 2, Duration::ZERO, SLOW), Timing::Watch);
        assert_ne!(timer.next(start + WATCH, Duration::ZERO, SLOW), Timing::Watch);
    }

    #[test]
    fn some_turns_stand_for_all_of_them_and_no_phase_is_preferred() {
        // As many turns a second, and as many samples in a hundred seconds.
        for (rate, samples) in [(1000, 12..=13), (50, 2..=2), (20_000, 243..=245)] {
            let start = Instant::now();
            let mut timer = TurnTimer::default();
            let (mut sampled, mut turns, mut even) = (0, 0, 0);
            for n in 0..100 * rate {
                let now = start + Duration::from_secs(1) * n / rate;
                if let Timing::Sample(stands_for) = timer.next(now, Duration::ZERO, SLOW) {
                    (sampled, turns, even) = (sampled + 1, turns + stands_for, even + u32::from(n % 2 == 0));
                }
            }
            assert!(samples.contains(&sampled), "{rate}: {sampled}");
            assert!((60 * rate..=100 * rate).contains(&turns), "{rate}: {turns}");
            assert!(
                rate <= 1000 || (sampled * 35 / 100..=sampled * 65 / 100).contains(&even),
                "{even} of {sampled}"
            );
        }
    }
}
