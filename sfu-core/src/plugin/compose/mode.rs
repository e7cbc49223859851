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

/// Each hook is timed: in turns after one that took too long, and in samples.
#[derive(Debug, Clone, Copy)]
pub struct Timed;

/// For what a plugin injected: only the plugins that the packet meets after it.
#[derive(Debug, Clone, Copy)]
pub struct Below(pub PluginSlot);

impl Mode for Untimed {}

impl Mode for Timed {
    const TIMED: bool = true;
}

impl Mode for Below {
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

/// One turn in so many is timed without a reason.
const SAMPLE: u32 = 64;

/// Chooses the turns whose hot hooks are timed: for a second after a turn that took too long, and one in 64.
#[derive(Debug, Default)]
pub struct TurnTimer {
    timed_until: Option<Instant>,
    turn: u32,
}

impl TurnTimer {
    /// Whether the turn that begins `now` is timed; `last` is how long the one before took, `slow` what is too long.
    #[inline]
    pub fn begin(&mut self, now: Instant, last: Duration, slow: Duration) -> bool {
        if last > slow {
            self.timed_until = Some(now + Duration::from_secs(1));
        }
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(SAMPLE) {
            return true;
        }
        match self.timed_until {
            Some(until) if now < until => true,
            Some(_) => {
                self.timed_until = None;
                false
            }
            None => false,
        }
    }
}
