//! The association of one transport: from before the first packet until after the last.
mod replacement;
mod stream_lives;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use sctp_proto::{
    AssociationError, Chunks, Error, Event, Payload, PayloadProtocolIdentifier, ReliabilityType, StreamEvent,
};

use super::guard::{Asked, Guard, init_tag};
use super::heartbeat::{Beat, Heartbeat, heartbeat};
use super::outgoing::{Held, Outgoing, Relief};
use super::packet::{self, ABORT, DATA, INIT, INIT_ACK, PORT, RE_CONFIG, SACK};
use super::peer::{Peer, PeerConfig};
use super::{Reliability, ReliabilityLimit, SctpConfig, SctpOutput, SctpPhase, SendError};

/// Streams of a peer that may live at a time: each takes memory before signaling knows of it.
const MAX_STREAMS: usize = 4096;
/// Messages that go under a payload protocol identifier of nobody are bytes (RFC 8831 section 8).
const PPID_BINARY: u32 = 53;
/// Longest packet of ours.
const MAX_PACKET: usize = 1188;

/// SCTP of one transport. After each call that takes `&mut self`, call [`poll`](Sctp::poll) until it says
/// [`SctpOutput::Idle`].
#[derive(Debug)]
pub(crate) struct Sctp {
    config: SctpConfig,
    peer_config: PeerConfig,
    phase: SctpPhase,
    peer: Option<Box<Peer>>,
    /// An association that the peer wants instead, since it has started anew; it counts once it is established.
    successor: Option<Box<Peer>>,
    guard: Guard,
    outgoing: Outgoing,
    heartbeat: Heartbeat,
    /// What the peer calls us: the tag of its packets.
    own_tag: Option<u32>,
    /// Messages of DCEP that nobody has asked for yet.
    control_messages: u64,
    /// Streams that live, of both sides.
    streams: usize,
    highest_tsn: Option<u32>,
    /// Streams that the peer has reset, once it has acknowledged what was sent before: boundary, stream, generation.
    resetting: Vec<(u32, u16, u64)>,
    /// What the peer has all of: the TSN that it acknowledged last.
    acknowledged: Option<u32>,
    inbox: VecDeque<(u16, Chunks)>,
    outputs: VecDeque<SctpOutput>,
    /// Streams that the peer takes, and those that it wants to send on.
    offered: (u16, u16),
    /// Streams in each direction, once connected.
    negotiated: Option<(u16, u16)>,
}

impl Sctp {
    /// An association that nobody has begun.
    pub(crate) fn new(config: SctpConfig) -> Self {
        Sctp {
            peer_config: PeerConfig::new(&config),
            config,
            phase: SctpPhase::New,
            peer: None,
            successor: None,
            guard: Guard::default(),
            outgoing: Outgoing::default(),
            heartbeat: Heartbeat::default(),
            own_tag: None,
            control_messages: 0,
            streams: 0,
            highest_tsn: None,
            resetting: Vec::new(),
            acknowledged: None,
            inbox: VecDeque::new(),
            outputs: VecDeque::new(),
            offered: (0, 0),
            negotiated: None,
        }
    }

    /// How far it is.
    pub(crate) fn phase(&self) -> SctpPhase {
        self.phase
    }

    /// Streams that both sides agreed on, to the peer and from it, once connected.
    pub(crate) fn negotiated_streams(&self) -> Option<(u16, u16)> {
        self.negotiated
    }

    /// Begins the handshake, unless somebody has.
    pub(crate) fn connect(&mut self, now: Instant) {
        if self.phase != SctpPhase::New {
            return;
        }
        match Peer::connect(&self.peer_config) {
            Some(peer) => {
                self.peer = Some(Box::new(peer));
                self.enter(SctpPhase::Connecting);
                self.work(now, |_| ());
            }
            None => self.end(SctpPhase::Failed),
        }
    }

