//! Packets in the order of their sequence numbers.
use std::collections::BTreeMap;
use std::time::Duration;

use crate::rtp::sequence::ExtendedSequence;

/// Packets in a row that come too late before they are taken for a stream that began anew.
const STRANGERS: u32 = 64;
/// A jump ahead by more than this is a stream that began anew, not loss.
const MAX_JUMP: u64 = 4096;

/// A packet whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InOrder<T> {
    /// The packet.
    pub packet: T,
    /// A packet is missing between the one before and this one, or the numbering began anew.
    pub lost: bool,
}

/// Holds packets back until those before them have come, for a time and up to a number.
///
/// Moments are counted from anywhere, by the caller's clock. Duplicates and what comes after its turn are left out.
/// Nothing is held back before the first packet.
///
/// ```
/// use sfu_core::media::Reorder;
/// use std::time::Duration;
/// let now = Duration::ZERO;
/// let mut reorder = Reorder::new(Duration::from_millis(100), 16);
/// reorder.push(7, now, 'a');
/// reorder.push(9, now, 'c');
/// assert_eq!(reorder.pop(now).unwrap().packet, 'a');
/// assert_eq!(reorder.pop(now), None);
/// reorder.push(8, now, 'b');
/// assert_eq!(reorder.pop(now).unwrap().packet, 'b');
/// assert_eq!(reorder.pop(now).unwrap().packet, 'c');
/// ```
#[derive(Clone, Debug)]
pub struct Reorder<T> {
    patience: Duration,
    capacity: usize,
    sequence: ExtendedSequence,
    next: Option<u64>,
    held: BTreeMap<u64, (Duration, T)>,
    strangers: u32,
    lost: bool,
}

impl<T> Reorder<T> {
    /// Holds at most `capacity` packets back, and none for longer than `patience` after it came.
    pub fn new(patience: Duration, capacity: usize) -> Self {
        let (sequence, held) = (ExtendedSequence::default(), BTreeMap::new());
        Self { patience, capacity, sequence, next: None, held, strangers: 0, lost: false }
    }

    /// Takes a packet that came at `at`. Take out what [`pop`](Self::pop) gives afterwards: what it does not give is bounded by
    /// the capacity only then.
    pub fn push(&mut self, sequence_number: u16, at: Duration, packet: T) {
        let mut number = self.sequence.peek(sequence_number);
        if let Some(next) = self.next {
            let late = number < next;
            self.strangers = if late { self.strangers + 1 } else { 0 };
            if late && self.strangers < STRANGERS {
                return;
            }
            if late || number > next + MAX_JUMP {
                self.restart();
                number = self.sequence.peek(sequence_number);
            }
        }
        self.sequence.unroll(sequence_number);
        self.held.entry(number).or_insert((at, packet));
    }

    /// The next packet, if nothing before it is missing or can be waited for any longer.
    pub fn pop(&mut self, now: Duration) -> Option<InOrder<T>> {
        let (number, (at, _)) = self.held.first_key_value()?;
        let is_next = self.next.is_none_or(|next| *number == next);
        if !is_next && self.held.len() <= self.capacity && now.saturating_sub(*at) < self.patience {
            return None;
        }
        self.take(!is_next)
    }

    /// The next packet, whatever is missing before it.
    pub fn drain(&mut self) -> Option<InOrder<T>> {
        let is_next =
            self.next.is_none_or(|next| self.held.first_key_value().is_some_and(|(n, _)| *n == next));
        self.take(!is_next)
    }

    fn take(&mut self, gap: bool) -> Option<InOrder<T>> {
        let (number, (_, packet)) = self.held.pop_first()?;
        self.next = Some(number + 1);
        let lost = std::mem::take(&mut self.lost) | gap;
        Some(InOrder { packet, lost })
    }

    /// Begins anew: another stream, or the same after a pause. What is held back is dropped: [`drain`](Self::drain) it first.
    pub fn restart(&mut self) {
        self.lost |= self.next.is_some();
        self.held.clear();
        (self.next, self.strangers) = (None, 0);
        self.sequence = ExtendedSequence::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    fn popped(reorder: &mut Reorder<u16>, now: Duration) -> Vec<(u16, bool)> {
        std::iter::from_fn(|| reorder.pop(now)).map(|next| (next.packet, next.lost)).collect()
    }

    #[test]
    fn a_gap_is_waited_for_and_then_told() {
        let mut reorder = Reorder::new(100 * MS, 16);
        for n in [65_534, 65_535, 1, 2] {
            reorder.push(n, MS, n);
        }
        assert_eq!(popped(&mut reorder, 100 * MS), [(65_534, false), (65_535, false)]);
        assert_eq!(popped(&mut reorder, 101 * MS), [(1, true), (2, false)]);
        // Too late, and a duplicate.
        reorder.push(0, 102 * MS, 0);
        reorder.push(2, 102 * MS, 2);
        assert_eq!(popped(&mut reorder, 999 * MS), []);
    }

    #[test]
    fn no_more_is_held_back_than_there_is_room_for() {
        let mut reorder = Reorder::new(Duration::MAX, 3);
        reorder.push(0, MS, 0);
        reorder.pop(MS);
        for n in 2..5 {
            reorder.push(n, MS, n);
            assert_eq!(popped(&mut reorder, MS), []);
        }
        reorder.push(5, MS, 5);
        assert_eq!(popped(&mut reorder, MS), [(2, true), (3, false), (4, false), (5, false)]);
    }

    #[test]
    fn a_stream_that_begins_anew_is_followed() {
        let mut reorder = Reorder::new(MS, 16);
        reorder.push(30_000, MS, 0);
        reorder.pop(MS);
        // Far ahead it is told by its first packet, behind by many.
        reorder.push(40_000, MS, 1);
        assert_eq!(popped(&mut reorder, MS), [(1, true)]);
        for n in 0..STRANGERS as u16 {
            reorder.push(39_000 + n, MS, n);
        }
        assert_eq!(popped(&mut reorder, MS), [(STRANGERS as u16 - 1, true)]);
        reorder.restart();
        reorder.push(5, MS, 5);
        assert_eq!(reorder.drain(), Some(InOrder { packet: 5, lost: true }));
    }

    proptest! {
        #[test]
        fn what_comes_out_is_in_order_and_gaps_are_told(
            first: u16, shuffled in Just((0..60u16).collect::<Vec<_>>()).prop_shuffle(), lost in 0..60u16,
        ) {
            let mut reorder = Reorder::new(Duration::MAX, 100);
            // The first one is where it begins.
            let numbers = std::iter::once(0).chain(shuffled.into_iter().filter(|n| *n != 0 && *n != lost));
            let mut out = Vec::new();
            for n in numbers {
                reorder.push(first.wrapping_add(n), MS, n);
                out.extend(popped(&mut reorder, MS));
            }
            out.extend(std::iter::from_fn(|| reorder.drain()).map(|next| (next.packet, next.lost)));
            let expected: Vec<(u16, bool)> =
                (0..60).filter(|n| *n == 0 || *n != lost).map(|n| (n, n > 1 && n == lost + 1)).collect();
            prop_assert_eq!(out, expected);
        }

        #[test]
        fn hostile_numbers_never_panic_and_are_bounded(numbers in prop::collection::vec(any::<u16>(), 0..300)) {
            let mut reorder = Reorder::new(Duration::MAX, 8);
            for (n, number) in numbers.into_iter().enumerate() {
                reorder.push(number, MS * n as u32, number);
                popped(&mut reorder, MS * n as u32);
                prop_assert!(reorder.held.len() <= 8);
            }
        }
    }
}
