//! How much of the way to another media thread one plugin may take: what it makes must not crowd out what others send.
use crate::engine::RELAY_RING;
use crate::plugin::PluginSlot;

/// Packets that one plugin may make for one other media thread in a turn.
const SHARE: u16 = (RELAY_RING / 2) as u16;

/// Places on the way that are left to what the network brings.
const SPARE: usize = RELAY_RING / 4;

/// Media threads that packets may go to; more share the counts of others.
const THREADS: usize = 64;

/// What plugins made for other media threads in this turn.
pub(super) struct RelayShare {
    made: Box<[[u16; PluginSlot::MAX]; THREADS]>,
    dirty: bool,
}

impl RelayShare {
    pub(super) fn new() -> Self {
        RelayShare { made: Box::new([[0; PluginSlot::MAX]; THREADS]), dirty: false }
    }

    /// One more packet for a media thread, made by the plugin with this index. Answers how many places it has to leave free;
    /// none: the plugin has had its share.
    #[cold]
    pub(super) fn take(&mut self, worker: u8, plugin: u64) -> Option<usize> {
        self.dirty = true;
        let made =
            self.made.get_mut(usize::from(worker) % THREADS)?.get_mut(usize::try_from(plugin).ok()?)?;
        if *made >= SHARE {
            return None;
        }
        *made += 1;
        Some(SPARE)
    }

    /// A turn ends.
    #[inline]
    pub(super) fn end_turn(&mut self) {
        if self.dirty {
            *self.made = [[0; PluginSlot::MAX]; THREADS];
            self.dirty = false;
        }
    }
}