    /// Handles one packet; false if it was dropped whole.
    pub(crate) fn handle_packet(&mut self, now: Instant, datagram: &[u8]) -> bool {
        if matches!(self.phase, SctpPhase::Failed | SctpPhase::Closed) {
            return false;
        }
        let mut asked = Asked::default();
        let admitted = self.guard.admit(datagram, &mut asked);
        let tag = packet::verification_tag(datagram);
        let is_answer = asked.heartbeat.filter(|_| self.phase == SctpPhase::Connected && tag == self.own_tag);
        if let Some(number) = is_answer {
            self.heartbeat.answered_number(now, number);
        }
        let Some(bytes) = admitted else { return is_answer.is_some() };
        let first = packet::chunks(&bytes).next();
        let greeting = first.filter(|chunk| matches!(chunk.kind, INIT | INIT_ACK));
        if self.phase != SctpPhase::Connected || greeting.is_some_and(|chunk| chunk.kind == INIT) {
            // As many as both sides have; we have all that there are.
            let streams = greeting.and_then(|chunk| chunk.u16_at(10).zip(chunk.u16_at(8)));
            self.offered = streams.unwrap_or(self.offered);
        }
        if first.is_some_and(|chunk| chunk.kind == INIT) {
            return init_tag(&bytes).is_some_and(|tag| self.handle_init(now, tag, bytes));
        }
        if self.guard.is_abused() {
            tracing::debug!("sctp: the peer sends too many fragments without an end");
            self.abort(SctpPhase::Closed);
            return false;
        }
        if let Some(abort) = packet::chunks(&bytes).find(|chunk| chunk.kind == ABORT) {
            let (cause, text) = abort.abort_cause();
            tracing::debug!("sctp: the peer ends the association, cause {cause}: {text}");
        }
        let new_tag = first.filter(|chunk| chunk.kind == INIT_ACK).and_then(|chunk| chunk.u32_at(0));
        let acknowledged = asked.acknowledged;
        self.begin_skipped(&asked.skipped);
        self.note_resets(asked);
        let is_taken = self.work(now, |peer| {
            let is_taken = peer.handle(now, bytes.clone());
            if is_taken && peer.is_active && peer.association.is_handshaking() {
                peer.tag = new_tag.or(peer.tag);
            }
            is_taken
        });
        if is_taken == Some(true) {
            self.own_tag = tag;
            if let Some(number) = acknowledged {
                self.acknowledged = Some(number);
                self.heartbeat.answered(now);
            }
            return true;
        }
        self.handle_for_successor(now, bytes)
    }

