//! One receiver's copy of a producer: what is rewritten, what was sent, what is missing.
use std::rc::Rc;
use std::time::Instant;

use super::codec_table::CodecTable;
use super::packet::Packet;
use super::producer::{Producer, extension_ids};
use super::random::Random;
use super::scores::PackedScores;
use super::stream::send_history::{HistoryLimits, SendHistory};
use super::stream::send_stream::{SendConfig, SendStream};
use crate::control::{
    ConsumerId, ConsumerOptions, ConsumerType, ControlError, Labels, MediaKind, ProducerId, RouterId,
    RtpParameters, TraceEvents, TransportId,
};
use crate::rtp::{ExtensionIds, ExtensionMap};

/// What it takes to write the same bytes again that left before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Index of the encoding that it came from.
    pub(crate) encoding: u8,
    /// Added to the producer's timestamp.
    pub(crate) timestamp_offset: u32,
    /// Transport-wide sequence number.
    pub(crate) transport_sequence: u16,
    /// Absolute send time, 24 bits.
    pub(crate) send_time: u32,
}

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
    /// SSRC of the media.
    pub(crate) ssrc: u32,
    /// SSRC of RTX, if negotiated.
    pub(crate) rtx_ssrc: Option<u32>,
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
    /// The highest encoding that its receiver wants.
    pub(crate) preferred_encoding: u8,
    /// The encoding that is forwarded.
    pub(crate) encoding: Option<u8>,
    /// Nothing is forwarded until the next packet that a decoder can begin with.
    pub(crate) needs_sync: bool,
    /// It does so only because packets were lost between media threads: its numbers and its time go on as they were.
    pub(crate) after_gap: bool,
    /// Numbers, timestamps, counts, reports.
    pub(crate) stream: SendStream,
    /// What left under which number.
    pub(crate) history: SendHistory<Sent, Rc<Packet>>,
    /// Packets that plugins dropped.
    pub(crate) dropped_by_plugins: u64,
    /// NACK messages received.
    pub(crate) nacks: u64,
    /// Packets asked for in them.
    pub(crate) nack_packets: u64,
    /// PLI received.
    pub(crate) plis: u64,
    /// FIR received.
    pub(crate) firs: u64,
    /// Key frames sent.
    pub(crate) key_frames: u64,
    /// RTP timestamp of the last one.
    pub(crate) last_key_frame: Option<u32>,
    /// When the receiver's wish for a key frame was last told as an event.
    pub(crate) wish_told: Option<Instant>,
    /// The producer and encoding that numbers and timestamps follow.
    pub(crate) source: Option<(ProducerId, u8)>,
    /// What it traces.
    pub(crate) trace: TraceEvents,
    /// The scores behind it that were told last.
    pub(crate) scores_told: PackedScores,
}

