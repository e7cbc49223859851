//! The sending end of a producer: what was sent, and the feedback about it.
use std::collections::BTreeMap;
use std::time::Instant;

use super::media::extension_id;
use super::rtp::Rtp;
use crate::control::{MediaKind, ProducerId, RtpParameters};
use crate::media::ExtensionKind;

/// Packets kept to be sent again.
const HISTORY: usize = 4096;

/// What a transport-wide feedback message said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportFeedback {
    /// When it arrived at the sender.
    pub at: Instant,
    /// Count of the message.
    pub count: u8,
    /// Each packet it speaks of, and its arrival in microseconds of the receiver's clock, if it arrived.
    pub packets: Vec<(u16, Option<i64>)>,
}

/// A report block about one of its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceptionReported {
    /// When.
    pub at: Instant,
    /// SSRC of media or RTX.
    pub ssrc: u32,
    /// Loss since the report before, of 256.
    pub fraction_lost: u8,
    /// Packets lost altogether.
    pub cumulative_lost: i32,
    /// Extended highest sequence number.
    pub highest_sequence: u32,
    /// Jitter in RTP time.
    pub jitter: u32,
    /// Round trip, if the report allows to know it.
    pub round_trip: Option<std::time::Duration>,
}

/// The sending end of one producer.
#[derive(Debug)]
pub struct Sender {
    pub(super) producer: ProducerId,
    pub(super) kind: MediaKind,
    pub(super) parameters: RtpParameters,
    pub(super) encodings: Vec<SenderEncoding>,
    /// Whether it sends again what it is asked for.
    pub answers: bool,
    /// Sequence numbers it was asked for, in order, repetitions too.
    pub nacked: Vec<u16>,
    /// NACK messages.
    pub nacks: u64,
    /// PLI messages.
    pub plis: u64,
    /// FIR commands.
    pub firs: u64,
    /// A key frame was asked for since the last one.
    pub key_frame_wanted: bool,
    /// Estimates told by REMB, bit/s.
    pub rembs: Vec<u64>,
    /// Transport-wide feedback.
    pub transport_feedback: Vec<TransportFeedback>,
    /// Receiver reports.
    pub reports: Vec<ReceptionReported>,
    /// Number of the next packet or frame that [`Bench::play`](super::Bench::play) makes.
    pub(super) counter: u32,
}

/// One encoding as it is sent.
#[derive(Debug)]
pub(super) struct SenderEncoding {
    pub(super) ssrc: u32,
    pub(super) rtx_ssrc: u32,
    pub(super) next: u16,
    pub(super) next_rtx: u16,
    pub(super) history: BTreeMap<u16, Vec<u8>>,
    order: std::collections::VecDeque<u16>,
    pub(super) packets: u32,
    pub(super) octets: u32,
    /// RTP time and moment of the last packet.
    pub(super) last: Option<(u32, Instant)>,
}

impl Sender {
    pub(super) fn new(
        producer: ProducerId,
        kind: MediaKind,
        parameters: RtpParameters,
        ssrcs: &[(u32, u32)],
        first_sequence: u16,
    ) -> Self {
        let encodings = ssrcs
            .iter()
            .map(|(ssrc, rtx_ssrc)| SenderEncoding {
                ssrc: *ssrc,
                rtx_ssrc: *rtx_ssrc,
                next: first_sequence,
                next_rtx: 1,
                history: BTreeMap::new(),
                order: Default::default(),
                packets: 0,
                octets: 0,
                last: None,
            })
            .collect();
        Sender {
            producer,
            kind,
            parameters,
            encodings,
            answers: true,
            nacked: Vec::new(),
            nacks: 0,
            plis: 0,
            firs: 0,
            key_frame_wanted: false,
            rembs: Vec::new(),
            transport_feedback: Vec::new(),
            reports: Vec::new(),
            counter: 0,
        }
    }

    /// SSRCs of media and RTX of an encoding.
    pub fn ssrcs(&self, encoding: usize) -> Option<(u32, u32)> {
        self.encodings.get(encoding).map(|encoding| (encoding.ssrc, encoding.rtx_ssrc))
    }

