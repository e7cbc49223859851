//! From the producer's sequence numbers to those of one consumer.
//!
//! A packet that is not forwarded leaves no gap, a packet that the network lost does (so that the receiver asks for it),
//! and one that comes late, after a repair, gets the number that its place had from the beginning.

/// How far back, in packets, a late packet still finds its number.
pub(crate) const WINDOW: u64 = 1024;

/// The mapping of one consumer. Numbers are given when a packet is certain to leave.
#[derive(Debug, Clone)]
pub(crate) struct SequenceMap {
    /// Added to an incoming number behind the last drop.
    offset: u64,
    /// The highest incoming number that was forwarded or dropped; `None` before the first and after a switch.
    highest: Option<u64>,
    /// Lowest incoming number that belongs to the present source.
    first: u64,
    /// The highest number given, not wrapped.
    last_out: u64,
    /// One bit per incoming number of the window: dropped.
    dropped: [u64; (WINDOW / 64) as usize],
}

impl SequenceMap {
    /// A mapping whose first outgoing number is `start`.
    pub(crate) fn new(start: u16) -> Self {
        SequenceMap {
            offset: 0,
            highest: None,
            first: 0,
            // One before it, so that it never falls below 0.
            last_out: u64::from(start) + u64::from(u16::MAX),
            dropped: [0; (WINDOW / 64) as usize],
        }
    }

    /// The next packet comes from another source or after a pause: numbers go on without a gap.
    pub(crate) fn switch(&mut self) {
        self.highest = None;
    }

    /// The number of a packet that leaves; `None` if it is too old or was dropped before.
    #[inline]
    pub(crate) fn forward(&mut self, extended: u64) -> Option<u16> {
        let Some(highest) = self.highest else {
            self.begin(extended);
            return Some(self.give(extended.wrapping_add(self.offset)));
        };
        if extended > highest {
            self.advance(highest, extended);
            return Some(self.give(extended.wrapping_add(self.offset)));
        }
        self.late(highest, extended)
    }

    /// A packet is not forwarded; the numbers behind it close up.
    ///
    /// A late one left a gap already, since the network had lost it before: then its number is returned, for something
    /// empty to be sent under it, or the receiver would ask for it in vain.
    #[inline]
    pub(crate) fn drop_packet(&mut self, extended: u64) -> Option<u16> {
        let highest = self.highest?;
        if extended > highest {
            self.advance(highest, extended);
            self.set(extended, true);
            self.offset = self.offset.wrapping_sub(1);
            return None;
        }
        self.late(highest, extended)
    }

    /// No packet between the highest number and `next` is forwarded; the numbers close up.
    pub(crate) fn drop_until(&mut self, next: u64) {
        let Some(highest) = self.highest else { return };
        if next.saturating_sub(highest) > WINDOW {
            // Nothing of before has a place any more.
            return self.switch();
        }
        for number in highest + 1..next {
            let _ = self.drop_packet(number);
        }
    }

    /// A number for a packet that no producer sent.
    pub(crate) fn insert(&mut self) -> u16 {
        self.offset = self.offset.wrapping_add(1);
        // Late packets of before would now get a number that is taken: they are too old.
        if let Some(highest) = self.highest {
            self.first = highest + 1;
        }
        self.last_out = self.last_out.wrapping_add(1);
        self.last_out as u16
    }

    /// The highest number given, not wrapped.
    pub(crate) fn last(&self) -> u64 {
        self.last_out
    }

    /// What was given behind `last` never left: the numbers go on there, as after a [`switch`](Self::switch).
    pub(crate) fn take_back(&mut self, last: u64) {
        self.last_out = last;
        self.switch();
    }

    #[cold]
    fn begin(&mut self, extended: u64) {
        self.offset = self.last_out.wrapping_add(1).wrapping_sub(extended);
        self.first = extended;
        self.highest = Some(extended);
        self.dropped = [0; (WINDOW / 64) as usize];
    }

    #[inline]
    fn advance(&mut self, highest: u64, extended: u64) {
        if extended - highest >= WINDOW {
            self.dropped = [0; (WINDOW / 64) as usize];
        } else {
            for number in highest + 1..=extended {
                self.set(number, false);
            }
        }
        self.highest = Some(extended);
    }

    #[cold]
    fn late(&mut self, highest: u64, extended: u64) -> Option<u16> {
        if extended < self.first || highest - extended >= WINDOW || self.is_dropped(extended) {
            return None;
        }
        let dropped_behind =
            (extended + 1..=highest).filter(|number| self.is_dropped(*number)).count() as u64;
        let out = extended.wrapping_add(self.offset).wrapping_add(dropped_behind);
        // Where all behind it was dropped it is the last one.
        self.last_out = self.last_out.max(out);
        Some(out as u16)
    }

