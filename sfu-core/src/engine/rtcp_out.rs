//! Our RTCP: reports, NACK, key frame requests, transport-wide feedback and REMB.
//!
//! What is written here waits for the shell, which shows it to `rtcp_out` hooks and calls [`Engine::send_rtcp`].
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use super::Engine;
use super::overload::MAX_UNASKED;
use super::packet::FreshPacket;
use super::stream::key_frame_requests::KeyFrameStep;
use super::stream::nack_generator::NackStep;
use super::stream::report;
use super::stream::send_stream::SourceClock;
use super::transport::Protection;
use crate::control::{
    ConsumerId, MediaKind, ProducerId, Told, TraceDirection, TraceEvents, TraceInfo, TransportId,
};
use crate::rtcp::{Arrival, Compound, FirEntry, NtpTime, ReportBlock, RtcpWriter, SenderInfo};

/// Time from the connection to the first reports.
pub(super) const FIRST_REPORT: Duration = Duration::from_millis(500);

/// Time between reports; within the bounds of RFC 3550 §6.2 for the rates that we see.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Reports of many transports are due together: a thread with a thousand of them is woken 50 times a second, not a thousand.
const REPORT_STEP: Duration = Duration::from_millis(20);

/// Largest compound packet that we write, in bytes: with SRTCP and IP it stays below 1280.
const MAX_COMPOUND: usize = 1160;

/// Blocks of one receiver report (RFC 3550 §6.4.2).
const MAX_BLOCKS: usize = 31;

/// Packets of one transport-wide feedback.
const MAX_ARRIVALS: usize = 512;

/// RTCP that waits for its hooks.
pub(crate) struct EgressRtcp {
    /// The transport that it leaves by.
    pub(crate) transport: TransportId,
    packet: FreshPacket,
}

impl EgressRtcp {
    /// Its packets, one after the other.
    pub(crate) fn packets(&self) -> Compound<'_> {
        Compound::new(self.packet.get().data())
    }
}

impl Engine {
    /// The next RTCP that wants to leave: the shell asks the hooks, then calls [`Engine::send_rtcp`] or [`Engine::drop_rtcp`].
    #[inline]
    pub(crate) fn next_rtcp_out(&mut self) -> Option<EgressRtcp> {
        self.rtcp_out.pop_front()
    }

    /// Protects RTCP into the outbox.
    pub(crate) fn send_rtcp(&mut self, now: Instant, egress: EgressRtcp) {
        let EgressRtcp { transport: id, packet } = egress;
        let data = packet.get().data();
        if let Some(transport) = self.transports.get_mut(id)
            && transport.is_direct()
        {
            transport.counters.sent.add(now, data.len());
            transport.counters.other_sent.add(now, data.len());
            let told = Told::Rtcp { transport: id, packet: data.to_vec().into() };
            self.changes.push_back(told.into());
        } else if let Some(transport) = self.transports.get_mut(id)
            && let Some(route) = transport.rtcp_route()
        {
            let protection = &mut transport.protection;
            let sent = self.outbox.push(route, &mut transport.run, |slot| match protection {
                Protection::Srtp { sealer, .. } => sealer.seal_rtcp(data, slot).ok(),
                Protection::Clear => {
                    slot.get_mut(..data.len())?.copy_from_slice(data);
                    Some(data.len())
                }
                Protection::Pending => None,
            });
            if sent {
                transport.counters.sent.add(now, data.len());
                transport.counters.other_sent.add(now, data.len());
            }
        }
        self.pool.put_back(packet);
    }

    /// A hook keeps RTCP from leaving.
    pub(crate) fn drop_rtcp(&mut self, egress: EgressRtcp) {
        self.pool.put_back(egress.packet);
    }

    /// RTCP made by a plugin, as it is.
    pub(crate) fn queue_raw_rtcp(&mut self, id: TransportId, bytes: &[u8]) -> bool {
        let len = bytes.len();
        if len > MAX_COMPOUND || Compound::new(bytes).any(|item| item.is_err()) {
            return false;
        }
        self.write_rtcp(id, |writer| writer.raw(bytes).is_ok())
    }

