//! How hot hooks are run.
use std::time::{Duration, Instant};

use crate::plugin::slot::PluginSlot;

/// How hot hooks are run; chosen once per turn, not per packet.
pub trait Mode: Copy {
    /// Each hook is timed.
    const TIMED: bool = false;
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

impl Mode for Untimed {}

impl Mode for Timed {
    const TIMED: bool = true;
}

impl<M: Mode> Mode for Below<M> {
    const TIMED: bool = M::TIMED;
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

/// How long hooks are timed after a turn that took too long.
const WATCH: Duration = Duration::from_secs(1);

/// Chooses the turns whose hot hooks are timed: those within a second after a turn that took too long.
///
/// Every turn is timed as a whole, which costs nothing per packet; a hook that was slow made its turn slow, and the next time it
/// is slow within that second, it is named.
#[derive(Debug, Default)]
pub struct TurnTimer {
    timed_until: Option<Instant>,
}

impl TurnTimer {
    /// Whether the next turn is timed; one has ended `now` that `took` so long, and `slow` is too long.
    #[inline]
    pub fn is_timed(&mut self, now: Instant, took: Duration, slow: Duration) -> bool {
        if took > slow {
            self.timed_until = Some(now + WATCH);
        }
        self.timed_until = self.timed_until.filter(|until| now < *until);
        self.timed_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_timed_for_a_second_after_a_slow_turn() {
        let (start, slow) = (Instant::now(), Duration::from_millis(5));
        let mut timer = TurnTimer::default();
        assert!(!timer.is_timed(start, slow, slow));
        assert!(timer.is_timed(start, slow * 2, slow));
        assert!(timer.is_timed(start + WATCH / 2, Duration::ZERO, slow));
        assert!(!timer.is_timed(start + WATCH, Duration::ZERO, slow));
    }
}
