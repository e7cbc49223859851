//! The send slab: what one turn of the loop wants to send, grouped by route.
//!
//! The engine seals straight into a slot; the network layer sends each run of one route together.
use super::route::Route;

/// Size of a slot in bytes: one Ethernet payload with room to spare, a multiple of the cache line.
pub const SLOT_SIZE: usize = 1536;

/// The send slab of one media thread. In the steady state it allocates nothing.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
}

/// One datagram of this turn.
#[derive(Debug, Clone, Copy)]
struct Slot {
    route: Route,
    len: u16,
}

impl Outbox {
    /// Lends the next slot to `fill`, which returns how many bytes it wrote; `None` sends nothing.
    ///
    /// The slot is [`SLOT_SIZE`] bytes long and its content is undefined.
    pub fn push(&mut self, route: Route, fill: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let start = self.slots.len() * SLOT_SIZE;
        if self.bytes.len() < start + SLOT_SIZE {
            self.bytes.resize(start + SLOT_SIZE, 0);
        }
        let Some(slot) = self.bytes.get_mut(start..start + SLOT_SIZE) else { return false };
        match fill(slot) {
            Some(len) if len <= SLOT_SIZE => {
                self.slots.push(Slot { route, len: len as u16 });
                true
            }
            _ => false,
        }
    }

    /// How many datagrams wait.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The datagrams in the order they were pushed.
    pub fn iter(&self) -> impl Iterator<Item = (Route, &[u8])> {
        self.slots
            .iter()
            .zip(self.bytes.chunks_exact(SLOT_SIZE))
            .map(|(slot, bytes)| (slot.route, bytes.get(..usize::from(slot.len)).unwrap_or_default()))
    }

    /// Forgets all datagrams; memory is kept.
    pub fn clear(&mut self) {
        self.slots.clear();
    }
}
