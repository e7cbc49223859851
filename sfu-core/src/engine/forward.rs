//! Fan-out: one packet of a producer, rewritten for each of its consumers.
use std::rc::Rc;
use std::time::Instant;

use super::Engine;
use super::consumer::Consumer;
use super::layers::Edit;
use super::packet::{FreshPacket, Packet};
use super::receive::Ingress;
use super::relay::Relay;
use crate::control::{ConsumerId, ConsumerType, MediaKind, ProducerId};
use crate::plugin::Verdict;
use crate::rtp::codec::{DependencyDescriptor, DescriptorEdit, MAX_DESCRIPTOR_LEN, is_opus_dtx};
use crate::rtp::packet::PacketOutcome;
use crate::rtp::rewrite::write_carried;
use crate::rtp::{
    Carried, Codec, EgressHeader, ExtensionIds, HeaderRewrite, MAX_HEADER_LEN, RtpHeader, RtpPacket,
};

/// A packet on its way to the consumers of its producer.
pub(crate) struct Published {
    /// Its producer.
    pub(crate) producer: ProducerId,
    /// Index of its encoding.
    pub(crate) encoding: u8,
    /// Its extended sequence number.
    pub(crate) extended: u64,
    /// The packet, shared from now on.
    pub(crate) packet: Rc<Packet>,
    /// Who may get it; given back by [`Engine::finish`].
    pub(crate) consumers: Vec<ConsumerId>,
}

/// What one consumer is about to get.
pub(crate) struct Egress {
    /// The consumer.
    pub(crate) consumer: ConsumerId,
    /// Its header, sequence number not yet set.
    pub(crate) head: [u8; MAX_HEADER_LEN],
    /// Length of the header, and where departure patches it.
    pub(crate) header: EgressHeader,
    /// The private copy that a hook made.
    pub(crate) private: Option<FreshPacket>,
    /// Where the next hook that changes a payload puts it. Always there: to fetch it for each hook would cost those that change nothing.
    spare: FreshPacket,
    /// The extended number in the consumer's present source.
    pub(crate) extended: u64,
    /// The consumer begins with this packet.
    pub(crate) began: bool,
    /// What is different in the packet for this consumer.
    pub(crate) edit: Edit,
}

/// Packets behind the one that a consumer begins with that are looked for in the store.
const CATCH_UP: u64 = 512;

impl Egress {
    /// Room to prepare one consumer's packet after the other in.
    pub(crate) fn new() -> Self {
        use crate::control::{EntityId, RawId};
        Egress {
            consumer: ConsumerId::from_raw(RawId::new(0, 0, 0)),
            head: [0; MAX_HEADER_LEN],
            header: EgressHeader::default(),
            private: None,
            spare: FreshPacket::uncounted(),
            extended: 0,
            began: false,
            edit: Edit::default(),
        }
    }

    /// The view that `rtp_out` hooks get.
    #[inline]
    pub(crate) fn view<'a>(
        &'a mut self,
        published: &'a Published,
        extensions: &'a ExtensionIds,
        has_private: bool,
    ) -> RtpPacket<'a> {
        let packet = &published.packet;
        let private = if has_private { self.spare.payload_room() } else { None };
        RtpPacket::egress(
            &mut self.head[..],
            self.header.len,
            packet.payload(),
            private,
            extensions,
            &packet.info,
        )
    }
}

impl Engine {
    /// The ids of a producer's header extensions, and the plugin-independent facts that a view needs.
    #[inline]
    pub(crate) fn producer_extensions(&self, producer: ProducerId) -> &ExtensionIds {
        // No answer of "nobody": a lookup whose outcome no hook reads then costs nothing.
        self.producers.get(producer).map_or(ExtensionIds::NONE, |producer| &producer.extensions)
    }

    /// The ids of a consumer's header extensions.
    #[inline]
    pub(crate) fn consumer_extensions(&self, consumer: ConsumerId) -> &ExtensionIds {
        self.consumers.get(consumer).map_or(ExtensionIds::NONE, |consumer| &consumer.extensions)
    }

