//! Departure: the number, the time and the seal. Nothing before it knows what order packets leave in.
use std::rc::Rc;
use std::time::Instant;

use super::egress_stream::Sent;
use super::forward::{Egress, Published};
use super::layers::Edit;
use super::packet::Packet;
use super::send_queue::{Class, Entry, Purpose};
use super::stream::send_history::Departed;
use super::stream::sequence_map;
use super::trace::Outgoing;
use super::transport::Protection;
use super::{Engine, Transport};
use crate::control::{ConsumerId, MediaKind, TraceEvents, TransportId};
use crate::net::{Outbox, Route};
use crate::rtp::EgressHeader;
use crate::rtp::rewrite::{set_abs_send_time, set_sequence_number, set_transport_cc};
use crate::transport::srtp::SEALING_WINDOW;

/// A late packet that finds its number must still find a nonce: outgoing numbers lie no farther apart than incoming ones.
const _: () = assert!(SEALING_WINDOW >= sequence_map::WINDOW);

impl Engine {
    /// Sends what was prepared for one consumer, or lets it wait behind what waits already.
    #[inline]
    pub(crate) fn commit(&mut self, now: Instant, published: &Published, egress: &mut Egress) {
        let Some(consumer) = self.consumers.get(egress.consumer) else { return };
        let (kind, transport) = (consumer.kind, consumer.transport);
        let Some(path) = self.transports.get(transport) else { return };
        if !path.queue.is_straight() {
            return self.enqueue(kind, transport, published, egress);
        }
        let private = egress.private.take().map(|private| private.share());
        let header = egress.header;
        let head_len = usize::from(header.len);
        let consumer = egress.consumer;
        let (extended, edit) = (egress.extended, egress.edit);
        let Some(head) = egress.head.get_mut(..head_len) else { return };
        match private {
            None => {
                self.depart(now, consumer, extended, head, header, edit, &published.packet, false);
            }
            Some(copy) => {
                self.privates += 1;
                if !self.depart(now, consumer, extended, head, header, edit, &copy, true) {
                    self.privates = self.privates.saturating_sub(1);
                }
                self.pool.release(copy);
            }
        }
    }