    /// Does what is due at `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.work(now, |peer| peer.association.handle_timeout(now));
        if self.phase != SctpPhase::Connected {
            return;
        }
        match (self.heartbeat.handle_timeout(now), self.peer.as_ref().and_then(|peer| peer.tag)) {
            (Beat::Ask(number), Some(tag)) => {
                self.outputs.push_back(SctpOutput::Packet(heartbeat(tag, number)));
            }
            (Beat::Dead, _) => {
                tracing::debug!("sctp: the peer answers no more");
                self.abort(SctpPhase::Failed);
            }
            _ => {}
        }
    }

    /// When [`handle_timeout`](Sctp::handle_timeout) wants to be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let protocol = self.peer.as_ref().and_then(|peer| peer.association.poll_timeout());
        protocol.into_iter().chain(self.heartbeat.due()).min()
    }

    /// Takes the next thing that has happened; a message's bytes replace those of `message`.
    pub(crate) fn poll(&mut self, message: &mut Vec<u8>) -> SctpOutput {
        if let Some((stream, chunks)) = self.inbox.pop_front() {
            message.clear();
            message.resize(chunks.len(), 0);
            let ppid = match chunks.ppi {
                PayloadProtocolIdentifier::Unknown => PPID_BINARY,
                known => known as u32,
            };
            if chunks.read(message).is_ok() {
                return SctpOutput::Message { stream, ppid };
            }
        }
        self.outputs.pop_front().unwrap_or(SctpOutput::Idle)
    }

    /// Messages of the data channel establishment protocol (RFC 8832) that were dropped since this was asked last: streams come
    /// from signaling, and passed on they would open channels at others.
    pub(crate) fn take_control_messages(&mut self) -> u64 {
        std::mem::take(&mut self.control_messages)
    }

    /// A stream of ours, as signaling has it. Opens nothing on the wire.
    pub(crate) fn open_stream(&mut self, stream: u16, reliability: Reliability) {
        self.outgoing.open(stream, reliability, self.config.low_threshold);
    }

    /// Sends a message. Until there is an association it waits. Answers what waits on the stream now, in bytes.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        stream: u16,
        ppid: u32,
        payload: Bytes,
    ) -> Result<usize, SendError> {
        if matches!(self.phase, SctpPhase::Failed | SctpPhase::Closed) {
            return Err(SendError::Closed);
        }
        let (peer, outgoing) = (&mut self.peer, &mut self.outgoing);
        outgoing
            .admit(&self.config, stream, payload.len(), || peer.as_mut().map_or(0, |peer| in_flight(peer)))?;
        self.outgoing.hold(Held { stream, ppid, payload });
        self.work(now, |_| ());
        self.outgoing.buffered(stream).ok_or(SendError::Closed)
    }

    /// A stream of ours is signaling's no more; nothing is said of it on the wire.
    pub(crate) fn forget_stream(&mut self, stream: u16) {
        self.outgoing.close(stream);
    }

    /// Bytes of a stream that wait to be sent.
    pub(crate) fn buffered_amount(&self, stream: u16) -> Option<usize> {
        self.outgoing.buffered(stream)
    }

    /// Up to how many waiting bytes a stream counts as low.
    pub(crate) fn low_threshold(&self, stream: u16) -> Option<usize> {
        self.outgoing.low_threshold(stream)
    }

    /// Sets up to how many waiting bytes a stream counts as low; false if there is no such stream.
    pub(crate) fn set_low_threshold(&mut self, stream: u16, threshold: usize) -> bool {
        self.outgoing.set_low_threshold(stream, threshold)
    }

    /// Ends the association and tells the peer.
    pub(crate) fn close(&mut self) {
        match self.phase {
            SctpPhase::New => self.end(SctpPhase::Closed),
            SctpPhase::Connecting | SctpPhase::Connected => self.abort(SctpPhase::Closed),
            SctpPhase::Failed | SctpPhase::Closed => {}
        }
    }

    /// Ends the association because nothing reaches the peer any more, nor does word of it.
    pub(crate) fn cut_off(&mut self) {
        if !matches!(self.phase, SctpPhase::Failed | SctpPhase::Closed) {
            self.outputs.retain(|output| !matches!(output, SctpOutput::Packet(_)));
            self.end(SctpPhase::Closed);
        }
    }

    fn abort(&mut self, phase: SctpPhase) {
        if let Some(tag) = self.peer.as_ref().and_then(|peer| peer.tag) {
            let mut packet = BytesMut::with_capacity(packet::HEADER + 4);
            packet.put_u16(PORT);
            packet.put_u16(PORT);
            packet.put_u32(tag);
            packet.put_u32(0);
            packet.extend_from_slice(&[ABORT, 0, 0, 4]);
            packet::write_checksum(&mut packet);
            self.outputs.push_back(SctpOutput::Packet(packet.freeze()));
        }
        self.end(phase);
    }

    fn enter(&mut self, phase: SctpPhase) {
        if self.phase != phase {
            self.phase = phase;
            self.outputs.push_back(SctpOutput::Phase(phase));
        }
    }

    fn end(&mut self, phase: SctpPhase) {
        (self.peer, self.successor) = (None, None);
        self.outgoing.lost(None);
        self.resetting = Vec::new();
        self.heartbeat.stop();
        self.enter(phase);
    }

    /// Does something with the association, then takes out all that came of it. A panic in it ends it.
    fn work<T>(&mut self, now: Instant, work: impl FnOnce(&mut Peer) -> T) -> Option<T> {
        let mut peer = self.peer.take()?;
        let done = safely(|| {
            let done = work(&mut peer);
            let phase = self.collect(now, &mut peer);
            (done, phase)
        });
        match done {
            Some((done, None)) => {
                self.peer = Some(peer);
                Some(done)
            }
            Some((done, Some(phase))) => {
                self.end(phase);
                Some(done)
            }
            None => {
                tracing::error!("sctp: the state machine panicked; the association is ended");
                self.end(SctpPhase::Failed);
                None
            }
        }
    }

    /// Takes out events, messages and packets. Answers the phase that it ended in, if it ended.
    fn collect(&mut self, now: Instant, peer: &mut Peer) -> Option<SctpPhase> {
        while peer.association.poll_endpoint_event().is_some() {}
        loop {
            let mut is_quiet = true;
            while let Some(event) = peer.association.poll() {
                is_quiet = false;
                if let Some(phase) = self.event(now, peer, event) {
                    return Some(phase);
                }
            }
            while peer.association.accept_stream().is_some() {}
            if self.streams > MAX_STREAMS {
                tracing::debug!("sctp: the peer uses more than {MAX_STREAMS} streams");
                return Some(SctpPhase::Closed);
            }
            self.hand_over(peer);
            while let Some(transmit) = peer.association.poll_transmit(now) {
                is_quiet = false;
                if let Payload::RawEncode(packets) = transmit.payload {
                    let first = self.outputs.len();
                    packets.into_iter().for_each(|packet| self.depart(peer, packet));
                    self.ask_for_sack(first);
                }
            }
            if is_quiet {
                break;
            }
        }
        let outputs = &mut self.outputs;
        let mut relief = |relief| outputs.push_back(output(relief));
        let buffered = |stream| {
            let stream = peer.association.stream(stream);
            stream.and_then(|stream| stream.buffered_amount()).unwrap_or(0)
        };
        self.outgoing.reconcile(buffered, &mut relief);
        self.outgoing.relieve(&self.config, &mut relief);
        None
    }

    fn event(&mut self, now: Instant, peer: &mut Peer, event: Event) -> Option<SctpPhase> {
        match event {
            Event::Connected => {
                self.begin_anew(now);
                self.enter(SctpPhase::Connected);
            }
            Event::HandshakeFailed { .. } => return Some(SctpPhase::Failed),
            Event::AssociationLost { reason } => {
                tracing::debug!("sctp: {reason}");
                return Some(match reason {
                    AssociationError::AssociationClosed
                    | AssociationError::ApplicationClosed
                    | AssociationError::LocallyClosed => SctpPhase::Closed,
                    _ => SctpPhase::Failed,
                });
            }
            Event::Stream(StreamEvent::Opened { .. }) => self.streams += 1,
            Event::Stream(StreamEvent::Readable { id }) => self.read(peer, id),
            Event::Stream(StreamEvent::Finished { id }) => {
                self.outputs.push_back(SctpOutput::StreamReset(id));
            }
            Event::DataChannelStatsFinal(stats) => {
                self.streams = self.streams.saturating_sub(1);
                self.outgoing.lost(Some(stats.stream_identifier));
            }
            _ => {}
        }
        None
    }

    fn read(&mut self, peer: &mut Peer, id: u16) {
        while let Ok(mut stream) = peer.association.stream(id)
            && let Ok(Some(chunks)) = stream.read_sctp()
        {
            self.guard.delivered(chunks.chunks.len());
            if chunks.ppi == PayloadProtocolIdentifier::Dcep {
                self.control_messages += 1;
                continue;
            }
            self.inbox.push_back((id, chunks));
        }
    }

    /// Hands messages over that were held, each stream's in their order.
    fn hand_over(&mut self, peer: &mut Peer) {
        if self.phase != SctpPhase::Connected {
            return;
        }
        let mut blocked: Vec<u16> = Vec::new();
        for _ in 0..self.outgoing.held.len() {
            let Some(held) = self.outgoing.held.pop_front() else { break };
            let Some(stream) = self.outgoing.get(held.stream) else { continue };
            if !blocked.contains(&held.stream) {
                match write(peer, &held, stream.reliability, &mut self.streams) {
                    Ok(()) => {
                        self.outgoing.unhold(&held);
                        self.outgoing.handed_over(held.stream, held.payload.len());
                        continue;
                    }
                    Err(Error::ErrStreamResetPending | Error::ErrStreamClosed) => blocked.push(held.stream),
                    Err(error) => {
                        tracing::debug!("sctp: a message was dropped: {error}");
                        self.outgoing.unhold(&held);
                        continue;
                    }
                }
            }
            self.outgoing.held.push_back(held);
        }
    }

    /// Looks at a packet of ours as it leaves.
    fn depart(&mut self, peer: &mut Peer, packet: Bytes) {
        let (mut sack, mut resets) = (None, false);
        for chunk in packet::chunks(&packet) {
            match chunk.kind {
                DATA => {
                    let (Some(tsn), Some(stream)) = (chunk.u32_at(0), chunk.u16_at(4)) else { continue };
                    if self.highest_tsn.is_none_or(|highest| packet::is_after(tsn, highest)) {
                        self.highest_tsn = Some(tsn);
                        let outputs = &mut self.outputs;
                        self.outgoing.sent(stream, chunk.user_data_len(), &mut |relief| {
                            outputs.push_back(output(relief));
                        });
                    }
                }
                SACK => sack = chunk.u32_at(0).zip(chunk.u32_at(4)),
                RE_CONFIG => resets = true,
                _ => {}
            }
        }
        if let Some((acknowledged, window)) = sack {
            if window >= self.config.receive_window {
                self.guard.emptied();
            }
            self.finish_resets(peer, acknowledged);
        }
        let packet = if packet.len() > MAX_PACKET { shorten_sack(packet) } else { packet };
        let packet = match self.acknowledged.filter(|_| resets) {
            Some(acknowledged) => packet::bound_reset(packet, acknowledged),
            None => packet,
        };
        self.outputs.push_back(SctpOutput::Packet(packet));
    }

    /// What ends a burst of data is acknowledged at once: nothing follows soon that would bring an acknowledgement about, and the
    /// retransmission timer does not wait for a delayed one.
    fn ask_for_sack(&mut self, first: usize) {
        let has_data = |packet: &Bytes| packet::chunks(packet).any(|chunk| chunk.kind == DATA);
        let burst = self.outputs.iter_mut().skip(first).rev();
        let mut packets = burst.filter_map(|output| match output {
            SctpOutput::Packet(packet) => Some(packet),
            _ => None,
        });
        if let Some(last) = packets.find(|packet| has_data(packet)) {
            let mut asking = BytesMut::from(&last[..]);
            packet::ask_for_sack(&mut asking);
            *last = asking.freeze();
        }
    }
}

