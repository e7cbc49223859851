//! Traces: single packets and decisions, told one by one. Where nobody asked for them, a packet costs one test.
use std::time::Instant;

use super::control::not_found;
use super::{Engine, Packet};
use crate::control::{
    BandwidthTrace, ConsumerId, ControlError, EventBody, ProducerId, Reply, Target, Trace, TraceDirection,
    TraceEvents, TraceInfo, TracedPacket, TransportId,
};
use crate::rtp::codec::{Vp8Descriptor, Vp9Descriptor};
use crate::rtp::{Codec, ExtensionIds, ExtensionKind, ExtensionTable, RtpHeader};

/// A packet on its way out, in its parts.
pub(super) struct Outgoing<'p> {
    /// Its header, as it leaves.
    pub(super) head: &'p [u8],
    /// Bytes behind the header.
    pub(super) payload_len: usize,
    /// What it carries.
    pub(super) media: &'p Packet,
    /// It leaves by RTX.
    pub(super) is_rtx: bool,
}

impl Engine {
    /// Chooses what an entity traces.
    pub(crate) fn enable_trace(
        &mut self,
        target: Target,
        events: TraceEvents,
    ) -> Result<Reply, ControlError> {
        match target {
            Target::Transport(id) => {
                self.transports.get_mut(id).ok_or_else(|| not_found(target))?.trace = events;
            }
            Target::Producer(id) => {
                let producer = self.producers.get_mut(id).ok_or_else(|| not_found(target))?;
                producer.trace = events;
                producer.watch();
            }
            Target::Consumer(id) => {
                self.consumers.get_mut(id).ok_or_else(|| not_found(target))?.trace = events;
            }
            _ => {
                return Err(ControlError::invalid(
                    "control.enable_trace: transports, producers and consumers trace; name one of them",
                ));
            }
        }
        Ok(Reply::Done)
    }

    fn traced(
        &mut self,
        now: Instant,
        target: impl Into<Target>,
        direction: TraceDirection,
        info: TraceInfo,
    ) {
        let timestamp = self.config.clock.unix_millis(now);
        self.change(target, EventBody::Trace(Box::new(Trace { timestamp, direction, info })));
    }

    /// A packet of a watched producer arrived.
    #[cold]
    pub(super) fn watch_packet(&mut self, now: Instant, id: ProducerId, packet: &Packet, is_rtx: bool) {
        if let Some(level) = packet.info.audio_level {
            self.heard(now, id, level.level);
        }
        let Some(producer) = self.producers.get(id) else { return };
        let Some(tell) = teller(producer.trace, packet.info.key_frame) else { return };
        let traced = traced_packet(packet.data(), &packet.header, &producer.extensions, packet, packet.len);
        self.traced(now, id, TraceDirection::In, tell(traced, is_rtx));
    }

    /// A packet of a consumer leaves that traces something.
    #[cold]
    pub(super) fn trace_departure(&mut self, now: Instant, id: ConsumerId, packet: &Outgoing<'_>) {
        let Some(consumer) = self.consumers.get(id) else { return };
        let Some(tell) = teller(consumer.trace, packet.media.info.key_frame) else { return };
        let Ok(header) = RtpHeader::parse(packet.head) else { return };
        let size = packet.head.len() + packet.payload_len;
        let traced = traced_packet(packet.head, &header, &consumer.extensions, packet.media, size);
        self.traced(now, id, TraceDirection::Out, tell(traced, packet.is_rtx));
    }

    /// A producer's peer was told, or told, something by RTCP; `event` is the one that `info` stands for.
    pub(super) fn trace_producer(
        &mut self,
        now: Instant,
        id: ProducerId,
        event: TraceEvents,
        direction: TraceDirection,
        info: TraceInfo,
    ) {
        if self.producers.get(id).is_some_and(|producer| producer.trace.intersects(event)) {
            self.traced(now, id, direction, info);
        }
    }

