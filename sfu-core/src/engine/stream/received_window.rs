//! Which of the latest sequence numbers have arrived.

/// A bitmap over the extended sequence numbers up to and including the highest seen.
///
/// The number of bits is a power of two and fixed at construction: 1024 take 128 bytes.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedWindow {
    words: Box<[u64]>,
    highest: u64,
}

impl ReceivedWindow {
    /// An empty window of at least `bits` numbers (rounded up to a power of two, at least 64).
    pub(crate) fn new(bits: usize) -> Self {
        let words = bits.next_power_of_two().max(64) / 64;
        Self { words: vec![0; words].into_boxed_slice(), highest: 0 }
    }

    /// How many numbers are remembered.
    pub(crate) fn span(&self) -> u64 {
        self.words.len() as u64 * 64
    }

    /// Forgets everything and marks `first` as the highest.
    pub(crate) fn restart(&mut self, first: u64) {
        self.words.fill(0);
        self.highest = first;
        self.set(first);
    }

    /// Marks a number above the highest, forgetting what falls out of the window. A number not above it is ignored.
    pub(crate) fn advance(&mut self, to: u64) {
        if to <= self.highest {
            return;
        }
        if to - self.highest >= self.span() {
            self.words.fill(0);
        } else {
            self.clear_range(self.highest + 1, to);
        }
        self.highest = to;
        self.set(to);
    }

    /// Marks a number at or below the highest: `Some(true)` when it is new, `Some(false)` when it had arrived before, `None`
    /// when it is outside of the window.
    pub(crate) fn mark(&mut self, number: u64) -> Option<bool> {
        let age = self.highest.checked_sub(number)?;
        if age >= self.span() {
            return None;
        }
        let (word, mask) = self.position(number);
        let word = self.words.get_mut(word)?;
        let new = *word & mask == 0;
        *word |= mask;
        Some(new)
    }

    fn position(&self, number: u64) -> (usize, u64) {
        let bit = number & (self.span() - 1);
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    fn set(&mut self, number: u64) {
        let (word, mask) = self.position(number);
        if let Some(word) = self.words.get_mut(word) {
            *word |= mask;
        }
    }

    /// Clears `from..=to`, which must be shorter than the window, a word at a time.
    fn clear_range(&mut self, from: u64, to: u64) {
        let mut at = from;
        while at <= to {
            let (word, _) = self.position(at);
            let first = at % 64;
            let last = (first + (to - at)).min(63);
            let mask = (u64::MAX >> (63 - (last - first))) << first;
            if let Some(word) = self.words.get_mut(word) {
                *word &= !mask;
            }
            at += last - first + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_number_is_new_once() {
        let mut window = ReceivedWindow::new(64);
        window.restart(1000);
        assert_eq!(window.mark(1000), Some(false));
        window.advance(1003);
        assert_eq!(window.mark(1001), Some(true));
        assert_eq!(window.mark(1001), Some(false));
        assert_eq!(window.mark(1003), Some(false));
        assert_eq!(window.mark(1004), None);
    }

    #[test]
    fn numbers_below_the_window_are_unknown() {
        let mut window = ReceivedWindow::new(64);
        window.restart(1000);
        window.advance(1064);
        assert_eq!(window.mark(1000), None);
        assert_eq!(window.mark(1001), Some(true));
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_set(steps in proptest::collection::vec((any::<bool>(), 0u64..300), 1..400)) {
            let mut window = ReceivedWindow::new(128);
            let mut model = BTreeSet::from([10_000u64]);
            let mut highest = 10_000u64;
            window.restart(highest);
            for (forward, by) in steps {
                if forward {
                    window.advance(highest + by);
                    highest += by;
                    model.insert(highest);
                } else {
                    let number = highest - by;
                    let expected = (by < 128).then(|| model.insert(number));
                    prop_assert_eq!(window.mark(number), expected);
                }
            }
        }
    }
}
