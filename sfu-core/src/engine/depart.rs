//! Departure: the number, unless it waited and has one, the time and the seal.
use std::rc::Rc;
use std::time::Instant;

use super::egress_stream::Sent;
use super::forward::{Egress, Published};
use super::layers::Edit;
use super::packet::Packet;
use super::send_queue::Entry;
use super::stream::send_history::Departed;
use super::stream::sequence_map;
use super::trace::Outgoing;
use super::transport::Protection;
use super::{Engine, Transport};
use crate::control::{ConsumerId, MediaKind, TraceEvents};
use crate::net::{Outbox, Route};
use crate::rtp::rewrite::{set_abs_send_time, set_sequence_number, set_transport_cc};
use crate::rtp::{EgressHeader, MAX_HEADER_LEN};
use crate::transport::srtp::SEALING_WINDOW;

/// A late packet that finds its number must still find a nonce: outgoing numbers lie no farther apart than incoming ones.
const _: () = assert!(SEALING_WINDOW >= sequence_map::WINDOW);

impl Engine {
    /// Sends what was prepared for one consumer, or lets it wait where more than its path bears would leave at once.
    #[inline]
    pub(crate) fn commit(&mut self, now: Instant, published: &Published, egress: &mut Egress) {
        let Some(consumer) = self.consumers.get(egress.consumer) else { return };
        let Some(path) = self.transports.get_mut(consumer.transport) else { return };
        if consumer.kind == MediaKind::Video && !path.may_leave(now, published.packet.len) {
            return self.let_wait(now, published, egress);
        }
        let private = egress.private.take().map(|private| private.share());
        let header = egress.header;
        let head_len = usize::from(header.len);
        let consumer = egress.consumer;
        let (extended, edit) = (egress.extended, egress.edit);
        let Some(head) = egress.head.get_mut(..head_len) else { return };
        match private {
            None => {
                self.depart(now, consumer, extended, None, head, header, edit, &published.packet, false);
            }
            Some(copy) => {
                self.privates += 1;
                if !self.depart(now, consumer, extended, None, head, header, edit, &copy, true) {
                    self.privates = self.privates.saturating_sub(1);
                }
                self.pool.release(copy);
            }
        }
    }

    /// Gives a packet its time, and its number if it has none yet, seals it into the outbox and remembers it; false if it is not
    /// remembered.
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
        number: Option<u16>,
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
        let sequence = match number {
            Some(sequence) => {
                stream.stream.left(now, sequence, payload.len(), size);
                sequence
            }
            None => match stream.stream.depart(now, extended, timestamp, payload.len(), size) {
                Some(sequence) => sequence,
                None => {
                    // Too late for its place.
                    self.counters.rtp_discarded += 1;
                    return false;
                }
            },
        };
        set_sequence_number(head, sequence);
        let mut sent = Sent {
            encoding: packet.info.encoding,
            // As it was when the header was written: the source may have changed since.
            timestamp_offset: timestamp.wrapping_sub(packet.header.timestamp),
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

    /// What waited leaves.
    pub(super) fn leave(&mut self, now: Instant, mut entry: Entry, head: &mut [u8; MAX_HEADER_LEN]) {
        let (id, number) = (entry.consumer, Some(entry.sequence));
        let Some(head) = head.get_mut(..usize::from(entry.header.len)) else { return };
        match entry.extended {
            None => self.depart_made(now, id, number, head, entry.header, &entry.packet, &entry.packet),
            Some(extended) => {
                let (offsets, edit, private) = (entry.header, entry.edit, entry.private);
                if self.depart(now, id, extended, number, head, offsets, edit, &entry.packet, private) {
                    // The history counts it from now on.
                    entry.private = false;
                }
            }
        }
        self.privates = self.privates.saturating_sub(usize::from(entry.private));
        self.pool.release(entry.packet);
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
    outbox.push(route, &mut transport.run, |slot| match protection {
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
