//! RTCP of the peer: reports, requests and estimates, and what the engine does about them.
use std::time::{Duration, Instant};

use super::Engine;
use super::packet::FreshPacket;
use super::receive::{Received, count_srtp};
use super::stream::{ntp, report, round_trip};
use super::transport::{Link, Protection};
use crate::control::{
    BandwidthEstimator, BandwidthTrace, EventBody, TraceDirection, TraceEvents, TraceInfo, TransportId,
};
use crate::net::Route;
use crate::rtcp::{Compound, ReportBlock, RtcpItem, RtcpPacket, SenderInfo, Xr};
use crate::transport::plain::PlainSource;

/// Least time between two events about a consumer's wish for a key frame.
const WISH_INTERVAL: Duration = Duration::from_secs(1);

/// A decrypted compound packet on its way through the hooks.
pub(crate) struct IngressRtcp {
    /// The transport that it came on.
    pub(crate) transport: TransportId,
    pub(super) packet: FreshPacket,
}

impl IngressRtcp {
    /// Its packets, one after the other.
    pub(crate) fn packets(&self) -> Compound<'_> {
        Compound::new(self.packet.get().data())
    }
}

impl Engine {
    pub(super) fn receive_rtcp(&mut self, now: Instant, route: Route, data: &[u8]) -> Received {
        let Some(id) = self.demux.transport(&route) else {
            self.counters.unknown_source += 1;
            return Received::Done;
        };
        let mut fresh = self.pool.take();
        let opened = match fresh.get_mut() {
            Some(packet) => self.open_rtcp(now, id, route, data, packet),
            None => false,
        };
        if opened {
            return Received::Rtcp(IngressRtcp { transport: id, packet: fresh });
        }
        self.pool.put_back(fresh);
        Received::Done
    }

    fn open_rtcp(
        &mut self,
        now: Instant,
        id: TransportId,
        route: Route,
        data: &[u8],
        packet: &mut super::Packet,
    ) -> bool {
        let Some(transport) = self.transports.get_mut(id) else { return false };
        transport.counters.received.add(now, data.len());
        transport.counters.other_received.add(now, data.len());
        let source = match &transport.link {
            Link::WebRtc(_) => PlainSource::Peer,
            Link::Plain(link) => link.source(route, true),
            Link::Direct(_) => PlainSource::Stranger,
        };
        if source == PlainSource::Stranger {
            self.counters.media_refused += 1;
            return false;
        }
        packet.start = 0;
        packet.len = match &mut transport.protection {
            Protection::Pending => {
                self.counters.media_refused += 1;
                return false;
            }
            Protection::Clear => {
                let Some(slot) = packet.bytes.get_mut(..data.len()) else { return false };
                slot.copy_from_slice(data);
                data.len()
            }
            Protection::Srtp { opener, .. } => match opener.open_rtcp(data, &mut packet.bytes[..]) {
                Ok(len) => len,
                Err(error) => {
                    count_srtp(&mut self.counters, transport, error);
                    return false;
                }
            },
        };
        self.counters.rtcp_authenticated += 1;
        transport.counters.heard = Some(now);
        if source == PlainSource::Candidate {
            self.learn_plain_peer(now, id, route, true);
        }
        true
    }

    /// Acts upon one packet of a compound, before hooks see it.
    pub(crate) fn handle_rtcp(&mut self, now: Instant, id: TransportId, packet: &mut RtcpPacket<'_>) {
        let consumed = match *packet.item() {
            RtcpItem::SenderReport(report) => {
                self.sender_report(now, id, report.ssrc, &report.info);
                self.report_blocks(now, id, report.blocks());
                true
            }
            RtcpItem::ReceiverReport(report) => {
                self.report_blocks(now, id, report.blocks());
                true
            }
            RtcpItem::Nack(nack) => match self.egress(id, nack.media_ssrc) {
                Some(egress) if !egress.rtx => {
                    self.nacked(now, egress.consumer, egress.stream, nack.lost());
                    true
                }
                _ => false,
            },
            RtcpItem::Pli(pli) => self.key_frame_wanted(now, id, pli.media_ssrc, false),
            RtcpItem::Fir(fir) => {
                let mut any = false;
                for entry in fir.entries() {
                    any |= self.key_frame_wanted(now, id, entry.ssrc, true);
                }
                any
            }
            RtcpItem::Remb(remb) => {
                self.peer_estimated(now, id, u32::try_from(remb.bitrate).unwrap_or(u32::MAX));
                true
            }
            RtcpItem::TransportCc(feedback) => {
                let Some(transport) = self.transports.get_mut(id) else { return };
                let packets = usize::from(feedback.status_count);
                let arrived = feedback.received().count();
                transport.counters.loss_sent.report(packets.saturating_sub(arrived), packets);
                match &mut transport.bandwidth {
                    Some(bandwidth) => {
                        if bandwidth.on_feedback(now, &feedback) {
                            self.estimate_changed(now, id);
                        }
                        true
                    }
                    None => false,
                }
            }
            // A goodbye is followed by closing.
            RtcpItem::Sdes(_) | RtcpItem::Bye(_) => false,
            RtcpItem::Xr(report) => self.clock_answers(now, id, report),
            _ => false,
        };
        if consumed {
            packet.set_consumed();
        }
    }

    /// Gives back the buffer of a compound packet.
    pub(crate) fn finish_rtcp(&mut self, ingress: IngressRtcp) {
        self.pool.put_back(ingress.packet);
    }

