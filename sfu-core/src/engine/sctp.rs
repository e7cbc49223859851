//! SCTP of a transport: when it begins, and what comes of it.
use std::collections::HashMap;
use std::time::Instant;

use foldhash::fast::RandomState;

use super::transport::Link;
use super::{Change, Engine};
use crate::control::{
    DataConsumerId, DataProducerId, DtlsState, EventBody, SctpDump, SctpOptions, SctpState,
    SctpStreamParameters, SctpStreams, TransportId,
};
use crate::net::Route;
use crate::transport::dtls::Dtls;
use crate::transport::plain::PlainSource;
use crate::transport::sctp::{
    MAX_SUBCHANNELS_HEADER, Reliability, ReliabilityLimit, Sctp, SctpConfig, SctpOutput, SctpPhase, is_sctp,
};

/// The association of one transport, and what its streams are.
pub(crate) struct SctpLink {
    /// The association.
    pub(crate) association: Sctp,
    options: SctpOptions,
    /// It carries data channels: the reset of a stream closes one (RFC 8831 section 6.7).
    pub(crate) is_data_channel: bool,
    /// It leads to another worker: messages carry their subchannels.
    pub(crate) is_pipe: bool,
    /// Who takes what arrives on which stream.
    pub(crate) producers: HashMap<u16, DataProducerId, RandomState>,
    /// Whose messages leave on which stream.
    pub(crate) consumers: HashMap<u16, DataConsumerId, RandomState>,
}

impl SctpLink {
    /// An association that nobody has begun, without streams.
    pub(crate) fn new(options: SctpOptions, is_data_channel: bool, is_pipe: bool) -> Self {
        // What tells subchannels comes on top of the message.
        let header = if is_pipe { MAX_SUBCHANNELS_HEADER } else { 0 };
        let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        let config = SctpConfig {
            max_send_message_size: size(options.max_send_message_size),
            max_receive_message_size: size(options.max_receive_message_size).saturating_add(header),
            send_buffer: size(options.send_buffer_size),
            stream_send_buffer: size(options.per_stream_send_queue_limit),
            receive_window: options.max_receiver_window_buffer_size,
            low_threshold: size(options.default_buffered_amount_low_threshold),
        };
        SctpLink {
            association: Sctp::new(config),
            options,
            is_data_channel,
            is_pipe,
            producers: HashMap::default(),
            consumers: HashMap::default(),
        }
    }

    /// How far it is.
    pub(crate) fn state(&self) -> SctpState {
        state(self.association.phase())
    }

    /// All that is known of it.
    pub(crate) fn dump(&self) -> SctpDump {
        let mut data_producers: Vec<_> = self.producers.iter().map(|(stream, id)| (*stream, *id)).collect();
        data_producers.sort_unstable_by_key(|(stream, _)| *stream);
        SctpDump {
            options: self.options,
            state: self.state(),
            streams: self.streams(),
            is_data_channel: self.is_data_channel,
            data_producers,
        }
    }

    fn streams(&self) -> Option<SctpStreams> {
        let (max_outbound, max_inbound) = self.association.negotiated_streams()?;
        Some(SctpStreams { max_outbound, max_inbound })
    }
}

fn state(phase: SctpPhase) -> SctpState {
    match phase {
        SctpPhase::New => SctpState::New,
        SctpPhase::Connecting => SctpState::Connecting,
        SctpPhase::Connected => SctpState::Connected,
        SctpPhase::Failed => SctpState::Failed,
        SctpPhase::Closed => SctpState::Closed,
    }
}

/// How a stream delivers.
pub(crate) fn reliability(parameters: &SctpStreamParameters) -> Reliability {
    let limit = match (parameters.max_packet_life_time, parameters.max_retransmits) {
        (Some(limit), _) => ReliabilityLimit::Lifetime(limit),
        (None, Some(limit)) => ReliabilityLimit::Retransmits(limit),
        (None, None) => ReliabilityLimit::None,
    };
    Reliability { ordered: parameters.ordered, limit }
}

impl Engine {
    /// Takes what may be SCTP in a datagram of its own: only on a transport that was made with it, only from its peer.
    pub(super) fn receive_sctp(&mut self, now: Instant, route: Route, data: &[u8]) {
        let Some(id) = self.demux.transport(&route) else {
            self.counters.unknown_source += 1;
            return;
        };
        let Some(transport) = self.transports.get_mut(id) else { return };
        transport.counters.received.add(now, data.len());
        let source = match &transport.link {
            Link::Plain(link) => link.source(route, false),
            _ => PlainSource::Stranger,
        };
        let Some(link) = transport.sctp.as_mut().filter(|_| source != PlainSource::Stranger) else {
            self.counters.sctp_refused += 1;
            return;
        };
        if !is_sctp(data) {
            self.counters.unknown_protocol += 1;
            return;
        }
        if link.association.handle_packet(now, data) {
            self.counters.sctp_taken += 1;
            if source == PlainSource::Candidate {
                self.learn_plain_peer(now, id, route, false);
            }
        } else {
            self.counters.sctp_dropped += 1;
        }
        self.drive_sctp(now, id);
    }

