//! The packets of one encoding, kept for retransmission once for all its consumers.

use std::time::{Duration, Instant};

const FIRST_SLOTS: usize = 64;

/// How long and how many packets a [`RetransmissionStore`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreLimits {
    /// The most sequence numbers between the oldest and the newest packet kept.
    pub(crate) packets: usize,
    /// Older packets are evicted.
    pub(crate) age: Duration,
}

impl StoreLimits {
    /// Video: 2500 packets, 2 s.
    pub(crate) const VIDEO: Self = Self { packets: 2500, age: Duration::from_secs(2) };
    /// Audio: 256 packets, 1 s.
    pub(crate) const AUDIO: Self = Self { packets: 256, age: Duration::from_secs(1) };
}

#[derive(Debug, Clone)]
struct Slot<T> {
    /// Low half of the extended sequence number: the span kept is far shorter than 2³².
    number: u32,
    /// Milliseconds since the store's epoch, modulo 2³².
    at: u32,
    packet: Option<T>,
}

/// A ring of packet handles keyed by the producer's extended sequence number; 16 bytes for each of them with an 8-byte handle.
///
/// It begins with 64 slots at the first packet, doubles while the limits want it, and is released when it runs empty. Whatever leaves it is handed
/// to the caller's `evicted`, so that buffers can be reused.
#[derive(Debug)]
pub(crate) struct RetransmissionStore<T> {
    slots: Vec<Slot<T>>,
    limits: StoreLimits,
    epoch: Option<Instant>,
    /// When the last packet came.
    last: Option<Instant>,
    /// Packets are within `oldest..=newest`, which is shorter than the ring.
    oldest: u64,
    newest: u64,
    len: usize,
}

impl<T> RetransmissionStore<T> {
    /// An empty store; it takes no memory until the first packet.
    pub(crate) fn new(limits: StoreLimits) -> Self {
        Self { slots: Vec::new(), limits, epoch: None, last: None, oldest: 0, newest: 0, len: 0 }
    }

    /// Keeps a packet. One that is older than what the limits allow, or that replaces another, makes the loser evicted.
    pub(crate) fn insert(&mut self, now: Instant, extended_seq: u64, packet: T, mut evicted: impl FnMut(T)) {
        if self.limits.packets == 0 {
            return evicted(packet);
        }
        let at = self.millis(now);
        self.evict_old(at, &mut evicted);
        if self.len == 0 {
            self.oldest = extended_seq;
            self.newest = extended_seq;
        } else if extended_seq > self.newest {
            self.make_room(extended_seq, &mut evicted);
            self.newest = extended_seq;
        } else if extended_seq < self.oldest {
            // Late, from before the oldest kept: it is kept only if the limit leaves room below.
            if self.newest - extended_seq >= self.limits.packets as u64 {
                return evicted(packet);
            }
            self.grow(self.newest - extended_seq);
            self.oldest = extended_seq;
        }
        self.grow(self.newest - self.oldest);
        let Some(slot) = self.slot_mut(extended_seq) else { return evicted(packet) };
        slot.number = extended_seq as u32;
        slot.at = at;
        match slot.packet.replace(packet) {
            Some(replaced) => evicted(replaced),
            None => self.len += 1,
        }
        self.last = Some(now);
    }

    /// The packet with that number, if it is still kept. It may have outlived the age limit until the next insert or expiry.
    pub(crate) fn get(&self, extended_seq: u64) -> Option<&T> {
        if self.len == 0 || extended_seq < self.oldest || extended_seq > self.newest {
            return None;
        }
        let slot = self.slots.get(self.index(extended_seq))?;
        slot.packet.as_ref().filter(|_| slot.number == extended_seq as u32)
    }

    /// Evicts what is over age; releases the ring when nothing is left.
    pub(crate) fn expire(&mut self, now: Instant, mut evicted: impl FnMut(T)) {
        let at = self.millis(now);
        self.evict_old(at, &mut evicted);
        if self.len == 0 {
            self.slots = Vec::new();
        }
    }

    /// Evicts everything and releases the ring: the stream is closed or paused.
    pub(crate) fn clear(&mut self, mut evicted: impl FnMut(T)) {
        for slot in self.slots.drain(..) {
            if let Some(packet) = slot.packet {
                evicted(packet);
            }
        }
        self.slots = Vec::new();
        self.len = 0;
    }

