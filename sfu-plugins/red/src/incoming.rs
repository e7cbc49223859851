//! Which packets of a sender came, so that others can be restored.

/// Packets back that are remembered.
const WINDOW: u16 = 64;

/// Numbers of the packets that came, or were restored, in one encoding.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    newest: Option<u16>,
    /// Bit `n`: the packet `n` before the newest.
    bits: u64,
    /// The packet that was the first.
    known: u16,
}

impl Seen {
    /// A packet is there.
    pub(crate) fn note(&mut self, number: u16) {
        let Some(newest) = self.newest else {
            (self.newest, self.bits, self.known) = (Some(number), 1, 1);
            return;
        };
        let ahead = number.wrapping_sub(newest);
        if ahead == 0 {
            return;
        }
        if ahead < 0x8000 {
            self.bits = if ahead < WINDOW { self.bits << ahead | 1 } else { 1 };
            self.known = WINDOW.min(self.known.saturating_add(ahead));
            self.newest = Some(number);
            if ahead >= WINDOW {
                // Another numbering, or so long a gap that nothing in the packet is about it.
                self.known = 1;
            }
        } else if newest.wrapping_sub(number) < WINDOW {
            self.bits |= 1 << newest.wrapping_sub(number);
        }
    }

    /// Whether a packet is missing: it lies between others, and did not come.
    pub(crate) fn is_missing(&self, number: u16) -> bool {
        let Some(newest) = self.newest else { return false };
        let behind = newest.wrapping_sub(number);
        behind < self.known && self.bits & 1 << behind == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_did_not_come_between_others_is_missing() {
        let mut seen = Seen::default();
        assert!(!seen.is_missing(1));
        for number in [65_533, 65_534, 1] {
            seen.note(number);
        }
        let missing: Vec<u16> =
            (0..70).map(|n| 65_500u16.wrapping_add(n)).filter(|n| seen.is_missing(*n)).collect();
        assert_eq!(missing, [65_535, 0], "nothing before the first and nothing after the last");
        seen.note(0);
        assert!(!seen.is_missing(0) && seen.is_missing(65_535));
        seen.note(500);
        assert!(!(400..600).any(|n| seen.is_missing(n)), "another numbering");
    }

    proptest! {
        #[test]
        fn what_came_is_never_missing(numbers in prop::collection::vec(any::<u16>(), 1..200), near: bool) {
            let mut seen = Seen::default();
            for number in numbers {
                let number = if near { number % 100 } else { number };
                seen.note(number);
                prop_assert!(!seen.is_missing(number));
            }
        }
    }
}
