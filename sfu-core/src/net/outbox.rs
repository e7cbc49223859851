//! The send slab: what one turn of the loop wants to send, grouped by route.
//!
//! The engine seals straight into a slot; the network layer sends each run of one route together.
use std::time::{Duration, Instant};

use super::route::Route;

/// Size of a slot in bytes: one Ethernet payload with room to spare, a multiple of the cache line.
pub const SLOT_SIZE: usize = 1536;

/// The end of a run's chain of slots.
const END: u32 = u32::MAX;

/// Slots that are kept however little is sent: 96 KiB.
const KEPT: usize = 64;

/// Memory is given back when a quarter of it was enough for so long: longer than from one key frame to the next.
const CALM: Duration = Duration::from_secs(5);

/// Turns between two looks at the clock.
const TURNS: u32 = 64;

/// The send slab of one media thread. In the steady state it allocates nothing; what only a burst needed is given back.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    runs: Vec<Run>,
    /// Turns so far.
    turn: u32,
    /// The most slots that a turn took since `calm_since`.
    most: usize,
    calm_since: Option<Instant>,
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

/// Where the datagrams of one sender lie this turn, kept by the sender.
///
/// It takes the place of a look-up by route, whose cost would grow with the number of peers. It is only a hint: where there is no run of
/// the route, such as for a hint of an earlier turn, a new one begins.
#[derive(Debug, Clone, Copy)]
pub struct RunHint(u32);

impl Default for RunHint {
    fn default() -> Self {
        RunHint(u32::MAX)
    }
}

impl Outbox {
    /// Lends the next slot to `fill`, which returns how many bytes it wrote; `None` sends nothing.
    ///
    /// The slot is [`SLOT_SIZE`] bytes long and its content is undefined. Returns whether a datagram was added. Datagrams of one route
    /// keep their order among those that are pushed with the same `hint`.
    #[inline]
    pub fn push(
        &mut self,
        route: Route,
        hint: &mut RunHint,
        fill: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        let start = self.slots.len() * SLOT_SIZE;
        if self.bytes.len() < start + SLOT_SIZE {
            self.grow(start + SLOT_SIZE);
        }
        let Some(slot) = self.bytes.get_mut(start..start + SLOT_SIZE) else { return false };
        let Some(len) = fill(slot).filter(|&len| len <= SLOT_SIZE) else { return false };
        let Ok(position) = u32::try_from(self.slots.len()) else { return false };
        match self.runs.get_mut(hint.0 as usize).filter(|run| run.route == route) {
            Some(run) => {
                if let Some(before) = self.slots.get_mut(run.last as usize) {
                    before.next = position;
                }
                run.last = position;
            }
            None => {
                *hint = RunHint(self.runs.len() as u32);
                self.runs.push(Run { route, first: position, last: position });
            }
        }
        self.slots.push(Slot { len: len as u16, run: hint.0, next: END });
        true
    }

    /// [`push`](Self::push) for a sender of single datagrams: it begins a run of its own.
    pub fn push_single(&mut self, route: Route, fill: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        self.push(route, &mut RunHint::default(), fill)
    }

    #[cold]
    fn grow(&mut self, size: usize) {
        self.bytes.resize(size, 0);
    }