    /// A plugin, or its producer's pause, keeps a packet from everybody. It was counted as received: the sender sees no loss, and
    /// the numbers of the consumers close up.
    pub(crate) fn drop_ingress(&mut self, now: Instant, ingress: Ingress) {
        if let Some(producer) = self.producers.get_mut(ingress.producer) {
            producer.dropped_by_plugins += 1;
        }
        self.counters.dropped_by_plugins_in += 1;
        let timestamp = ingress.packet.get().header.timestamp;
        self.skip_number(now, ingress.producer, ingress.encoding, ingress.extended, timestamp);
        self.pool.put_back(ingress.packet);
    }

    /// Takes a number out of what consumers send.
    #[cold]
    pub(super) fn skip_number(
        &mut self,
        now: Instant,
        producer: ProducerId,
        encoding: u8,
        extended: u64,
        timestamp: u32,
    ) {
        let Some(entity) = self.producers.get_mut(producer) else { return };
        let consumers = std::mem::take(&mut entity.consumers);
        for id in &consumers {
            if self.consumers.get_mut(*id).is_some_and(|consumer| consumer.sending(encoding).is_some()) {
                self.skip(now, *id, encoding, extended, timestamp);
            }
        }
        if let Some(entity) = self.producers.get_mut(producer) {
            entity.consumers = consumers;
            for relay in &entity.relays {
                self.relays.skip(relay.worker, producer, encoding, extended, timestamp);
            }
        }
    }

    /// An encoding began anew: what its consumers get goes on from the next packet that a decoder can begin with.
    #[cold]
    pub(super) fn restart_consumers(&mut self, producer: ProducerId, encoding: u8) {
        let Some(entity) = self.producers.get(producer) else { return };
        for id in &entity.consumers {
            if let Some(stream) = self.consumers.get_mut(*id).and_then(|consumer| consumer.sending(encoding))
            {
                stream.resync();
            }
        }
    }

    /// Reads back what hooks did to a packet on ingress; false if nobody can read it any more.
    #[cold]
    pub(crate) fn apply_ingress(&mut self, ingress: &mut Ingress, outcome: PacketOutcome) -> bool {
        let Some(packet) = ingress.packet.get_mut() else { return false };
        packet.len = usize::from(outcome.header_len) + usize::from(outcome.payload_len);
        let Ok(header) = RtpHeader::parse(packet.data()) else { return false };
        packet.header = header;
        let codecs = self.producers.get(ingress.producer).map(|producer| &producer.codecs);
        if let Some(codec) = codecs.and_then(|codecs| codecs.get(header.payload_type)) {
            packet.info.codec = codec.codec;
        }
        true
    }

    /// Stores a packet and says who may get it. The shell then goes through the consumers with [`Engine::prepare`].
    #[inline]
    pub(crate) fn publish(&mut self, now: Instant, ingress: Ingress) -> Option<Published> {
        let Ingress { producer: id, encoding: index, extended, mut packet } = ingress;
        let Some(producer) = self.producers.get_mut(id) else {
            self.pool.put_back(packet);
            return None;
        };
        if producer.consumers.is_empty() && producer.relays.is_empty() {
            self.pool.put_back(packet);
            return None;
        }
        if let Some(packet) = packet.get_mut() {
            packet.carried = Carried::scan(packet.data(), &packet.header, &producer.extensions);
        }
        let packet = packet.share();
        if let Some(encoding) = producer.encodings.get_mut(usize::from(index)) {
            let pool = &mut self.pool;
            encoding.store.insert(now, extended, packet.clone(), |old| pool.release(old));
        }
        let consumers = std::mem::take(&mut producer.consumers);
        Some(Published { producer: id, encoding: index, extended, packet, consumers })
    }

