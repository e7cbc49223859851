//! What left for one consumer, under the number that it left with.

use std::time::Duration;

const FIRST_SLOTS: usize = 32;
/// How often one packet is sent again; a receiver that asks more often is not helped by more.
pub(crate) const MAX_RESENDS: u8 = 20;
/// Shortest time between two resends of one packet, whatever round trip the receiver claims.
const MIN_RESEND_INTERVAL: Duration = Duration::from_millis(5);

/// How many packets a [`SendHistory`] remembers, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HistoryLimits {
    /// The most packets; rounded up to a power of two. 0 remembers nothing.
    pub(crate) packets: usize,
    /// Older packets need not be remembered: the ring only grows for younger ones.
    pub(crate) age: Duration,
}

impl HistoryLimits {
    /// Video: 1024 packets, 2 s.
    pub(crate) const VIDEO: Self = Self { packets: 1024, age: Duration::from_secs(2) };
    /// Audio: 256 packets, 1 s.
    pub(crate) const AUDIO: Self = Self { packets: 256, age: Duration::from_secs(1) };
    /// For a consumer that can't ask again.
    pub(crate) const NONE: Self = Self { packets: 0, age: Duration::ZERO };
}

/// One packet as it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Departed<E, H> {
    /// Its number in the producer's stream: the key into the retransmission store.
    pub(crate) extended_seq: u64,
    /// What it takes to write the same bytes again: timestamp offset, encoding, marker bits; small.
    pub(crate) payload: E,
    /// The private copy that left instead of the shared packet, when a hook changed it.
    pub(crate) private: Option<H>,
}

/// The answer to a NACK for one number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Nacked<'a, E, H> {
    /// Send this again. It has been noted as sent.
    Resend {
        /// What left under that number.
        entry: Departed<E, &'a H>,
        /// This is its so-manieth resend, from 1.
        resends: u8,
    },
    /// It was sent again less than a round trip ago, or often enough: send nothing.
    TooSoon,
    /// Never left, or forgotten.
    Unknown,
}

#[derive(Debug, Clone)]
struct Slot<E, H> {
    /// Low half of the producer's extended number; the whole follows from the newest one.
    number: u32,
    /// Departure, then the last resend.
    at: u32,
    private: Option<H>,
    payload: E,
    seq: u16,
    resends: u8,
    used: bool,
}

/// A ring from a consumer's sequence numbers to what left under them; 24 bytes for each with a 4-byte payload and an 8-byte handle.
///
/// It begins with 32 slots and doubles while packets young enough to be asked for would be overwritten. Private copies that leave it are
/// handed to the caller's `evicted`. Moments are milliseconds since any epoch, modulo 2³².
#[derive(Debug)]
pub(crate) struct SendHistory<E, H> {
    slots: Vec<Slot<E, H>>,
    /// The most packets: 0 or a power of two.
    limit: usize,
    /// Milliseconds for which packets are remembered at the least.
    age: u32,
    /// The last number that left, and the producer's number of what left.
    newest: Option<(u16, u64)>,
    /// How many private copies are held.
    privates: usize,
}

impl<E: Copy + Default, H> SendHistory<E, H> {
    /// An empty history; it takes no memory until the first packet.
    pub(crate) fn new(limits: HistoryLimits) -> Self {
        // Half of the numbers at most, so that a slot's number says which cycle it is of.
        let limit = if limits.packets == 0 { 0 } else { limits.packets.next_power_of_two().min(1 << 15) };
        Self { slots: Vec::new(), limit, age: limits.age.as_millis() as u32, newest: None, privates: 0 }
    }

    /// Remembers what left as `seq`. Numbers skipped are unknown until a late packet fills them.
    #[inline]
    pub(crate) fn sent(&mut self, at: u32, seq: u16, entry: Departed<E, H>, mut evicted: impl FnMut(H)) {
        if self.limit == 0 {
            entry.private.into_iter().for_each(evicted);
            return;
        }
        let ahead = self.newest.map_or(1, |(newest, _)| seq.wrapping_sub(newest) as i16);
        // A packet that fills a gap (repaired on its way to us) has a number below the newest.
        let is_late = ahead < 0;
        if ahead > 1 {
            self.forget_skipped(seq, ahead as u16, &mut evicted);
        }
        self.grow_for(seq, at);
        let index = self.index(seq);
        let Some(slot) = self.slots.get_mut(index) else { return };
        if let Some(private) = slot.private.take() {
            self.privates -= 1;
            evicted(private);
        }
        self.privates += usize::from(entry.private.is_some());
        *slot = Slot {
            number: entry.extended_seq as u32,
            at,
            private: entry.private,
            payload: entry.payload,
            seq,
            resends: 0,
            used: true,
        };
        if !is_late {
            self.newest = Some((seq, entry.extended_seq));
        }
    }

