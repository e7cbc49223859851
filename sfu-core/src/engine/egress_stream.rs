//! One outgoing stream of a consumer: where it comes from, its numbers, and what left under them.
use std::rc::Rc;

use super::packet::Packet;
use super::stream::send_history::{HistoryLimits, SendHistory};
use super::stream::send_stream::{SendConfig, SendStream};
use crate::control::ProducerId;

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

/// One outgoing stream. A consumer has one, a pipe one for each encoding.
pub(crate) struct EgressStream {
    /// SSRC of the media.
    pub(crate) ssrc: u32,
    /// The encoding that is forwarded.
    pub(crate) encoding: Option<u8>,
    /// Nothing is forwarded until the next packet that a decoder can begin with.
    pub(crate) needs_sync: bool,
    /// It does so only because packets were lost between media threads: its numbers and its time go on as they were.
    pub(crate) after_gap: bool,
    /// The producer and encoding that numbers and timestamps follow.
    pub(crate) source: Option<(ProducerId, u8)>,
    /// RTP timestamp of the last key frame sent.
    pub(crate) last_key_frame: Option<u32>,
    rtx_ssrc: Option<u32>,
    /// Numbers, timestamps, counts, reports.
    pub(crate) stream: SendStream,
    /// What left under which number.
    pub(crate) history: SendHistory<Sent, Rc<Packet>>,
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
}

impl EgressStream {
    /// A stream that has sent nothing.
    pub(crate) fn new(config: SendConfig, limits: HistoryLimits) -> Self {
        EgressStream {
            ssrc: config.ssrc,
            encoding: None,
            needs_sync: true,
            after_gap: false,
            source: None,
            last_key_frame: None,
            rtx_ssrc: config.rtx_ssrc,
            stream: SendStream::new(config),
            history: SendHistory::new(limits),
            nacks: 0,
            nack_packets: 0,
            plis: 0,
            firs: 0,
            key_frames: 0,
        }
    }

    /// SSRC of RTX, if negotiated.
    pub(crate) fn rtx_ssrc(&self) -> Option<u32> {
        self.rtx_ssrc
    }

    /// Sends nothing before the next packet that a decoder can begin with.
    pub(crate) fn resync(&mut self) {
        self.needs_sync = true;
        self.after_gap = false;
    }
}
