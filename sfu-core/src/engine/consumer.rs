//! One receiver's copy of a producer: what is rewritten, what was sent, what is missing.
use std::rc::Rc;
use std::time::Instant;

use super::codec_table::CodecTable;
use super::packet::Packet;
use super::producer::{MAX_ENCODINGS, Producer, extension_ids};
use super::random::Random;
use super::scores::PackedScores;
use super::stream::send_history::{HistoryLimits, SendHistory};
use super::stream::send_stream::{SendConfig, SendStream};
use crate::control::{
    ConsumerId, ConsumerOptions, ConsumerType, ControlError, Labels, MediaKind, ProducerId, RouterId,
    RtpEncodingParameters, RtpParameters, TraceEvents, TransportId,
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

/// The stream of one encoding, of a consumer that forwards all of them (`ConsumerType::Pipe`).
///
/// The one in use stands in the consumer's own fields, the others wait in `Consumer::lanes`: what deals with one stream needs to
/// know nothing of the others.
struct Lane {
    index: u8,
    ssrc: u32,
    rtx_ssrc: Option<u32>,
    encoding: Option<u8>,
    needs_sync: bool,
    after_gap: bool,
    stream: SendStream,
    history: SendHistory<Sent, Rc<Packet>>,
    last_key_frame: Option<u32>,
    source: Option<(ProducerId, u8)>,
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
    /// The encoding whose stream is in use, where all are forwarded; else 0.
    pub(crate) lane: u8,
    /// The streams of the other encodings, where all are forwarded.
    lanes: Vec<Lane>,
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
            labels,
            consumable_encodings,
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
        let rest = rtp_parameters.encodings.iter().enumerate().skip(1);
        let lanes = rest
            .filter(|_| consumer_type == ConsumerType::Pipe)
            .map(|(index, encoding)| {
                let ssrc = encoding.ssrc.filter(|_| index < MAX_ENCODINGS).ok_or_else(|| {
                    ControlError::invalid(format!(
                        "control.consume: each encoding needs an ssrc, and there are at most {MAX_ENCODINGS}"
                    ))
                })?;
                let rtx_ssrc = encoding.rtx.map(|rtx| rtx.ssrc);
                Ok(Lane {
                    index: index as u8,
                    ssrc,
                    rtx_ssrc,
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
                    last_key_frame: None,
                    source: None,
                })
            })
            .collect::<Result<Vec<_>, ControlError>>()?;
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
            lane: 0,
            lanes,
            consumable_encodings,
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
        for lane in &mut self.lanes {
            lane.encoding = None;
        }
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
        for lane in &mut self.lanes {
            (lane.needs_sync, lane.after_gap) = (true, false);
        }
    }

    /// The same for the stream that is in place, where all encodings are forwarded.
    pub(crate) fn resync_lane(&mut self) {
        self.needs_sync = true;
        self.after_gap = false;
    }

    /// Whether it forwards all encodings, each as a stream of its own.
    #[inline]
    pub(crate) fn is_pipe(&self) -> bool {
        self.consumer_type == ConsumerType::Pipe
    }

    /// How many streams it sends.
    pub(crate) fn lane_count(&self) -> u8 {
        self.lanes.len() as u8 + 1
    }

    /// SSRCs of media and RTX of each stream, with its lane.
    pub(crate) fn ssrcs(&self) -> impl Iterator<Item = (u8, u32, Option<u32>)> {
        let own = std::iter::once((self.lane, self.ssrc, self.rtx_ssrc));
        own.chain(self.lanes.iter().map(|lane| (lane.index, lane.ssrc, lane.rtx_ssrc)))
    }

    /// Puts the stream of an encoding in place, where all are forwarded; false if it has none.
    #[inline]
    pub(crate) fn turn_to(&mut self, encoding: u8) -> bool {
        !self.is_pipe() || self.lane == encoding || self.change_lane(encoding)
    }

    #[cold]
    fn change_lane(&mut self, encoding: u8) -> bool {
        use std::mem::swap;
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.index == encoding) else { return false };
        swap(&mut self.lane, &mut lane.index);
        swap(&mut self.ssrc, &mut lane.ssrc);
        swap(&mut self.rtx_ssrc, &mut lane.rtx_ssrc);
        swap(&mut self.encoding, &mut lane.encoding);
        swap(&mut self.needs_sync, &mut lane.needs_sync);
        swap(&mut self.after_gap, &mut lane.after_gap);
        swap(&mut self.stream, &mut lane.stream);
        swap(&mut self.history, &mut lane.history);
        swap(&mut self.last_key_frame, &mut lane.last_key_frame);
        swap(&mut self.source, &mut lane.source);
        true
    }

    /// Whether it forwards an encoding at present; its stream is in place then.
    pub(crate) fn follows(&mut self, encoding: u8) -> bool {
        self.turn_to(encoding) && self.encoding == Some(encoding)
    }

    /// Forgets what left under which number, of all streams.
    pub(crate) fn forget_sent(&mut self, mut evicted: impl FnMut(Rc<Packet>)) {
        self.history.clear(&mut evicted);
        for lane in &mut self.lanes {
            lane.history.clear(&mut evicted);
        }
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
