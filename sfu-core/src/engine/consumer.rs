//! One receiver's copy of a producer: what is rewritten, what was sent, what is missing.
use std::rc::Rc;
use std::time::Instant;

use super::clock::Tick;
use super::codec_table::CodecTable;
use super::egress_stream::EgressStream;
use super::layers::{Layer, Layering};
use super::packet::Packet;
use super::producer::{Producer, extension_ids};
use super::random::Random;
use super::scores::PackedScores;
use super::stream::send_history::HistoryLimits;
use super::stream::send_stream::SendConfig;
use crate::control::{
    ConsumerId, ConsumerOptions, ConsumerType, ControlError, Labels, MediaKind, ProducerId, RouterId,
    RtpEncodingParameters, RtpParameters, TraceEvents, TransportId,
};
use crate::rtp::{ExtensionIds, ExtensionKind, ExtensionMap};

/// The payload types of a consumer for one payload type of its producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PayloadTypeMap {
    from: u8,
    to: u8,
    rtx: Option<u8>,
}

/// One receiver's copy of a producer.
pub(crate) struct Consumer {
    /// Its id.
    pub(crate) id: ConsumerId,
    /// Its producer, on this media thread.
    pub(crate) producer: ProducerId,
    /// The transport that it leaves by.
    pub(crate) transport: TransportId,
    /// Its router.
    pub(crate) router: RouterId,
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// How it chooses among encodings.
    pub(crate) consumer_type: ConsumerType,
    /// Its labels.
    pub(crate) labels: Labels,
    /// What its receiver was told.
    pub(crate) parameters: RtpParameters,
    /// Its payload types.
    pub(crate) codecs: CodecTable,
    /// Its header extensions.
    pub(crate) extensions: ExtensionIds,
    /// Which extension of the producer leaves under which id.
    pub(crate) extension_map: ExtensionMap,
    /// MID that is written into packets; empty for none.
    pub(crate) mid: arrayvec::ArrayVec<u8, 16>,
    /// CNAME of its sender reports.
    pub(crate) cname: Rc<str>,
    payload_types: arrayvec::ArrayVec<PayloadTypeMap, { super::codec_table::MAX_CODECS }>,
    /// Paused by command.
    pub(crate) paused: bool,
    /// Its producer is paused.
    pub(crate) producer_paused: bool,
    /// Leave out Opus packets of discontinuous transmission.
    pub(crate) ignore_dtx: bool,
    /// Stay open when the producer closes; `producer` then names none.
    pub(crate) outlives_producer: bool,
    /// Weight against the others of its transport.
    pub(crate) priority: u8,
    /// What is sent. Of a pipe, the first encoding.
    pub(crate) main: EgressStream,
    /// Of a pipe: what is sent of the other encodings.
    pub(crate) others: Vec<EgressStream>,
    /// Which layers it gets, where it has a choice.
    pub(crate) layers: Option<Box<Layering>>,
    /// Packets that plugins dropped.
    pub(crate) dropped_by_plugins: u64,
    /// When the receiver's wish for a key frame was last told as an event.
    pub(crate) wish_told: Option<Instant>,
    /// What it traces.
    pub(crate) trace: TraceEvents,
    /// The scores behind it that were told last.
    pub(crate) scores_told: PackedScores,
    /// The producer's encodings as the router knows them.
    pub(crate) consumable_encodings: Vec<RtpEncodingParameters>,
}

