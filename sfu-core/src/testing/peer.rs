//! A peer: what a browser, or a program that speaks plain RTP, does at the other end of a transport.
use std::time::{Duration, Instant};

use super::media::extension_id;
use super::path::Way;
use super::receiver::{Receiver, ntp};
use super::rtp::Rtp;
use super::secure::Protection;
use super::sender::{ReceptionReported, Sender, TransportFeedback};
use crate::control::{ConsumerId, ProducerId, SessionId, TransportId};
use crate::engine::Clock;
use crate::media::ExtensionKind;
use crate::net::Route;
use crate::rtcp::{
    Arrival, Compound, DlrrBlock, FirEntry, ReportBlock, RtcpItem, RtcpWriter, SenderInfo, TransportCc,
    XrBlock,
};
use crate::rtp::RtpHeader;

/// Between two reports.
const REPORTS: Duration = Duration::from_secs(1);

/// Between two transport-wide feedback messages.
const FEEDBACK: Duration = Duration::from_millis(100);

/// Room for one datagram.
const DATAGRAM: usize = 2048;

/// One peer and its transport.
pub(super) struct Peer {
    pub(super) worker: u8,
    pub(super) transport: TransportId,
    pub(super) session: SessionId,
    /// The ways that it can reach the worker; the worker sees them as routes.
    pub(super) routes: Vec<Route>,
    pub(super) route: usize,
    /// Where RTCP has a port of its own, the way from and to it.
    pub(super) rtcp_route: Option<Route>,
    pub(super) up: Way,
    pub(super) down: Way,
    pub(super) protection: Protection,
    pub(super) senders: Vec<Sender>,
    pub(super) receivers: Vec<Receiver>,
    /// The worker's wall clock.
    pub(super) clock: Clock,
    /// What the peer's clock is ahead of it, 32.32 bits.
    pub(super) clock_ahead: i64,
    pub(super) transport_sequence: u16,
    /// Transport-wide numbers and when they were sent.
    pub(super) transport_sent: Vec<(u16, Instant)>,
    pub(super) reports: bool,
    reports_due: Option<Instant>,
    arrivals: std::collections::BTreeMap<u64, u64>,
    highest_arrival: u64,
    feedback_due: Option<Instant>,
    feedback_count: u8,
    fir_number: u8,
    /// RTP of an SSRC that no consumer has.
    pub(super) strangers: u64,
    /// Datagrams that could not be opened.
    pub(super) unopened: u64,
    /// RTCP as it came, decrypted.
    pub(super) rtcp: Vec<Vec<u8>>,
    /// SSRC that feedback comes from.
    ssrc: u32,
    /// It has said goodbye, and sends no RTCP of its own any more.
    pub(super) has_hung_up: bool,
    /// Its data channels, if it has some.
    pub(super) data: Option<super::data::DataPeer>,
}

impl Peer {
    pub(super) fn new(
        worker: u8,
        transport: TransportId,
        session: SessionId,
        route: Route,
        protection: Protection,
        clock: Clock,
        ssrc: u32,
    ) -> Self {
        Peer {
            worker,
            transport,
            session,
            routes: vec![route],
            route: 0,
            rtcp_route: None,
            up: Way::default(),
            down: Way::default(),
            protection,
            senders: Vec::new(),
            receivers: Vec::new(),
            clock,
            clock_ahead: 0,
            transport_sequence: 0,
            transport_sent: Vec::new(),
            reports: true,
            reports_due: None,
            arrivals: Default::default(),
            highest_arrival: 0,
            feedback_due: None,
            feedback_count: 0,
            fir_number: 0,
            strangers: 0,
            unopened: 0,
            rtcp: Vec::new(),
            ssrc,
            has_hung_up: false,
            data: None,
        }
    }

    /// Lets go of all that takes memory, and does nothing any more.
    pub(super) fn forget(&mut self) {
        let ssrc = self.ssrc;
        *self = Peer::new(
            self.worker,
            self.transport,
            self.session,
            self.routes.first().copied().expect("testing: a peer has a way to its worker"),
            Protection::Clear,
            self.clock,
            ssrc,
        );
        self.routes.clear();
        self.reports = false;
    }

