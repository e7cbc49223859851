//! Data channels of a bench: what peers say and hear on the streams of their transports, and data producers and consumers.
use std::time::Instant;

use bytes::Bytes;

use super::bench::Bench;
use super::room::PeerId;
use super::secure::Protection;
use crate::control::{
    Command, ControlError, DataConsumerId, DataConsumerOptions, DataPath, DataProducerId,
    DataProducerOptions, DirectTransportOptions, Labels, OutgoingData, Reply, SctpStreamParameters, Told,
    TransportId,
};
use crate::plugin::PluginSet;
use crate::transport::sctp::{Reliability, Sctp, SctpConfig, SctpOutput, SctpPhase};

/// A message that a peer, or signaling, received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedData {
    /// The stream that it came on; 0 for a direct data consumer.
    pub stream: u16,
    /// Payload protocol identifier; see [`ppid`](crate::plugin::ppid).
    pub ppid: u32,
    /// Its bytes, as they came over the wire.
    pub payload: Vec<u8>,
}

/// The SCTP side of a peer.
pub(super) struct DataPeer {
    association: Sctp,
    pub(super) received: Vec<ReceivedData>,
    /// For each of them, how many turns there had been.
    turns: Vec<u64>,
    pub(super) resets: Vec<u16>,
    message: Vec<u8>,
}

impl DataPeer {
    pub(super) fn new() -> Self {
        DataPeer {
            association: Sctp::new(SctpConfig::default()),
            received: Vec::new(),
            turns: Vec::new(),
            resets: Vec::new(),
            message: Vec::new(),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.association.poll_timeout()
    }

    /// What has been received since came when there had been so many turns.
    pub(super) fn came_by(&mut self, turns: u64) {
        self.turns.resize(self.received.len(), turns);
    }

    pub(super) fn connect(&mut self, now: Instant) {
        self.association.connect(now);
    }

    /// Sends a message as far as there is room for it; it is left out where too much waits.
    #[cfg(feature = "bench")]
    pub(super) fn say(&mut self, now: Instant, stream: u16, ppid: u32, payload: Bytes) {
        let _ = self.association.send(now, stream, ppid, payload);
    }

    pub(super) fn handle_packet(&mut self, now: Instant, packet: &[u8]) {
        self.association.handle_packet(now, packet);
    }

    /// Does what is due, and takes out the packets that want to leave.
    pub(super) fn drive(&mut self, now: Instant) -> Vec<Bytes> {
        if self.association.poll_timeout().is_some_and(|at| at <= now) {
            self.association.handle_timeout(now);
        }
        let mut packets = Vec::new();
        loop {
            match self.association.poll(&mut self.message) {
                SctpOutput::Packet(packet) => packets.push(packet),
                SctpOutput::Message { stream, ppid } => {
                    self.received.push(ReceivedData { stream, ppid, payload: self.message.clone() });
                }
                SctpOutput::StreamReset(stream) => self.resets.push(stream),
                SctpOutput::Idle => return packets,
                _ => {}
            }
        }
    }
}

impl super::peer::Peer {
    /// SCTP of the peer goes on: packets go out as they are, or inside DTLS.
    pub(super) fn drive_data(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        let Some(data) = &mut self.data else { return };
        if let Protection::WebRtc(agent) = &mut self.protection {
            for packet in agent.data.drain(..) {
                data.handle_packet(now, &packet);
            }
            // A browser begins as soon as it can.
            if agent.keys.is_some() {
                data.connect(now);
            }
        }
        for packet in data.drive(now) {
            match &mut self.protection {
                Protection::WebRtc(agent) => agent.send(now, &packet, out),
                _ => out.push(packet.to_vec()),
            }
        }
    }
}

/// An ordered, reliable stream.
pub fn stream(stream_id: u16) -> SctpStreamParameters {
    SctpStreamParameters { stream_id, ordered: true, max_packet_life_time: None, max_retransmits: None }
}

impl<S: PluginSet> Bench<S> {
    /// A transport whose peer is signaling itself, on the first media thread.
    pub fn direct_transport(&mut self) -> TransportId {
        let router = self.router(0);
        let options = DirectTransportOptions::default();
        match self.command(Command::CreateDirectTransport { router, options }) {
            Reply::DirectTransport(id) => id,
            other => panic!("testing: unexpected {other:?}"),
        }
    }

    /// A data producer of what a peer sends on a stream; the peer was made with [`PeerOptions::data`](super::PeerOptions::data).
    pub fn data_producer(&mut self, peer: PeerId, stream_id: u16) -> DataProducerId {
        let transport = self.transport(peer);
        self.data_producer_on(transport, DataPath::Sctp(stream(stream_id)))
    }

    /// A data producer on any transport.
    pub fn data_producer_on(&mut self, transport: TransportId, path: DataPath) -> DataProducerId {
        self.try_data_producer(transport, path).unwrap_or_else(|error| panic!("testing: {error}"))
    }