    /// What was signaled.
    pub fn parameters(&self) -> &RtpParameters {
        &self.parameters
    }

    /// The sequence number that the next packet of an encoding gets.
    pub fn next_sequence(&self, encoding: usize) -> u16 {
        self.encodings.get(encoding).map_or(0, |encoding| encoding.next)
    }

    fn payload_type(&self) -> u8 {
        self.parameters.codecs.iter().find(|codec| !codec.is_rtx()).map_or(0, |codec| codec.payload_type)
    }

    /// Writes a packet and keeps it; the transport-wide number is put in, and answered, where it was negotiated.
    pub(super) fn write(&mut self, now: Instant, rtp: &Rtp, transport_sequence: u16) -> (Vec<u8>, bool) {
        let payload_type = rtp.payload_type.unwrap_or_else(|| self.payload_type());
        let mut extensions: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut add = |kind, value: Vec<u8>| {
            if let Some(id) = extension_id(&self.parameters, kind) {
                extensions.push((id, value));
            }
        };
        for (kind, value) in &rtp.extensions {
            add(*kind, value.clone());
        }
        let given = |kind| rtp.extensions.iter().any(|(other, _)| *other == kind);
        if let Some(mid) = self.parameters.mid.clone().filter(|_| !given(ExtensionKind::Mid)) {
            add(ExtensionKind::Mid, mid.into_bytes());
        }
        let rid = self.parameters.encodings.get(rtp.encoding).and_then(|encoding| encoding.rid.clone());
        if let Some(rid) = rid.filter(|_| !given(ExtensionKind::Rid)) {
            add(ExtensionKind::Rid, rid.into_bytes());
        }
        let before = extensions.len();
        if let Some(id) = extension_id(&self.parameters, ExtensionKind::TransportCc) {
            extensions.push((id, transport_sequence.to_be_bytes().to_vec()));
        }
        let numbered = extensions.len() > before;
        let Some(encoding) = self.encodings.get_mut(rtp.encoding) else { return (Vec::new(), false) };
        let sequence = rtp.sequence.unwrap_or(encoding.next);
        let bytes = rtp.write(payload_type, sequence, rtp.ssrc.unwrap_or(encoding.ssrc), &extensions);
        encoding.next = sequence.wrapping_add(1);
        encoding.packets += 1;
        encoding.octets += rtp.payload.len() as u32;
        encoding.last = Some((rtp.timestamp, now));
        encoding.keep(sequence, bytes.clone());
        (bytes, numbered)
    }

    /// What is sent again for an asked number: by RTX if there is some.
    pub(super) fn again(&mut self, ssrc: u32, sequence: u16) -> Option<Vec<u8>> {
        let rtx = self.parameters.codecs.iter().find(|codec| codec.is_rtx()).map(|codec| codec.payload_type);
        let rid = extension_id(&self.parameters, ExtensionKind::Rid);
        let repaired = extension_id(&self.parameters, ExtensionKind::RepairedRid);
        let encoding = self.encodings.iter_mut().find(|encoding| encoding.ssrc == ssrc)?;
        let original = encoding.history.get(&sequence)?;
        let Some(rtx) = rtx else { return Some(original.clone()) };
        let header = crate::rtp::RtpHeader::parse(original).ok()?;
        // The RID of what is repaired goes into an extension of its own (RFC 8852 §3.2).
        let extensions: Vec<(u8, Vec<u8>)> = header
            .elements(original)
            .map(|e| (if Some(e.id) == rid { repaired.unwrap_or(e.id) } else { e.id }, e.value.to_vec()))
            .collect();
        let payload = [&sequence.to_be_bytes(), header.payload(original)].concat();
        let packet = Rtp::new(header.timestamp, payload).marker(header.marker);
        let number = encoding.next_rtx;
        encoding.next_rtx = number.wrapping_add(1);
        Some(packet.write(rtx, number, encoding.rtx_ssrc, &extensions))
    }
}

impl SenderEncoding {
    fn keep(&mut self, sequence: u16, bytes: Vec<u8>) {
        if self.history.insert(sequence, bytes).is_none() {
            self.order.push_back(sequence);
        }
        if self.order.len() > HISTORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.history.remove(&oldest);
        }
    }
}