    /// Begins the handshake once packets can reach the peer and signaling has told of a stream: before that, a browser may not
    /// have begun to listen, and would be given up in vain.
    pub(super) fn begin_sctp(&mut self, now: Instant, id: TransportId) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let is_ready = match &transport.link {
            Link::WebRtc(link) => link.dtls_state == DtlsState::Connected,
            _ => transport.route().is_some(),
        };
        if let Some(link) = &mut transport.sctp
            && is_ready
            && !(link.producers.is_empty() && link.consumers.is_empty())
        {
            link.association.connect(now);
            self.drive_sctp(now, id);
        }
    }

    /// Takes out what SCTP has to say after each call to it.
    pub(super) fn drive_sctp(&mut self, now: Instant, id: TransportId) {
        let mut has_sent = false;
        loop {
            let mut message = self.data_buffers.pop().unwrap_or_default();
            let Some(transport) = self.transports.get_mut(id) else { return };
            let route = transport.route();
            let Some(link) = &mut transport.sctp else { return };
            let output = link.association.poll(&mut message.payload);
            if let SctpOutput::Message { stream, ppid } = output {
                match link.producers.get(&stream).copied() {
                    Some(from) => {
                        let header = match link.is_pipe {
                            true => message.subchannels.read(&message.payload),
                            false => 0,
                        };
                        message.payload.drain(..header);
                        self.receive_message(from, ppid, message);
                    }
                    None => {
                        self.counters.data_unknown_stream += 1;
                        self.recycle(message);
                    }
                }
                continue;
            }
            let streams = link.streams();
            let consumer = |stream| link.consumers.get(&stream).copied();
            match output {
                SctpOutput::Packet(packet) => {
                    let sent = match (&mut transport.link, route) {
                        (Link::WebRtc(link), _) => {
                            has_sent = true;
                            link.dtls.as_mut().is_some_and(|dtls| dtls.send(now, &packet).is_ok())
                        }
                        (_, Some(route)) => {
                            transport.counters.sent.add(now, packet.len());
                            self.outbox.push(route, &mut transport.run, |slot| {
                                slot.get_mut(..packet.len())?.copy_from_slice(&packet);
                                Some(packet.len())
                            });
                            true
                        }
                        _ => false,
                    };
                    self.counters.send_failed += u64::from(!sent);
                }
                SctpOutput::Phase(phase) => {
                    if let Some(streams) = streams.filter(|_| phase == SctpPhase::Connected) {
                        self.change(id, EventBody::SctpStreams(streams));
                    }
                    self.change(id, EventBody::SctpState(state(phase)));
                }
                SctpOutput::StreamReset(stream) => {
                    if let Some(consumer) = consumer(stream).filter(|_| link.is_data_channel) {
                        self.changes.push_back(Change::DataChannelClosed(consumer));
                    }
                }
                SctpOutput::BufferedAmountLow { stream, amount } => {
                    if let Some(consumer) = consumer(stream) {
                        let buffered_amount = u32::try_from(amount).unwrap_or(u32::MAX);
                        self.change(consumer, EventBody::BufferedAmountLow { buffered_amount });
                        self.data_ready(consumer);
                    }
                }
                SctpOutput::Writable(stream) => {
                    if let Some(consumer) = consumer(stream) {
                        self.data_ready(consumer);
                    }
                }
                SctpOutput::Message { .. } => {}
                SctpOutput::Idle => {
                    self.counters.data_control += link.association.take_control_messages();
                    let deadline = link.association.poll_timeout();
                    self.recycle(message);
                    if let Some(deadline) = deadline {
                        self.arm(id, deadline);
                    }
                    break;
                }
            }
            self.recycle(message);
        }
        if has_sent {
            self.drive_dtls(now, id);
        }
    }

    /// What SCTP goes through is over, and so is SCTP: who sends a message is told, instead of it waiting for a peer that is gone.
    pub(super) fn cut_off_sctp(&mut self, now: Instant, id: TransportId) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let Some(link) = &mut transport.sctp else { return };
        link.association.cut_off();
        self.drive_sctp(now, id);
    }

    /// Does what is due at `now`; when it wants to be called next.
    pub(super) fn poll_sctp(&mut self, now: Instant, id: TransportId) -> Option<Instant> {
        let association = &mut self.transports.get_mut(id)?.sctp.as_mut()?.association;
        if association.poll_timeout().is_some_and(|at| at <= now) {
            association.handle_timeout(now);
            self.drive_sctp(now, id);
        }
        self.transports.get(id)?.sctp.as_ref()?.association.poll_timeout()
    }
}