impl Consumer {
    /// Checks options against the producer and makes a consumer of them.
    pub(crate) fn new(
        id: ConsumerId,
        transport: TransportId,
        options: ConsumerOptions,
        producer: &Producer,
        parent_labels: &Labels,
        is_direct: bool,
        random: &mut Random,
    ) -> Result<Self, ControlError> {
        let ConsumerOptions {
            kind: consumer_type,
            rtp_parameters,
            paused,
            ignore_dtx,
            outlives_producer,
            preferred_layers,
            labels,
            consumable_encodings,
            ..
        } = options;
        let codecs = CodecTable::new(&rtp_parameters, producer.kind)?;
        let extensions = extension_ids(&rtp_parameters)?;
        let mid = rtp_parameters.mid.as_deref().unwrap_or_default();
        let mid = arrayvec::ArrayVec::try_from(mid.as_bytes())
            .map_err(|_| ControlError::invalid("control.consume: a mid has at most 16 bytes"))?;
        let media = codecs.media().next().copied();
        let media = media.ok_or_else(|| ControlError::invalid("control.consume: there is no media codec"))?;
        let can_repair = media.feedback.nack && !is_direct;
        let limits = match (can_repair, producer.kind) {
            (false, _) => HistoryLimits::NONE,
            (true, MediaKind::Video) => HistoryLimits::VIDEO,
            (true, MediaKind::Audio) => HistoryLimits::AUDIO,
        };
        let cname: Rc<str> = rtp_parameters.rtcp.cname.as_deref().unwrap_or_default().into();
        if cname.len() > 255 {
            return Err(ControlError::invalid("control.consume: a cname has at most 255 bytes"));
        }
        let is_pipe = consumer_type == ConsumerType::Pipe;
        if is_pipe && rtp_parameters.encodings.len() != producer.encodings.len() {
            return Err(ControlError::invalid(format!(
                "control.consume: a pipe has as many encodings as its producer, {}; give each its ssrc",
                producer.encodings.len()
            )));
        }
        let mut stream = |encoding: &RtpEncodingParameters| {
            let ssrc = encoding.ssrc.ok_or_else(|| {
                ControlError::invalid("control.consume: the consumer's encoding needs an ssrc")
            })?;
            Ok(EgressStream::new(
                SendConfig {
                    ssrc,
                    rtx_ssrc: encoding.rtx.map(|rtx| rtx.ssrc),
                    clock_rate: media.clock_rate,
                    first_seq: random.u16() >> 1,
                    first_rtx_seq: random.u16() >> 1,
                    // The other end of a pipe gets the timestamps that the producer sends.
                    timestamp_offset: if is_pipe { 0 } else { random.u32() },
                },
                limits,
            ))
        };
        let main = stream(rtp_parameters.encodings.first().ok_or_else(|| {
            ControlError::invalid("control.consume: the consumer has no encoding; one with an ssrc is needed")
        })?)?;
        let others = match is_pipe {
            true => rtp_parameters.encodings.iter().skip(1).map(stream).collect::<Result<_, _>>()?,
            false => Vec::new(),
        };
        let preferred = preferred_layers.map_or(Layer::HIGHEST, Layer::preferred);
        let mut consumer = Consumer {
            id,
            producer: producer.id,
            transport,
            router: producer.router,
            kind: producer.kind,
            consumer_type,
            labels: labels.inherit(parent_labels),
            extension_map: ExtensionMap::between(&producer.extensions, &extensions, &mid),
            codecs,
            extensions,
            mid,
            cname,
            payload_types: Default::default(),
            paused,
            producer_paused: producer.paused,
            ignore_dtx,
            outlives_producer,
            priority: 1,
            main,
            others,
            layers: None,
            dropped_by_plugins: 0,
            wish_told: None,
            trace: TraceEvents::NONE,
            scores_told: PackedScores::default(),
            consumable_encodings,
            parameters: rtp_parameters,
        };
        consumer.follow(producer)?;
        if let Some(layers) = &mut consumer.layers {
            layers.set_preferred(preferred);
        }
        Ok(consumer)
    }

    /// Maps the numbers of `producer`: at the beginning, and when it replaces another. Fails if no codec fits.
    pub(crate) fn follow(&mut self, producer: &Producer) -> Result<(), ControlError> {
        let mut map = arrayvec::ArrayVec::new();
        for from in producer.codecs.media() {
            let mapped = producer.mapping.codecs.iter().find(|m| m.payload_type == from.number);
            let wanted = mapped.map_or(from.number, |m| m.mapped_payload_type);
            let carried = red_blocks(&producer.parameters, from.number);
            let fits = |to: &&super::codec_table::PayloadType| {
                to.codec == from.codec
                    && to.clock_rate == from.clock_rate
                    && red_blocks(&self.parameters, to.number) == carried
            };
            // The mapped number if the consumer has it, else the first of the same codec: receivers may number as they like.
            let to = self
                .codecs
                .get(wanted)
                .filter(|to| to.repairs.is_none())
                .filter(fits)
                .or_else(|| self.codecs.media().find(fits));
            if let Some(to) = to {
                let rtx = self.main.rtx_ssrc().and(self.codecs.rtx_of(to.number)).map(|rtx| rtx.number);
                let _ = map.try_push(PayloadTypeMap { from: from.number, to: to.number, rtx });
            }
        }
        if map.is_empty() || producer.kind != self.kind {
            return Err(ControlError::invalid(
                "control.consume: none of the consumer's codecs is one that the producer sends",
            ));
        }
        if self.consumer_type == ConsumerType::Pipe && self.others.len() + 1 != producer.encodings.len() {
            return Err(ControlError::invalid(
                "control.switch_consumer: a pipe can only follow a producer with as many encodings",
            ));
        }
        self.payload_types = map;
        let preferred = self.layers.as_ref().map(|layers| layers.preferred());
        self.layers = Layering::between(self.consumer_type, producer, &self.extensions).map(Box::new);
        if let (Some(layers), Some(preferred)) = (&mut self.layers, preferred) {
            layers.set_preferred(preferred);
        }
        let mut carried = producer.extensions;
        if self.layers.is_some() {
            // Written for each packet: what it says depends on the layers.
            carried.set(ExtensionKind::DependencyDescriptor, 0);
        }
        self.extension_map = ExtensionMap::between(&carried, &self.extensions, &self.mid);
        self.producer = producer.id;
        self.producer_paused = producer.paused;
        for stream in self.streams_mut() {
            stream.encoding = None;
        }
        self.resync();
        Ok(())
    }

