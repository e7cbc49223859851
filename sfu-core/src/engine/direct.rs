//! Direct transports: packets of signaling go in, packets for signaling go out.
use std::rc::Rc;
use std::time::Instant;

use super::control::not_found;
use super::forward::{Egress, Published};
use super::ingress_streams::StreamRef;
use super::layers::Edit;
use super::receive::Ingress;
use super::rtcp_in::IngressRtcp;
use super::trace::Outgoing;
use super::{Engine, Packet};
use crate::control::{ConsumerId, ControlError, ProducerId, Told, TraceEvents, TransportId};
use crate::rtp::rewrite::{set_abs_send_time, set_sequence_number};
use crate::rtp::{EgressHeader, RtpHeader};

/// The longest packet that is taken, bytes: the longest that the network could bring.
const MAX_PACKET: usize = 1500;

impl Engine {
    /// Takes an RTP packet of a producer on a direct transport, as [`Engine::receive`] takes one of the network. `None`: it was
    /// counted, and goes no further.
    ///
    /// Fails if the producer is none, or not on a direct transport, and on what is no RTP packet of at most 1500 bytes.
    pub(crate) fn receive_direct_rtp(
        &mut self,
        now: Instant,
        producer: ProducerId,
        data: &[u8],
    ) -> Result<Option<Ingress>, ControlError> {
        let entity = self.producers.get(producer).ok_or_else(|| not_found(producer.into()))?;
        let transport = entity.transport().and_then(|id| self.transports.get_mut(id));
        let Some(transport) = transport.filter(|transport| transport.is_direct()) else {
            return Err(ControlError::invalid(format!(
                "control.send_rtp: producer {producer} is not on a direct transport"
            )));
        };
        if data.len() > MAX_PACKET || RtpHeader::parse(data).is_err() {
            return Err(ControlError::invalid(
                "control.send_rtp: that is no RTP packet of at most 1500 bytes",
            ));
        }
        let id = transport.id;
        transport.counters.received.add(now, data.len());
        let of_another = |stream: StreamRef| stream.producer != producer;
        let known = RtpHeader::parse(data).ok().and_then(|header| transport.ingress.known(header.ssrc));
        if known.is_some_and(of_another) {
            self.counters.rtp_unknown_stream += 1;
            transport.counters.unknown_streams += 1;
            return Ok(None);
        }
        let mut fresh = self.pool.take();
        let step = match fresh.get_mut().map(|packet| fill(packet, data)) {
            Some(packet) => self.identify(now, id, packet, None),
            None => None,
        };
        match step {
            // What it says of itself, its MID perhaps, may still be another's.
            Some((found, encoding, extended)) if found == producer => {
                Ok(Some(Ingress { producer, encoding, extended, packet: fresh }))
            }
            _ => {
                self.pool.put_back(fresh);
                Ok(None)
            }
        }
    }

    /// Takes RTCP of the peer of a direct transport.
    ///
    /// Fails if there is no such transport, or it is not direct, and on more than 1500 bytes.
    pub(crate) fn receive_direct_rtcp(
        &mut self,
        now: Instant,
        id: TransportId,
        data: &[u8],
    ) -> Result<IngressRtcp, ControlError> {
        let transport = self.transports.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if !transport.is_direct() {
            return Err(ControlError::invalid(format!("control.send_rtcp: transport {id} is not direct")));
        }
        if data.len() > MAX_PACKET {
            return Err(ControlError::invalid("control.send_rtcp: RTCP has at most 1500 bytes"));
        }
        transport.counters.received.add(now, data.len());
        transport.counters.other_received.add(now, data.len());
        self.counters.rtcp_authenticated += 1;
        let mut packet = self.pool.take();
        if let Some(packet) = packet.get_mut() {
            fill(packet, data);
        }
        Ok(IngressRtcp { transport: id, packet })
    }

    /// Hands a packet of a consumer to signaling. It is not remembered: between us nothing gets lost.
    #[cold]
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one packet, all borrowed from different places"
    )]
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        id: ConsumerId,
        extended: u64,
        head: &mut [u8],
        offsets: EgressHeader,
        edit: Edit,
        packet: &Rc<Packet>,
        private: bool,
    ) {
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        let Some(transport) =
            self.transports.get_mut(consumer.transport).filter(|transport| transport.is_direct())
        else {
            return;
        };
        let payload = packet.payload();
        let size = head.len() + payload.len();
        let Some(stream) = consumer.stream_mut(packet.info.encoding) else { return };
        let timestamp =
            u32::from_be_bytes(head.get(4..8).and_then(|b| b.first_chunk().copied()).unwrap_or_default());
        let Some(sequence) = stream.stream.depart(now, extended, timestamp, payload.len(), size) else {
            self.counters.rtp_discarded += 1;
            return;
        };
        set_sequence_number(head, sequence);
        set_abs_send_time(head, offsets.abs_send_time_offset, self.config.clock.abs_send_time(now));
        let is_new_key_frame =
            packet.info.key_frame && stream.last_key_frame.replace(timestamp) != Some(timestamp);
        stream.key_frames += u64::from(is_new_key_frame);
        transport.counters.sent.add(now, size);
        transport.counters.rtp_sent += 1;
        // A private copy was made of what leaves.
        let (prefix, len) =
            if private { Default::default() } else { edit.numbers.prefix(packet.info.codec, payload) };
        let (prefix, rest) = (prefix.get(..len).unwrap_or_default(), payload.get(len..).unwrap_or_default());
        let handed = [&*head, prefix, rest].concat();
        if consumer.trace != TraceEvents::NONE {
            let leaving = Outgoing { head, payload_len: payload.len(), media: packet, is_rtx: false };
            self.trace_departure(now, id, &leaving);
        }
        self.changes.push_back(Told::Rtp { consumer: id, packet: handed.into() }.into());
    }

    /// The same for a packet that a plugin made.
    #[cold]
    pub(super) fn deliver_new(&mut self, now: Instant, new: &Published, egress: &mut Egress) {
        let private = egress.private.take();
        let payload = private.as_ref().map_or(new.packet.payload(), |private| private.get().payload());
        let size = usize::from(egress.header.len) + payload.len();
        if let Some(consumer) = self.consumers.get_mut(egress.consumer)
            && let Some(transport) = self.transports.get_mut(consumer.transport)
            && transport.is_direct()
            && let Some(head) = egress.head.get_mut(..usize::from(egress.header.len))
        {
            let sequence =
                consumer.main.stream.depart_inserted(now, new.packet.header.timestamp, payload.len(), size);
            set_sequence_number(head, sequence);
            set_abs_send_time(head, egress.header.abs_send_time_offset, self.config.clock.abs_send_time(now));
            transport.counters.sent.add(now, size);
            transport.counters.rtp_sent += 1;
            let packet = [head, payload].concat().into();
            self.changes.push_back(Told::Rtp { consumer: egress.consumer, packet }.into());
        }
        if let Some(private) = private {
            self.pool.put_back(private);
        }
    }
}

/// Puts bytes that fit into a packet.
fn fill<'p>(packet: &'p mut Packet, data: &[u8]) -> &'p mut Packet {
    packet.start = 0;
    packet.len = 0;
    if let Some(slot) = packet.bytes.get_mut(..data.len()) {
        slot.copy_from_slice(data);
        packet.len = data.len();
    }
    packet
}
