//! The receiving end of a consumer: what arrived, what is missing, and the reports about it.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::control::{ConsumerId, RtpParameters};
use crate::media::ExtensionKind;
use crate::rtcp::{NtpTime, ReportBlock, SenderInfo};
use crate::rtp::RtpHeader;

/// When a missing packet is asked for first: it may merely be late.
const FIRST_NACK: Duration = Duration::from_millis(10);

/// When it is asked for again.
const NEXT_NACK: Duration = Duration::from_millis(60);

/// How often it is asked for.
const MAX_NACKS: u8 = 10;

/// A packet that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// Payload type, of the media also if RTX brought it.
    pub payload_type: u8,
    /// Sequence number, of the media also if RTX brought it.
    pub sequence: u16,
    /// Sequence number with its rollovers; the first packet's is 65536 to 131071.
    pub extended: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// SSRC of the media.
    pub ssrc: u32,
    /// Marker bit.
    pub marker: bool,
    /// Payload.
    pub payload: Vec<u8>,
    /// Header extensions by id.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// A retransmission brought it by RTX.
    pub by_rtx: bool,
    /// Header and payload as they were before RTX; decrypted.
    pub bytes: Vec<u8>,
}

impl Received {
    /// The number that the payloads of [`opus`](super::opus), [`vp8`](super::vp8) and [`vp8_key`](super::vp8_key) end with.
    pub fn number(&self) -> u32 {
        self.payload.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// A header extension by its id.
    pub fn extension(&self, id: u8) -> Option<&[u8]> {
        self.extensions.iter().find(|(other, _)| *other == id).map(|(_, value)| value.as_slice())
    }
}

/// A sender report that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReported {
    /// When.
    pub at: Instant,
    /// SSRC of media or RTX.
    pub ssrc: u32,
    /// NTP time, 32.32 bits.
    pub ntp: u64,
    /// RTP time.
    pub rtp_timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

#[derive(Debug)]
struct Missing {
    next: Instant,
    tries: u8,
}

/// The receiving end of one consumer.
#[derive(Debug)]
pub struct Receiver {
    pub(super) consumer: ConsumerId,
    pub(super) ssrc: u32,
    pub(super) rtx_ssrc: Option<u32>,
    /// Payload type of RTX and what it repairs.
    rtx: Vec<(u8, u8)>,
    clock_rate: u32,
    pub(super) transport_cc: Option<u8>,
    pub(super) parameters: RtpParameters,
    /// Everything that arrived, in order of arrival, duplicates left out.
    pub packets: Vec<Received>,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Those packets, in order of arrival: what came again has to be what came first.
    pub again: Vec<Received>,
    /// Packets that RTX brought.
    pub repaired: u64,
    /// Packets without payload: they fill the place of a late packet that a plugin dropped, and are no media.
    pub fillers: u64,
    /// RTX packets, probes and duplicates too.
    pub rtx_packets: u64,
    /// NACK messages sent.
    pub nacks_sent: u64,
    /// Packets that could not be read as its codec promises: unknown payload types, RTX of nothing.
    pub misfits: u64,
    /// Sender reports, oldest first.
    pub sender_reports: Vec<SenderReported>,
    /// CNAME, once told.
    pub cname: Option<String>,
    /// Whether it asks for missing packets by itself.
    pub asks: bool,
    highest: Option<u64>,
    first: u64,
    missing: BTreeMap<u64, Missing>,
    jitter: f64,
    transit: Option<f64>,
    last_sr: Option<(u32, Instant)>,
    reported: (u64, u64),
}

impl Receiver {
    pub(super) fn new(consumer: ConsumerId, parameters: &RtpParameters, encoding: usize) -> Self {
        let encoding = parameters.encodings.get(encoding).cloned().unwrap_or_default();
        let media = parameters.codecs.iter().find(|codec| !codec.is_rtx());
        Receiver {
            consumer,
            ssrc: encoding.ssrc.unwrap_or(0),
            rtx_ssrc: encoding.rtx.map(|rtx| rtx.ssrc),
            rtx: parameters.codecs.iter().filter_map(|c| Some((c.payload_type, c.apt()?))).collect(),
            clock_rate: media.map_or(90_000, |codec| codec.clock_rate),
            transport_cc: super::media::extension_id(parameters, ExtensionKind::TransportCc),
            parameters: parameters.clone(),
            packets: Vec::new(),
            duplicates: 0,
            again: Vec::new(),
            repaired: 0,
            fillers: 0,
            rtx_packets: 0,
            nacks_sent: 0,
            misfits: 0,
            sender_reports: Vec::new(),
            cname: None,
            asks: media.is_some_and(|codec| codec.has_feedback("nack", "")),
            highest: None,
            first: 0,
            missing: BTreeMap::new(),
            jitter: 0.0,
            transit: None,
            last_sr: None,
            reported: (0, 0),
        }
    }

    /// Packets that are missing between the first and the last that arrived.
    pub fn lost(&self) -> usize {
        self.missing.len()
    }

    /// Their sequence numbers.
    pub fn missing(&self) -> Vec<u16> {
        self.missing.keys().map(|extended| *extended as u16).collect()
    }

    /// Media SSRC.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// SSRC of RTX, where it was negotiated.
    pub fn rtx_ssrc(&self) -> Option<u32> {
        self.rtx_ssrc
    }

    /// What the receiver was told of its media.
    pub fn parameters(&self) -> &RtpParameters {
        &self.parameters
    }

    /// The numbers that payloads end with, in order of sequence numbers.
    pub fn numbers(&self) -> Vec<u32> {
        let mut ordered: Vec<&Received> = self.packets.iter().collect();
        ordered.sort_by_key(|packet| packet.extended);
        ordered.into_iter().map(Received::number).collect()
    }

