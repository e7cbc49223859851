//! Ingress: what a datagram is, whose it is, and whether it is good.
use std::time::Instant;

use super::Engine;
use super::packet::FreshPacket;
use super::stream::receive::Arrival;
use super::transport::{Link, Protection, Transport};
use crate::control::{EventBody, MediaKind, ProducerId, TransportId};
use crate::net::Route;
use crate::rtcp::is_rtcp;
use crate::rtp::{
    ExtensionKind, ExtensionTable, PacketInfo, RtpHeader, RtpPacket, append_element, is_key_frame, rtx,
};
use crate::transport::plain::PlainSource;
use crate::transport::srtp::SrtpError;

use super::ingress_streams::StreamRef;
use super::rtcp_in::IngressRtcp;

/// What became of a datagram.
pub(crate) enum Received {
    /// The engine has dealt with it.
    Done,
    /// A media packet: the shell asks `rtp_in`, then calls [`Engine::publish`] or [`Engine::drop_ingress`].
    Rtp(Ingress),
    /// RTCP: the shell goes through it with [`Engine::next_rtcp`].
    Rtcp(IngressRtcp),
}

/// A media packet: authenticated, counted, new.
pub(crate) struct Ingress {
    /// Its producer.
    pub(crate) producer: ProducerId,
    /// Index of its encoding.
    pub(crate) encoding: u8,
    /// Its extended sequence number in that encoding.
    pub(crate) extended: u64,
    /// The packet, still ours alone.
    pub(crate) packet: FreshPacket,
}

impl Engine {
    /// Takes a datagram.
    #[inline]
    pub(crate) fn receive(&mut self, now: Instant, route: Route, data: &mut [u8]) -> Received {
        self.counters.datagrams += 1;
        // RFC 7983: the first byte says what it is.
        match data.first() {
            Some(128..=191) if is_rtcp(data) => return self.receive_rtcp(now, route, data),
            Some(128..=191) => return self.receive_rtp(now, route, data),
            Some(0..=3) => self.receive_stun(now, route, data),
            Some(20..=63) => self.receive_dtls(now, route, data),
            // SCTP begins with its source port, 5000.
            Some(19) => self.receive_sctp(now, route, data),
            _ => self.counters.unknown_protocol += 1,
        }
        Received::Done
    }

    #[inline]
    fn receive_rtp(&mut self, now: Instant, route: Route, data: &[u8]) -> Received {
        let Some(id) = self.demux.transport(&route) else {
            self.counters.unknown_source += 1;
            return Received::Done;
        };
        if self.overload.drops_video_in() && self.sheds_ingress(id, data) {
            return Received::Done;
        }
        let mut fresh = self.pool.take();
        let step = match fresh.get_mut() {
            Some(packet) => self.open_rtp(now, id, route, data, packet),
            None => None,
        };
        match step {
            Some((producer, encoding, extended)) => {
                Received::Rtp(Ingress { producer, encoding, extended, packet: fresh })
            }
            None => {
                self.pool.put_back(fresh);
                Received::Done
            }
        }
    }

    /// Authenticates a packet into `packet`, finds its producer and counts it.
    #[inline]
    fn open_rtp(
        &mut self,
        now: Instant,
        id: TransportId,
        route: Route,
        data: &[u8],
        packet: &mut super::Packet,
    ) -> Option<(ProducerId, u8, u64)> {
        let transport = self.transports.get_mut(id)?;
        transport.counters.received.add(now, data.len());
        let Some(header_len) = protected_header_len(data) else {
            self.counters.rtp_malformed += 1;
            return not_taken(now, transport, data);
        };
        let source = match &transport.link {
            Link::WebRtc(_) => PlainSource::Peer,
            Link::Plain(link) => link.source(route, false),
            Link::Direct(_) => PlainSource::Stranger,
        };
        if source == PlainSource::Stranger {
            self.counters.media_refused += 1;
            return not_taken(now, transport, data);
        }
        packet.start = 0;
        packet.len = match &mut transport.protection {
            Protection::Pending => {
                self.counters.media_refused += 1;
                return not_taken(now, transport, data);
            }
            Protection::Clear => {
                packet.bytes.get_mut(..data.len())?.copy_from_slice(data);
                data.len()
            }
            Protection::Srtp { opener, .. } => match opener.open_rtp(data, header_len, &mut packet.bytes[..])
            {
                Ok(len) => len,
                Err(error) => {
                    count_srtp(&mut self.counters, transport, error);
                    return not_taken(now, transport, data);
                }
            },
        };
        let candidate = (source == PlainSource::Candidate).then_some(route);
        self.identify(now, id, packet, candidate)
    }

