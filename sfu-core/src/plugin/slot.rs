//! A plugin's place in its composition.

/// A plugin's place, counted from the end of the list (so that it is known at compile time): the last has 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginSlot(u8);

impl PluginSlot {
    /// Plugins of one composition at the most: the bits of a mask but one.
    pub const MAX: usize = 63;

    /// The bit that is no plugin's: outcomes wait for `done`.
    pub(crate) const OUTCOMES: PluginSlot = PluginSlot(63);

    /// The place with so many plugins after it, less than 63.
    pub const fn new(after: usize) -> Self {
        PluginSlot(after as u8)
    }

    /// For arrays of one value per plugin.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The plugin's bit in a mask.
    #[inline]
    pub const fn bit(self) -> u64 {
        1 << (self.0 & 63)
    }
}