    /// Takes a decrypted packet of its SSRCs.
    pub(super) fn take(&mut self, now: Instant, bytes: &[u8], header: &RtpHeader) {
        let payload = header.payload(bytes);
        let by_rtx = Some(header.ssrc) == self.rtx_ssrc;
        let (sequence, payload_type, payload) = if by_rtx {
            self.rtx_packets += 1;
            let Some((_, apt)) = self.rtx.iter().find(|(rtx, _)| *rtx == header.payload_type) else {
                self.misfits += 1;
                return;
            };
            // Without a number it only measures the path.
            let Some((number, media)) = payload.split_first_chunk::<2>() else { return };
            (u16::from_be_bytes(*number), *apt, media)
        } else {
            if !self.parameters.codecs.iter().any(|c| c.payload_type == header.payload_type && !c.is_rtx()) {
                self.misfits += 1;
                return;
            }
            (header.sequence_number, header.payload_type, payload)
        };
        let extended = match self.highest {
            Some(highest) => {
                let difference = sequence.wrapping_sub(highest as u16) as i16;
                highest.saturating_add_signed(i64::from(difference))
            }
            None => 0x1_0000 | u64::from(sequence),
        };
        let is_new = self.place(now, extended);
        if is_new && payload.is_empty() {
            self.fillers += 1;
            return;
        }
        let mut original = bytes.get(..usize::from(header.payload_offset)).unwrap_or_default().to_vec();
        if let Some([_, second, s0, s1, ..]) = original.first_chunk_mut::<12>() {
            *second = (*second & 0x80) | payload_type;
            [*s0, *s1] = sequence.to_be_bytes();
        }
        if let Some(slot) = original.get_mut(8..12) {
            slot.copy_from_slice(&self.ssrc.to_be_bytes());
        }
        original.extend(payload);
        let packet = Received {
            at: now,
            payload_type,
            sequence,
            extended,
            timestamp: header.timestamp,
            ssrc: self.ssrc,
            marker: header.marker,
            payload: payload.to_vec(),
            extensions: header.elements(bytes).map(|e| (e.id, e.value.to_vec())).collect(),
            by_rtx,
            bytes: original,
        };
        if !is_new {
            self.duplicates += 1;
            self.again.push(packet);
            return;
        }
        if by_rtx {
            self.repaired += 1;
        } else {
            self.measure(now, header.timestamp);
        }
        self.packets.push(packet);
    }

    /// Whether a number is new; notes the gap before it.
    fn place(&mut self, now: Instant, extended: u64) -> bool {
        let Some(highest) = self.highest else {
            (self.highest, self.first) = (Some(extended), extended);
            return true;
        };
        if extended > highest {
            for gap in highest + 1..extended {
                self.missing.insert(gap, Missing { next: now + FIRST_NACK, tries: 0 });
            }
            self.highest = Some(extended);
            return true;
        }
        // What came before the first belongs to nobody's gap, but it is new.
        extended < self.first || self.missing.remove(&extended).is_some()
    }

    fn measure(&mut self, now: Instant, timestamp: u32) {
        let Some(begin) = self.packets.first() else { return };
        let elapsed = now.saturating_duration_since(begin.at).as_secs_f64() * f64::from(self.clock_rate);
        let transit = elapsed - f64::from(timestamp.wrapping_sub(begin.timestamp) as i32);
        if let Some(before) = self.transit.replace(transit) {
            self.jitter += ((transit - before).abs() - self.jitter) / 16.0;
        }
    }

    /// Numbers to ask for now.
    pub(super) fn wanted(&mut self, now: Instant) -> Vec<u16> {
        if !self.asks {
            return Vec::new();
        }
        let mut wanted = Vec::new();
        for (extended, missing) in &mut self.missing {
            if missing.next <= now && missing.tries < MAX_NACKS {
                missing.tries += 1;
                missing.next = now + NEXT_NACK;
                wanted.push(*extended as u16);
            }
        }
        wanted
    }

    /// When [`Receiver::wanted`] may have something.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if !self.asks {
            return None;
        }
        self.missing.values().filter(|missing| missing.tries < MAX_NACKS).map(|missing| missing.next).min()
    }

    pub(super) fn sender_report(&mut self, now: Instant, ssrc: u32, info: &SenderInfo) {
        if ssrc == self.ssrc {
            self.last_sr = Some((info.ntp.compact(), now));
        }
        self.sender_reports.push(SenderReported {
            at: now,
            ssrc,
            ntp: info.ntp.to_bits(),
            rtp_timestamp: info.rtp_timestamp,
            packets: info.packet_count,
            octets: info.octet_count,
        });
    }

    /// The report about it, once something arrived.
    pub(super) fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let highest = self.highest?;
        let expected = highest - self.first + 1;
        let lost = self.missing.len() as u64;
        let (expected_before, lost_before) = std::mem::replace(&mut self.reported, (expected, lost));
        let interval = (expected - expected_before).max(1);
        let fraction = (lost.saturating_sub(lost_before) * 256 / interval).min(255);
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: lost as i32,
            highest_sequence: (highest - 0x1_0000) as u32,
            jitter: self.jitter as u32,
            last_sr: self.last_sr.map_or(0, |(compact, _)| compact),
            delay_since_last_sr: self
                .last_sr
                .map_or(0, |(_, at)| crate::rtcp::ntp::compact_duration(now.saturating_duration_since(at))),
        })
    }
}

/// NTP time of a peer's clock.
pub(super) fn ntp(bits: u64) -> NtpTime {
    NtpTime::from_bits(bits)
}
