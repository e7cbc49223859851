//! What one producer may send, and what it lost.
use std::time::{Duration, Instant};

use sfu_core::control::MediaKind;
use sfu_core::plugin::{ProducerId, ProducerInfo, RtpPacket, TransportId};

use crate::budget::Budget;

/// Time between two requests for a key frame.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It may go on.
    Pass,
    /// It was too much.
    Drop,
    /// It was too much; from now on a key frame would be let through, so one is worth asking for.
    DropAndAsk,
}

/// What one producer may send, and what it lost.
///
/// Audio loses single packets. Of video the rest would be shown broken, so an encoding that lost a packet loses all up to a key
/// frame that half a second's worth is there for.
#[derive(Debug)]
pub struct Allowance {
    pub(crate) producer: ProducerId,
    pub(crate) transport: TransportId,
    pub(crate) kind: MediaKind,
    pub(crate) stream: Option<String>,
    pub(crate) bitrate: u32,
    pub(crate) packet_rate: u32,
    bits: Budget,
    packets: Budget,
    /// Encodings that wait for a key frame, a bit each.
    broken: u32,
    asked: Option<Instant>,
    pub(crate) dropped_packets: u64,
    pub(crate) dropped_bytes: u64,
    told_packets: u64,
}

impl Allowance {
    /// Limits in bit/s and packets per second; 0 is none.
    pub(crate) fn new(
        producer: &ProducerInfo<'_>,
        stream: Option<String>,
        (bitrate, packet_rate): (u32, u32),
        now: Instant,
    ) -> Self {
        Allowance {
            producer: producer.id,
            transport: producer.transport,
            kind: producer.kind,
            stream,
            bitrate,
            packet_rate,
            bits: Budget::new(bitrate, now),
            packets: Budget::new(packet_rate, now),
            broken: 0,
            asked: None,
            dropped_packets: 0,
            dropped_bytes: 0,
            told_packets: 0,
        }
    }

    /// Whether there is a limit at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.bits.is_limited() || self.packets.is_limited()
    }

    /// Decides about a packet, and counts it.
    #[inline]
    pub(crate) fn decide(&mut self, now: Instant, packet: &RtpPacket<'_>) -> Decision {
        let encoding = 1_u32 << packet.encoding().min(31);
        let size = packet.len().min(usize::from(u16::MAX)) as u32;
        if self.broken & encoding != 0 {
            let affordable = self.bits.is_half_full(now) && self.packets.is_half_full(now);
            if !(affordable && packet.is_key_frame()) {
                self.count(size);
                let ask = affordable && self.asked.is_none_or(|at| now >= at + ASK_AGAIN);
                self.asked = if ask { Some(now) } else { self.asked };
                return if ask { Decision::DropAndAsk } else { Decision::Drop };
            }
            self.broken &= !encoding;
        }
        if self.bits.covers(now, size * 8) && self.packets.covers(now, 1) {
            self.bits.take(size * 8);
            self.packets.take(1);
            return Decision::Pass;
        }
        if self.kind == MediaKind::Video {
            self.broken |= encoding;
        }
        self.count(size);
        Decision::Drop
    }

    fn count(&mut self, size: u32) {
        self.dropped_packets += 1;
        self.dropped_bytes += u64::from(size);
    }

    /// Packets that were lost since the last time this was asked.
    pub(crate) fn take_news(&mut self) -> u64 {
        let news = self.dropped_packets - self.told_packets;
        self.told_packets = self.dropped_packets;
        news
    }
}
