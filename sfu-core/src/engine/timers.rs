//! Deadlines of many transports, the earliest first.
use std::time::Instant;

use crate::control::{EntityId, RawId, TransportId};

/// Entries below one entry of the heap: with four it is half as deep as with two, and they share a cache line or two.
const CHILDREN: usize = 4;

/// The place of a transport that has no entry.
const NOWHERE: u32 = u32::MAX;

/// When each transport wants to be looked at next.
///
/// A heap with one entry for each transport that is armed, which is moved when the transport is armed for an earlier time: with a
/// thousand transports, entries that no longer count would be most of it. Of a transport that is closed the entry stays until it is due.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: Vec<Entry>,
    /// Where in the heap the transport with each index is.
    places: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    deadline: Instant,
    transport: RawId,
}

impl Timers {
    /// Arms `transport` for `deadline` unless it is `armed` for an earlier time.
    #[inline]
    pub(crate) fn arm(&mut self, transport: TransportId, armed: &mut Option<Instant>, deadline: Instant) {
        if armed.is_none_or(|armed| deadline < armed) {
            *armed = Some(deadline);
            self.set(Entry { deadline, transport: transport.raw() });
        }
    }

    /// How many entries there are, those of closed transports too.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|entry| entry.deadline)
    }

    /// Takes the next transport that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<TransportId> {
        let first = *self.heap.first().filter(|entry| entry.deadline <= now)?;
        self.note(first.transport, NOWHERE);
        let last = self.heap.pop()?;
        if !self.heap.is_empty() {
            self.sink(0, last);
        }
        Some(TransportId::from_raw(first.transport))
    }

    /// Puts an entry into the place of the transport's former one, or, if it has none, into a new one.
    fn set(&mut self, entry: Entry) {
        let index = entry.transport.index();
        if self.places.len() <= index {
            self.places.resize(index + 1, NOWHERE);
        }
        let place = self.places.get(index).map_or(NOWHERE, |place| *place) as usize;
        match self.heap.get(place).map(|former| former.deadline) {
            None => {
                self.heap.push(entry);
                self.rise(self.heap.len() - 1, entry);
            }
            Some(former) if entry.deadline < former => self.rise(place, entry),
            // It stood for a transport that had the index before.
            Some(_) => self.sink(place, entry),
        }
    }

    /// Moves an entry up from `place` until none above it is later.
    fn rise(&mut self, mut place: usize, entry: Entry) {
        while let Some(above) = place.checked_sub(1).map(|below| below / CHILDREN)
            && let Some(parent) = self.heap.get(above).copied()
            && entry.deadline < parent.deadline
        {
            self.put(place, parent);
            place = above;
        }
        self.put(place, entry);
    }

    /// Moves an entry down from `place` until none below it is earlier.
    fn sink(&mut self, mut place: usize, entry: Entry) {
        loop {
            let first = place * CHILDREN + 1;
            let children = self.heap.get(first..self.heap.len().min(first + CHILDREN)).unwrap_or_default();
            let earliest = children.iter().enumerate().min_by_key(|(_, child)| child.deadline);
            let Some((offset, child)) = earliest.filter(|(_, child)| child.deadline < entry.deadline) else {
                break;
            };
            let child = *child;
            self.put(place, child);
            place = first + offset;
        }
        self.put(place, entry);
    }

    fn put(&mut self, place: usize, entry: Entry) {
        if let Some(slot) = self.heap.get_mut(place) {
            *slot = entry;
        }
        self.note(entry.transport, place as u32);
    }

    fn note(&mut self, transport: RawId, place: u32) {
        if let Some(slot) = self.places.get_mut(transport.index()) {
            *slot = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn id(index: u32, generation: u32) -> TransportId {
        TransportId::from_raw(RawId::new(2, index, generation))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_earliest_deadline_comes_first_and_arming_later_changes_nothing() {
        let mut timers = Timers::default();
        let start = Instant::now();
        let mut armed = None;
        timers.arm(id(7, 9), &mut armed, start + seconds(2));
        timers.arm(id(7, 9), &mut armed, start + seconds(3));
        assert_eq!((timers.next(), armed), (Some(start + seconds(2)), Some(start + seconds(2))));
        timers.arm(id(3, 0), &mut None, start + seconds(1));
        assert_eq!(timers.pop_due(start), None);
        assert_eq!(timers.pop_due(start + seconds(9)), Some(id(3, 0)));
        assert_eq!(timers.pop_due(start + seconds(9)), Some(id(7, 9)));
        assert_eq!(timers.pop_due(start + seconds(9)), None);
    }

    #[test]
    fn a_transport_that_is_armed_over_and_over_has_one_entry() {
        let mut timers = Timers::default();
        let start = Instant::now();
        let mut armed = None;
        for earlier in (0..1000).rev() {
            timers.arm(id(7, 9), &mut armed, start + seconds(earlier));
        }
        assert_eq!((timers.len(), timers.next()), (1, Some(start)));
    }

    #[test]
    fn who_takes_the_place_of_a_closed_transport_is_armed_for_its_own_time() {
        let mut timers = Timers::default();
        let start = Instant::now();
        timers.arm(id(7, 0), &mut None, start + seconds(1));
        timers.arm(id(8, 0), &mut None, start + seconds(2));
        timers.arm(id(7, 1), &mut None, start + seconds(3));
        assert_eq!(timers.pop_due(start + seconds(9)), Some(id(8, 0)));
        assert_eq!(timers.pop_due(start + seconds(9)), Some(id(7, 1)));
        assert_eq!(timers.pop_due(start + seconds(9)), None);
    }

    proptest! {
        #[test]
        fn everybody_is_told_at_the_earliest_time_armed_for_and_in_order(
            steps in proptest::collection::vec((0u32..40, 0u64..1000), 1..400),
        ) {
            let start = Instant::now();
            let at = |millis: u64| start + Duration::from_millis(millis);
            let mut timers = Timers::default();
            let mut armed: BTreeMap<u32, Option<Instant>> = BTreeMap::new();
            let mut now = 0;
            for (index, millis) in steps {
                if index % 4 == 0 {
                    now = now.max(millis / 2);
                    let mut before = None;
                    while let Some(due) = timers.pop_due(at(now)) {
                        let deadline = armed.insert(due.raw().index() as u32, None).flatten();
                        prop_assert!(deadline.is_some_and(|deadline| deadline <= at(now)) && deadline >= before);
                        before = deadline;
                    }
                } else {
                    timers.arm(id(index, 0), armed.entry(index).or_default(), at(millis));
                }
                let armed = armed.values().flatten();
                prop_assert_eq!((timers.len(), timers.next()), (armed.clone().count(), armed.min().copied()));
            }
        }
    }
}