    /// A data producer; fails where the worker or a plugin refuses it.
    pub fn try_data_producer(
        &mut self,
        transport: TransportId,
        path: DataPath,
    ) -> Result<DataProducerId, ControlError> {
        let options = DataProducerOptions {
            path,
            label: "chat".into(),
            protocol: String::new(),
            paused: false,
            labels: Labels::new(),
        };
        match self.try_command(Command::ProduceData { transport, options })? {
            Reply::DataProducer(id) => Ok(id),
            other => panic!("testing: unexpected {other:?}"),
        }
    }

    /// A peer receives a data producer's messages on a stream.
    pub fn consume_data(&mut self, peer: PeerId, producer: DataProducerId, stream_id: u16) -> DataConsumerId {
        let transport = self.transport(peer);
        self.try_data_consumer(transport, producer, DataPath::Sctp(stream(stream_id)), &[])
            .unwrap_or_else(|error| panic!("testing: {error}"))
    }

    /// A data consumer with subchannels; fails where the worker or a plugin refuses it.
    pub fn try_data_consumer(
        &mut self,
        transport: TransportId,
        data_producer: DataProducerId,
        path: DataPath,
        subchannels: &[u16],
    ) -> Result<DataConsumerId, ControlError> {
        let options = DataConsumerOptions {
            data_producer,
            path,
            label: "chat".into(),
            protocol: String::new(),
            paused: false,
            subchannels: subchannels.to_vec(),
            labels: Labels::new(),
        };
        match self.try_command(Command::ConsumeData { transport, options })? {
            Reply::DataConsumer(id) => Ok(id),
            other => panic!("testing: unexpected {other:?}"),
        }
    }

    /// A peer sends a message on a stream; it waits until there is an association.
    pub fn send_data(&mut self, peer: PeerId, stream: u16, ppid: u32, payload: &[u8]) {
        let now = self.now;
        let data = self.data_peer(peer);
        if data.association.buffered_amount(stream).is_none() {
            data.association.open_stream(stream, Reliability::default());
        }
        data.connect(now);
        let sent = data.association.send(now, stream, ppid, Bytes::copy_from_slice(payload));
        sent.unwrap_or_else(|error| panic!("testing: {error}"));
        self.drive_data_peer(peer);
    }

    /// A peer closes a data channel: it resets the stream.
    pub fn close_stream(&mut self, peer: PeerId, stream: u16) {
        let now = self.now;
        self.data_peer(peer).association.reset_stream(now, stream);
        self.drive_data_peer(peer);
    }

    /// A message of a data producer on a direct transport.
    pub fn send_direct(&mut self, data_producer: DataProducerId, message: OutgoingData) {
        self.command(Command::SendData { data_producer, message });
    }

    /// What a peer received on its streams, in order, forgotten afterwards.
    pub fn take_data(&mut self, peer: PeerId) -> Vec<ReceivedData> {
        self.take_data_by_turn(peer).into_iter().map(|(_, data)| data).collect()
    }

    /// The same, each with the number of turns that there had been when it came (see [`Bench::turns`]): where nothing delays what the
    /// worker sends to the peer, that of the turn in which it left.
    pub fn take_data_by_turn(&mut self, peer: PeerId) -> Vec<(u64, ReceivedData)> {
        let turns = self.turns();
        let data = self.data_peer(peer);
        // Messages may also come out of what had come before, when a timer has run out.
        data.came_by(turns);
        std::mem::take(&mut data.turns).into_iter().zip(std::mem::take(&mut data.received)).collect()
    }

    /// What direct data consumers delivered, in order, forgotten afterwards.
    pub fn take_direct(&mut self) -> Vec<(DataConsumerId, ReceivedData)> {
        let mut all = Vec::new();
        for worker in &mut self.workers {
            for told in std::mem::take(&mut worker.shell.around().handed) {
                if let Told::Data { data_consumer, ppid, payload } = told {
                    all.push((data_consumer, ReceivedData { stream: 0, ppid, payload: payload.to_vec() }));
                }
            }
        }
        all
    }

    /// Streams that the worker has reset, in order.
    pub fn resets(&mut self, peer: PeerId) -> Vec<u16> {
        self.data_peer(peer).resets.clone()
    }

    /// Whether a peer's association is connected.
    pub fn has_sctp(&mut self, peer: PeerId) -> bool {
        self.data_peer(peer).association.phase() == SctpPhase::Connected
    }

    fn data_peer(&mut self, peer: PeerId) -> &mut DataPeer {
        self.peer_at(peer).data.as_mut().expect("testing: the peer was made without `data`")
    }

    fn drive_data_peer(&mut self, peer: PeerId) {
        let (now, mut out) = (self.now, Vec::new());
        self.peer_at(peer).drive_data(now, &mut out);
        self.send_up(peer.0, out);
        self.settle();
    }
}