    pub(super) fn current_route(&self) -> Option<Route> {
        self.routes.get(self.route).copied()
    }

    /// The way that a datagram takes.
    pub(super) fn route_of(&self, bytes: &[u8]) -> Option<Route> {
        if crate::rtcp::is_rtcp(bytes) && self.rtcp_route.is_some() {
            self.rtcp_route
        } else {
            self.current_route()
        }
    }

    /// Whether a datagram of the worker came by the right socket to the right port.
    pub(super) fn expects(&self, by: &Route, bytes: &[u8]) -> bool {
        let same = |own: Route| (own.socket, own.remote) == (by.socket, by.remote);
        self.rtcp_route.is_none() || self.route_of(bytes).is_some_and(same)
    }

    pub(super) fn sender(&mut self, id: ProducerId) -> Option<&mut Sender> {
        self.senders.iter_mut().find(|sender| sender.producer == id)
    }

    pub(super) fn receiver(&mut self, id: ConsumerId) -> Option<&mut Receiver> {
        self.receivers.iter_mut().find(|receiver| receiver.consumer == id)
    }

    fn ntp(&self, now: Instant) -> u64 {
        self.clock.ntp(now).wrapping_add_signed(self.clock_ahead)
    }

    /// Protects RTP.
    pub(super) fn seal_rtp(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        if matches!(self.protection, Protection::Clear) {
            return Some(plain.to_vec());
        }
        let header_len = usize::from(RtpHeader::parse(plain).ok()?.payload_offset);
        let (head, payload) = plain.split_at_checked(header_len)?;
        let mut out = vec![0; DATAGRAM];
        let len = self.protection.keys()?.sealer.seal_rtp_prefixed(head, &[], payload, &mut out).ok()?;
        out.truncate(len);
        Some(out)
    }

    fn allow_repetition(&mut self, allow: bool) {
        if let Some(keys) = self.protection.keys() {
            keys.sealer.allow_nonce_reuse(allow);
        }
    }

    /// Protects RTCP.
    pub(super) fn seal_rtcp(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        if matches!(self.protection, Protection::Clear) {
            return Some(plain.to_vec());
        }
        let mut out = vec![0; DATAGRAM];
        let len = self.protection.keys()?.sealer.seal_rtcp(plain, &mut out).ok()?;
        out.truncate(len);
        Some(out)
    }

    /// Sends a packet of a producer: the datagram, unless it gets lost at once.
    pub(super) fn send(&mut self, now: Instant, producer: ProducerId, rtp: &Rtp) -> Option<Vec<u8>> {
        let number = self.transport_sequence;
        let (bytes, numbered) = self.sender(producer)?.write(now, rtp, number);
        if numbered {
            self.transport_sent.push((number, now));
            self.transport_sequence = number.wrapping_add(1);
        }
        self.wake_reports(now);
        let sealed = self.seal_rtp(&bytes)?;
        (!rtp.lost).then_some(sealed)
    }

    fn wake_reports(&mut self, now: Instant) {
        if self.reports {
            self.reports_due.get_or_insert(now + REPORTS);
        }
    }

    /// Takes a datagram; what it answers goes to `out`.
    pub(super) fn receive(&mut self, now: Instant, bytes: &[u8], out: &mut Vec<Vec<u8>>) {
        match bytes.first() {
            Some(0..=3) => {
                if let Protection::WebRtc(agent) = &mut self.protection {
                    agent.stun(now, bytes, out);
                }
            }
            Some(20..=63) => {
                if let Protection::WebRtc(agent) = &mut self.protection {
                    agent.datagram(now, bytes, out);
                }
            }
            Some(128..=191) if crate::rtcp::is_rtcp(bytes) => match self.open(bytes, true) {
                Some(plain) => self.take_rtcp(now, plain, out),
                None => self.unopened += 1,
            },
            Some(128..=191) => match self.open(bytes, false) {
                Some(plain) => self.take_rtp(now, &plain),
                None => self.unopened += 1,
            },
            Some(19) if self.data.is_some() => {
                if let Some(data) = &mut self.data {
                    data.handle_packet(now, bytes);
                }
            }
            _ => self.unopened += 1,
        }
        self.drive_data(now, out);
    }