    fn egress(&self, transport: TransportId, ssrc: u32) -> Option<super::transport::EgressRef> {
        self.transports.get(transport)?.egress.get(&ssrc).copied()
    }

    /// Answers to the clock of our extended reports (RFC 3611 §4.5); false if there is none.
    fn clock_answers(&mut self, now: Instant, id: TransportId, report: Xr<'_>) -> bool {
        let local = ntp::compact(self.config.clock.ntp(now));
        let Some(transport) = self.transports.get_mut(id) else { return false };
        let ours = transport.sender_ssrc();
        let mut answered = false;
        for answer in report.blocks().flat_map(|block| block.dlrr()).filter(|answer| answer.ssrc == ours) {
            answered = true;
            if let Some(sample) = round_trip::from_report(local, answer.last_rr, answer.delay_since_last_rr) {
                transport.round_trip.update(sample);
            }
        }
        answered
    }

    fn peer_estimated(&mut self, now: Instant, id: TransportId, bitrate: u32) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let is_new = transport.peer_estimate.replace(bitrate) != Some(bitrate);
        if let Some(bandwidth) = &mut transport.bandwidth {
            bandwidth.on_remb(now, bitrate);
            if is_new {
                self.estimate_changed(now, id);
            }
        } else if is_new {
            // Nothing is sent that could be chosen by it.
            let max = transport.max_outgoing_bitrate;
            self.trace_bandwidth(now, id, |_| {
                Some(BandwidthTrace {
                    estimator: BandwidthEstimator::Remb,
                    desired: 0,
                    effective_desired: 0,
                    min: 0,
                    max,
                    start: 0,
                    max_padding: 0,
                    available: bitrate,
                })
            });
        }
    }

    fn sender_report(&mut self, now: Instant, id: TransportId, ssrc: u32, info: &SenderInfo) {
        let (ntp, rtp_timestamp) = (info.ntp.to_bits(), info.rtp_timestamp);
        let local = self.config.clock.ntp(now);
        let Some(transport) = self.transports.get_mut(id) else { return };
        let Some(stream) = transport.ingress.by_ssrc(ssrc) else { return };
        if ntp != 0 {
            transport.remote_clock.on_sender_report(now, local, ntp);
        }
        let Some(producer) = self.producers.get_mut(stream.producer) else { return };
        let Some(encoding) = producer.encodings.get_mut(usize::from(stream.encoding)) else { return };
        if let Some(receiving) = &mut encoding.stream {
            receiving.stream.on_sender_report(now, ssrc, ntp, rtp_timestamp);
            receiving.stream.on_sender_counts(ssrc, info.packet_count, info.octet_count);
        }
        if !stream.rtx {
            let info = TraceInfo::SenderReport {
                ssrc,
                ntp_seconds: (ntp >> 32) as u32,
                ntp_fraction: ntp as u32,
                rtp_timestamp,
                packet_count: info.packet_count,
                octet_count: info.octet_count,
            };
            let event = TraceEvents::SENDER_REPORT;
            self.trace_producer(now, stream.producer, event, TraceDirection::In, info);
        }
    }

    fn report_blocks(&mut self, now: Instant, id: TransportId, blocks: impl Iterator<Item = ReportBlock>) {
        let ntp = self.config.clock.ntp(now);
        for block in blocks {
            let Some(egress) = self.egress(id, block.ssrc) else { continue };
            let Some(consumer) = self.consumers.get_mut(egress.consumer) else { continue };
            let Some(stream) = consumer.stream_mut(egress.stream) else { continue };
            stream.stream.on_report_block(
                ntp,
                &report::ReportBlock {
                    ssrc: block.ssrc,
                    fraction_lost: block.fraction_lost,
                    cumulative_lost: block.cumulative_lost,
                    ext_highest_seq: block.highest_sequence,
                    jitter: block.jitter,
                    lsr: block.last_sr,
                    dlsr: block.delay_since_last_sr,
                },
            );
            if let Some(score) = stream.stream.take_score_change() {
                self.change(egress.consumer, EventBody::Score { encoding: egress.stream, score });
                self.tell_consumer_score(egress.consumer);
            }
        }
    }

    fn key_frame_wanted(&mut self, now: Instant, id: TransportId, ssrc: u32, is_fir: bool) -> bool {
        let Some(egress) = self.egress(id, ssrc).filter(|egress| !egress.rtx) else { return false };
        let Some(consumer) = self.consumers.get_mut(egress.consumer) else { return false };
        if let Some(stream) = consumer.stream_mut(egress.stream) {
            stream.firs += u64::from(is_fir);
            stream.plis += u64::from(!is_fir);
        }
        // A peer may send as many as it likes; those who listen are told once a second.
        let told = consumer.wish_told.is_some_and(|at| now < at + WISH_INTERVAL);
        if !told {
            consumer.wish_told = Some(now);
            self.change(egress.consumer, EventBody::KeyFrameRequested);
        }
        let (event, info) = match is_fir {
            true => (TraceEvents::FIR, TraceInfo::Fir(ssrc)),
            false => (TraceEvents::PLI, TraceInfo::Pli(ssrc)),
        };
        self.trace_consumer(now, egress.consumer, event, info);
        let pipe = self.consumers.get(egress.consumer).filter(|consumer| !consumer.others.is_empty());
        match pipe.map(|consumer| consumer.producer) {
            Some(producer) => self.request_key_frame(now, producer, egress.stream),
            None => self.request_key_frame_for(now, egress.consumer, false),
        }
        true
    }
}