    /// Answers the receiver's NACK for `seq`; a packet is sent again at most once in a round trip and [`MAX_RESENDS`] times in all.
    pub(crate) fn nacked(&mut self, at: u32, seq: u16, round_trip: Duration) -> Nacked<'_, E, H> {
        let index = self.index(seq);
        let Some((_, newest)) = self.newest else { return Nacked::Unknown };
        let Some(slot) = self.slots.get_mut(index).filter(|slot| slot.used && slot.seq == seq) else {
            return Nacked::Unknown;
        };
        let interval = round_trip.max(MIN_RESEND_INTERVAL).as_millis() as u32;
        if slot.resends >= MAX_RESENDS || (slot.resends > 0 && at.wrapping_sub(slot.at) < interval) {
            return Nacked::TooSoon;
        }
        slot.at = at;
        slot.resends += 1;
        Nacked::Resend {
            entry: Departed {
                extended_seq: widen(newest, slot.number),
                payload: slot.payload,
                private: slot.private.as_ref(),
            },
            resends: slot.resends,
        }
    }

    /// Hands out private copies that left (or were last resent) longer than the age limit ago: the pool needs them back. Such packets are
    /// then unknown, never replaced by the shared packet.
    ///
    /// Costs nothing while no private copy is held.
    pub(crate) fn expire(&mut self, at: u32, mut evicted: impl FnMut(H)) {
        if self.privates == 0 {
            return;
        }
        let age = self.age;
        for slot in self.slots.iter_mut().filter(|slot| slot.private.is_some()) {
            if at.wrapping_sub(slot.at) >= age {
                slot.used = false;
                self.privates -= 1;
                slot.private.take().into_iter().for_each(&mut evicted);
            }
        }
    }

    /// How many private copies are held.
    #[cfg(test)]
    pub(crate) fn privates(&self) -> usize {
        self.privates
    }

    /// Forgets everything and releases the ring: the consumer is closed, or its stream restarts.
    pub(crate) fn clear(&mut self, evicted: impl FnMut(H)) {
        std::mem::take(&mut self.slots).into_iter().filter_map(|slot| slot.private).for_each(evicted);
        self.newest = None;
        self.privates = 0;
    }

    fn index(&self, seq: u16) -> usize {
        usize::from(seq) & self.slots.len().wrapping_sub(1)
    }

    /// A slot that was skipped could otherwise answer for the same number a whole cycle later; `seq` is so far ahead of the newest.
    #[cold]
    fn forget_skipped(&mut self, seq: u16, ahead: u16, evicted: &mut impl FnMut(H)) {
        let skipped = usize::from(ahead).saturating_sub(1).min(self.slots.len());
        for back in 1..=skipped {
            let index = self.index(seq.wrapping_sub(back as u16));
            if let Some(slot) = self.slots.get_mut(index) {
                slot.used = false;
                if let Some(private) = slot.private.take() {
                    self.privates -= 1;
                    evicted(private);
                }
            }
        }
    }

    #[inline]
    fn grow_for(&mut self, seq: u16, at: u32) {
        let Some(slot) = self.slots.get(self.index(seq)) else { return self.resize(FIRST_SLOTS) };
        let young = slot.used && at.wrapping_sub(slot.at) < self.age;
        if young && slot.seq != seq && self.slots.len() < self.limit {
            self.resize(self.slots.len() * 2);
        }
    }

    #[cold]
    fn resize(&mut self, len: usize) {
        let len = len.min(self.limit);
        if len <= self.slots.len() {
            return;
        }
        let empty = || Slot {
            number: 0,
            at: 0,
            private: None,
            payload: E::default(),
            seq: 0,
            resends: 0,
            used: false,
        };
        let mut grown = Vec::with_capacity(len);
        grown.resize_with(len, empty);
        for slot in self.slots.drain(..).filter(|slot| slot.used) {
            if let Some(place) = grown.get_mut(usize::from(slot.seq) & (len - 1)) {
                *place = slot;
            }
        }
        self.slots = grown;
    }
}

