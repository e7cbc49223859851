//! Packets that plugins make: into a producer, to one consumer, or RTCP of their own.
use std::time::Instant;

use super::depart::seal;
use super::forward::{Egress, Published};
use super::receive::Ingress;
use super::stream::receive::Arrival;
use super::trace::Outgoing;
use super::{Engine, Packet};
use crate::control::{ConsumerId, MediaKind, ProducerId, TraceEvents};
use crate::plugin::NewRtpHeader;
use crate::rtp::codec::FrameMark;
use crate::rtp::rewrite::{set_abs_send_time, set_sequence_number, set_transport_cc, write_header};
use crate::rtp::{EgressHeader, HeaderRewrite, PacketInfo, RtpHeader, is_key_frame};

impl Engine {
    /// Takes a payload that a plugin made for a producer: it gets SSRC and number, and goes on as if it had just passed
    /// the injector's ingress hook. An encoding should be fed by injection or by the network, not by both, unless what is injected
    /// stands in the place of lost packets.
    pub(crate) fn inject(
        &mut self,
        now: Instant,
        id: ProducerId,
        new: &NewRtpHeader,
        payload: &[u8],
        origin: u64,
    ) -> Option<Ingress> {
        let producer = self.producers.get_mut(id).filter(|producer| !producer.paused)?;
        let payload_type = match new.payload_type {
            Some(number) => *producer.codecs.get(number).filter(|codec| codec.repairs.is_none())?,
            None => *producer.codecs.media().next()?,
        };
        let mapped =
            producer.mapping.encodings.get(usize::from(new.encoding)).map(|encoding| encoding.mapped_ssrc);
        let encoding = producer.encodings.get_mut(usize::from(new.encoding))?;
        let ssrc = encoding.ssrc.or(mapped).unwrap_or(1);
        if encoding.stream.is_none() && new.in_place_of.is_none() {
            encoding.begin(ssrc, &payload_type, producer.kind);
        }
        let receiving = encoding.stream.as_mut()?;
        let next = receiving.stream.highest().map_or(1, |highest| (highest as u16).wrapping_add(1));
        let sequence = new.in_place_of.unwrap_or(next);
        let arrival = match new.in_place_of {
            Some(lost) => receiving.stream.on_restored(now, lost),
            None => receiving.stream.on_packet(now, sequence, new.timestamp, payload.len() + 12),
        };
        let Arrival::New { extended_seq: extended, .. } = arrival else { return None };
        let key_frame = is_key_frame(payload_type.codec, payload);
        if new.in_place_of.is_some()
            && let Some(nack) = &mut receiving.nack
        {
            // Nobody has to ask for it any more.
            nack.on_packet(now, extended, key_frame);
        }
        let mut frame = FrameMark::default();
        if let Some(known) = &mut encoding.layers {
            frame = known.mark(payload_type.codec, payload, None, key_frame);
            known.on_packet(now, &frame, payload.len());
        }
        let mut fresh = self.pool.take();
        let info = PacketInfo {
            encoding: new.encoding,
            origin: Some(origin),
            key_frame,
            frame,
            ..PacketInfo::new(payload_type.codec)
        };
        let written = fresh
            .get_mut()
            .is_some_and(|packet| fill(packet, new, (ssrc, sequence, payload_type.number), payload, info));
        if !written {
            self.pool.put_back(fresh);
            return None;
        }
        if info.key_frame {
            encoding.key_frames.on_key_frame();
            encoding.key_frame_count += 1;
        }
        Some(Ingress { producer: id, encoding: new.encoding, extended, packet: fresh })
    }

    /// Makes a packet of a payload that a plugin made for one consumer.
    pub(crate) fn prepare_new(
        &mut self,
        id: ConsumerId,
        new: &NewRtpHeader,
        payload: &[u8],
    ) -> Option<Published> {
        let consumer = self.consumers.get(id)?;
        let transport = self.transports.get(consumer.transport)?;
        let codec = match new.payload_type {
            Some(number) => consumer.codecs.get(number)?,
            None => consumer.codecs.media().next()?,
        };
        if !transport.is_connected() {
            return None;
        }
        let (info, ssrc, number) = (PacketInfo::new(codec.codec), consumer.main.ssrc, codec.number);
        let producer = consumer.producer;
        let mut fresh = self.pool.take();
        let written =
            fresh.get_mut().is_some_and(|packet| fill(packet, new, (ssrc, 0, number), payload, info));
        if !written {
            self.pool.put_back(fresh);
            return None;
        }
        Some(Published { producer, encoding: 0, extended: 0, packet: fresh.share(), consumers: Vec::new() })
    }

