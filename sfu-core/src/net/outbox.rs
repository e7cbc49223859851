//! The send slab: what one turn of the loop wants to send, grouped by route.
//!
//! The engine seals straight into a slot; the network layer sends each run of one route together.
use std::collections::HashMap;

use super::route::Route;

/// Size of a slot in bytes: one Ethernet payload with room to spare, a multiple of the cache line.
pub const SLOT_SIZE: usize = 1536;

/// The end of a run's chain of slots.
const END: u32 = u32::MAX;

/// The send slab of one media thread. In the steady state it allocates nothing.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    runs: Vec<Run>,
    /// Where a route's run is. A peer can choose its address, so the hash is seeded randomly.
    index: HashMap<Route, u32, foldhash::fast::RandomState>,
    /// The run of the last push.
    last: usize,
}

/// One datagram of this turn.
#[derive(Debug, Clone, Copy)]
struct Slot {
    len: u16,
    run: u32,
    /// The next slot of the same run.
    next: u32,
}

/// The datagrams of this turn that go one route, as a chain of slots.
#[derive(Debug, Clone, Copy)]
struct Run {
    route: Route,
    first: u32,
    last: u32,
}

impl Outbox {
    /// Lends the next slot to `fill`, which returns how many bytes it wrote; `None` sends nothing.
    ///
    /// The slot is [`SLOT_SIZE`] bytes long and its content is undefined. Returns whether a datagram was added.
    pub fn push(&mut self, route: Route, fill: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let start = self.slots.len() * SLOT_SIZE;
        if self.bytes.len() < start + SLOT_SIZE {
            self.bytes.resize(start + SLOT_SIZE, 0);
        }
        let Some(slot) = self.bytes.get_mut(start..start + SLOT_SIZE) else { return false };
        let Some(len) = fill(slot).filter(|&len| len <= SLOT_SIZE) else { return false };
        let Ok(position) = u32::try_from(self.slots.len()) else { return false };
        let run = self.run_of(route, position);
        if let Some(run) = self.runs.get_mut(run) {
            if let Some(before) = self.slots.get_mut(run.last as usize) {
                before.next = position;
            }
            run.last = position;
        }
        self.slots.push(Slot { len: len as u16, run: run as u32, next: END });
        self.last = run;
        true
    }

    /// The run of `route`, a new one beginning at `position` if it has none.
    ///
    /// Fan-out goes the same way for each packet, so the run after the last one is nearly always the right one, and a
    /// burst to one peer stays on the last: those two are tried before the hash.
    fn run_of(&mut self, route: Route, position: u32) -> usize {
        let after = if self.last + 1 < self.runs.len() { self.last + 1 } else { 0 };
        for guess in [after, self.last] {
            if self.runs.get(guess).is_some_and(|run| run.route == route) {
                return guess;
            }
        }
        let runs = &mut self.runs;
        let run = self.index.entry(route).or_insert_with(|| {
            runs.push(Run { route, first: position, last: END });
            (runs.len() - 1) as u32
        });
        *run as usize
    }

    /// How many datagrams wait.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing waits.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The datagrams in the order they were pushed.
    pub fn iter(&self) -> impl Iterator<Item = (Route, &[u8])> {
        self.slots.iter().zip(self.bytes.chunks_exact(SLOT_SIZE)).filter_map(|(slot, bytes)| {
            let run = self.runs.get(slot.run as usize)?;
            Some((run.route, bytes.get(..usize::from(slot.len))?))
        })
    }

    /// The routes in the order of their first datagram, each with its datagrams in the order they were pushed.
    pub(super) fn runs(&self) -> impl Iterator<Item = (&Route, RunDatagrams<'_>)> {
        self.runs.iter().map(|run| (&run.route, RunDatagrams { outbox: self, next: run.first }))
    }

    /// Forgets all datagrams; memory is kept.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.runs.clear();
        self.index.clear();
        self.last = 0;
    }
}

/// The datagrams of one route.
#[derive(Debug, Clone)]
pub(super) struct RunDatagrams<'a> {
    outbox: &'a Outbox,
    next: u32,
}

impl<'a> Iterator for RunDatagrams<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let position = self.next as usize;
        let slot = self.outbox.slots.get(position)?;
        self.next = slot.next;
        let start = position * SLOT_SIZE;
        self.outbox.bytes.get(start..start + usize::from(slot.len))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Protocol, SocketId};
    use super::*;

    fn route(port: u16) -> Route {
        Route {
            socket: SocketId(1),
            protocol: Protocol::Udp,
            remote: ([127, 0, 0, 1], port).into(),
            local: None,
        }
    }

    fn push(outbox: &mut Outbox, port: u16, bytes: &[u8]) {
        assert!(outbox.push(route(port), |slot| {
            slot[..bytes.len()].copy_from_slice(bytes);
            Some(bytes.len())
        }));
    }

    fn grouped(outbox: &Outbox) -> Vec<(u16, Vec<Vec<u8>>)> {
        outbox
            .runs()
            .map(|(route, datagrams)| (route.remote.port(), datagrams.map(<[u8]>::to_vec).collect()))
            .collect()
    }

    #[test]
    fn interleaved_routes_are_grouped_in_order() {
        let mut outbox = Outbox::default();
        // Fan-out, a burst, an order that no guess foresees, and a route that comes late.
        for (port, byte) in [(1, 1), (2, 2), (3, 3), (1, 4), (2, 5), (3, 6), (3, 7), (1, 8), (3, 9), (4, 10)]
        {
            push(&mut outbox, port, &[byte]);
        }
        let bytes = |list: &[u8]| list.iter().map(|&byte| vec![byte]).collect::<Vec<_>>();
        assert_eq!(
            grouped(&outbox),
            [(1, bytes(&[1, 4, 8])), (2, bytes(&[2, 5])), (3, bytes(&[3, 6, 7, 9])), (4, bytes(&[10]))]
        );
        let order: Vec<u8> = outbox.iter().map(|(_, bytes)| bytes[0]).collect();
        assert_eq!(order, (1..=10).collect::<Vec<u8>>());
        assert_eq!(outbox.iter().nth(8).unwrap().0, route(3));
    }

    #[test]
    fn a_cleared_outbox_starts_afresh() {
        let mut outbox = Outbox::default();
        push(&mut outbox, 1, b"old");
        outbox.clear();
        assert!(outbox.is_empty());
        assert!(grouped(&outbox).is_empty());
        push(&mut outbox, 2, b"new");
        assert_eq!(grouped(&outbox), [(2, vec![b"new".to_vec()])]);
    }

    #[test]
    fn a_slot_that_is_not_filled_sends_nothing() {
        let mut outbox = Outbox::default();
        assert!(!outbox.push(route(1), |_| None));
        assert!(!outbox.push(route(1), |_| Some(SLOT_SIZE + 1)));
        assert_eq!((outbox.len(), outbox.runs().count()), (0, 0));
        assert!(outbox.push(route(1), |slot| Some(slot.len())));
        assert_eq!(outbox.iter().next().unwrap().1.len(), SLOT_SIZE);
    }
}