/// The number nearest to `reference` whose low half is `number`.
fn widen(reference: u64, number: u32) -> u64 {
    let distance = number.wrapping_sub(reference as u32) as i32;
    reference.wrapping_add_signed(i64::from(distance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::rc::Rc;

    const BASE: u64 = (1 << 32) - 20;
    /// Shortly before milliseconds begin anew.
    const NOW: u32 = u32::MAX - 5000;
    const RTT: Duration = Duration::from_millis(100);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn shared(extended_seq: u64, payload: u32) -> Departed<u32, Rc<u8>> {
        Departed { extended_seq, payload, private: None }
    }

    fn found(history: &mut SendHistory<u32, Rc<u8>>, now: u32, seq: u16) -> Option<(u64, u32)> {
        match history.nacked(now, seq, RTT) {
            Nacked::Resend { entry, .. } => Some((entry.extended_seq, entry.payload)),
            _ => None,
        }
    }

    #[test]
    fn a_slot_is_24_bytes() {
        assert_eq!(size_of::<Slot<u32, Rc<u8>>>(), 24);
    }

    #[test]
    fn a_nack_finds_what_left_under_that_number_over_the_wrap_around() {
        let now = NOW;
        let mut history = SendHistory::new(HistoryLimits::VIDEO);
        for i in 0..40u16 {
            // The producer lost some, a hook dropped some: the numbers don't run in step.
            history.sent(now, 65_520u16.wrapping_add(i), shared(BASE + 3 * u64::from(i), u32::from(i)), drop);
        }
        for i in 0..40u16 {
            let expected = Some((BASE + 3 * u64::from(i), u32::from(i)));
            assert_eq!(found(&mut history, now, 65_520u16.wrapping_add(i)), expected);
        }
        assert_eq!(found(&mut history, now, 65_519), None);
        assert_eq!(found(&mut history, now, 24), None, "not sent yet");
    }

    #[test]
    fn no_resend_within_a_round_trip() {
        let now = NOW;
        let mut history = SendHistory::new(HistoryLimits::VIDEO);
        history.sent(now, 5, shared(BASE, 0), drop);
        assert!(
            matches!(history.nacked(now, 5, RTT), Nacked::Resend { resends: 1, .. }),
            "the first at once"
        );
        assert_eq!(history.nacked(now + 99, 5, RTT), Nacked::TooSoon);
        assert!(matches!(history.nacked(now + 100, 5, RTT), Nacked::Resend { resends: 2, .. }));
    }

    #[test]
    fn a_receiver_that_asks_forever_is_not_served_forever() {
        let start = NOW;
        let mut history = SendHistory::new(HistoryLimits::VIDEO);
        history.sent(start, 5, shared(BASE, 0), drop);
        let served = (0..10_000)
            .filter(|&i| {
                matches!(history.nacked(start.wrapping_add(i), 5, Duration::ZERO), Nacked::Resend { .. })
            })
            .count();
        assert_eq!(served, usize::from(MAX_RESENDS));
    }

    #[test]
    fn the_ring_grows_only_while_packets_are_young() {
        let start = NOW;
        let mut slow = SendHistory::new(HistoryLimits::VIDEO);
        let mut fast = SendHistory::new(HistoryLimits::VIDEO);
        for i in 0..20_000u64 {
            slow.sent(start.wrapping_add(100 * i as u32), i as u16, shared(BASE + i, 0), drop);
            fast.sent(start.wrapping_add(i as u32 / 2), i as u16, shared(BASE + i, 0), drop);
        }
        assert_eq!((slow.slots.len(), fast.slots.len()), (32, 1024));
        let now = start.wrapping_add(10_000);
        assert_eq!(found(&mut fast, now, 20_000 - 1024), Some((BASE + 20_000 - 1024, 0)));
        assert_eq!(found(&mut fast, now, 20_000 - 1025), None);
    }

    #[test]
    fn a_number_skipped_is_unknown_even_a_cycle_later() {
        let now = NOW;
        let mut history = SendHistory::new(HistoryLimits::AUDIO);
        for i in 0..256u64 {
            history.sent(now, i as u16, shared(BASE + i, 0), drop);
        }
        for i in (256u64..65_536 + 256).filter(|i| i % 256 != 7) {
            history.sent(now, i as u16, shared(BASE + i, 0), drop);
        }
        assert_eq!(found(&mut history, now, 7), None);
        assert_eq!(found(&mut history, now, 8), Some((BASE + 65_544, 0)));
    }

    #[test]
    fn a_private_copy_is_resent_and_given_back() {
        let now = NOW;
        let mut history = SendHistory::new(HistoryLimits { packets: 32, age: ms(1000) });
        let copy = Rc::new(42u8);
        let mut back = Vec::new();
        history.sent(
            now,
            0,
            Departed { extended_seq: BASE, payload: 0u32, private: Some(copy.clone()) },
            |_| panic!("nothing to evict"),
        );
        let Nacked::Resend { entry, .. } = history.nacked(now, 0, RTT) else { panic!("not found") };
        assert!(entry.private.is_some_and(|private| Rc::ptr_eq(private, &copy)));
        for i in 1..=32u16 {
            history.sent(now, i, shared(BASE + u64::from(i), 0), |private| back.push(private));
        }
        assert!(matches!(&back[..], [only] if Rc::ptr_eq(only, &copy)));
    }

    #[test]
    fn an_expired_private_copy_is_never_replaced_by_the_shared_packet() {
        let now = NOW;
        let mut history = SendHistory::new(HistoryLimits { packets: 32, age: ms(1000) });
        history.sent(
            now,
            0,
            Departed { extended_seq: BASE, payload: 0u32, private: Some(Rc::new(1u8)) },
            drop,
        );
        history.sent(now, 1, shared(BASE + 1, 0), drop);
        let mut back = 0;
        history.expire(now + 999, |_| back += 1);
        assert_eq!(back, 0);
        history.expire(now + 1000, |_| back += 1);
        assert_eq!(back, 1);
        assert_eq!(history.nacked(now + 1000, 0, RTT), Nacked::Unknown);
        assert!(found(&mut history, now + 1000, 1).is_some());
    }

    #[test]
    fn a_history_of_nothing_gives_private_copies_back_at_once() {
        let now = NOW;
        let mut history = SendHistory::new(HistoryLimits::NONE);
        let mut back = 0;
        history
            .sent(now, 0, Departed { extended_seq: BASE, payload: 0u32, private: Some(()) }, |()| back += 1);
        assert_eq!((back, history.nacked(now, 0, RTT)), (1, Nacked::Unknown));
    }

    proptest! {
        #[test]
        fn answers_are_right_or_unknown_and_handles_come_back_once(
            first in any::<u16>(),
            steps in proptest::collection::vec((1u16..6, 0u64..50, any::<bool>(), any::<u16>()), 1..500),
        ) {
            let mut history = SendHistory::new(HistoryLimits { packets: 64, age: ms(300) });
            let mut now = NOW;
            let mut seq = first;
            let mut sent: BTreeMap<u16, (u64, bool)> = BTreeMap::new();
            let mut out: BTreeSet<u64> = BTreeSet::new();
            for (i, (skip, step, private, ask)) in (0u64..).zip(steps) {
                now = now.wrapping_add(step as u32);
                seq = seq.wrapping_add(if skip < 4 { 1 } else { skip });
                let number = BASE + 2 * i;
                let entry = Departed { extended_seq: number, payload: i as u32, private: private.then_some(number) };
                if private { out.insert(number); }
                let mut gone = Vec::new();
                history.sent(now, seq, entry, |handle| gone.push(handle));
                if step == 7 { history.expire(now, |handle| gone.push(handle)); }
                prop_assert_eq!(history.privates(), out.len() - gone.len());
                for handle in gone { prop_assert!(out.remove(&handle), "given back twice"); }
                sent.insert(seq, (number, private));
                let asked = if ask % 2 == 0 { ask } else { seq.wrapping_sub(ask % 64) };
                if let Nacked::Resend { entry, .. } = history.nacked(now, asked, RTT) {
                    let &(number, private) = sent.get(&asked).unwrap();
                    prop_assert_eq!(entry.extended_seq, number);
                    prop_assert_eq!(entry.private.copied(), private.then_some(number));
                }
                prop_assert!(history.slots.len() <= 64);
            }
            let mut gone = Vec::new();
            history.clear(|handle| gone.push(handle));
            prop_assert_eq!(gone.into_iter().collect::<BTreeSet<_>>(), out);
        }
    }
}
