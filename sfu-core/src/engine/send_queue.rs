//! What waits to leave by one transport, because all at once would be too much for its receiver.
//!
//! A media packet that waits has its number, so that those behind it can be dropped or come from another source without a gap. Its send
//! time and its seal it gets at departure. Memory is taken when something waits for the first time, and given back some time after the
//! last time.
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::layers::Edit;
use super::packet::Packet;
use crate::control::ConsumerId;
use crate::rtp::{EgressHeader, MAX_HEADER_LEN};

/// Media packets that may wait at most, and requests for retransmissions.
pub(crate) const LIMIT: usize = 1024;

/// Memory is kept for the next burst for so long.
const KEPT: Duration = Duration::from_secs(10);

/// What a retransmission counts for before it is looked up, bytes.
pub(crate) const RETRANSMISSION: u32 = 1200;

/// A packet that waits to leave for the first time. Its header is kept beside it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Whose it is.
    pub(crate) consumer: ConsumerId,
    /// Its extended number in the consumer's source; none if a plugin made it for this consumer.
    pub(crate) extended: Option<u64>,
    /// The number that it leaves with.
    pub(crate) sequence: u16,
    /// The packet is this consumer's own copy, header and all.
    pub(crate) private: bool,
    /// Length of its header, and where departure patches it.
    pub(crate) header: EgressHeader,
    /// What is different in it for this consumer.
    pub(crate) edit: Edit,
    /// The packet whose payload it is.
    pub(crate) packet: Rc<Packet>,
    /// Since when it waits, microseconds since the queue began.
    pub(super) since: u32,
}

impl Entry {
    /// One that begins to wait when it is pushed.
    pub(crate) fn new(
        consumer: ConsumerId,
        extended: Option<u64>,
        sequence: u16,
        packet: Rc<Packet>,
    ) -> Self {
        Entry {
            consumer,
            extended,
            sequence,
            private: false,
            header: EgressHeader::default(),
            edit: Edit::default(),
            packet,
            since: 0,
        }
    }

    fn size(&self) -> u32 {
        self.packet.len as u32
    }
}

/// A packet that was asked for again. What it is is looked up when it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Again {
    /// Whose it is.
    pub(crate) consumer: ConsumerId,
    /// Index of the consumer's stream; not 0 only for a pipe.
    pub(crate) stream: u8,
    /// Sequence number that it left with.
    pub(crate) sequence: u16,
    since: u32,
}

impl Again {
    /// One that begins to wait when it is pushed.
    pub(crate) fn new(consumer: ConsumerId, stream: u8, sequence: u16) -> Self {
        Again { consumer, stream, sequence, since: 0 }
    }
}

/// What leaves next, and how long it has waited.
#[derive(Debug)]
pub(crate) enum Next {
    /// A retransmission.
    Again(Again, Duration),
    /// Media.
    Media(Entry, Duration),
}

#[derive(Debug)]
struct Waiting {
    again: VecDeque<Again>,
    media: VecDeque<Entry>,
    /// The headers of `media`, one behind the other.
    heads: VecDeque<u8>,
    bytes: u32,
    epoch: Instant,
    used: Instant,
}

impl Waiting {
    fn micros(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.epoch).as_micros() as u32
    }

    fn waited(&self, now: Instant, since: u32) -> Duration {
        Duration::from_micros(u64::from(self.micros(now).wrapping_sub(since)))
    }

    fn is_empty(&self) -> bool {
        self.again.is_empty() && self.media.is_empty()
    }
}

/// The queue of one transport.
#[derive(Debug, Default)]
pub(crate) struct SendQueue(Option<Box<Waiting>>);

