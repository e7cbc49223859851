//! Retransmission: what a receiver asked for leaves again, the same bytes, by RTX where it was negotiated.
use std::time::Instant;

use super::Engine;
use super::depart::seal;
use super::forward::describe;
use super::layers::Edit;
use super::send_queue::Again;
use super::stream::send_history::Nacked;
use super::trace::Outgoing;
use crate::control::{ConsumerId, MediaKind, TraceEvents, TraceInfo};
use crate::rtp::codec::{MAX_EDITED, NumberEdit};
use crate::rtp::rewrite::{set_abs_send_time, set_sequence_number, set_transport_cc, write_carried};
use crate::rtp::{EgressHeader, HeaderRewrite, MAX_HEADER_LEN, rtx};

impl Engine {
    /// The receiver of a consumer misses packets of its stream with that index.
    pub(super) fn nacked(
        &mut self,
        now: Instant,
        id: ConsumerId,
        index: u8,
        lost: impl Iterator<Item = u16>,
    ) {
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        let (transport, is_video) = (consumer.transport, consumer.kind == MediaKind::Video);
        let Some(stream) = consumer.stream_mut(index) else { return };
        stream.nacks += 1;
        self.trace_consumer(now, id, TraceEvents::NACK, TraceInfo::Nack);
        if self.overload.holds_repairs() {
            let asked = lost.count() as u64;
            self.counters.shed_retransmissions += asked;
            if let Some(stream) = self.consumers.get_mut(id).and_then(|consumer| consumer.stream_mut(index)) {
                stream.nack_packets += asked;
            }
            return;
        }
        for sequence in lost {
            let asked = self.consumers.get_mut(id).and_then(|consumer| consumer.stream_mut(index));
            let Some(stream) = asked else { return };
            stream.nack_packets += 1;
            let Some(path) = self.transports.get_mut(transport) else { return };
            if is_video && !path.may_leave(now, 0) {
                self.let_again_wait(now, transport, Again::new(id, index, sequence));
                continue;
            }
            let size = self.resend(now, id, index, sequence);
            if is_video && let Some(path) = self.transports.get_mut(transport) {
                path.pacer.spend(size);
            }
        }
    }