    /// Lets `write` fill a compound packet for `id`; it waits for the shell if something was written.
    fn write_rtcp(&mut self, id: TransportId, write: impl FnOnce(&mut RtcpWriter<'_>) -> bool) -> bool {
        if !self.transports.get(id).is_some_and(|transport| transport.is_connected()) {
            return false;
        }
        let mut fresh = self.pool.take();
        let Some(packet) = fresh.get_mut() else { return false };
        let Some(room) = packet.bytes.get_mut(..MAX_COMPOUND) else { return false };
        let mut writer = RtcpWriter::new(room);
        let done = write(&mut writer);
        let len = writer.len();
        packet.start = 0;
        packet.len = len;
        if done && len > 0 {
            self.rtcp_out.push_back(EgressRtcp { transport: id, packet: fresh });
            true
        } else {
            self.pool.put_back(fresh);
            false
        }
    }

    /// NACK, key frame requests, inactivity and retention of one producer's encodings; answers the next deadline.
    pub(super) fn poll_producer(&mut self, now: Instant, id: ProducerId) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let count = self.producers.get(id)?.encodings.len();
        let holds_repairs = self.overload.holds_repairs();
        for index in 0..count {
            let producer = self.producers.get_mut(id)?;
            let transport = producer.transport()?;
            let round_trip = self.transports.get(transport)?.round_trip.or_default();
            let encoding = producer.encodings.get_mut(index)?;
            let pool = &mut self.pool;
            if encoding.store.next_deadline().is_some_and(|at| now >= at) {
                encoding.store.expire(now, |old| pool.release(old));
            }
            let mut lost: ArrayVec<u16, 256> = ArrayVec::new();
            let mut wants_key_frame = false;
            let mut ssrc = 0;
            let mut silent = None;
            if let Some(receiving) = &mut encoding.stream {
                ssrc = receiving.ssrc;
                if receiving.stream.poll(now) {
                    // Taken here, or the next report would tell it again.
                    silent = receiving.stream.take_score_change();
                }
                if let Some(nack) = receiving.nack.as_mut().filter(|_| !holds_repairs) {
                    // What was missed in an overload, and not asked for, comes too late.
                    let too_late = nack.give_up_unasked(now, MAX_UNASKED);
                    wants_key_frame = nack.poll(now, round_trip, &mut lost) == NackStep::KeyFrame || too_late;
                }
            }
            if !lost.is_empty() {
                encoding.nacks += 1;
            }
            let requested = encoding.key_frames.poll(now) == KeyFrameStep::SendNow;
            let deadlines = [
                encoding.key_frames.next_deadline(),
                encoding.stream.as_ref().and_then(|receiving| receiving.stream.next_deadline()),
                encoding
                    .stream
                    .as_ref()
                    .and_then(|receiving| receiving.nack.as_ref())
                    .filter(|_| !holds_repairs)
                    .and_then(|nack| nack.next_deadline()),
                encoding.store.next_deadline(),
            ];
            next = deadlines.into_iter().chain([next]).flatten().min();
            if !lost.is_empty() {
                self.send_nack(transport, ssrc, &lost);
                self.trace_producer(now, id, TraceEvents::NACK, TraceDirection::Out, TraceInfo::Nack);
            }
            if requested {
                self.send_key_frame_request(now, id, index as u8);
            }
            if wants_key_frame {
                self.request_key_frame(now, id, index as u8);
            }
            if let Some(score) = silent {
                self.scored(id, index as u8, score);
                self.reconsider_layers(now, id);
            }
        }
        next
    }

    fn send_nack(&mut self, id: TransportId, media_ssrc: u32, lost: &[u16]) {
        let Some(sender) = self.transports.get(id).map(|transport| transport.sender_ssrc()) else { return };
        self.write_rtcp(id, |writer| {
            let mut rest = lost;
            while !rest.is_empty() {
                match writer.nack(sender, media_ssrc, rest) {
                    Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                    Err(_) => break,
                }
            }
            true
        });
    }

    /// Someone needs a key frame of an encoding to begin with: asked for now, or soon, or already.
    pub(super) fn request_key_frame(&mut self, now: Instant, id: ProducerId, encoding: u8) {
        self.ask_key_frame(now, id, encoding, false);
    }