    fn open(&mut self, bytes: &[u8], rtcp: bool) -> Option<Vec<u8>> {
        if matches!(self.protection, Protection::Clear) {
            return Some(bytes.to_vec());
        }
        let opener = &mut self.protection.keys()?.opener;
        let mut out = vec![0; DATAGRAM];
        let len = if rtcp {
            opener.open_rtcp(bytes, &mut out).ok()?
        } else {
            // Only the header's length is needed, and it is readable.
            let first = *bytes.first()?;
            let csrcs = 12 + 4 * usize::from(first & 0x0f);
            let header_len = match first & 0x10 {
                0 => csrcs,
                _ => {
                    let words = bytes.get(csrcs + 2..csrcs + 4)?.first_chunk::<2>()?;
                    csrcs + 4 + 4 * usize::from(u16::from_be_bytes(*words))
                }
            };
            opener.open_rtp(bytes, header_len, &mut out).ok()?
        };
        out.truncate(len);
        Some(out)
    }

    fn take_rtp(&mut self, now: Instant, plain: &[u8]) {
        let Ok(header) = RtpHeader::parse(plain) else {
            self.unopened += 1;
            return;
        };
        self.wake_reports(now);
        let found = self
            .receivers
            .iter_mut()
            .find(|receiver| receiver.ssrc == header.ssrc || receiver.rtx_ssrc == Some(header.ssrc));
        let Some(receiver) = found else {
            self.strangers += 1;
            return;
        };
        let number =
            receiver.transport_cc.and_then(|id| header.extension(plain, id)?.first_chunk::<2>().copied());
        receiver.take(now, plain, &header);
        if let Some(number) = number {
            self.note_arrival(now, u16::from_be_bytes(number));
        }
    }

    fn note_arrival(&mut self, now: Instant, number: u16) {
        let reference =
            if self.highest_arrival == 0 { 0x1_0000 | u64::from(number) } else { self.highest_arrival };
        let difference = number.wrapping_sub(reference as u16) as i16;
        let extended = reference.saturating_add_signed(i64::from(difference));
        self.highest_arrival = self.highest_arrival.max(extended);
        // Ticks of 250 µs of the wall clock.
        let ticks = (u128::from(self.ntp(now)) * 4000) >> 32;
        self.arrivals.insert(extended, ticks as u64);
        self.feedback_due.get_or_insert(now + FEEDBACK);
    }

    fn take_rtcp(&mut self, now: Instant, plain: Vec<u8>, out: &mut Vec<Vec<u8>>) {
        let mut again: Vec<(u32, u16)> = Vec::new();
        for item in Compound::new(&plain).flatten() {
            match item {
                RtcpItem::SenderReport(report) => {
                    let of = |r: &&mut Receiver| r.ssrc == report.ssrc || r.rtx_ssrc == Some(report.ssrc);
                    if let Some(receiver) = self.receivers.iter_mut().find(of) {
                        receiver.sender_report(now, report.ssrc, &report.info);
                    }
                    self.take_blocks(now, report.blocks());
                }
                RtcpItem::ReceiverReport(report) => self.take_blocks(now, report.blocks()),
                RtcpItem::Sdes(sdes) => {
                    for chunk in sdes.chunks() {
                        let of = |r: &&mut Receiver| r.ssrc == chunk.ssrc;
                        if let Some(receiver) = self.receivers.iter_mut().find(of) {
                            receiver.cname = chunk.cname().map(|c| String::from_utf8_lossy(c).into_owned());
                        }
                    }
                }
                RtcpItem::Xr(report) => {
                    for block in report.blocks() {
                        let XrBlock::ReceiverReferenceTime(time) = block else { continue };
                        let answer =
                            DlrrBlock { ssrc: report.ssrc, last_rr: time.compact(), delay_since_last_rr: 0 };
                        out.extend(self.write(|writer, ssrc| {
                            let _ = writer.xr_dlrr(ssrc, &[answer]);
                        }));
                    }
                }
                RtcpItem::Nack(nack) => {
                    if let Some(sender) = sender_of(&mut self.senders, nack.media_ssrc) {
                        sender.nacks += 1;
                        sender.nacked.extend(nack.lost());
                        if sender.answers {
                            again.extend(nack.lost().map(|number| (nack.media_ssrc, number)));
                        }
                    }
                }
                RtcpItem::Pli(pli) => {
                    if let Some(sender) = sender_of(&mut self.senders, pli.media_ssrc) {
                        sender.plis += 1;
                        sender.key_frame_wanted = true;
                    }
                }
                RtcpItem::Fir(fir) => {
                    for entry in fir.entries() {
                        if let Some(sender) = sender_of(&mut self.senders, entry.ssrc) {
                            sender.firs += 1;
                            sender.key_frame_wanted = true;
                        }
                    }
                }
                RtcpItem::Remb(remb) => {
                    for sender in &mut self.senders {
                        sender.rembs.push(remb.bitrate);
                    }
                }
                RtcpItem::TransportCc(feedback) => {
                    let feedback = read_feedback(now, &feedback);
                    if let Some(sender) = self.senders.first_mut() {
                        sender.transport_feedback.push(feedback);
                    }
                }
                _ => {}
            }
        }
        self.rtcp.push(plain);
        for (ssrc, number) in again {
            let bytes = sender_of(&mut self.senders, ssrc).and_then(|sender| sender.again(ssrc, number));
            if let Some(bytes) = bytes {
                let bytes = self.renumber(now, ssrc, bytes);
                // Without RTX the very same packet goes out again, which does not harm the cipher.
                self.allow_repetition(true);
                out.extend(self.seal_rtp(&bytes));
                self.allow_repetition(false);
            }
        }
    }

