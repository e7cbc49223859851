//! Bursts are spread: what leaves at once, what waits, and when that leaves.
use std::time::Instant;

use super::Engine;
use super::forward::{Egress, Published};
use super::pacer::{Pacer, PathFigures};
use super::send_queue::{Again, Entry, Next};
use super::transport::Transport;
use crate::control::{ConsumerId, TransportId};
use crate::rtp::MAX_HEADER_LEN;

impl Transport {
    /// Whether a packet of so many bytes may leave now; it is taken out of the budget.
    ///
    /// Audio does not ask. Until the budget is used up, or a few milliseconds are over, this costs two comparisons.
    #[inline]
    pub(super) fn may_leave(&mut self, now: Instant, size: usize) -> bool {
        self.pacer.take(now, size) || self.may_leave_after_count(now, size)
    }

    #[cold]
    fn may_leave_after_count(&mut self, now: Instant, size: usize) -> bool {
        if !self.queue.is_empty() {
            return false;
        }
        self.measure(now);
        self.pacer.count(now);
        self.pacer.take(now, size)
    }

    fn measure(&mut self, now: Instant) {
        if self.pacer.is_to_measure(now) {
            let figures =
                PathFigures { sent: self.counters.sent.bytes(), available: self.available_outgoing(now) };
            self.pacer.measure(now, figures);
        }
    }
}

impl Engine {
    /// Bursts to a new transport are spread, unless its peer is signaling or a worker, which spreads them itself.
    pub(super) fn begin_pacing(&mut self, id: TransportId) {
        let is_on = self.config.pacing;
        if let Some(path) = self.transports.get_mut(id) {
            path.pacer = Pacer::new(is_on && !path.is_direct() && !path.is_pipe());
        }
    }

    /// Lets what was prepared for one consumer wait. It gets its number now.
    #[cold]
    pub(super) fn let_wait(&mut self, now: Instant, published: &Published, egress: &mut Egress) {
        let private = egress.private.take().map(|private| private.share());
        let is_private = private.is_some();
        let packet = private.unwrap_or_else(|| published.packet.clone());
        let Some(head) = egress.head.get(..usize::from(egress.header.len)) else {
            return self.pool.release(packet);
        };
        let timestamp =
            u32::from_be_bytes(head.get(4..8).and_then(|b| b.first_chunk().copied()).unwrap_or_default());
        let stream = self
            .consumers
            .get_mut(egress.consumer)
            .and_then(|consumer| consumer.stream_mut(packet.info.encoding));
        let Some(sequence) = stream.and_then(|s| s.stream.place(now, egress.extended, timestamp)) else {
            // Too late for its place.
            self.counters.rtp_discarded += 1;
            return self.pool.release(packet);
        };
        self.privates += usize::from(is_private);
        let entry = Entry {
            private: is_private,
            header: egress.header,
            edit: egress.edit,
            ..Entry::new(egress.consumer, Some(egress.extended), sequence, packet)
        };
        self.push_waiting(now, entry, egress);
    }

    /// The same for a packet that a plugin made for this consumer.
    #[cold]
    pub(super) fn let_new_wait(&mut self, now: Instant, new: &Published, egress: &mut Egress) {
        let packet = egress.private.take().map_or_else(|| new.packet.clone(), |private| private.share());
        let Some(consumer) = self.consumers.get_mut(egress.consumer) else {
            return self.pool.release(packet);
        };
        let sequence = consumer.main.stream.place_inserted(now, new.packet.header.timestamp);
        let entry = Entry { header: egress.header, ..Entry::new(egress.consumer, None, sequence, packet) };
        self.push_waiting(now, entry, egress);
    }

    fn push_waiting(&mut self, now: Instant, entry: Entry, egress: &Egress) {
        let transport = self.consumers.get(entry.consumer).map(|consumer| consumer.transport);
        let head = egress.head.get(..usize::from(egress.header.len)).unwrap_or_default();
        // A full queue lets its oldest leave: waiting never loses a packet.
        while let Some(id) = transport
            && self.transports.get(id).is_some_and(|path| path.queue.is_full())
        {
            self.counters.paced_early += 1;
            self.leave_next(now, id, false);
        }
        let Some(path) = transport.and_then(|id| self.transports.get_mut(id)) else {
            self.privates = self.privates.saturating_sub(usize::from(entry.private));
            return self.pool.release(entry.packet);
        };
        if path.queue.is_empty() {
            path.pacer.begin_wait();
        }
        path.queue.push(now, entry, head);
        self.waits(now, transport);
    }

