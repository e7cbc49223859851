//! A bounded table of per-SSRC state.

/// State per SSRC, found by binary search; at most `limit` entries, none of which is ever forgotten.
///
/// Forgetting an SSRC while its key lives would let its old packets be replayed (inbound) or its nonces be used again
/// (outbound), so a full table refuses new SSRCs instead. SSRCs are kept apart from the state to make the search touch
/// few cache lines, and the last hit is tried first because packets come in runs.
#[derive(Debug)]
pub(super) struct StreamTable<T> {
    ssrcs: Vec<u32>,
    states: Vec<T>,
    last: usize,
    limit: usize,
}

impl<T> StreamTable<T> {
    /// An empty table for at most `limit` SSRCs; allocates nothing yet.
    pub(super) fn new(limit: usize) -> Self {
        Self { ssrcs: Vec::new(), states: Vec::new(), last: 0, limit }
    }

    /// The state of `ssrc`.
    #[inline]
    pub(super) fn get_mut(&mut self, ssrc: u32) -> Option<&mut T> {
        if self.ssrcs.get(self.last) != Some(&ssrc) {
            self.last = self.ssrcs.binary_search(&ssrc).ok()?;
        }
        self.states.get_mut(self.last)
    }

    /// Whether another SSRC would be refused.
    pub(super) fn is_full(&self) -> bool {
        self.ssrcs.len() >= self.limit
    }

    /// How many SSRCs are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ssrcs.len()
    }

    /// Adds the state of a new `ssrc`; `false` when it is known already or the table is full.
    #[cold]
    pub(super) fn insert(&mut self, ssrc: u32, state: T) -> bool {
        let Err(at) = self.ssrcs.binary_search(&ssrc) else { return false };
        if self.is_full() {
            return false;
        }
        self.ssrcs.insert(at, ssrc);
        self.states.insert(at, state);
        self.last = at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_found_again_in_any_order() {
        let mut table = StreamTable::new(10);
        for ssrc in [5u32, 1, 9, 3] {
            assert!(table.insert(ssrc, ssrc * 10));
        }
        for ssrc in [9u32, 1, 3, 3, 5, 9] {
            assert_eq!(table.get_mut(ssrc), Some(&mut (ssrc * 10)));
        }
        assert_eq!(table.get_mut(4), None);
        assert_eq!(table.get_mut(9), Some(&mut 90), "a miss must not spoil the next hit");
    }

    #[test]
    fn a_full_table_refuses_and_keeps_what_it_has() {
        let mut table = StreamTable::new(2);
        assert!(table.insert(1, ()) && table.insert(2, ()));
        assert!(!table.insert(3, ()));
        assert!(table.get_mut(1).is_some() && table.get_mut(3).is_none());
        assert_eq!(table.len(), 2);
    }
}