    /// The same; with `prompt` it does not wait for others who may come.
    pub(super) fn ask_key_frame(&mut self, now: Instant, id: ProducerId, encoding: u8, prompt: bool) {
        let Some(producer) = self.producers.get_mut(id) else { return };
        if producer.kind != MediaKind::Video || producer.paused {
            return;
        }
        if let super::producer::Source::Relay(origin) = producer.source {
            self.relays.request_key_frame(origin, encoding, prompt);
            return;
        }
        let Some(transport) = producer.transport() else { return };
        let Some(entity) = producer.encodings.get_mut(usize::from(encoding)) else { return };
        let requests = &mut entity.key_frames;
        let step = if prompt { requests.request(now) } else { requests.request_shared(now) };
        let deadline = entity.key_frames.next_deadline();
        if step == KeyFrameStep::SendNow {
            self.send_key_frame_request(now, id, encoding);
        }
        if let Some(deadline) = deadline {
            self.arm(transport, deadline);
        }
    }

    /// A consumer needs a key frame, of the encoding that it gets or will get. With `prompt` it does not wait for others who may come.
    pub(crate) fn request_key_frame_for(&mut self, now: Instant, id: ConsumerId, prompt: bool) {
        let Some(consumer) = self.consumers.get(id) else { return };
        if consumer.kind != MediaKind::Video || !consumer.is_active() || self.gets_no_video(id) {
            return;
        }
        let producer = consumer.producer;
        if !consumer.others.is_empty() {
            for encoding in 0..=consumer.others.len() as u8 {
                self.ask_key_frame(now, producer, encoding, prompt);
            }
            return;
        }
        let Some(layers) = &consumer.layers else { return self.ask_key_frame(now, producer, 0, prompt) };
        let current = consumer.main.encoding.filter(|_| !consumer.main.needs_sync);
        let transport = consumer.transport;
        let mut encoding = current.or(layers.target_encoding());
        if encoding.is_none() {
            self.choose_layers(now, transport);
            let layers = self.consumers.get(id).and_then(|consumer| consumer.layers.as_ref());
            encoding = layers.and_then(|layers| layers.target_encoding());
        }
        // Where nothing comes, the last that did.
        let last = self.consumers.get(id).and_then(|consumer| consumer.main.encoding);
        match encoding.or(last) {
            Some(encoding) => self.ask_key_frame(now, producer, encoding, prompt),
            None => self.ask_silent_producer(now, producer, prompt),
        }
    }

    /// Nothing comes of a producer at present, a screen that does not change perhaps: whichever encoding begins, it begins with a
    /// key frame.
    #[cold]
    fn ask_silent_producer(&mut self, now: Instant, id: ProducerId, prompt: bool) {
        let count = self.producers.get(id).map_or(0, |producer| producer.encodings.len());
        for encoding in 0..count {
            self.ask_key_frame(now, id, encoding as u8, prompt);
        }
    }

    /// A producer's path is open: if somebody waits for it, it begins with a key frame.
    pub(super) fn producer_wanted(&mut self, now: Instant, id: ProducerId) {
        let Some(producer) = self.producers.get(id) else { return };
        for consumer in producer.consumers.clone() {
            self.request_key_frame_for(now, consumer, true);
        }
    }

    fn send_key_frame_request(&mut self, now: Instant, id: ProducerId, index: u8) {
        let Some(producer) = self.producers.get_mut(id) else { return };
        let Some(transport) = producer.transport() else { return };
        let Some(encoding) = producer.encodings.get_mut(usize::from(index)) else { return };
        let Some(receiving) = &encoding.stream else { return };
        let (ssrc, feedback) = (receiving.ssrc, receiving.feedback);
        let Some(sender) = self.transports.get(transport).map(|t| t.sender_ssrc()) else { return };
        if feedback.pli || !feedback.fir {
            encoding.plis += 1;
            self.write_rtcp(transport, |writer| writer.pli(sender, ssrc).is_ok());
            self.trace_producer(now, id, TraceEvents::PLI, TraceDirection::Out, TraceInfo::Pli(ssrc));
        } else {
            encoding.firs += 1;
            let sequence_number = encoding.fir_sequence;
            encoding.fir_sequence = encoding.fir_sequence.wrapping_add(1);
            self.write_rtcp(transport, |writer| {
                writer.fir(sender, &[FirEntry { ssrc, sequence_number }]).is_ok()
            });
            self.trace_producer(now, id, TraceEvents::FIR, TraceDirection::Out, TraceInfo::Fir(ssrc));
        }
    }