    /// Ends the fan-out of a packet.
    #[inline]
    pub(crate) fn finish(&mut self, published: Published) {
        let Published { producer, packet, consumers, .. } = published;
        if let Some(producer) = self.producers.get_mut(producer) {
            producer.consumers = consumers;
        }
        self.pool.release(packet);
    }

    /// Media threads that a packet of a producer is relayed to.
    #[inline]
    pub(crate) fn relays_of(&self, producer: ProducerId) -> &[Relay] {
        self.producers.get(producer).map_or(&[], |producer| &producer.relays)
    }

    /// Prepares what one consumer gets of a packet; false if it gets nothing.
    #[inline]
    pub(crate) fn prepare(
        &mut self,
        now: Instant,
        published: &Published,
        id: ConsumerId,
        egress: &mut Egress,
    ) -> bool {
        if self.overload.pauses_video() && self.keeps_back(now, published, id) {
            return false;
        }
        let Some(consumer) = self.consumers.get_mut(id) else { return false };
        if !consumer.is_active() {
            return false;
        }
        let Some(transport) = self.transports.get(consumer.transport) else { return false };
        if !transport.is_connected() {
            consumer.resync();
            return false;
        }
        if consumer.layers.is_some() {
            return self.prepare_layered(now, published, id, egress);
        }
        let encoding = published.encoding;
        let Some(stream) = consumer.stream(encoding) else { return false };
        egress.began = stream.needs_sync || stream.encoding != Some(encoding);
        if egress.began && !self.synchronize(now, published, id, Some(encoding)) {
            self.pass_over(now, published, id);
            return false;
        }
        self.write_egress(now, published, id, egress, Edit::default())
    }

    /// Writes the header that a consumer gets of a packet; false if it gets nothing after all.
    #[inline]
    pub(super) fn write_egress(
        &mut self,
        now: Instant,
        published: &Published,
        id: ConsumerId,
        egress: &mut Egress,
        edit: Edit,
    ) -> bool {
        let encoding = published.encoding;
        let Some(consumer) = self.consumers.get(id) else { return false };
        let Some(stream) = consumer.stream(encoding) else { return false };
        let packet = &*published.packet;
        let is_unwanted =
            consumer.ignore_dtx && packet.info.codec == Codec::Opus && is_opus_dtx(packet.payload());
        let known = consumer.payload_type(packet.header.payload_type);
        let Some(payload_type) = known.filter(|_| !is_unwanted) else {
            self.skip(now, id, encoding, published.extended, packet.header.timestamp);
            return false;
        };
        let rewrite = HeaderRewrite {
            ssrc: stream.ssrc,
            payload_type,
            timestamp: stream
                .stream
                .rewrite_timestamp(packet.header.timestamp)
                .wrapping_add(u32::from(edit.later)),
            marker: packet.header.marker || edit.numbers.marker(),
            extensions: &consumer.extension_map,
        };
        match write_carried(&mut egress.head, packet.data(), &packet.header, &packet.carried, &rewrite) {
            Ok(header) => {
                egress.consumer = id;
                egress.header = header;
                egress.extended = published.extended;
                egress.edit = edit;
                if let Some(layers) = &consumer.layers
                    && layers.descriptor_ids().is_some()
                {
                    describe(&mut egress.head, &mut egress.header, packet, consumer, edit.descriptor);
                }
                true
            }
            Err(_) => {
                self.counters.send_failed += 1;
                self.skip(now, id, encoding, published.extended, packet.header.timestamp);
                false
            }
        }
    }

    /// A packet is not the one that a consumer begins with: where it only goes on behind a gap, the numbers close up.
    #[cold]
    pub(super) fn pass_over(&mut self, now: Instant, published: &Published, id: ConsumerId) {
        let encoding = published.encoding;
        let stream = self.consumers.get(id).and_then(|consumer| consumer.stream(encoding));
        if stream.is_some_and(|s| s.after_gap && s.source == Some((published.producer, encoding))) {
            self.skip(now, id, encoding, published.extended, published.packet.header.timestamp);
        }
    }