    /// Finds the producer of a packet and counts it. It is good, so that its sender, if `candidate` names one, becomes the peer.
    #[inline(always)]
    pub(super) fn identify(
        &mut self,
        now: Instant,
        id: TransportId,
        packet: &mut super::Packet,
        candidate: Option<Route>,
    ) -> Option<(ProducerId, u8, u64)> {
        let transport = self.transports.get_mut(id)?;
        self.counters.rtp_authenticated += 1;
        transport.counters.rtp_received += 1;
        transport.counters.heard = Some(now);
        let Ok(header) = RtpHeader::parse(packet.data()) else {
            self.counters.rtp_malformed += 1;
            return None;
        };
        let table = ExtensionTable::scan(packet.data(), &header, &transport.ingress.extensions);
        if let Some(receiver) = &mut transport.transport_cc
            && let Some(sequence) = table.transport_cc(packet.data())
        {
            receiver.on_packet(self.arrived.unwrap_or(now), sequence);
            if let Some(deadline) = receiver.next_deadline() {
                self.timers.arm(id, &mut transport.armed, deadline);
            }
        }
        if let Some(remb) = &mut transport.remb {
            remb.on_packet(now, packet.len);
            if let Some(deadline) = remb.next_deadline() {
                self.timers.arm(id, &mut transport.armed, deadline);
            }
        }
        let known = transport.ingress.known(header.ssrc);
        let Some(stream) = known.or_else(|| transport.ingress.learn(packet.data(), &header, &table)) else {
            self.counters.rtp_unknown_stream += 1;
            transport.counters.unknown_streams += 1;
            return None;
        };
        if let Some(route) = candidate {
            self.learn_plain_peer(now, id, route, false);
        }
        self.arrive(now, id, stream, packet, header, &table)
    }