/// Calls into the state machine; `None` if it panicked.
fn safely<T>(call: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}

fn output(relief: Relief) -> SctpOutput {
    match relief {
        Relief::Low(stream, amount) => SctpOutput::BufferedAmountLow { stream, amount },
        Relief::Writable(stream) => SctpOutput::Writable(stream),
    }
}

/// Bytes that were handed over and not acknowledged.
fn in_flight(peer: &mut Peer) -> usize {
    let ids = peer.association.stream_ids();
    let amount = |id| peer.association.stream(id).and_then(|stream| stream.buffered_amount()).unwrap_or(0);
    ids.into_iter().map(amount).sum()
}

fn write(peer: &mut Peer, held: &Held, reliability: Reliability, streams: &mut usize) -> Result<(), Error> {
    let ppid = match PayloadProtocolIdentifier::from(held.ppid) {
        PayloadProtocolIdentifier::Dcep | PayloadProtocolIdentifier::Unknown => {
            PayloadProtocolIdentifier::Binary
        }
        known => known,
    };
    let association = &mut peer.association;
    let mut stream = match association.stream(held.stream) {
        Ok(_) => association.stream(held.stream)?,
        Err(_) => {
            *streams += 1;
            association.open_stream(held.stream, ppid).inspect_err(|_| *streams -= 1)?
        }
    };
    let (kind, value) = match reliability.limit {
        ReliabilityLimit::None => (ReliabilityType::Reliable, 0),
        ReliabilityLimit::Lifetime(limit) => (ReliabilityType::Timed, u32::from(limit)),
        ReliabilityLimit::Retransmits(limit) => (ReliabilityType::Rexmit, u32::from(limit)),
    };
    stream.set_reliability_params(!reliability.ordered, kind, value)?;
    stream.write_sctp(&held.payload, ppid).map(|_| ())
}

/// Takes gaps off an acknowledgement that does not fit: the peer hears of them later (RFC 9260 section 6.5).
fn shorten_sack(packet: Bytes) -> Bytes {
    /// Packet header, chunk header, cumulative number, window, two counts.
    const FIXED: usize = packet::HEADER + 16;
    let is_sack = packet.get(packet::HEADER) == Some(&SACK);
    let gaps = packet.get(24..26).and_then(|raw| raw.first_chunk()).map_or(0, |raw| u16::from_be_bytes(*raw));
    if !is_sack {
        return packet;
    }
    let kept = usize::from(gaps).min((MAX_PACKET - FIXED) / 4);
    let mut short = BytesMut::from(packet.get(..FIXED + 4 * kept).unwrap_or(&packet));
    let len = (short.len() - packet::HEADER) as u16;
    if let Some(fields) = short.get_mut(packet::HEADER..FIXED) {
        fields[2..4].copy_from_slice(&len.to_be_bytes());
        fields[12..14].copy_from_slice(&(kept as u16).to_be_bytes());
        fields[14..16].fill(0);
    }
    packet::write_checksum(&mut short);
    short.freeze()
}
