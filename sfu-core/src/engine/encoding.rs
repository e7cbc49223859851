//! One encoding of a producer: what arrives under one SSRC (and its RTX), and what is kept of it.
use std::rc::Rc;
use std::time::Duration;

use super::codec_table::Feedback;
use super::layers::EncodingLayers;
use super::packet::Packet;
use super::stream::key_frame_requests::KeyFrameRequests;
use super::stream::nack_generator::NackGenerator;
use super::stream::receive::{INACTIVE_AFTER, INACTIVE_AFTER_DTX, ReceiveConfig, ReceiveStream};
use super::stream::report::ClockMapping;
use super::stream::retransmission_store::{RetransmissionStore, StoreLimits};
use crate::control::{MediaKind, RtpEncodingParameters};
use crate::rtp::Codec;

/// How long a gap may be mere reordering before it is asked for.
const NACK_DELAY: Duration = Duration::from_millis(10);

/// One encoding of a producer.
pub(crate) struct Encoding {
    /// SSRC on the wire: signaled, or learnt from the first packet.
    pub(crate) ssrc: Option<u32>,
    /// SSRC of RTX: signaled, or learnt.
    pub(crate) rtx_ssrc: Option<u32>,
    /// RID, if signaled.
    pub(crate) rid: Option<String>,
    /// The peer may stop sending during silence.
    pub(crate) dtx: bool,
    /// What arrives; from the first packet on.
    pub(crate) stream: Option<Receiving>,
    /// The highest number that came over, where it stands for one of another media thread: numbers are the origin's there.
    pub(crate) relayed: Option<u64>,
    /// Its layers, where consumers may choose among some.
    pub(crate) layers: Option<Box<EncodingLayers>>,
    /// Packets for retransmission, shared by all consumers.
    pub(crate) store: RetransmissionStore<Rc<Packet>>,
    /// Key frame requests towards the sender.
    pub(crate) key_frames: KeyFrameRequests,
    /// Width and height of the last key frame that showed them.
    pub(crate) resolution: Option<(u16, u16)>,
    /// Key frames seen.
    pub(crate) key_frame_count: u64,
    /// RTP timestamp of the last one.
    pub(crate) last_key_frame: Option<u32>,
    /// PLI sent.
    pub(crate) plis: u64,
    /// FIR sent.
    pub(crate) firs: u64,
    /// Sequence number of the next FIR command (RFC 5104 §4.3.1.1).
    pub(crate) fir_sequence: u8,
    /// NACK messages sent.
    pub(crate) nacks: u64,
}

/// The receiving side of an encoding that has begun.
pub(crate) struct Receiving {
    /// SSRC.
    pub(crate) ssrc: u32,
    /// Payload type of the last packet.
    pub(crate) payload_type: u8,
    /// Codec of the last packet.
    pub(crate) codec: Codec,
    /// RTP clock rate in Hz.
    pub(crate) clock_rate: u32,
    /// Feedback that the sender understands.
    pub(crate) feedback: Feedback,
    /// Validation, loss, jitter, rates.
    pub(crate) stream: ReceiveStream,
    /// Missing packets, where the codec has NACK.
    pub(crate) nack: Option<NackGenerator>,
}

impl Encoding {
    /// An encoding as signaled; nothing has arrived yet.
    pub(crate) fn new(
        parameters: &RtpEncodingParameters,
        kind: MediaKind,
        key_frame_delay: Duration,
        uses_dtx: bool,
    ) -> Self {
        let limits = match kind {
            MediaKind::Video => StoreLimits::VIDEO,
            MediaKind::Audio => StoreLimits::AUDIO,
        };
        Encoding {
            ssrc: parameters.ssrc,
            rtx_ssrc: parameters.rtx.map(|rtx| rtx.ssrc),
            rid: parameters.rid.clone(),
            dtx: parameters.dtx || uses_dtx,
            stream: None,
            relayed: None,
            layers: None,
            store: RetransmissionStore::new(limits),
            key_frames: KeyFrameRequests::new(key_frame_delay),
            resolution: None,
            key_frame_count: 0,
            last_key_frame: None,
            plis: 0,
            firs: 0,
            fir_sequence: 0,
            nacks: 0,
        }
    }

    /// The receiving side, begun by a packet of `ssrc` with the given payload type.
    pub(crate) fn begin(
        &mut self,
        ssrc: u32,
        payload_type: &super::codec_table::PayloadType,
        kind: MediaKind,
    ) {
        self.ssrc = Some(ssrc);
        let told = self.stream.as_ref().map(|before| before.stream.told_score());
        let window = if kind == MediaKind::Video { 4096 } else { 1024 };
        self.stream = Some(Receiving {
            ssrc,
            payload_type: payload_type.number,
            codec: payload_type.codec,
            clock_rate: payload_type.clock_rate,
            feedback: payload_type.feedback,
            stream: ReceiveStream::new(ReceiveConfig {
                ssrc,
                rtx_ssrc: self.rtx_ssrc,
                clock_rate: payload_type.clock_rate,
                window,
                inactive_after: Some(if self.dtx { INACTIVE_AFTER_DTX } else { INACTIVE_AFTER }),
            }),
            nack: payload_type.feedback.nack.then(|| NackGenerator::new(NACK_DELAY)),
        });
        if let (Some(receiving), Some(told)) = (&mut self.stream, told) {
            receiving.stream.set_told_score(told);
        }
    }

    /// How well packets are coming, 0 to 10; 0 before the first.
    pub(crate) fn score(&self) -> u8 {
        self.stream.as_ref().map_or(0, |receiving| receiving.stream.score())
    }

    /// Whether packets are coming.
    pub(crate) fn is_active(&self) -> bool {
        self.stream.as_ref().is_some_and(|receiving| receiving.stream.is_active())
    }

    /// The sender's last correspondence of wall clock and RTP time.
    pub(crate) fn mapping(&self) -> Option<ClockMapping> {
        self.stream.as_ref().and_then(|receiving| receiving.stream.mapping())
    }

    /// Packets and octets that the sender has sent, by its last report.
    pub(crate) fn sent(&self) -> (u32, u32) {
        self.stream.as_ref().map_or((0, 0), |receiving| receiving.stream.sent())
    }
}