    /// Counts a packet of a known stream; only new media goes on.
    #[inline]
    fn arrive(
        &mut self,
        now: Instant,
        id: TransportId,
        stream: StreamRef,
        packet: &mut super::Packet,
        mut header: RtpHeader,
        table: &ExtensionTable,
    ) -> Option<(ProducerId, u8, u64)> {
        let producer = self.producers.get_mut(stream.producer)?;
        let kind = producer.kind;
        let encoding = producer.encodings.get_mut(usize::from(stream.encoding))?;
        let Some(payload_type) = producer.codecs.get(header.payload_type) else {
            self.counters.rtp_unknown_stream += 1;
            return None;
        };
        let wire_len = packet.len;
        let mut began = false;
        if encoding.stream.is_none()
            || encoding.stream.as_ref().is_some_and(|s| !stream.rtx && s.ssrc != header.ssrc)
        {
            // RTX before media can't be placed; media under a new SSRC of the same RID is a new beginning.
            if stream.rtx || payload_type.repairs.is_some() {
                encoding.rtx_ssrc = Some(header.ssrc);
                self.counters.rtp_discarded += 1;
                return None;
            }
            encoding.begin(header.ssrc, payload_type, kind);
            began = true;
        }
        let receiving = encoding.stream.as_mut()?;
        let was_silent = !receiving.stream.is_active();
        let rtx_number = header.sequence_number;
        let rtx_ssrc = header.ssrc;
        let arrival = if stream.rtx {
            if let Some(transport) = self.transports.get_mut(id) {
                transport.counters.rtx_received.add(now, wire_len);
            }
            let original = payload_type.repairs?;
            match rtx::decapsulate(packet.data_mut(), &header, receiving.ssrc, original) {
                Ok(restored) => {
                    header = restored;
                    packet.start = rtx::OSN_LEN;
                    packet.len -= rtx::OSN_LEN;
                }
                Err(_) => {
                    receiving.stream.on_rtx_padding(now, rtx_number, wire_len);
                    return None;
                }
            }
            if encoding.rtx_ssrc != Some(rtx_ssrc) {
                encoding.rtx_ssrc = Some(rtx_ssrc);
                receiving.stream.set_rtx_ssrc(rtx_ssrc);
            }
            receiving.stream.on_rtx_packet(now, rtx_number, header.sequence_number, wire_len)
        } else {
            receiving.stream.on_packet(now, header.sequence_number, header.timestamp, wire_len)
        };
        let Arrival::New { extended_seq: extended, restarted, in_order } = arrival else {
            self.counters.rtp_discarded += 1;
            return None;
        };
        let media = producer.codecs.get(header.payload_type)?;
        receiving.payload_type = media.number;
        receiving.codec = media.codec;
        if header.padding_len != 0 {
            strip_padding(packet, &mut header);
        }
        packet.header = header;
        packet.info = PacketInfo::new(media.codec);
        packet.info.encoding = stream.encoding;
        packet.info.audio_level = table.audio_level(packet.data());
        let key_frame = kind == MediaKind::Video && is_key_frame(media.codec, packet.payload());
        packet.info.key_frame = key_frame;
        let mut fresh_layer = false;
        if let Some(known) = &mut encoding.layers {
            let value = table.get(packet.data(), ExtensionKind::DependencyDescriptor);
            packet.info.frame = known.mark(media.codec, packet.payload(), value, key_frame);
            fresh_layer = known.on_packet(now, &packet.info.frame, wire_len);
        }
        if let Some(nack) = &mut receiving.nack {
            if restarted {
                nack.reset();
            }
            let repaired = nack.on_packet(now, extended, key_frame);
            if repaired && !stream.rtx {
                receiving.stream.on_plain_repair();
            }
            if !self.overload.holds_repairs()
                && let Some(deadline) = nack.next_deadline()
                && let Some(transport) = self.transports.get_mut(id)
            {
                self.timers.arm(id, &mut transport.armed, deadline);
            }
        }
        if key_frame {
            encoding.key_frames.on_key_frame();
            // Several packets of one frame may look like its beginning.
            if encoding.last_key_frame.replace(header.timestamp) != Some(header.timestamp) {
                encoding.key_frame_count += 1;
            }
            let structure = encoding.layers.as_ref().and_then(|known| known.structure.as_ref());
            let told = || structure.and_then(|structure| structure.resolution());
            if let Some(resolution) =
                crate::rtp::codec::resolution(media.codec, packet.payload()).or_else(told)
            {
                encoding.resolution = Some(resolution);
            }
        }
        if restarted {
            // What was stored belongs to another numbering.
            encoding.store.clear(|old| self.pool.release(old));
        }
        if restarted {
            self.restart_consumers(stream.producer, stream.encoding);
        }
        if fresh_layer {
            self.reconsider_layers(now, stream.producer);
        }
        let producer = self.producers.get(stream.producer)?;
        // A late packet shows how the camera was.
        let orientation = if in_order { table.video_orientation(packet.data()) } else { None };
        if was_silent || (orientation.is_some() && orientation != producer.orientation) {
            self.note_stream(stream, header.ssrc, began, orientation);
        }
        let producer = self.producers.get(stream.producer)?;
        let (is_paused, packet_id) = (producer.paused, producer.packet_id);
        if producer.is_watched && !is_paused {
            self.watch_packet(now, stream.producer, packet, stream.rtx);
        }
        // Padding alone is no media, and a paused producer forwards nothing.
        if is_paused || packet.header.payload_len == 0 {
            self.skip_number(now, stream.producer, stream.encoding, extended, packet.header.timestamp);
            return None;
        }
        if packet_id != 0 && table.get(packet.data(), ExtensionKind::PacketId).is_none() {
            self.give_packet_id(packet, packet_id);
        }
        Some((stream.producer, stream.encoding, extended))
    }

    /// Writes the next number into a packet, under a header extension of that id. One that has no room for it goes without.
    #[cold]
    fn give_packet_id(&mut self, packet: &mut super::Packet, id: u8) {
        let random = &mut self.config.random;
        // Begun anywhere, so that numbers of several workers differ.
        let number = *self.next_packet_id.get_or_insert_with(|| random.u32());
        let (len, header) = (packet.len, packet.header);
        if let Some(len) = append_element(packet.data_with_room(), len, &header, id, number.to_be_bytes()) {
            packet.len = len;
            if let Ok(header) = RtpHeader::parse(packet.data()) {
                packet.header = header;
            }
            self.next_packet_id = Some(number.wrapping_add(1));
        }
    }