    #[inline]
    fn give(&mut self, out: u64) -> u16 {
        self.last_out = out;
        out as u16
    }

    #[inline]
    fn set(&mut self, number: u64, dropped: bool) {
        let bit = number % WINDOW;
        if let Some(word) = self.dropped.get_mut((bit / 64) as usize) {
            *word = (*word & !(1 << (bit % 64))) | (u64::from(dropped) << (bit % 64));
        }
    }

    #[inline]
    fn is_dropped(&self, number: u64) -> bool {
        let bit = number % WINDOW;
        self.dropped.get((bit / 64) as usize).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_dropped_packet_leaves_no_gap_and_a_lost_one_does() {
        let mut map = SequenceMap::new(100);
        assert_eq!(map.forward(1000), Some(100));
        assert_eq!(map.drop_packet(1001), None);
        assert_eq!(map.forward(1002), Some(101));
        assert_eq!(map.forward(1004), Some(103));
        assert_eq!(map.forward(1003), Some(102), "the late packet gets its place");
        assert_eq!(map.forward(1001), None, "the dropped one has none");
        assert_eq!((map.forward(1007), map.drop_packet(1006)), (Some(106), Some(105)), "a gap to be filled");
    }

    #[test]
    fn numbers_wrap_and_go_on_after_a_switch() {
        let mut map = SequenceMap::new(65535);
        assert_eq!(map.forward(7), Some(65535));
        assert_eq!(map.forward(8), Some(0));
        map.switch();
        assert_eq!(map.forward(500_000), Some(1));
        assert_eq!(map.forward(8), None, "a packet of the old source is too late");
    }

    #[test]
    fn an_inserted_packet_takes_the_next_number() {
        let mut map = SequenceMap::new(10);
        assert_eq!(map.forward(5), Some(10));
        assert_eq!(map.insert(), 11);
        assert_eq!(map.forward(6), Some(12));
        assert_eq!(map.forward(4), None);
    }

    #[test]
    fn a_late_packet_before_dropped_ones_has_its_number_for_itself() {
        let mut map = SequenceMap::new(10);
        assert_eq!((map.forward(5), map.drop_packet(7), map.forward(6)), (Some(10), None, Some(11)));
        let mut other = map.clone();
        map.switch();
        assert_eq!(map.forward(100), Some(12));
        assert_eq!((other.insert(), other.forward(8)), (12, Some(13)));
    }

    #[test]
    fn what_is_taken_back_is_given_again() {
        let mut map = SequenceMap::new(65_534);
        assert_eq!((map.forward(5), map.forward(6)), (Some(65_534), Some(65_535)));
        let last = map.last();
        assert_eq!((map.forward(7), map.insert(), map.forward(9)), (Some(0), 1, Some(3)));
        map.take_back(last);
        assert_eq!((map.forward(20), map.forward(21)), (Some(0), Some(1)));
        assert_eq!(map.forward(9), None);
    }

    #[test]
    fn a_gap_closes_up_however_long_it_is() {
        for gap in [0, 1, 500, WINDOW - 1, WINDOW, WINDOW + 1, 100_000] {
            let mut map = SequenceMap::new(65_535);
            assert_eq!((map.forward(7), map.forward(9)), (Some(65_535), Some(1)));
            let next = 10 + gap;
            map.drop_until(next);
            if gap < WINDOW - 2 {
                assert_eq!(map.forward(8), Some(0), "what the network had lost finds its place");
            }
            assert_eq!(map.forward(next), Some(2), "{gap}");
            assert_eq!((gap > 0).then(|| map.forward(next - 1)).flatten(), None, "{gap}");
            map.drop_until(next - 5);
            assert_eq!(map.forward(next + 2), Some(4), "{gap}");
        }
        let mut map = SequenceMap::new(5);
        map.drop_until(1000);
        assert_eq!(map.forward(1000), Some(5));
    }

    proptest! {
        #[test]
        fn no_number_is_given_twice(steps in proptest::collection::vec((0u64..4, any::<bool>()), 1..400)) {
            let mut map = SequenceMap::new(65_000);
            let (mut next, mut given, mut late) = (10_000u64, std::collections::HashSet::new(), Vec::new());
            for (gap, drop) in steps {
                late.extend(next..next + gap);
                next += gap;
                if drop { map.drop_packet(next); } else if let Some(out) = map.forward(next) { prop_assert!(given.insert(out)) }
                next += 1;
                if late.len() > 6 {
                    let number = late.remove(0);
                    if let Some(out) = map.forward(number) { prop_assert!(given.insert(out)) }
                }
            }
        }
    }
}