    /// Transport-wide feedback and REMB; answers the next deadline.
    pub(super) fn poll_congestion(&mut self, now: Instant, id: TransportId) -> Option<Instant> {
        self.send_transport_cc(now, id);
        self.send_remb(now, id);
        let transport = self.transports.get(id)?;
        [
            transport.transport_cc.as_ref().and_then(|receiver| receiver.next_deadline()),
            transport.remb.as_ref().and_then(|remb| remb.next_deadline()),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn send_transport_cc(&mut self, now: Instant, id: TransportId) {
        loop {
            let Some(transport) = self.transports.get_mut(id) else { return };
            let (sender, media) = (transport.sender_ssrc(), first_ssrc(transport));
            let Some(mut receiver) = transport.transport_cc.take() else { return };
            let mut arrivals: ArrayVec<Arrival, MAX_ARRIVALS> = ArrayVec::new();
            let Some(feedback) = receiver.poll(now) else {
                transport.transport_cc = Some(receiver);
                return;
            };
            let base = u64::from(feedback.base_seq);
            let count = feedback.feedback_count;
            let mut covered = 0;
            for (offset, arrival) in feedback.arrivals().enumerate() {
                if let Some(micros) = arrival {
                    let full = arrivals
                        .try_push(Arrival { sequence: base + offset as u64, ticks: micros / 250 })
                        .is_err();
                    if full {
                        break;
                    }
                }
                covered = offset + 1;
            }
            let mut reported = 0;
            let written = self.write_rtcp(id, |writer| {
                match writer.transport_cc(sender, media, count, base, &arrivals) {
                    Ok(written) => {
                        reported = (written.next_base - base) as usize;
                        true
                    }
                    Err(_) => false,
                }
            });
            receiver.commit(if written { reported.min(covered.max(reported)) } else { 0 });
            let arrived = arrivals.iter().filter(|arrival| arrival.sequence < base + reported as u64).count();
            let again = written && receiver.poll(now).is_some();
            if let Some(transport) = self.transports.get_mut(id) {
                transport.counters.loss_received.report(reported.saturating_sub(arrived), reported);
                transport.transport_cc = Some(receiver);
            }
            if !again {
                return;
            }
        }
    }

    fn send_remb(&mut self, now: Instant, id: TransportId) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let sender = transport.sender_ssrc();
        let Some(bitrate) = transport.remb.as_mut().and_then(|remb| remb.poll(now)) else { return };
        let mut ssrcs: ArrayVec<u32, 32> = ArrayVec::new();
        for producer in &transport.producers {
            let Some(producer) = self.producers.get(*producer) else { continue };
            let media = producer.encodings.iter().filter_map(|encoding| encoding.stream.as_ref());
            for ssrc in media.map(|receiving| receiving.ssrc) {
                let _ = ssrcs.try_push(ssrc);
            }
        }
        if !ssrcs.is_empty() {
            self.write_rtcp(id, |writer| writer.remb(sender, bitrate, &ssrcs).is_ok());
        }
    }

    /// Sender and receiver reports of everything on a transport, when they are due; answers when they are next.
    pub(super) fn poll_reports(&mut self, now: Instant, id: TransportId) -> Option<Instant> {
        let transport = self.transports.get_mut(id)?;
        let due = transport.reports_due?;
        if now < due {
            return Some(due);
        }
        // A little early or late by turns, so that many transports don't report in step (RFC 3550 §6.2).
        let jitter = Duration::from_millis(u64::from(self.config.random.u16() % 200));
        let next = now + REPORT_INTERVAL - Duration::from_millis(100) + jitter;
        let next = self.config.clock.round_up(next, REPORT_STEP);
        transport.reports_due = Some(next);
        transport.queue.rest(now);
        let (consumers, producers) = (transport.consumers.len(), transport.producers.len());
        for index in 0..consumers {
            let Some(consumer) = self.transports.get(id)?.consumers.get(index).copied() else { break };
            self.report_consumer(now, id, consumer);
        }
        let mut blocks: ArrayVec<ReportBlock, MAX_BLOCKS> = ArrayVec::new();
        for index in 0..producers {
            let Some(producer) = self.transports.get(id)?.producers.get(index).copied() else { break };
            self.collect_blocks(now, id, producer, &mut blocks);
        }
        self.report_received(now, id, &mut blocks);
        Some(next)
    }

    fn report_consumer(&mut self, now: Instant, transport: TransportId, id: ConsumerId) {
        let ntp = self.config.clock.ntp(now);
        let tick = self.ticker.at(&self.config.clock, now);
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        if !consumer.is_active() {
            return;
        }
        let (pool, mut privates) = (&mut self.pool, 0);
        consumer.expire(tick, |old| {
            privates += 1;
            pool.release(old);
        });
        self.privates = self.privates.saturating_sub(privates);
        let count = 1 + consumer.others.len() as u8;
        for index in 0..count {
            self.report_stream(now, ntp, transport, id, index);
        }
    }

    fn report_stream(&mut self, now: Instant, ntp: u64, transport: TransportId, id: ConsumerId, index: u8) {
        let Some(consumer) = self.consumers.get(id) else { return };
        let Some(stream) = consumer.stream(index) else { return };
        let source = self.producers.get(consumer.producer).and_then(|producer| {
            let clock = self.transports.get(producer.transport()?)?.remote_clock.offset()?;
            let encoding = producer.encodings.get(usize::from(stream.encoding?))?;
            Some(SourceClock { mapping: encoding.mapping()?, offset: clock })
        });
        let media = stream.stream.sender_report(now, ntp, source.as_ref());
        let rtx = stream.stream.rtx_sender_report(now, ntp, source.as_ref());
        let cname = consumer.cname.clone();
        if let Some(info) = media {
            self.write_rtcp(transport, |writer| {
                let mut done = write_sender_report(writer, &info, &cname);
                if let Some(info) = rtx {
                    done &= write_sender_report(writer, &info, &cname);
                }
                done
            });
        }
    }

    fn collect_blocks(
        &mut self,
        now: Instant,
        transport: TransportId,
        id: ProducerId,
        blocks: &mut ArrayVec<ReportBlock, MAX_BLOCKS>,
    ) {
        let count = self.producers.get(id).map_or(0, |producer| producer.encodings.len());
        for index in 0..count {
            let Some(encoding) = self.producers.get_mut(id).and_then(|p| p.encodings.get_mut(index)) else {
                return;
            };
            let Some(receiving) = &mut encoding.stream else { continue };
            let found = [receiving.stream.report_block(now), receiving.stream.rtx_report_block(now)];
            let (fraction, score) = (receiving.stream.fraction_lost(), receiving.stream.take_score_change());
            if let Some(remb) = self.transports.get_mut(transport).and_then(|t| t.remb.as_mut()) {
                remb.on_loss(now, fraction);
            }
            if let Some(score) = score {
                self.scored(id, index as u8, score);
            }
            for block in found.into_iter().flatten() {
                if blocks.is_full() {
                    self.report_received(now, transport, blocks);
                }
                let _ = blocks.try_push(wire_block(&block));
            }
        }
    }

    /// Receiver reports, and our clock: a peer that sends only learns no round trip of ours otherwise, nor do we of it.
    fn report_received(
        &mut self,
        now: Instant,
        id: TransportId,
        blocks: &mut ArrayVec<ReportBlock, MAX_BLOCKS>,
    ) {
        if blocks.is_empty() {
            return;
        }
        let Some(sender) = self.transports.get(id).map(|transport| transport.sender_ssrc()) else { return };
        let ntp = NtpTime::from_bits(self.config.clock.ntp(now));
        self.write_rtcp(id, |writer| {
            writer.receiver_report(sender, blocks).is_ok()
                && writer.xr_receiver_reference_time(sender, ntp).is_ok()
        });
        blocks.clear();
    }
}

fn write_sender_report(writer: &mut RtcpWriter<'_>, info: &report::SenderInfo, cname: &str) -> bool {
    let wire = SenderInfo {
        ntp: NtpTime::from_bits(info.ntp),
        rtp_timestamp: info.rtp_timestamp,
        packet_count: info.packet_count,
        octet_count: info.octet_count,
    };
    writer.sender_report(info.ssrc, &wire, &[]).is_ok()
        && (cname.is_empty() || writer.sdes_cname(info.ssrc, cname.as_bytes()).is_ok())
}

fn wire_block(block: &report::ReportBlock) -> ReportBlock {
    ReportBlock {
        ssrc: block.ssrc,
        fraction_lost: block.fraction_lost,
        cumulative_lost: block.cumulative_lost,
        highest_sequence: block.ext_highest_seq,
        jitter: block.jitter,
        last_sr: block.lsr,
        delay_since_last_sr: block.dlsr,
    }
}

/// An SSRC of the peer, which transport-wide feedback has to name one of.
fn first_ssrc(transport: &super::Transport) -> u32 {
    transport.ingress.any_ssrc().unwrap_or(0)
}