    /// When all that is kept is over age; `None` while empty.
    ///
    /// While packets come, each evicts what has grown old: only a stream that fell silent needs to be looked at.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.last.filter(|_| self.len > 0).map(|last| last + self.limits.age)
    }

    /// How many packets are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn millis(&mut self, now: Instant) -> u32 {
        let epoch = *self.epoch.get_or_insert(now);
        now.saturating_duration_since(epoch).as_millis() as u32
    }

    fn index(&self, extended_seq: u64) -> usize {
        // The ring's length is a power of two or zero; in an empty ring every look-up fails.
        extended_seq as usize & self.slots.len().wrapping_sub(1)
    }

    fn slot_mut(&mut self, extended_seq: u64) -> Option<&mut Slot<T>> {
        let index = self.index(extended_seq);
        self.slots.get_mut(index)
    }

    /// Takes the packet out of the oldest place and moves on to the next.
    fn pop_oldest(&mut self, evicted: &mut impl FnMut(T)) {
        if let Some(packet) = self.slot_mut(self.oldest).and_then(|slot| slot.packet.take()) {
            self.len -= 1;
            evicted(packet);
        }
        self.oldest += 1;
    }

    fn evict_old(&mut self, at: u32, evicted: &mut impl FnMut(T)) {
        let limit = i32::try_from(self.limits.age.as_millis()).unwrap_or(i32::MAX);
        while self.len > 0 {
            let oldest = self.slots.get(self.index(self.oldest));
            let is_young =
                |slot: &Slot<T>| slot.packet.is_some() && (at.wrapping_sub(slot.at) as i32) < limit;
            if oldest.is_some_and(is_young) {
                return;
            }
            self.pop_oldest(evicted);
        }
    }

    /// Evicts from the oldest on until `to` fits into the limit.
    fn make_room(&mut self, to: u64, evicted: &mut impl FnMut(T)) {
        while self.len > 0 && to - self.oldest >= self.limits.packets as u64 {
            self.pop_oldest(evicted);
        }
        if self.len == 0 {
            self.oldest = to;
        }
    }

    /// Makes the ring long enough for numbers that are `span` apart; `span` is below the limit.
    fn grow(&mut self, span: u64) {
        if span < self.slots.len() as u64 {
            return;
        }
        let len = (span as usize + 1).next_power_of_two().max(FIRST_SLOTS);
        let mut grown: Vec<Slot<T>> = Vec::with_capacity(len);
        grown.resize_with(len, || Slot { number: 0, at: 0, packet: None });
        for slot in self.slots.drain(..).filter(|slot| slot.packet.is_some()) {
            if let Some(place) = grown.get_mut(slot.number as usize & (len - 1)) {
                *place = slot;
            }
        }
        self.slots = grown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    const BASE: u64 = (1 << 32) + 65_500;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_slot_is_16_bytes() {
        assert_eq!(size_of::<Slot<Rc<[u8; 1500]>>>(), 16);
    }

    #[test]
    fn what_was_stored_is_found_and_nothing_else() {
        let now = Instant::now();
        let mut store = RetransmissionStore::new(StoreLimits::VIDEO);
        for i in (0..200).filter(|i| i % 3 != 0) {
            store.insert(now, BASE + i, Rc::new(i), |_| panic!("nothing to evict"));
        }
        for i in 0..200 {
            assert_eq!(store.get(BASE + i).map(|p| **p), (i % 3 != 0).then_some(i));
        }
        assert_eq!(store.get(BASE - 64), None);
        assert_eq!(store.get(BASE + 256), None);
        assert_eq!(store.get(BASE + 1 + (1 << 32)), None);
    }

    #[test]
    fn old_packets_are_evicted_on_insert_and_the_rest_when_the_stream_fell_silent() {
        let now = Instant::now();
        let mut store = RetransmissionStore::new(StoreLimits::AUDIO);
        let mut gone = Vec::new();
        for i in 0..10 {
            store.insert(now + ms(100 * i), BASE + i, i, |p| gone.push(p));
        }
        assert_eq!(store.next_deadline(), Some(now + ms(1900)));
        store.insert(now + ms(1150), BASE + 10, 10, |p| gone.push(p));
        assert_eq!(gone, [0, 1]);
        assert_eq!(store.get(BASE + 1), None);
        store.expire(now + ms(1850), |p| gone.push(p));
        assert_eq!(gone, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!((store.len(), store.next_deadline()), (2, Some(now + ms(2150))));
        store.expire(now + ms(2150), |p| gone.push(p));
        assert_eq!((gone.len(), store.next_deadline()), (11, None));
    }

    #[test]
    fn an_empty_store_holds_no_memory() {
        let now = Instant::now();
        let mut store = RetransmissionStore::new(StoreLimits::AUDIO);
        assert_eq!(store.slots.capacity(), 0);
        store.insert(now, BASE, 1, drop);
        store.expire(now + ms(1000), drop);
        assert_eq!((store.len(), store.slots.capacity(), store.next_deadline()), (0, 0, None));
        assert_eq!(store.get(BASE), None);
        store.insert(now + ms(5000), BASE + 9, 2, drop);
        assert_eq!(store.get(BASE + 9), Some(&2));
    }

    #[test]
    fn the_number_of_packets_is_limited() {
        let now = Instant::now();
        let mut store = RetransmissionStore::new(StoreLimits::VIDEO);
        let mut gone = 0;
        for i in 0..10_000 {
            store.insert(now, BASE + i, i, |_| gone += 1);
        }
        assert_eq!((store.len(), gone), (2500, 7500));
        assert_eq!(store.slots.len(), 4096);
        assert_eq!(store.get(BASE + 7499), None);
        assert_eq!(store.get(BASE + 7500), Some(&7500));
    }

    #[test]
    fn a_hostile_jump_evicts_all_and_takes_no_memory() {
        let now = Instant::now();
        let mut store = RetransmissionStore::new(StoreLimits::VIDEO);
        let mut gone = Vec::new();
        store.insert(now, BASE, 1, |p| gone.push(p));
        store.insert(now, u64::MAX - 1, 2, |p| gone.push(p));
        assert_eq!((gone, store.slots.len(), store.get(u64::MAX - 1)), (vec![1], FIRST_SLOTS, Some(&2)));
    }

    #[test]
    fn a_late_packet_is_kept_while_there_is_room() {
        let now = Instant::now();
        let mut store = RetransmissionStore::new(StoreLimits { packets: 100, age: ms(1000) });
        let mut gone = Vec::new();
        store.insert(now, BASE + 100, 1, |p| gone.push(p));
        store.insert(now, BASE + 1, 2, |p| gone.push(p));
        store.insert(now, BASE, 3, |p| gone.push(p));
        assert_eq!((store.get(BASE + 1), store.get(BASE)), (Some(&2), None));
        assert_eq!(gone, [3]);
        store.insert(now, BASE + 1, 4, |p| gone.push(p));
        assert_eq!((store.get(BASE + 1), gone), (Some(&4), vec![3, 2]));
    }

    #[test]
    fn a_store_of_nothing_keeps_nothing() {
        let mut store = RetransmissionStore::new(StoreLimits { packets: 0, age: ms(1000) });
        let mut gone = 0;
        store.insert(Instant::now(), BASE, (), |()| gone += 1);
        assert_eq!((store.len(), gone), (0, 1));
    }

    proptest! {
        #[test]
        fn handles_are_neither_lost_nor_doubled(
            steps in proptest::collection::vec((0u8..10, 0u64..150, 0u64..40), 1..600),
        ) {
            let limits = StoreLimits { packets: 100, age: ms(500) };
            let mut store = RetransmissionStore::new(limits);
            let mut now = Instant::now();
            let mut at = BASE;
            let mut inside: BTreeMap<u64, u64> = BTreeMap::new();
            let mut next = 0;
            for (kind, by, step) in steps {
                now += ms(step);
                let mut gone = Vec::new();
                if kind == 0 {
                    store.expire(now, |handle| gone.push(handle));
                } else {
                    let seq = if kind < 3 { at - by } else { at + by % 5 };
                    at = at.max(seq);
                    store.insert(now, seq, next, |handle| gone.push(handle));
                    inside.insert(next, seq);
                    next += 1;
                }
                for handle in gone {
                    prop_assert!(inside.remove(&handle).is_some(), "evicted twice");
                }
                prop_assert_eq!(store.len(), inside.len());
                prop_assert!(store.slots.len() <= 128);
                for (handle, seq) in &inside {
                    prop_assert_eq!(store.get(*seq), Some(handle));
                }
            }
            let mut rest = 0;
            store.clear(|_| rest += 1);
            prop_assert_eq!(rest, inside.len());
        }
    }
}