impl SendQueue {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|waiting| waiting.is_empty())
    }

    /// How many packets wait.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| waiting.again.len() + waiting.media.len())
    }

    /// How many bytes wait.
    pub(crate) fn bytes(&self) -> u32 {
        self.0.as_ref().map_or(0, |waiting| waiting.bytes)
    }

    /// Whether no more media may wait.
    pub(crate) fn is_full(&self) -> bool {
        self.0.as_ref().is_some_and(|waiting| waiting.media.len() >= LIMIT)
    }

    /// Lets a packet wait behind the others.
    pub(crate) fn push(&mut self, now: Instant, mut entry: Entry, head: &[u8]) {
        let waiting = self.begin(now);
        entry.since = waiting.micros(now);
        // The header is found again by this length.
        entry.header.len = head.len() as u16;
        waiting.bytes = waiting.bytes.saturating_add(entry.size());
        waiting.heads.extend(head);
        waiting.media.push_back(entry);
    }

    /// Lets a retransmission wait before all media. False if too many do.
    pub(crate) fn push_again(&mut self, now: Instant, mut again: Again) -> bool {
        let waiting = self.begin(now);
        if waiting.again.len() >= LIMIT {
            return false;
        }
        again.since = waiting.micros(now);
        waiting.bytes = waiting.bytes.saturating_add(RETRANSMISSION);
        waiting.again.push_back(again);
        true
    }

    /// What leaves next; the header of media is written into `head`.
    pub(crate) fn pop(&mut self, now: Instant, head: &mut [u8; MAX_HEADER_LEN]) -> Option<Next> {
        let waiting = self.0.as_mut()?;
        waiting.used = now;
        if let Some(again) = waiting.again.pop_front() {
            waiting.bytes = waiting.bytes.saturating_sub(RETRANSMISSION);
            return Some(Next::Again(again, waiting.waited(now, again.since)));
        }
        let entry = waiting.media.pop_front()?;
        waiting.bytes = waiting.bytes.saturating_sub(entry.size());
        let len = usize::from(entry.header.len).min(waiting.heads.len());
        for (to, from) in head.iter_mut().zip(waiting.heads.drain(..len)) {
            *to = from;
        }
        let waited = waiting.waited(now, entry.since);
        Some(Next::Media(entry, waited))
    }

    /// Takes out all that waits for a consumer; `removed` gets the packets.
    pub(crate) fn remove(&mut self, consumer: ConsumerId, mut removed: impl FnMut(Entry)) {
        let Some(waiting) = self.0.as_mut().filter(|waiting| !waiting.is_empty()) else { return };
        waiting.again.retain(|again| again.consumer != consumer);
        let mut heads = std::mem::take(&mut waiting.heads).into_iter();
        for entry in std::mem::take(&mut waiting.media) {
            let head = heads.by_ref().take(usize::from(entry.header.len));
            if entry.consumer == consumer {
                head.for_each(drop);
                removed(entry);
            } else {
                waiting.heads.extend(head);
                waiting.media.push_back(entry);
            }
        }
        let media: u32 = waiting.media.iter().map(Entry::size).sum();
        waiting.bytes = media + waiting.again.len() as u32 * RETRANSMISSION;
    }

    /// The consumer that waits longest; none if nothing waits.
    pub(crate) fn first_consumer(&self) -> Option<ConsumerId> {
        let waiting = self.0.as_ref()?;
        let media = waiting.media.front().map(|entry| entry.consumer);
        media.or(waiting.again.front().map(|again| again.consumer))
    }

    /// Gives memory back that nothing has needed for some time.
    pub(crate) fn rest(&mut self, now: Instant) {
        let rests =
            |waiting: &Waiting| waiting.is_empty() && now.saturating_duration_since(waiting.used) >= KEPT;
        if self.0.as_deref().is_some_and(rests) {
            self.0 = None;
        }
    }

    /// Whether it holds memory.
    #[cfg(test)]
    pub(crate) fn has_memory(&self) -> bool {
        self.0.is_some()
    }

    fn begin(&mut self, now: Instant) -> &mut Waiting {
        self.0.get_or_insert_with(|| {
            Box::new(Waiting {
                again: VecDeque::new(),
                media: VecDeque::new(),
                heads: VecDeque::new(),
                bytes: 0,
                epoch: now,
                used: now,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{EntityId, RawId};
    use crate::engine::packet::PacketPool;

    fn consumer(n: u32) -> ConsumerId {
        ConsumerId::from_raw(RawId::new(0, n, 0))
    }

    fn entry(pool: &mut PacketPool, of: u32, sequence: u16) -> Entry {
        let mut packet = pool.take();
        packet.get_mut().unwrap().len = 1000;
        Entry::new(consumer(of), Some(u64::from(sequence)), sequence, packet.share())
    }

    /// The header of a packet in these tests: as long as its number is high.
    fn head(sequence: u16) -> Vec<u8> {
        vec![sequence as u8; 12 + usize::from(sequence)]
    }

    fn order(queue: &mut SendQueue, now: Instant) -> Vec<(u16, bool)> {
        let mut buffer = [0; MAX_HEADER_LEN];
        let pop = || match queue.pop(now, &mut buffer)? {
            Next::Again(again, _) => Some((again.sequence, true)),
            Next::Media(entry, _) => {
                assert_eq!(buffer[..usize::from(entry.header.len)], head(entry.sequence)[..]);
                Some((entry.sequence, false))
            }
        };
        std::iter::from_fn(pop).collect()
    }

    #[test]
    fn retransmissions_leave_before_media_and_each_in_order_with_its_header() {
        let (mut queue, mut pool, now) = (SendQueue::default(), PacketPool::default(), Instant::now());
        for n in 1..4 {
            queue.push(now, entry(&mut pool, 0, n), &head(n));
        }
        assert!(queue.push_again(now, Again::new(consumer(0), 0, 9)));
        assert_eq!((queue.len(), queue.bytes()), (4, 3000 + RETRANSMISSION));
        assert_eq!(order(&mut queue, now), [(9, true), (1, false), (2, false), (3, false)]);
        assert!(queue.is_empty());
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn what_is_removed_leaves_the_headers_of_others_in_place() {
        let (mut queue, mut pool, now) = (SendQueue::default(), PacketPool::default(), Instant::now());
        for n in 0..20 {
            queue.push(now, entry(&mut pool, u32::from(n % 3), n), &head(n));
            queue.push_again(now, Again::new(consumer(u32::from(n % 3)), 0, 100 + n));
        }
        let mut removed = Vec::new();
        queue.remove(consumer(1), |entry| removed.push(entry.sequence));
        assert_eq!(removed, [1, 4, 7, 10, 13, 16, 19]);
        assert_eq!(queue.bytes(), 13 * (1000 + RETRANSMISSION));
        let rest = order(&mut queue, now);
        let kept = |from: u16, again| {
            (from..from + 20).filter(move |n| (n - from) % 3 != 1).map(move |n| (n, again))
        };
        assert_eq!(rest, kept(100, true).chain(kept(0, false)).collect::<Vec<_>>());
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn so_many_requests_wait_and_no_more() {
        let (mut queue, now) = (SendQueue::default(), Instant::now());
        let taken = (0..3000).filter(|n| queue.push_again(now, Again::new(consumer(0), 0, *n))).count();
        assert_eq!((taken, queue.len()), (LIMIT, LIMIT));
    }

    #[test]
    fn it_is_known_how_long_a_packet_waited() {
        let (mut queue, mut pool, now) = (SendQueue::default(), PacketPool::default(), Instant::now());
        queue.push(now, entry(&mut pool, 0, 0), &head(0));
        // Longer than microseconds fit 32 bits.
        let later = now + Duration::from_secs(5000);
        queue.push(later, entry(&mut pool, 0, 1), &head(1));
        let mut buffer = [0; MAX_HEADER_LEN];
        queue.pop(later, &mut buffer);
        let after = later + Duration::from_millis(7);
        assert!(
            matches!(queue.pop(after, &mut buffer), Some(Next::Media(_, waited)) if waited.as_millis() == 7)
        );
    }

    #[test]
    fn memory_is_kept_for_the_next_burst_and_given_back_after_the_last() {
        let (mut queue, mut pool, mut now) = (SendQueue::default(), PacketPool::default(), Instant::now());
        for _ in 0..5 {
            queue.push(now, entry(&mut pool, 0, 0), &head(0));
            queue.rest(now + KEPT * 2);
            assert_eq!(queue.len(), 1, "what waits is never forgotten");
            order(&mut queue, now);
            now += KEPT / 2;
            queue.rest(now);
            assert!(queue.0.is_some());
        }
        queue.rest(now + KEPT);
        assert!(queue.0.is_none());
    }
}