    #[cold]
    fn note_stream(
        &mut self,
        stream: StreamRef,
        ssrc: u32,
        began: bool,
        orientation: Option<crate::rtp::VideoOrientation>,
    ) {
        let Some(producer) = self.producers.get_mut(stream.producer) else { return };
        let id = producer.id;
        let entity = producer.encodings.get_mut(usize::from(stream.encoding));
        let receiving = entity.and_then(|encoding| encoding.stream.as_mut());
        let score = receiving.and_then(|receiving| receiving.stream.take_score_change());
        let turned = orientation.filter(|orientation| Some(*orientation) != producer.orientation);
        producer.orientation = orientation.or(producer.orientation);
        if began {
            self.change(id, EventBody::StreamStarted { encoding: stream.encoding, ssrc });
            self.tell_consumer_scores(id);
        }
        if let Some(score) = score {
            self.scored(id, stream.encoding, score);
        }
        if let Some(orientation) = turned {
            self.change(
                id,
                EventBody::VideoOrientation {
                    camera: orientation.back_camera,
                    flip: orientation.flipped,
                    rotation: orientation.rotation,
                },
            );
        }
    }

    /// Learns the peer of a plain transport from a good packet.
    #[cold]
    pub(super) fn learn_plain_peer(&mut self, now: Instant, id: TransportId, route: Route, is_rtcp: bool) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let Link::Plain(link) = &mut transport.link else { return };
        if !link.learn(route, is_rtcp) {
            return;
        }
        let separate = is_rtcp && link.rtcp_socket.is_some();
        let bound =
            if separate { link.rtcp_socket.map_or(link.rtp_local, |(_, at)| at) } else { link.rtp_local };
        let tuple = super::transport::tuple(Some(route), bound);
        self.change(id, if separate { EventBody::RtcpTuple(tuple) } else { EventBody::Tuple(tuple) });
        self.transport_connected(now, id);
    }
}

impl Ingress {
    /// The view that hooks get.
    #[inline]
    pub(crate) fn view<'a>(
        packet: &'a mut super::Packet,
        extensions: &'a crate::rtp::ExtensionIds,
        info: &'a PacketInfo,
    ) -> RtpPacket<'a> {
        // Padding was cut off before; as a constant it costs nothing.
        let header = RtpHeader { padding_len: 0, ..packet.header };
        RtpPacket::ingress(packet.data_with_room(), &header, extensions, info)
    }
}

/// Cuts off the padding, which no receiver gets.
#[cold]
fn strip_padding(packet: &mut super::Packet, header: &mut RtpHeader) {
    if let Some(first) = packet.data_mut().first_mut() {
        *first &= !0x20;
    }
    packet.len = packet.len.saturating_sub(usize::from(header.padding_len));
    header.padding_len = 0;
}

/// Length of the header of a protected packet: only what SRTP leaves readable is looked at.
#[inline]
fn protected_header_len(data: &[u8]) -> Option<usize> {
    let first = *data.first()?;
    let csrcs = 12 + 4 * usize::from(first & 0x0f);
    let len = if first & 0x10 == 0 {
        csrcs
    } else {
        let words = data.get(csrcs + 2..csrcs + 4)?;
        csrcs + 4 + 4 * (usize::from(*words.first()?) << 8 | usize::from(*words.get(1)?))
    };
    (len <= data.len()).then_some(len)
}

/// What looks like RTP and was not taken does not count as RTP of the transport.
#[cold]
fn not_taken<T>(now: Instant, transport: &mut Transport, data: &[u8]) -> Option<T> {
    transport.counters.other_received.add(now, data.len());
    None
}

/// Counts why a packet could not be opened.
#[cold]
pub(super) fn count_srtp(counters: &mut super::Counters, transport: &mut Transport, error: SrtpError) {
    match error {
        SrtpError::Replayed => {
            counters.srtp_replayed += 1;
            transport.counters.srtp_replayed += 1;
        }
        _ => {
            counters.srtp_failed += 1;
            transport.counters.srtp_failed += 1;
        }
    }
}