    /// Sends again what left under `sequence`; answers how many bytes left.
    pub(super) fn resend(&mut self, now: Instant, id: ConsumerId, index: u8, sequence: u16) -> usize {
        let tick = self.ticker.at(&self.config.clock, now);
        let Some(consumer) = self.consumers.get_mut(id) else { return 0 };
        let Some(transport) = self.transports.get_mut(consumer.transport) else { return 0 };
        let Some(route) = transport.route() else { return 0 };
        let edit = consumer.layers.as_ref().map_or_else(Edit::default, |layers| layers.remembered(sequence));
        let Some(stream) = consumer.stream_mut(index) else { return 0 };
        let round_trip = stream.stream.round_trip().or_default();
        let (departed, first_time) = match stream.history.nacked(tick.millis, sequence, round_trip) {
            Nacked::Resend { entry, resends } => {
                ((entry.extended_seq, entry.payload, entry.private.cloned()), resends == 1)
            }
            Nacked::TooSoon => return 0,
            Nacked::Unknown => {
                self.counters.retransmission_missed += 1;
                return 0;
            }
        };
        let (extended, sent, private) = departed;
        let shared = || {
            let producer = self.producers.get(consumer.producer)?;
            producer.encodings.get(usize::from(sent.encoding))?.store.get(extended).cloned()
        };
        let is_private = private.is_some();
        let Some(stream) = consumer.stream(index) else { return 0 };
        let Some(packet) = private.or_else(shared) else {
            self.counters.retransmission_missed += 1;
            return 0;
        };
        let mut head = [0; MAX_HEADER_LEN];
        let written = if is_private {
            write_private(&mut head, &packet, &consumer.extensions)
        } else {
            let payload_type =
                consumer.payload_type(packet.header.payload_type).unwrap_or(packet.header.payload_type);
            let rewrite = HeaderRewrite {
                ssrc: stream.ssrc,
                payload_type,
                timestamp: packet.header.timestamp.wrapping_add(sent.timestamp_offset),
                marker: packet.header.marker || edit.numbers.marker(),
                extensions: &consumer.extension_map,
            };
            let mut written =
                write_carried(&mut head, packet.data(), &packet.header, &packet.carried, &rewrite).ok();
            if let Some(header) = &mut written
                && consumer.layers.as_ref().is_some_and(|layers| layers.descriptor_ids().is_some())
            {
                describe(&mut head, header, &packet, consumer, edit.descriptor);
            }
            written
        };
        let Some(offsets) = written else { return 0 };
        let head_len = usize::from(offsets.len);
        set_sequence_number(&mut head, sequence);
        let payload = packet.payload();
        let mut wrapped = [0; MAX_HEADER_LEN + rtx::OSN_LEN];
        // A private copy is what left, to the last byte.
        let numbers = if is_private { NumberEdit::NONE } else { edit.numbers };
        let (edited, edited_len) = numbers.prefix(packet.info.codec, payload);
        let (edited, rest) =
            (edited.get(..edited_len).unwrap_or_default(), payload.get(edited_len..).unwrap_or_default());
        let rtx_stream = stream.rtx_ssrc().zip(if is_private {
            consumer.rtx_of_outgoing(packet.header.payload_type)
        } else {
            consumer.rtx_payload_type(packet.header.payload_type)
        });
        let done = match rtx_stream {
            Some((ssrc, payload_type)) => {
                // A new number and a new time: the packet as such is another one, what it carries is the same.
                if offsets.transport_cc_offset != 0 {
                    set_transport_cc(&mut head, offsets.transport_cc_offset, transport.transport_sequence);
                    if let Some(bandwidth) = &mut transport.bandwidth {
                        bandwidth.on_sent(now, transport.transport_sequence, head_len + payload.len());
                    }
                    transport.transport_sequence = transport.transport_sequence.wrapping_add(1);
                }
                if offsets.abs_send_time_offset != 0 {
                    set_abs_send_time(&mut head, offsets.abs_send_time_offset, tick.send_time);
                }
                let Some(original) = head.get(..head_len) else { return 0 };
                let Ok(len) = rtx::encapsulate(&mut wrapped, original, ssrc, payload_type) else { return 0 };
                let Some(stream) = consumer.stream_mut(index) else { return 0 };
                let number = stream.stream.depart_rtx(
                    now,
                    payload.len() + rtx::OSN_LEN,
                    len + payload.len(),
                    first_time,
                );
                set_sequence_number(&mut wrapped, number);
                transport.counters.rtx_sent.add(now, len + payload.len() - rtx::OSN_LEN);
                let Some((head, osn)) = wrapped.get(..len).and_then(|head| head.split_at_checked(head_len))
                else {
                    return 0;
                };
                let mut prefix = arrayvec::ArrayVec::<u8, { rtx::OSN_LEN + MAX_EDITED }>::new();
                prefix.extend(osn.iter().chain(edited).copied());
                seal(&mut self.outbox, transport, route, head, &prefix, rest)
            }
            None => {
                // Under its old number it must be the same to the last byte, or AES-GCM would be broken.
                set_transport_cc(&mut head, offsets.transport_cc_offset, sent.transport_sequence);
                set_abs_send_time(&mut head, offsets.abs_send_time_offset, sent.send_time);
                let Some(stream) = consumer.stream_mut(index) else { return 0 };
                stream.stream.depart_plain_resend(now, payload.len(), head_len + payload.len(), first_time);
                let Some(head) = head.get(..head_len) else { return 0 };
                transport.allow_nonce_reuse(true);
                let sealed = seal(&mut self.outbox, transport, route, head, edited, rest);
                transport.allow_nonce_reuse(false);
                sealed
            }
        };
        let size = head_len + payload.len();
        transport.counters.sent.add(now, size);
        if done {
            self.counters.retransmitted += 1;
        } else {
            self.counters.send_failed += 1;
        }
        if consumer.trace != TraceEvents::NONE {
            let is_rtx = rtx_stream.is_some();
            let (sent, prefix) = if is_rtx { (&wrapped[..], rtx::OSN_LEN) } else { (&head[..], 0) };
            if let Some(head) = sent.get(..head_len) {
                let leaving = Outgoing { head, payload_len: prefix + payload.len(), media: &packet, is_rtx };
                self.trace_departure(now, id, &leaving);
            }
        }
        self.pool.release(packet);
        size
    }
}

/// The header of a private copy, as it left.
fn write_private(
    head: &mut [u8; MAX_HEADER_LEN],
    packet: &super::Packet,
    extensions: &crate::rtp::ExtensionIds,
) -> Option<EgressHeader> {
    let own = packet.data().get(..usize::from(packet.header.payload_offset))?;
    head.get_mut(..own.len())?.copy_from_slice(own);
    EgressHeader::locate(own, extensions).ok()
}