    /// Lets a retransmission wait for its turn, which comes before that of media.
    pub(super) fn let_again_wait(&mut self, now: Instant, id: TransportId, again: Again) {
        let Some(path) = self.transports.get_mut(id) else { return };
        if path.queue.is_empty() {
            path.pacer.begin_wait();
        }
        if !path.queue.push_again(now, again) {
            // It will be asked for again.
            self.counters.queue_full += 1;
            return;
        }
        self.waits(now, Some(id));
    }

    /// Something more waits.
    fn waits(&mut self, now: Instant, id: Option<TransportId>) {
        self.counters.paced += 1;
        let Some(path) = id.and_then(|id| self.transports.get_mut(id)) else { return };
        path.counters.paced += 1;
        path.pacer.waits(path.queue.bytes());
        if path.pacer.armed.is_none() {
            self.pace_timers.arm(path.id, &mut path.pacer.armed, Pacer::first_run(now));
        }
    }

    /// Lets runs leave that are due.
    pub(super) fn poll_pacing(&mut self, now: Instant) {
        while let Some(id) = self.pace_timers.pop_due(now) {
            let Some(path) = self.transports.get_mut(id) else { continue };
            path.pacer.armed = None;
            self.leave_run(now, id);
        }
    }

    fn leave_run(&mut self, now: Instant, id: TransportId) {
        let Some(path) = self.transports.get_mut(id) else { return };
        path.measure(now);
        path.pacer.earn(now);
        while self.transports.get(id).is_some_and(|path| path.pacer.has_room() && !path.queue.is_empty()) {
            self.leave_next(now, id, true);
        }
        let Some(path) = self.transports.get_mut(id) else { return };
        if path.queue.is_empty() {
            path.pacer.end_wait();
        } else {
            let next = path.pacer.next_run(now, path.queue.bytes());
            self.pace_timers.arm(id, &mut path.pacer.armed, next);
        }
    }

    /// Lets leave what waits at the front, out of the budget or beyond it.
    fn leave_next(&mut self, now: Instant, id: TransportId, spends: bool) {
        let mut head = [0; MAX_HEADER_LEN];
        let Some(path) = self.transports.get_mut(id) else { return };
        if !path.is_connected() {
            return self.forget_all_waiting(id);
        }
        let Some(next) = path.queue.pop(now, &mut head) else { return };
        let (size, waited) = match next {
            Next::Again(again, waited) => {
                (self.resend(now, again.consumer, again.stream, again.sequence), waited)
            }
            Next::Media(entry, waited) => {
                let size = entry.packet.len;
                self.leave(now, entry, &mut head);
                (size, waited)
            }
        };
        let Some(path) = self.transports.get_mut(id) else { return };
        let longest = &mut path.counters.longest_wait;
        *longest = (*longest).max(u32::try_from(waited.as_micros()).unwrap_or(u32::MAX));
        if spends {
            path.pacer.spend(size);
        }
    }

    /// Nothing that waits for a consumer leaves any more; its numbers go on behind what left.
    pub(super) fn forget_waiting(&mut self, id: ConsumerId) {
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        for stream in consumer.streams_mut() {
            stream.stream.forget_placed();
        }
        let transport = consumer.transport;
        self.remove_waiting(transport, id);
    }

    /// Takes what waits for a consumer out of the queue of its transport.
    pub(super) fn remove_waiting(&mut self, transport: TransportId, id: ConsumerId) {
        let (pool, privates) = (&mut self.pool, &mut self.privates);
        if let Some(path) = self.transports.get_mut(transport) {
            path.queue.remove(id, |entry| {
                *privates = privates.saturating_sub(usize::from(entry.private));
                pool.release(entry.packet);
            });
        }
    }

    fn forget_all_waiting(&mut self, id: TransportId) {
        while let Some(consumer) = self.transports.get(id).and_then(|path| path.queue.first_consumer()) {
            self.forget_waiting(consumer);
            // Of one that is gone, too.
            self.remove_waiting(id, consumer);
        }
        if let Some(path) = self.transports.get_mut(id) {
            path.pacer.end_wait();
        }
    }
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
