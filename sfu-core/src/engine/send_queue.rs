//! What waits to leave by one transport.
//!
//! Entries are a shared packet and a header of its own. Numbers, send times and the seal are given at departure, so what waits can
//! still be dropped without a gap. While the gate is open and nothing waits, packets pass straight through.
use std::collections::VecDeque;
use std::rc::Rc;

use super::packet::Packet;
use crate::control::ConsumerId;
use crate::rtp::MAX_HEADER_LEN;

/// What leaves first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Never waits for anything else.
    Audio,
    /// Repairs what the receiver waits for.
    Retransmission,
    /// Everything else that is seen.
    Video,
    /// Only measures the path.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "padding leaves at once or not at all, until pacing lets it wait")
    )]
    Padding,
}

const CLASSES: usize = 4;

/// Entries of one class that may wait at most; about a second of 10 Mbit/s.
const CLASS_LIMIT: usize = 1024;

/// What is sent again, or for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The packet with this extended number of its producer, for the first time.
    First {
        /// Extended sequence number of the producer.
        extended: u64,
    },
    /// Sent before under this number.
    Again {
        /// Index of the consumer's stream; not 0 only for a pipe.
        stream: u8,
        /// Sequence number it left with.
        sequence: u16,
    },
}

/// One packet that waits.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Whose it is.
    pub(crate) consumer: ConsumerId,
    /// First time or again.
    pub(crate) purpose: Purpose,
    /// The header, sequence number not yet set.
    pub(crate) header: arrayvec::ArrayVec<u8, MAX_HEADER_LEN>,
    /// Where the departure patches it.
    pub(crate) offsets: crate::rtp::EgressHeader,
    /// What is different in it for this consumer.
    pub(crate) edit: super::layers::Edit,
    /// The packet whose payload it is.
    pub(crate) packet: Rc<Packet>,
    /// The packet is this consumer's own copy, header and all.
    pub(crate) private: bool,
}

/// The queue of one transport.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    classes: [VecDeque<Entry>; CLASSES],
    closed: bool,
}

impl SendQueue {
    /// Whether a packet may leave at once.
    #[inline]
    pub(crate) fn is_straight(&self) -> bool {
        !self.closed && self.classes.iter().all(VecDeque::is_empty)
    }

    /// How many packets wait.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn len(&self) -> usize {
        self.classes.iter().map(VecDeque::len).sum()
    }

    /// Opens or closes the gate; pacing will do it, and today a send buffer that is full.
    #[cfg_attr(not(test), expect(dead_code, reason = "pacing, which comes later, works the gate"))]
    pub(crate) fn set_open(&mut self, open: bool) {
        self.closed = !open;
    }

    /// Lets an entry wait. A full class loses its oldest entry, which is returned: it counts as dropped.
    pub(crate) fn push(&mut self, class: Class, entry: Entry) -> Option<Entry> {
        let queue = self.classes.get_mut(class as usize)?;
        let oldest = if queue.len() >= CLASS_LIMIT { queue.pop_front() } else { None };
        queue.push_back(entry);
        oldest
    }

    /// The next entry to leave, while the gate is open.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        if self.closed {
            return None;
        }
        self.classes.iter_mut().find_map(VecDeque::pop_front)
    }

    /// Takes out all entries of a consumer, for their packets to be released.
    pub(crate) fn remove(&mut self, consumer: ConsumerId) -> Vec<Entry> {
        let mut removed = Vec::new();
        for queue in &mut self.classes {
            for entry in std::mem::take(queue) {
                if entry.consumer == consumer { removed.push(entry) } else { queue.push_back(entry) }
            }
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{EntityId, RawId};
    use crate::engine::packet::PacketPool;

    fn entry(pool: &mut PacketPool, consumer: u32) -> Entry {
        Entry {
            consumer: ConsumerId::from_raw(RawId::new(0, consumer, 0)),
            purpose: Purpose::First { extended: 0 },
            header: Default::default(),
            offsets: Default::default(),
            edit: Default::default(),
            packet: pool.take().share(),
            private: false,
        }
    }

    #[test]
    fn audio_leaves_before_retransmissions_before_video_before_padding() {
        let (mut queue, mut pool) = (SendQueue::default(), PacketPool::default());
        assert!(queue.is_straight());
        queue.set_open(false);
        assert!(!queue.is_straight());
        for (n, class) in
            [Class::Padding, Class::Video, Class::Retransmission, Class::Audio].into_iter().enumerate()
        {
            queue.push(class, entry(&mut pool, n as u32));
        }
        assert!(queue.pop().is_none(), "the gate is closed");
        queue.set_open(true);
        assert!(!queue.is_straight(), "what waits goes first");
        let order: Vec<usize> =
            std::iter::from_fn(|| queue.pop()).map(|entry| entry.consumer.index()).collect();
        assert_eq!(order, [3, 2, 1, 0]);
        assert!(queue.is_straight());
    }

    #[test]
    fn a_full_class_loses_its_oldest() {
        let (mut queue, mut pool) = (SendQueue::default(), PacketPool::default());
        for n in 0..CLASS_LIMIT as u32 {
            assert!(queue.push(Class::Video, entry(&mut pool, n)).is_none());
        }
        assert_eq!(queue.push(Class::Video, entry(&mut pool, 9999)).unwrap().consumer.index(), 0);
    }
}
