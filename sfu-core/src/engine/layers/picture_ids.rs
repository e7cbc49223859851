//! The picture ids and TL0PICIDX of VP8 and VP9 as one consumer gets them: they go on over switches between encodings, and where
//! whole pictures are left out.

/// Pictures back that a late packet still finds its id.
const WINDOW: u64 = 128;

/// From the ids of a source to those of a consumer; of ids with 7 or 15 bits.
#[derive(Debug, Clone, Default)]
pub(crate) struct PictureIds {
    /// Added to an id behind the last that was left out.
    offset: u64,
    /// The highest id seen, unwrapped; `None` before the first and after a switch.
    highest: Option<u64>,
    /// Lowest id of the present source.
    first: u64,
    /// The highest id given; `None` before the first.
    last_out: Option<u64>,
    /// One bit per id, bit 0 for `highest`: left out.
    dropped: u128,
    /// Added to the TL0PICIDX of the source.
    tl0_offset: u8,
    /// The highest TL0PICIDX given; `None` before the first.
    tl0_out: Option<u8>,
    /// The source's is known.
    tl0_is_known: bool,
}

impl PictureIds {
    /// The next picture comes from another source.
    pub(crate) fn switch(&mut self) {
        self.highest = None;
        self.tl0_is_known = false;
    }

    /// The id of a picture that is sent, of `bits` bits; `None` if it is too old, or was left out.
    pub(crate) fn forward(&mut self, id: u16, bits: u32) -> Option<u16> {
        let (highest, unwrapped) = self.place(id, bits);
        let out = if unwrapped >= highest {
            unwrapped.wrapping_add(self.offset)
        } else {
            let behind = highest - unwrapped;
            if unwrapped < self.first || behind >= WINDOW || self.dropped >> behind & 1 != 0 {
                return None;
            }
            // Those left out between it and the highest had not yet moved it.
            let moved = (self.dropped & ((1 << behind) - 1)).count_ones();
            unwrapped.wrapping_add(self.offset).wrapping_add(u64::from(moved))
        };
        if self.last_out.is_none_or(|last| out > last) {
            self.last_out = Some(out);
        }
        Some((out & 0x7FFF) as u16)
    }

    /// A picture is left out: the ids behind it close up. Its other packets change nothing.
    pub(crate) fn skip(&mut self, id: u16, bits: u32) {
        if self.highest.is_none() {
            return;
        }
        let before = self.highest;
        let (_, unwrapped) = self.place(id, bits);
        if before.is_some_and(|before| unwrapped > before) {
            self.dropped |= 1;
            self.offset = self.offset.wrapping_sub(1);
        }
    }

    /// The TL0PICIDX of a picture that is sent. Pictures of the lowest temporal layer are never left out, so it only moves at a switch.
    pub(crate) fn tl0(&mut self, index: u8) -> u8 {
        if !self.tl0_is_known {
            self.tl0_is_known = true;
            self.tl0_offset = self.tl0_out.map_or(0, |last| last.wrapping_add(1).wrapping_sub(index));
        }
        let out = index.wrapping_add(self.tl0_offset);
        if self.tl0_out.is_none_or(|last| (out.wrapping_sub(last) as i8) > 0) {
            self.tl0_out = Some(out);
        }
        out
    }

    /// The highest id before this one, and this one unwrapped; moves the window on.
    fn place(&mut self, id: u16, bits: u32) -> (u64, u64) {
        let Some(highest) = self.highest else {
            // High enough that what comes late does not get below zero.
            let unwrapped = (1 << 32) | u64::from(id);
            self.highest = Some(unwrapped);
            self.first = unwrapped;
            self.dropped = 0;
            let next = self.last_out.map_or(u64::from(id), |last| last.wrapping_add(1));
            self.offset = next.wrapping_sub(unwrapped);
            return (unwrapped, unwrapped);
        };
        let shift = 16 - bits.min(16);
        let ahead = (id.wrapping_sub(highest as u16) << shift) as i16 >> shift;
        let unwrapped = highest.wrapping_add_signed(i64::from(ahead));
        if ahead <= 0 {
            return (highest, unwrapped);
        }
        self.dropped = self.dropped.checked_shl(ahead as u32).unwrap_or(0);
        self.highest = Some(unwrapped);
        (unwrapped, unwrapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_pass_through_until_something_is_left_out_and_then_close_up() {
        let mut ids = PictureIds::default();
        assert_eq!((ids.forward(32_766, 15), ids.forward(32_766, 15)), (Some(32_766), Some(32_766)));
        ids.skip(32_767, 15);
        ids.skip(32_767, 15);
        assert_eq!(ids.forward(0, 15), Some(32_767));
        assert_eq!(ids.forward(32_766, 15), Some(32_766), "late");
        assert_eq!(ids.forward(32_767, 15), None, "was left out");
        // The network lost two: the gap stays.
        assert_eq!((ids.forward(3, 15), ids.forward(2, 15)), (Some(2), Some(1)));
    }

    #[test]
    fn ids_go_on_over_a_switch_of_the_source() {
        let mut ids = PictureIds::default();
        ids.forward(100, 15);
        ids.forward(101, 15);
        assert_eq!((ids.tl0(7), ids.tl0(8)), (7, 8));
        ids.switch();
        assert_eq!((ids.forward(5000, 15), ids.tl0(200)), (Some(102), 9));
        assert_eq!((ids.forward(5001, 15), ids.tl0(201)), (Some(103), 10));
        assert_eq!(ids.forward(4999, 15), None, "of before the switch");
    }

    #[test]
    fn short_ids_wrap_at_128() {
        let mut ids = PictureIds::default();
        assert_eq!(ids.forward(126, 7), Some(126));
        ids.skip(127, 7);
        assert_eq!(ids.forward(0, 7).map(|id| id & 0x7F), Some(127));
        assert_eq!(ids.forward(1, 7).map(|id| id & 0x7F), Some(0));
    }

    proptest! {
        /// Pictures are left out, lost, late, and sources switch: no id is given twice, and behind it there is no gap but of the lost.
        #[test]
        fn ids_are_continuous(start in 0u16..0x8000, steps in proptest::collection::vec((0u8..10, any::<u16>()), 1..400)) {
            let mut ids = PictureIds::default();
            let (mut next, mut expected, mut late) = (start, None::<u16>, Vec::new());
            let mut given = std::collections::BTreeMap::new();
            for (kind, other) in steps {
                let id = next;
                next = (next + 1) & 0x7FFF;
                match kind {
                    0 => { ids.switch(); next = other & 0x7FFF; late.clear(); }
                    1 | 2 => ids.skip(id, 15),
                    3 => { late.push(id); expected = expected.map(|e| (e + 1) & 0x7FFF); }
                    _ => {
                        let out = ids.forward(id, 15).unwrap();
                        if given.contains_key(&out) { break }
                        // What was lost before the first of a source moved nothing.
                        if ids.first == ids.highest.unwrap() { late.clear(); if let Some(e) = expected { let _ = e; } }
                        else { prop_assert_eq!(Some(out), expected.or(Some(out))); }
                        given.insert(out, id);
                        expected = Some((out + 1) & 0x7FFF);
                        prop_assert_eq!(ids.forward(id, 15), Some(out), "each packet of the picture alike");
                        if late.len() > 3 {
                            let id = late.remove(0);
                            if let Some(out) = ids.forward(id, 15) { prop_assert!(given.insert(out, id).is_none()); }
                        }
                    }
                }
            }
        }
    }
}