    /// Writes the header that the packet leaves with, sequence number not yet set.
    pub(crate) fn write_new_header(&self, id: ConsumerId, new: &Published, egress: &mut Egress) -> bool {
        let Some(consumer) = self.consumers.get(id) else { return false };
        let header = &new.packet.header;
        let rewrite = HeaderRewrite {
            ssrc: consumer.main.ssrc,
            payload_type: header.payload_type,
            timestamp: header.timestamp,
            marker: header.marker,
            extensions: &consumer.extension_map,
        };
        egress.consumer = id;
        egress.private = None;
        egress.edit = Default::default();
        match write_header(&mut egress.head, new.packet.data(), header, &rewrite) {
            Ok(written) => {
                egress.header = written;
                true
            }
            Err(_) => false,
        }
    }

    /// Sends a packet that a plugin made: it takes the next number and is never sent again.
    pub(crate) fn depart_new(&mut self, now: Instant, new: &Published, egress: &mut Egress) {
        let Some(consumer) = self.consumers.get(egress.consumer) else { return };
        let Some(transport) = self.transports.get_mut(consumer.transport) else { return };
        if transport.route().is_none() {
            return self.deliver_new(now, new, egress);
        }
        if consumer.kind == MediaKind::Video && !transport.may_leave(now, new.packet.len) {
            return self.let_new_wait(now, new, egress);
        }
        let private = egress.private.take();
        if let Some(head) = egress.head.get_mut(..usize::from(egress.header.len)) {
            let content = private.as_ref().map_or(&*new.packet, |private| private.get());
            self.depart_made(now, egress.consumer, None, head, egress.header, &new.packet, content);
        }
        if let Some(private) = private {
            self.pool.put_back(private);
        }
    }

    /// Seals a packet that a plugin made into the outbox, under its number or the next one. Its payload is that of `content`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one packet, all borrowed from different places"
    )]
    pub(super) fn depart_made(
        &mut self,
        now: Instant,
        id: ConsumerId,
        number: Option<u16>,
        head: &mut [u8],
        offsets: EgressHeader,
        made: &Packet,
        content: &Packet,
    ) {
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        let Some(transport) = self.transports.get_mut(consumer.transport) else { return };
        let Some(route) = transport.route() else { return };
        let payload = content.payload();
        let size = head.len() + payload.len();
        let stream = &mut consumer.main.stream;
        let sequence = match number {
            Some(sequence) => {
                stream.left(now, sequence, payload.len(), size);
                sequence
            }
            None => stream.depart_inserted(now, made.header.timestamp, payload.len(), size),
        };
        set_sequence_number(head, sequence);
        if offsets.transport_cc_offset != 0 {
            set_transport_cc(head, offsets.transport_cc_offset, transport.transport_sequence);
            if let Some(bandwidth) = &mut transport.bandwidth {
                bandwidth.on_sent(now, transport.transport_sequence, size);
            }
            transport.transport_sequence = transport.transport_sequence.wrapping_add(1);
        }
        set_abs_send_time(head, offsets.abs_send_time_offset, self.config.clock.abs_send_time(now));
        if !seal(&mut self.outbox, transport, route, head, &[], payload) {
            self.counters.send_failed += 1;
            return;
        }
        transport.counters.sent.add(now, size);
        transport.counters.rtp_sent += 1;
        if consumer.trace != TraceEvents::NONE {
            let leaving = Outgoing { head, payload_len: payload.len(), media: made, is_rtx: false };
            self.trace_departure(now, id, &leaving);
        }
    }

    /// Gives back the buffer of a packet that a plugin made.
    pub(crate) fn release_new(&mut self, new: Published) {
        self.pool.release(new.packet);
    }
}

/// Writes a packet without extensions.
fn fill(
    packet: &mut Packet,
    new: &NewRtpHeader,
    (ssrc, sequence, payload_type): (u32, u16, u8),
    payload: &[u8],
    info: PacketInfo,
) -> bool {
    let Some((head, rest)) = packet.bytes.split_at_mut_checked(12) else { return false };
    let Some(body) = rest.get_mut(..payload.len()) else { return false };
    let [s0, s1] = sequence.to_be_bytes();
    let [t0, t1, t2, t3] = new.timestamp.to_be_bytes();
    let [r0, r1, r2, r3] = ssrc.to_be_bytes();
    let second = (payload_type & 0x7f) | (u8::from(new.marker) << 7);
    head.copy_from_slice(&[0x80, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3]);
    body.copy_from_slice(payload);
    packet.start = 0;
    packet.len = 12 + payload.len();
    packet.info = info;
    match RtpHeader::parse(packet.data()) {
        Ok(header) => {
            packet.header = header;
            true
        }
        Err(_) => false,
    }
}