    /// What it sends of an encoding.
    #[inline]
    pub(crate) fn stream(&self, encoding: u8) -> Option<&EgressStream> {
        if self.others.is_empty() {
            return Some(&self.main);
        }
        match encoding.checked_sub(1) {
            None => Some(&self.main),
            Some(other) => self.others.get(usize::from(other)),
        }
    }

    /// What it sends of an encoding, to change it.
    #[inline]
    pub(crate) fn stream_mut(&mut self, encoding: u8) -> Option<&mut EgressStream> {
        if self.others.is_empty() {
            return Some(&mut self.main);
        }
        match encoding.checked_sub(1) {
            None => Some(&mut self.main),
            Some(other) => self.others.get_mut(usize::from(other)),
        }
    }

    /// All that it sends.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &EgressStream> {
        std::iter::once(&self.main).chain(&self.others)
    }

    /// All that it sends, to change it.
    pub(crate) fn streams_mut(&mut self) -> impl Iterator<Item = &mut EgressStream> {
        std::iter::once(&mut self.main).chain(&mut self.others)
    }

    /// The stream that packets of an encoding leave by now, if any do.
    #[inline]
    pub(crate) fn sending(&mut self, encoding: u8) -> Option<&mut EgressStream> {
        self.stream_mut(encoding).filter(|stream| stream.encoding == Some(encoding))
    }

    /// What a payload type of the producer leaves as.
    #[inline]
    pub(crate) fn payload_type(&self, from: u8) -> Option<u8> {
        self.payload_types.iter().find(|map| map.from == from).map(|map| map.to)
    }

    /// The RTX payload type for a payload type of the producer.
    pub(crate) fn rtx_payload_type(&self, from: u8) -> Option<u8> {
        self.payload_types.iter().find(|map| map.from == from).and_then(|map| map.rtx)
    }

    /// The RTX payload type for a payload type as it leaves.
    pub(crate) fn rtx_of_outgoing(&self, to: u8) -> Option<u8> {
        self.payload_types.iter().find(|map| map.to == to).and_then(|map| map.rtx)
    }

    /// Whether packets are forwarded at all.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        !self.paused && !self.producer_paused
    }

    /// Sends nothing before the next packet that a decoder can begin with.
    pub(crate) fn resync(&mut self) {
        for stream in self.streams_mut() {
            stream.resync();
        }
    }

    /// Packets of an encoding before `extended` will never come: leaves no gap. A decoder of video needs a key frame then; true if
    /// it waits for one.
    pub(crate) fn close_gap(&mut self, encoding: u8, extended: u64) -> bool {
        let is_video = self.kind == MediaKind::Video;
        let Some(stream) = self.sending(encoding) else { return false };
        stream.stream.skip_until(extended);
        if is_video && !stream.needs_sync {
            stream.needs_sync = true;
            stream.after_gap = true;
        }
        stream.needs_sync
    }

    /// Gives up private copies that nobody will ask for any more.
    pub(crate) fn expire(&mut self, tick: Tick, mut evicted: impl FnMut(Rc<Packet>)) {
        for stream in self.streams_mut() {
            stream.history.expire(tick.millis, &mut evicted);
        }
    }
}

/// What the blocks of RED are, by payload types inside the payload (`111/111`, RFC 2198 §5); `None` for other codecs.
///
/// Those numbers are not rewritten: a receiver that numbers otherwise could not decode the blocks.
fn red_blocks(parameters: &RtpParameters, payload_type: u8) -> Option<&str> {
    let codec = parameters.codecs.iter().find(|codec| codec.payload_type == payload_type)?;
    let is_red = codec.mime_type.eq_ignore_ascii_case("audio/red");
    codec.parameters.keys().map(String::as_str).find(|name| is_red && name.contains('/'))
}