    /// A consumer's peer asked for something by RTCP; `event` is the one that `info` stands for.
    pub(super) fn trace_consumer(
        &mut self,
        now: Instant,
        id: ConsumerId,
        event: TraceEvents,
        info: TraceInfo,
    ) {
        if self.consumers.get(id).is_some_and(|consumer| consumer.trace.intersects(event)) {
            self.traced(now, id, TraceDirection::In, info);
        }
    }

    /// Something else is known of the bandwidth to the peer of a transport; `info` is asked for only where it is traced.
    pub(super) fn trace_bandwidth(
        &mut self,
        now: Instant,
        id: TransportId,
        info: impl FnOnce(&Self) -> Option<BandwidthTrace>,
    ) {
        let is_traced = |transport: &super::Transport| transport.trace.intersects(TraceEvents::BANDWIDTH);
        if self.transports.get(id).is_some_and(is_traced)
            && let Some(info) = info(self)
        {
            self.traced(now, id, TraceDirection::Out, TraceInfo::Bandwidth(info));
        }
    }

    /// A transport sends a packet with this header and so many bytes behind it to probe for bandwidth.
    pub(super) fn trace_probation(
        &mut self,
        now: Instant,
        id: TransportId,
        header: &RtpHeader,
        padding: usize,
    ) {
        if self.transports.get(id).is_some_and(|path| path.trace.intersects(TraceEvents::PROBATION)) {
            let size = u32::from(header.payload_offset) + padding as u32;
            let traced = TracedPacket { size, payload_size: 0, ..fixed_part(header) };
            self.traced(now, id, TraceDirection::Out, TraceInfo::Probation(traced));
        }
    }
}

/// How a packet is told, if it is: one that begins a key frame as such where that is wanted.
fn teller(trace: TraceEvents, key_frame: bool) -> Option<fn(TracedPacket, bool) -> TraceInfo> {
    if key_frame && trace.intersects(TraceEvents::KEY_FRAME) {
        Some(|packet, is_rtx| TraceInfo::KeyFrame { packet, is_rtx })
    } else if trace.intersects(TraceEvents::RTP) {
        Some(|packet, is_rtx| TraceInfo::Rtp { packet, is_rtx })
    } else {
        None
    }
}

/// What a header says by itself.
fn fixed_part(header: &RtpHeader) -> TracedPacket {
    TracedPacket {
        payload_type: header.payload_type,
        sequence_number: header.sequence_number,
        timestamp: header.timestamp,
        marker: header.marker,
        ssrc: header.ssrc,
        ..Default::default()
    }
}

/// All of a packet but its payload. `bytes` begin with its header; `media` is what it carries.
fn traced_packet(
    bytes: &[u8],
    header: &RtpHeader,
    ids: &ExtensionIds,
    media: &Packet,
    size: usize,
) -> TracedPacket {
    let table = ExtensionTable::scan(bytes, header, ids);
    let text = |kind| table.get(bytes, kind).map(|value| String::from_utf8_lossy(value).into_owned());
    let (spatial_layer, temporal_layer) = layers(media.info.codec, media.payload());
    TracedPacket {
        is_key_frame: media.info.key_frame,
        size: size as u32,
        payload_size: size.saturating_sub(usize::from(header.payload_offset)) as u32,
        spatial_layer,
        temporal_layer,
        mid: text(ExtensionKind::Mid),
        rid: text(ExtensionKind::Rid),
        repaired_rid: text(ExtensionKind::RepairedRid),
        transport_sequence_number: table.transport_cc(bytes),
        ..fixed_part(header)
    }
}

/// Spatial and temporal layer, where the payload says them; 0 otherwise.
fn layers(codec: Codec, payload: &[u8]) -> (u8, u8) {
    match codec {
        Codec::Vp8 => (0, Vp8Descriptor::parse(payload).and_then(|d| d.temporal_layer).unwrap_or(0)),
        Codec::Vp9 => Vp9Descriptor::parse(payload)
            .map_or((0, 0), |d| (d.spatial_layer.unwrap_or(0), d.temporal_layer.unwrap_or(0))),
        _ => (0, 0),
    }
}