impl Consumer {
    /// Checks options against the producer and makes a consumer of them.
    pub(crate) fn new(
        id: ConsumerId,
        transport: TransportId,
        options: ConsumerOptions,
        producer: &Producer,
        parent_labels: &Labels,
        random: &mut Random,
    ) -> Result<Self, ControlError> {
        let ConsumerOptions {
            kind: consumer_type,
            rtp_parameters,
            paused,
            ignore_dtx,
            outlives_producer,
            labels,
            ..
        } = options;
        let codecs = CodecTable::new(&rtp_parameters, producer.kind)?;
        let extensions = extension_ids(&rtp_parameters)?;
        let encoding = rtp_parameters.encodings.first().ok_or_else(|| {
            ControlError::invalid("control.consume: the consumer has no encoding; one with an ssrc is needed")
        })?;
        let ssrc = encoding
            .ssrc
            .ok_or_else(|| ControlError::invalid("control.consume: the consumer's encoding needs an ssrc"))?;
        let rtx_ssrc = encoding.rtx.map(|rtx| rtx.ssrc);
        let mid = rtp_parameters.mid.as_deref().unwrap_or_default();
        let mid = arrayvec::ArrayVec::try_from(mid.as_bytes())
            .map_err(|_| ControlError::invalid("control.consume: a mid has at most 16 bytes"))?;
        let media = codecs.media().next().copied();
        let media = media.ok_or_else(|| ControlError::invalid("control.consume: there is no media codec"))?;
        let can_repair = media.feedback.nack;
        let limits = match (can_repair, producer.kind) {
            (false, _) => HistoryLimits::NONE,
            (true, MediaKind::Video) => HistoryLimits::VIDEO,
            (true, MediaKind::Audio) => HistoryLimits::AUDIO,
        };
        let cname: Rc<str> = rtp_parameters.rtcp.cname.as_deref().unwrap_or_default().into();
        if cname.len() > 255 {
            return Err(ControlError::invalid("control.consume: a cname has at most 255 bytes"));
        }
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
            ssrc,
            rtx_ssrc,
            mid,
            cname,
            payload_types: Default::default(),
            paused,
            producer_paused: producer.paused,
            ignore_dtx,
            outlives_producer,
            priority: 1,
            preferred_encoding: u8::MAX,
            encoding: None,
            needs_sync: true,
            after_gap: false,
            stream: SendStream::new(SendConfig {
                ssrc,
                rtx_ssrc,
                clock_rate: media.clock_rate,
                first_seq: random.u16() >> 1,
                first_rtx_seq: random.u16() >> 1,
                timestamp_offset: random.u32(),
            }),
            history: SendHistory::new(limits),
            dropped_by_plugins: 0,
            nacks: 0,
            nack_packets: 0,
            plis: 0,
            firs: 0,
            key_frames: 0,
            last_key_frame: None,
            wish_told: None,
            source: None,
            trace: TraceEvents::NONE,
            scores_told: PackedScores::default(),
            parameters: rtp_parameters,
        };
        consumer.follow(producer)?;
        Ok(consumer)
    }

    /// Maps the numbers of `producer`: at the beginning, and when it replaces another. Fails if no codec fits.
    pub(crate) fn follow(&mut self, producer: &Producer) -> Result<(), ControlError> {
        let mut map = arrayvec::ArrayVec::new();
        for from in producer.codecs.media() {
            let mapped = producer.mapping.codecs.iter().find(|m| m.payload_type == from.number);
            let wanted = mapped.map_or(from.number, |m| m.mapped_payload_type);
            let fits = |to: &&super::codec_table::PayloadType| {
                to.codec == from.codec && to.clock_rate == from.clock_rate
            };
            // The mapped number if the consumer has it, else the first of the same codec: receivers may number as they like.
            let to = self
                .codecs
                .get(wanted)
                .filter(|to| to.repairs.is_none())
                .filter(fits)
                .or_else(|| self.codecs.media().find(fits));
            if let Some(to) = to {
                let rtx = self.rtx_ssrc.and(self.codecs.rtx_of(to.number)).map(|rtx| rtx.number);
                let _ = map.try_push(PayloadTypeMap { from: from.number, to: to.number, rtx });
            }
        }
        if map.is_empty() || producer.kind != self.kind {
            return Err(ControlError::invalid(
                "control.consume: none of the consumer's codecs is one that the producer sends",
            ));
        }
        self.payload_types = map;
        self.extension_map = ExtensionMap::between(&producer.extensions, &self.extensions, &self.mid);
        self.producer = producer.id;
        self.producer_paused = producer.paused;
        self.encoding = None;
        self.resync();
        Ok(())
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
        self.needs_sync = true;
        self.after_gap = false;
    }

    /// Packets before `extended` will never come: leaves no gap. A decoder of video needs a key frame then.
    pub(crate) fn close_gap(&mut self, extended: u64) {
        self.stream.skip_until(extended);
        if self.kind == MediaKind::Video && !self.needs_sync {
            self.needs_sync = true;
            self.after_gap = true;
        }
    }

    /// Gives up private copies that nobody will ask for any more.
    pub(crate) fn expire(&mut self, now: Instant, evicted: impl FnMut(Rc<Packet>)) {
        self.history.expire(now, evicted);
    }
}