    /// A retransmission by RTX has a transport-wide number of its own.
    fn renumber(&mut self, now: Instant, ssrc: u32, mut bytes: Vec<u8>) -> Vec<u8> {
        let id = sender_of(&mut self.senders, ssrc)
            .filter(|sender| sender.parameters.codecs.iter().any(|codec| codec.is_rtx()))
            .and_then(|sender| extension_id(&sender.parameters, ExtensionKind::TransportCc));
        let offset = id.and_then(|id| {
            let header = RtpHeader::parse(&bytes).ok()?;
            header
                .elements(&bytes)
                .find(|element| element.id == id)
                .map(|element| usize::from(element.offset + header.extension_offset))
        });
        if let Some(slot) = offset.and_then(|offset| bytes.get_mut(offset..offset + 2)) {
            slot.copy_from_slice(&self.transport_sequence.to_be_bytes());
            self.transport_sent.push((self.transport_sequence, now));
            self.transport_sequence = self.transport_sequence.wrapping_add(1);
        }
        bytes
    }

    fn take_blocks(&mut self, now: Instant, blocks: impl Iterator<Item = ReportBlock>) {
        let clock = ntp(self.ntp(now));
        for block in blocks {
            if let Some(sender) = sender_of(&mut self.senders, block.ssrc) {
                sender.reports.push(ReceptionReported {
                    at: now,
                    ssrc: block.ssrc,
                    fraction_lost: block.fraction_lost,
                    cumulative_lost: block.cumulative_lost,
                    highest_sequence: block.highest_sequence,
                    jitter: block.jitter,
                    round_trip: crate::rtcp::ntp::round_trip(clock, block.last_sr, block.delay_since_last_sr),
                });
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let ice = match &self.protection {
            Protection::WebRtc(agent) => agent.next_deadline(),
            _ => None,
        };
        let nack = self.receivers.iter().filter_map(Receiver::next_deadline).min();
        let data = self.data.as_ref().and_then(super::data::DataPeer::next_deadline);
        [ice, nack, data, self.reports_due, self.feedback_due].into_iter().flatten().min()
    }

    /// What is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if let Protection::WebRtc(agent) = &mut self.protection {
            agent.handle_timeout(now, out);
        }
        self.drive_data(now, out);
        for index in 0..self.receivers.len() {
            let Some(receiver) = self.receivers.get_mut(index) else { break };
            let (wanted, ssrc) = (receiver.wanted(now), receiver.ssrc);
            if !wanted.is_empty() {
                receiver.nacks_sent += 1;
                out.extend(self.nack(ssrc, &wanted));
            }
        }
        if self.reports_due.is_some_and(|at| at <= now) {
            self.reports_due = Some(now + REPORTS);
            out.extend(self.write_reports(now));
        }
        if self.feedback_due.is_some_and(|at| at <= now) {
            self.feedback_due = None;
            out.extend(self.write_feedback());
        }
    }