    /// The next stored packet behind number `after` that came before `published`; given back by [`Engine::release_new`].
    pub(crate) fn stored_behind(&self, published: &Published, after: u64) -> Option<Published> {
        let Published { producer, encoding: index, extended, .. } = *published;
        let encoding = self.producers.get(producer)?.encodings.get(usize::from(index))?;
        let own = || encoding.stream.as_ref()?.stream.highest();
        let highest = encoding.relayed.or_else(own)?.min(extended + CATCH_UP);
        (after + 1..=highest).find_map(|extended| {
            let packet = encoding.store.get(extended)?.clone();
            Some(Published { producer, encoding: index, extended, packet, consumers: Vec::new() })
        })
    }

    /// A stored packet does not go to a consumer.
    pub(crate) fn skip_stored(&mut self, now: Instant, id: ConsumerId, stored: &Published) {
        self.skip(now, id, stored.encoding, stored.extended, stored.packet.header.timestamp);
    }

    /// The consumer waits for a beginning, or goes to another encoding, `target`: is this packet the one to begin with?
    #[cold]
    pub(super) fn synchronize(
        &mut self,
        now: Instant,
        published: &Published,
        id: ConsumerId,
        target: Option<u8>,
    ) -> bool {
        let Some(producer) = self.producers.get(published.producer) else { return false };
        let Some(consumer) = self.consumers.get_mut(id) else { return false };
        let is_pipe = consumer.consumer_type == ConsumerType::Pipe;
        if target != Some(published.encoding) {
            return false;
        }
        let is_video = consumer.kind == MediaKind::Video;
        // Codecs whose key frames we can't see have to begin anywhere.
        let visible = matches!(
            published.packet.info.codec,
            Codec::Vp8 | Codec::Vp9 | Codec::H264 | Codec::H265 | Codec::Av1
        );
        if is_video && visible && !published.packet.info.key_frame {
            self.request_key_frame(now, published.producer, published.encoding);
            return false;
        }
        let timestamp = published.packet.header.timestamp;
        let Some(stream) = consumer.stream_mut(published.encoding) else { return false };
        let from = stream
            .encoding
            .and_then(|encoding| producer.encodings.get(usize::from(encoding)))
            .and_then(|encoding| encoding.mapping());
        let to =
            producer.encodings.get(usize::from(published.encoding)).and_then(|encoding| encoding.mapping());
        let same = stream.source == Some((published.producer, published.encoding));
        // Behind a mere gap, numbers and time are those of before.
        let goes_on = same && std::mem::take(&mut stream.after_gap);
        if !goes_on && is_pipe {
            stream.stream.switch_numbers();
        } else if !goes_on {
            stream.stream.switch_source(now, timestamp, if same { to } else { from }, to);
        }
        stream.source = Some((published.producer, published.encoding));
        stream.encoding = Some(published.encoding);
        stream.needs_sync = false;
        if !same {
            stream.stream.begin_score();
        }
        self.tell_consumer_score(id);
        true
    }

    /// Whether hooks may still make private copies: a bounded number of them is in use at a time.
    #[inline]
    pub(crate) fn has_private(&self) -> bool {
        self.privates < super::PRIVATE_PACKETS
    }

    /// A plugin keeps a packet from one consumer: it leaves no gap.
    pub(crate) fn drop_egress(&mut self, now: Instant, published: &Published, egress: &mut Egress) {
        if let Some(consumer) = self.consumers.get_mut(egress.consumer) {
            consumer.dropped_by_plugins += 1;
        }
        self.skip(
            now,
            egress.consumer,
            published.encoding,
            egress.extended,
            published.packet.header.timestamp,
        );
        self.counters.dropped_by_plugins_out += 1;
    }