    /// A hint at the run of `route`, searched for.
    #[cfg(test)]
    pub fn hint_of(&self, route: &Route) -> RunHint {
        let run = self.runs.iter().rposition(|run| run.route == *route).unwrap_or_default();
        RunHint(run as u32)
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

    /// Forgets all datagrams. Memory is kept, but for what was not needed for seconds.
    pub fn clear(&mut self) {
        self.most = self.most.max(self.slots.len());
        self.slots.clear();
        self.runs.clear();
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(TURNS) {
            self.shrink(Instant::now());
        }
    }

    /// Gives back what only a burst needed, once it is over for a while.
    #[cold]
    fn shrink(&mut self, now: Instant) {
        let since = *self.calm_since.get_or_insert(now);
        if now.saturating_duration_since(since) < CALM {
            return;
        }
        let (enough, has) = (self.most.max(KEPT), self.bytes.capacity() / SLOT_SIZE);
        if has > 4 * enough {
            self.bytes.truncate(2 * enough * SLOT_SIZE);
            self.bytes.shrink_to(2 * enough * SLOT_SIZE);
            self.slots.shrink_to(2 * enough);
            self.runs.shrink_to(2 * enough);
        }
        (self.most, self.calm_since) = (0, Some(now));
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
    use std::collections::HashMap;

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

    /// What a sender to each port knows of its run.
    type Hints = HashMap<u16, RunHint>;

    fn push(outbox: &mut Outbox, hints: &mut Hints, port: u16, bytes: &[u8]) {
        assert!(outbox.push(route(port), hints.entry(port).or_default(), |slot| {
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
        let (mut outbox, mut hints) = (Outbox::default(), Hints::new());
        // Fan-out, a burst, another order, and a route that comes late.
        for (port, byte) in [(1, 1), (2, 2), (3, 3), (1, 4), (2, 5), (3, 6), (3, 7), (1, 8), (3, 9), (4, 10)]
        {
            push(&mut outbox, &mut hints, port, &[byte]);
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
        let (mut outbox, mut hints) = (Outbox::default(), Hints::new());
        push(&mut outbox, &mut hints, 1, b"old");
        outbox.clear();
        assert!(outbox.is_empty());
        assert!(grouped(&outbox).is_empty());
        push(&mut outbox, &mut hints, 2, b"new");
        push(&mut outbox, &mut hints, 1, b"newer");
        assert_eq!(grouped(&outbox), [(2, vec![b"new".to_vec()]), (1, vec![b"newer".to_vec()])]);
    }

    #[test]
    fn a_hint_of_another_route_sends_nothing_astray() {
        let (mut outbox, mut hint) = (Outbox::default(), RunHint::default());
        // A peer that changes its address, and back.
        for (port, byte) in [(1, 1), (1, 2), (2, 3), (2, 4), (1, 5)] {
            let added = outbox.push(route(port), &mut hint, |slot| {
                slot[0] = byte;
                Some(1)
            });
            assert!(added);
        }
        let expected = [(1, vec![vec![1], vec![2]]), (2, vec![vec![3], vec![4]]), (1, vec![vec![5]])];
        assert_eq!(grouped(&outbox), expected);
    }

    #[test]
    fn a_single_datagram_joins_no_run_and_parts_none() {
        let (mut outbox, mut hint) = (Outbox::default(), RunHint::default());
        assert!(outbox.push(route(1), &mut hint, |_| Some(1)));
        assert!(outbox.push_single(route(1), |_| Some(2)));
        assert!(outbox.push(route(1), &mut hint, |_| Some(3)));
        let lens: Vec<Vec<usize>> =
            outbox.runs().map(|(_, datagrams)| datagrams.map(<[u8]>::len).collect()).collect();
        assert_eq!(lens, [vec![1, 3], vec![2]]);
    }

    #[test]
    fn a_slot_that_is_not_filled_sends_nothing() {
        let mut outbox = Outbox::default();
        assert!(!outbox.push_single(route(1), |_| None));
        assert!(!outbox.push_single(route(1), |_| Some(SLOT_SIZE + 1)));
        assert_eq!((outbox.len(), outbox.runs().count()), (0, 0));
        assert!(outbox.push_single(route(1), |slot| Some(slot.len())));
        assert_eq!(outbox.iter().next().unwrap().1.len(), SLOT_SIZE);
    }

    /// Turns of `count` datagrams each.
    fn turns(outbox: &mut Outbox, turns: u32, count: usize) {
        for _ in 0..turns {
            for _ in 0..count {
                outbox.push_single(route(1), |_| Some(1));
            }
            outbox.clear();
        }
    }

    #[test]
    fn memory_of_a_burst_is_given_back_when_seconds_have_passed_without_another() {
        let (mut outbox, start) = (Outbox::default(), Instant::now());
        outbox.shrink(start);
        turns(&mut outbox, 1, 4000);
        let burst = outbox.bytes.capacity();
        assert!(burst >= 4000 * SLOT_SIZE);
        turns(&mut outbox, 10, 100);
        outbox.shrink(start + CALM - Duration::from_millis(1));
        assert_eq!(outbox.bytes.capacity(), burst, "too early");
        outbox.shrink(start + CALM);
        assert_eq!(outbox.bytes.capacity(), burst, "the burst is within the time that is judged");
        turns(&mut outbox, 10, 100);
        outbox.shrink(start + 2 * CALM);
        assert_eq!(outbox.bytes.capacity(), 200 * SLOT_SIZE, "twice what was needed since");
        turns(&mut outbox, 1, 150);
        outbox.shrink(start + 3 * CALM);
        assert_eq!(outbox.bytes.capacity(), 200 * SLOT_SIZE, "what is in use stays");
    }

    #[test]
    fn an_outbox_looks_at_the_clock_by_itself() {
        let mut outbox = Outbox::default();
        turns(&mut outbox, TURNS, 1);
        assert!(outbox.calm_since.is_some());
    }
}