    /// Writes RTCP and protects it.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut RtcpWriter<'_>, u32)) -> Option<Vec<u8>> {
        let mut buffer = [0; 1200];
        let mut writer = RtcpWriter::new(&mut buffer);
        write(&mut writer, self.ssrc);
        let bytes = writer.as_bytes().to_vec();
        if bytes.is_empty() || self.has_hung_up { None } else { self.seal_rtcp(&bytes) }
    }

    pub(super) fn nack(&mut self, ssrc: u32, lost: &[u16]) -> Option<Vec<u8>> {
        self.write(|writer, own| {
            let mut rest = lost;
            while let Ok(taken) = writer.nack(own, ssrc, rest) {
                rest = rest.get(taken..).unwrap_or_default();
                if rest.is_empty() {
                    break;
                }
            }
        })
    }

    pub(super) fn pli(&mut self, ssrc: u32) -> Option<Vec<u8>> {
        self.write(|writer, own| {
            let _ = writer.pli(own, ssrc);
        })
    }

    pub(super) fn fir(&mut self, ssrc: u32) -> Option<Vec<u8>> {
        let sequence_number = self.fir_number;
        self.fir_number = self.fir_number.wrapping_add(1);
        self.write(|writer, own| {
            let _ = writer.fir(own, &[FirEntry { ssrc, sequence_number }]);
        })
    }

    fn write_reports(&mut self, now: Instant) -> Option<Vec<u8>> {
        let clock = ntp(self.ntp(now));
        let mut infos = Vec::new();
        for sender in &self.senders {
            let rate = sender.parameters.codecs.first().map_or(90_000, |codec| codec.clock_rate);
            for encoding in &sender.encodings {
                let Some((timestamp, at)) = encoding.last else { continue };
                let elapsed = now.saturating_duration_since(at).as_secs_f64() * f64::from(rate);
                infos.push((
                    encoding.ssrc,
                    SenderInfo {
                        ntp: clock,
                        rtp_timestamp: timestamp.wrapping_add(elapsed.round() as u32),
                        packet_count: encoding.packets,
                        octet_count: encoding.octets,
                    },
                ));
            }
        }
        let blocks: Vec<ReportBlock> = self.receivers.iter_mut().filter_map(|r| r.report(now)).collect();
        self.write(|writer, own| {
            for (ssrc, info) in &infos {
                let _ = writer.sender_report(*ssrc, info, &[]);
            }
            for blocks in blocks.chunks(31) {
                let _ = writer.receiver_report(own, blocks);
            }
        })
    }

    fn write_feedback(&mut self) -> Option<Vec<u8>> {
        let arrivals: Vec<Arrival> = std::mem::take(&mut self.arrivals)
            .into_iter()
            .map(|(sequence, ticks)| Arrival { sequence, ticks })
            .collect();
        let base = arrivals.first()?.sequence;
        let media = self.receivers.first().map_or(0, |receiver| receiver.ssrc);
        let count = self.feedback_count;
        self.feedback_count = count.wrapping_add(1);
        self.write(|writer, own| {
            let _ = writer.transport_cc(own, media, count, base, &arrivals);
        })
    }
}

fn sender_of(senders: &mut [Sender], ssrc: u32) -> Option<&mut Sender> {
    senders.iter_mut().find(|sender| {
        sender.encodings.iter().any(|encoding| encoding.ssrc == ssrc || encoding.rtx_ssrc == ssrc)
    })
}

fn read_feedback(at: Instant, feedback: &TransportCc<'_>) -> TransportFeedback {
    let mut micros = i64::from(feedback.reference_time) * 64_000;
    let packets = feedback
        .statuses()
        .map(|(number, delta)| {
            let arrival = delta.map(|delta| {
                micros += i64::from(delta) * 250;
                micros
            });
            (number, arrival)
        })
        .collect();
    TransportFeedback { at, count: feedback.feedback_count, packets }
}