    /// Acts upon what hooks did to one consumer's packet; what can't be carried out drops it.
    #[cold]
    pub(crate) fn apply_egress(
        &mut self,
        egress: &mut Egress,
        published: &Published,
        verdict: Verdict,
        outcome: PacketOutcome,
    ) -> Verdict {
        if outcome.must_drop {
            self.counters.private_pool_empty += 1;
            return Verdict::Drop;
        }
        if verdict == Verdict::Drop {
            return verdict;
        }
        // A changed header takes a copy too: what is sent again has to be the same.
        if !self.has_private() {
            self.counters.private_pool_empty += 1;
            return Verdict::Drop;
        }
        match self.complete_private(egress, published, outcome) {
            Some(()) => {
                egress.private = Some(std::mem::replace(&mut egress.spare, self.pool.take()));
                Verdict::Forward
            }
            None => Verdict::Drop,
        }
    }

    /// Makes the private copy that a hook began complete: its own header before the changed, or the shared, payload.
    fn complete_private(
        &self,
        egress: &mut Egress,
        published: &Published,
        outcome: PacketOutcome,
    ) -> Option<()> {
        let extensions = self.consumer_extensions(egress.consumer);
        let header_len = usize::from(outcome.header_len);
        let head = egress.head.get(..header_len)?;
        if outcome.header_changed {
            egress.header = EgressHeader::locate(head, extensions).ok()?;
        }
        let copy = egress.spare.get_mut()?;
        // A changed payload stands behind the room for the largest header; the header is put right before it.
        let start = MAX_HEADER_LEN.checked_sub(header_len)?;
        if !outcome.payload_changed {
            let payload = published.packet.payload();
            copy.bytes.get_mut(MAX_HEADER_LEN..MAX_HEADER_LEN + payload.len())?.copy_from_slice(payload);
        }
        let payload_end = MAX_HEADER_LEN + usize::from(outcome.payload_len);
        // Hooks see the producer's numbers; what leaves has the consumer's.
        egress
            .edit
            .numbers
            .apply(published.packet.info.codec, copy.bytes.get_mut(MAX_HEADER_LEN..payload_end)?);
        copy.bytes.get_mut(start..MAX_HEADER_LEN)?.copy_from_slice(head);
        copy.start = start;
        copy.len = header_len + usize::from(outcome.payload_len);
        copy.header = RtpHeader::parse(copy.data()).ok()?;
        copy.info = published.packet.info;
        Some(())
    }
}

impl FreshPacket {
    /// Where a hook's changed payload goes: behind the room for the largest header.
    #[inline]
    pub(crate) fn payload_room(&mut self) -> Option<&mut [u8]> {
        self.get_mut().and_then(|packet| packet.bytes.get_mut(MAX_HEADER_LEN..))
    }
}

/// Writes a consumer's Dependency Descriptor into its header, which was written without.
#[cold]
pub(super) fn describe(
    head: &mut [u8; MAX_HEADER_LEN],
    header: &mut EgressHeader,
    packet: &Packet,
    consumer: &Consumer,
    edit: DescriptorEdit,
) {
    let Some((from, to)) = consumer.layers.as_ref().and_then(|layers| layers.descriptor_ids()) else {
        return;
    };
    let Some(value) = packet.header.extension(packet.data(), from) else { return };
    let mut room = [0; MAX_DESCRIPTOR_LEN];
    let value = match edit.is_none() {
        true => Some(value),
        false => DependencyDescriptor::rewrite(value, edit, &mut room).and_then(|len| room.get(..len)),
    };
    let Some(value) = value else { return };
    let len = header.len;
    let mut view = RtpPacket::egress(&mut head[..], len, &[], None, &consumer.extensions, &packet.info);
    if view.set_extension_by_id(to, value).is_err() {
        return;
    }
    let len = usize::from(view.outcome().header_len);
    if let Some(Ok(located)) = head.get(..len).map(|head| EgressHeader::locate(head, &consumer.extensions)) {
        *header = located;
    }
}
