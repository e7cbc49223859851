//! How hot hooks are run.
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