    /// Gives a packet its number and time, seals it into the outbox and remembers it; false if it is not remembered.
    #[inline]
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one packet, all borrowed from different places"
    )]
    fn depart(
        &mut self,
        now: Instant,
        id: ConsumerId,
        extended: u64,
        head: &mut [u8],
        offsets: EgressHeader,
        edit: Edit,
        packet: &Rc<Packet>,
        private: bool,
    ) -> bool {
        let tick = self.ticker.at(&self.config.clock, now);
        let Some(consumer) = self.consumers.get_mut(id) else { return false };
        let Some(transport) = self.transports.get_mut(consumer.transport) else { return false };
        let Some(route) = transport.route() else {
            self.deliver(now, id, extended, head, offsets, edit, packet, private);
            return false;
        };
        let payload = packet.payload();
        let size = head.len() + payload.len();
        let timestamp =
            u32::from_be_bytes(head.get(4..8).and_then(|b| b.first_chunk().copied()).unwrap_or_default());
        let Some(stream) = consumer.stream_mut(packet.info.encoding) else { return false };
        let Some(sequence) = stream.stream.depart(now, extended, timestamp, payload.len(), size) else {
            // Too late for its place.
            self.counters.rtp_discarded += 1;
            return false;
        };
        set_sequence_number(head, sequence);
        let mut sent = Sent {
            encoding: packet.info.encoding,
            timestamp_offset: stream.stream.timestamp_offset().wrapping_add(u32::from(edit.later)),
            transport_sequence: 0,
            send_time: 0,
        };
        if offsets.transport_cc_offset != 0 {
            sent.transport_sequence = transport.transport_sequence;
            transport.transport_sequence = transport.transport_sequence.wrapping_add(1);
            set_transport_cc(head, offsets.transport_cc_offset, sent.transport_sequence);
            if let Some(bandwidth) = &mut transport.bandwidth {
                bandwidth.on_sent(now, sent.transport_sequence, size);
            }
        }
        if offsets.abs_send_time_offset != 0 {
            sent.send_time = tick.send_time;
            set_abs_send_time(head, offsets.abs_send_time_offset, sent.send_time);
        }
        // A private copy was made of what leaves.
        let sealed = match edit.numbers.changes_payload() && !private {
            false => seal(&mut self.outbox, transport, route, head, &[], payload),
            true => {
                let (prefix, len) = edit.numbers.prefix(packet.info.codec, payload);
                let (prefix, rest) =
                    (prefix.get(..len).unwrap_or_default(), payload.get(len..).unwrap_or_default());
                seal(&mut self.outbox, transport, route, head, prefix, rest)
            }
        };
        if !sealed {
            self.counters.send_failed += 1;
        }
        transport.counters.sent.add(now, size);
        transport.counters.rtp_sent += 1;
        let (pool, privates) = (&mut self.pool, &mut self.privates);
        let departed =
            Departed { extended_seq: extended, payload: sent, private: private.then(|| packet.clone()) };
        stream.history.sent(tick.millis, sequence, departed, |old| {
            *privates = privates.saturating_sub(1);
            pool.release(old);
        });
        let is_new_key_frame =
            packet.info.key_frame && stream.last_key_frame.replace(timestamp) != Some(timestamp);
        stream.key_frames += u64::from(is_new_key_frame);
        if let Some(layers) = &mut consumer.layers {
            layers.remember(sequence, edit);
        }
        if consumer.trace != TraceEvents::NONE {
            let leaving = Outgoing { head, payload_len: payload.len(), media: packet, is_rtx: false };
            self.trace_departure(now, id, &leaving);
        }
        true
    }

    #[cold]
    fn enqueue(
        &mut self,
        kind: MediaKind,
        transport: TransportId,
        published: &Published,
        egress: &mut Egress,
    ) {
        let Some(head) = egress.head.get(..usize::from(egress.header.len)) else { return };
        // An entry has room for the longest header that there is.
        let header = head.iter().copied().collect();
        let private = egress.private.take().map(|private| private.share());
        self.privates += usize::from(private.is_some());
        let entry = Entry {
            consumer: egress.consumer,
            purpose: Purpose::First { extended: egress.extended },
            header,
            offsets: egress.header,
            edit: egress.edit,
            private: private.is_some(),
            packet: private.unwrap_or_else(|| published.packet.clone()),
        };
        let class = if kind == MediaKind::Audio { Class::Audio } else { Class::Video };
        self.queue(transport, class, entry);
    }

    /// Lets an entry wait; what the full queue loses leaves no gap.
    pub(super) fn queue(&mut self, transport: TransportId, class: Class, entry: Entry) {
        let Some(path) = self.transports.get_mut(transport) else {
            return self.discard(entry);
        };
        if let Some(lost) = path.queue.push(class, entry) {
            self.counters.queue_full += 1;
            self.discard(lost);
        }
    }

    /// An entry will not leave.
    pub(super) fn discard(&mut self, entry: Entry) {
        if let Purpose::First { extended } = entry.purpose
            && let Some(consumer) = self.consumers.get_mut(entry.consumer)
        {
            // One that was late as well leaves its gap: a queue that loses packets has no room for fillers.
            let _ = consumer.stream_mut(entry.packet.info.encoding).and_then(|s| s.stream.skip(extended));
        }
        self.privates = self.privates.saturating_sub(usize::from(entry.private));
        self.pool.release(entry.packet);
    }

    /// Lets leave what waits on a transport, as far as its gate allows.
    pub(super) fn drain_queue(&mut self, now: Instant, id: TransportId) {
        while let Some(mut entry) = self.transports.get_mut(id).and_then(|transport| transport.queue.pop()) {
            match entry.purpose {
                Purpose::First { extended } => {
                    let head = &mut entry.header[..];
                    let left = self.depart(
                        now,
                        entry.consumer,
                        extended,
                        head,
                        entry.offsets,
                        entry.edit,
                        &entry.packet,
                        entry.private,
                    );
                    if !left && entry.private {
                        self.privates = self.privates.saturating_sub(1);
                    }
                    self.pool.release(entry.packet);
                }
                Purpose::Again { stream, sequence } => {
                    self.resend(now, entry.consumer, stream, sequence);
                    self.discard(entry);
                }
            }
        }
    }
}

/// Protects a packet straight into the outbox; false if it could not be.
#[inline]
pub(super) fn seal(
    outbox: &mut Outbox,
    transport: &mut Transport,
    route: Route,
    head: &[u8],
    prefix: &[u8],
    payload: &[u8],
) -> bool {
    let protection = &mut transport.protection;
    outbox.push(route, |slot| match protection {
        Protection::Srtp { sealer, .. } => sealer.seal_rtp_prefixed(head, prefix, payload, slot).ok(),
        Protection::Clear => {
            let len = head.len() + prefix.len() + payload.len();
            let out = slot.get_mut(..len)?;
            let (first, rest) = out.split_at_mut_checked(head.len())?;
            let (second, third) = rest.split_at_mut_checked(prefix.len())?;
            first.copy_from_slice(head);
            second.copy_from_slice(prefix);
            third.copy_from_slice(payload);
            Some(len)
        }
        Protection::Pending => None,
    })
}
