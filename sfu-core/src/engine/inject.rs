//! Packets that plugins make: into a producer, to one consumer, or RTCP of their own.
use std::time::Instant;

use super::depart::seal;
use super::receive::Ingress;
use super::Engine;
use crate::control::{ConsumerId, ProducerId, TransportId};
use crate::rtp::rewrite::{set_abs_send_time, set_sequence_number, set_transport_cc, write_header};
use crate::rtp::{ExtensionTable, HeaderRewrite, MAX_HEADER_LEN, PacketInfo, RtpHeader, is_key_frame};

impl Engine {
    /// Takes a packet that a plugin made for a producer; it goes on as if it had just passed the injector's ingress hook.
    /// Its sequence number must go on from the producer's, which it does when nothing else feeds that encoding.
    pub(crate) fn inject_rtp(&mut self, now: Instant, id: ProducerId, bytes: &[u8], origin: u64) -> Option<Ingress> {
        let header = RtpHeader::parse(bytes).ok()?;
        let producer = self.producers.get_mut(id)?;
        let payload_type = *producer.codecs.get(header.payload_type).filter(|codec| codec.repairs.is_none())?;
        let encoding = producer.encodings.first_mut()?;
        if encoding.stream.is_none() {
            encoding.begin(header.ssrc, &payload_type, producer.kind);
        }
        let receiving = encoding.stream.as_mut()?;
        let arrival = receiving.stream.on_packet(now, header.sequence_number, header.timestamp, bytes.len());
        let super::stream::receive::Arrival::New { extended_seq: extended, .. } = arrival else { return None };
        let mut fresh = self.pool.take();
        let packet = fresh.get_mut()?;
        packet.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        packet.start = 0;
        packet.len = bytes.len();
        packet.header = header;
        packet.info = PacketInfo::new(payload_type.codec);
        packet.info.origin = Some(origin);
        packet.info.key_frame = is_key_frame(payload_type.codec, packet.payload());
        packet.info.audio_level = ExtensionTable::scan(bytes, &header, &producer.extensions).audio_level(bytes);
        if packet.info.key_frame {
            encoding.key_frames.on_key_frame();
        }
        Some(Ingress { producer: id, encoding: 0, extended, packet: fresh })
    }

    /// Sends one consumer a packet that no producer sent; it takes the next number and is never sent again.
    pub(crate) fn send_rtp(&mut self, now: Instant, id: ConsumerId, bytes: &[u8]) -> bool {
        let Ok(header) = RtpHeader::parse(bytes) else { return false };
        let Some(consumer) = self.consumers.get_mut(id) else { return false };
        let Some(transport) = self.transports.get_mut(consumer.transport) else { return false };
        let Some(route) = transport.route() else { return false };
        let mut head = [0; MAX_HEADER_LEN];
        let rewrite = HeaderRewrite {
            ssrc: consumer.ssrc,
            payload_type: header.payload_type,
            timestamp: header.timestamp,
            marker: header.marker,
            extensions: &consumer.extension_map,
            mid: &consumer.mid,
        };
        let Ok(offsets) = write_header(&mut head, bytes, &header, &rewrite) else { return false };
        let payload = header.payload(bytes);
        let size = usize::from(offsets.len) + payload.len();
        let sequence = consumer.stream.depart_inserted(now, header.timestamp, payload.len(), size);
        set_sequence_number(&mut head, sequence);
        if offsets.transport_cc_offset != 0 {
            set_transport_cc(&mut head, offsets.transport_cc_offset, transport.transport_sequence);
            transport.transport_sequence = transport.transport_sequence.wrapping_add(1);
        }
        set_abs_send_time(&mut head, offsets.abs_send_time_offset, self.config.clock.abs_send_time(now));
        let Some(head) = head.get(..usize::from(offsets.len)) else { return false };
        let sent = seal(&mut self.outbox, transport, route, head, &[], payload);
        if sent {
            transport.counters.sent.add(now, size);
            transport.counters.rtp_sent += 1;
        }
        sent
    }

    /// Sends RTCP that a plugin made, through the hooks.
    pub(crate) fn send_raw_rtcp(&mut self, id: TransportId, bytes: &[u8]) -> bool {
        self.queue_raw_rtcp(id, bytes)
    }
}
