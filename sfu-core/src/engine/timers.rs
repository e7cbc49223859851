//! Deadlines of many transports, the earliest first.
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::control::{EntityId, TransportId};

/// When each transport wants to be looked at next.
///
/// A transport keeps its armed deadline itself; entries that no longer match it are skipped, so arming earlier costs one push.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
}

impl Timers {
    /// Arms `transport` for `deadline` unless it is `armed` for an earlier time.
    #[inline]
    pub(crate) fn arm(&mut self, transport: TransportId, armed: &mut Option<Instant>, deadline: Instant) {
        if armed.is_none_or(|armed| deadline < armed) {
            *armed = Some(deadline);
            self.heap.push(Reverse((deadline, key(transport))));
        }
    }

    /// How many entries there are, stale ones too.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The earliest deadline, which may be a stale one.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Takes the next entry that is due at `now`: the deadline and the raw form of the transport.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, TransportId)> {
        match self.heap.peek() {
            Some(Reverse((deadline, _))) if *deadline <= now => {
                let Reverse((deadline, key)) = self.heap.pop()?;
                Some((deadline, transport(key)))
            }
            _ => None,
        }
    }
}

fn key(id: TransportId) -> u64 {
    let raw = id.raw();
    (u64::from(raw.worker()) << 56) | (u64::from(raw.generation()) << 32) | raw.index() as u64
}

fn transport(key: u64) -> TransportId {
    TransportId::from_raw(crate::control::RawId::new(
        (key >> 56) as u8,
        (key & 0xffff_ffff) as u32,
        ((key >> 32) & 0x00ff_ffff) as u32,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::RawId;
    use std::time::Duration;

    #[test]
    fn the_earliest_deadline_comes_first_and_arming_later_changes_nothing() {
        let mut timers = Timers::default();
        let start = Instant::now();
        let id = TransportId::from_raw(RawId::new(2, 7, 9));
        let mut armed = None;
        timers.arm(id, &mut armed, start + Duration::from_secs(2));
        timers.arm(id, &mut armed, start + Duration::from_secs(3));
        timers.arm(id, &mut armed, start + Duration::from_secs(1));
        assert_eq!(timers.next(), Some(start + Duration::from_secs(1)));
        assert_eq!(timers.pop_due(start), None);
        assert_eq!(
            timers.pop_due(start + Duration::from_secs(9)),
            Some((start + Duration::from_secs(1), id))
        );
        assert_eq!(
            timers.pop_due(start + Duration::from_secs(9)),
            Some((start + Duration::from_secs(2), id))
        );
        assert_eq!(timers.pop_due(start + Duration::from_secs(9)), None);
    }
}
