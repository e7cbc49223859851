//! The replay window (RFC 3711 §3.3.2), exact to the bit.

/// The highest index seen and which of the `WORDS` × 64 newest indexes were seen.
///
/// The bitmap is a ring indexed by the packet index, so that moving on never shifts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplayWindow<const WORDS: usize> {
    highest: u64,
    seen: [u64; WORDS],
}

impl<const WORDS: usize> ReplayWindow<WORDS> {
    /// How many indexes the window tells apart; everything older is refused.
    pub(super) const LEN: u64 = WORDS as u64 * 64;

    /// A window in which `first` is the only index seen so far.
    pub(super) fn starting_at(first: u64) -> Self {
        let mut window = Self { highest: first, seen: [0; WORDS] };
        window.mark(first);
        window
    }

    /// The highest index recorded.
    #[inline]
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether `index` is new: neither recorded nor too old to know.
    #[inline]
    pub(super) fn is_fresh(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        if self.highest - index >= Self::LEN {
            return false;
        }
        let (word, bit) = Self::place(index);
        self.seen.get(word).is_some_and(|seen| seen & bit == 0)
    }

    /// Records `index`, moving the window when it is the highest; to be called after authentication only.
    #[inline]
    pub(super) fn record(&mut self, index: u64) {
        if index > self.highest {
            self.forget_between(index);
            self.highest = index;
        } else if self.highest - index >= Self::LEN {
            return;
        }
        self.mark(index);
    }

    /// Clears the bits of `highest + 1 ..= index`, which last stood for indexes one window length ago.
    #[inline]
    fn forget_between(&mut self, index: u64) {
        if index - self.highest >= Self::LEN {
            self.seen = [0; WORDS];
            return;
        }
        let mut at = self.highest + 1;
        while at <= index {
            let first = at % 64;
            let count = (64 - first).min(index - at + 1);
            let mask = (u64::MAX >> (64 - count)) << first;
            let (word, _) = Self::place(at);
            if let Some(seen) = self.seen.get_mut(word) {
                *seen &= !mask;
            }
            at += count;
        }
    }

    #[inline]
    fn mark(&mut self, index: u64) {
        let (word, bit) = Self::place(index);
        if let Some(seen) = self.seen.get_mut(word) {
            *seen |= bit;
        }
    }

    #[inline]
    fn place(index: u64) -> (usize, u64) {
        ((index / 64) as usize % WORDS, 1 << (index % 64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_index_is_fresh_once() {
        let mut window = ReplayWindow::<2>::starting_at(1000);
        assert!(!window.is_fresh(1000));
        assert!(window.is_fresh(999));
        window.record(999);
        assert!(!window.is_fresh(999));
        window.record(1064);
        assert!(!window.is_fresh(1000) && window.is_fresh(1001) && !window.is_fresh(1064));
    }

    #[test]
    fn what_is_older_than_the_window_is_refused() {
        let mut window = ReplayWindow::<2>::starting_at(0);
        window.record(500);
        assert!(window.is_fresh(500 - 127));
        assert!(!window.is_fresh(500 - 128));
        window.record(100);
        assert!(window.is_fresh(500 - 127), "an index outside the window must not mark a place inside");
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_plain_set(steps in prop::collection::vec((0u64..3000, any::<bool>()), 1..300)) {
            let mut window = ReplayWindow::<3>::starting_at(1500);
            let mut seen = BTreeSet::from([1500u64]);
            for (index, record) in steps {
                let highest = *seen.last().unwrap();
                let fresh = index > highest || (highest - index < 192 && !seen.contains(&index));
                prop_assert_eq!(window.is_fresh(index), fresh);
                if record && fresh {
                    window.record(index);
                    seen.insert(index);
                    prop_assert_eq!(window.highest(), *seen.last().unwrap());
                }
            }
        }
    }
}
