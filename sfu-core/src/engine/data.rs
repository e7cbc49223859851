//! Data channel messages: from a data producer to its data consumers.
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::data_consumer::DataConsumer;
use super::{Change, Engine};
use crate::control::{DataConsumerId, DataPath, DataProducerId, EventBody, OutgoingData, Told, TransportId};
use crate::plugin::{Recipients, ppid};
use crate::transport::sctp::{SendError, Subchannels};

/// Buffers that are kept for the next messages.
const SPARE_BUFFERS: usize = 16;
/// A buffer that has grown beyond is not kept, in bytes.
const SPARE_SIZE: usize = 64 << 10;

/// The buffers of a message on its way through the engine.
#[derive(Debug, Default)]
pub(crate) struct DataBuffers {
    /// Its bytes.
    pub(crate) payload: Vec<u8>,
    /// Whom it is for.
    pub(crate) subchannels: Subchannels,
}

/// A message of a data producer: the shell asks `data_in`, then gives it to each recipient.
#[derive(Debug)]
pub(crate) struct IngressData {
    /// Its data producer.
    pub(crate) from: DataProducerId,
    /// Payload protocol identifier.
    pub(crate) ppid: u32,
    /// Its bytes; none under the identifiers of empty messages.
    pub(crate) buffers: DataBuffers,
}

impl Engine {
    /// Queues a message that a data producer received, for the shell.
    pub(super) fn receive_message(&mut self, from: DataProducerId, ppid: u32, mut buffers: DataBuffers) {
        if let Some(producer) = self.data_producers.get_mut(from) {
            producer.messages += 1;
            producer.bytes += buffers.payload.len() as u64;
            if !producer.paused {
                if is_empty(ppid) {
                    buffers.payload.clear();
                }
                self.changes.push_back(Change::Data(IngressData { from, ppid, buffers }));
                return;
            }
        }
        self.recycle(buffers);
    }

    /// A message that a plugin puts into a data producer; `None` where there is none, or it is paused.
    pub(crate) fn inject_data(
        &mut self,
        from: DataProducerId,
        ppid: u32,
        payload: &[u8],
    ) -> Option<IngressData> {
        self.data_producers.get(from).filter(|producer| !producer.paused)?;
        let mut buffers = self.data_buffers.pop().unwrap_or_default();
        buffers.payload.extend_from_slice(payload);
        Some(IngressData { from, ppid, buffers })
    }

    /// A message that signaling sends as a data producer's.
    pub(super) fn send_message(&mut self, from: DataProducerId, message: OutgoingData) {
        let mut buffers = self.data_buffers.pop().unwrap_or_default();
        buffers.payload.extend_from_slice(&message.payload);
        buffers.subchannels = Subchannels {
            any_of: message.subchannels,
            required: message.required_subchannel,
            ignored: message.ignored_subchannel,
        };
        self.receive_message(from, message.ppid, buffers);
    }

    /// Puts everybody on the list whom a message is for.
    pub(crate) fn preset_recipients(&self, message: &IngressData, to: &mut Recipients) {
        to.clear();
        let consumers = self.data_producers.get(message.from).map_or(&[][..], |producer| &producer.consumers);
        for id in consumers {
            if self.data_consumers.get(*id).is_some_and(|c| is_recipient(c, &message.buffers.subchannels)) {
                to.push(*id);
            }
        }
    }

    /// The data consumer at a place in the list of a data producer, and whether a message is for it.
    pub(crate) fn recipient(&self, message: &IngressData, index: usize) -> Option<(DataConsumerId, bool)> {
        let id = *self.data_producers.get(message.from)?.consumers.get(index)?;
        let consumer = self.data_consumers.get(id);
        Some((id, consumer.is_some_and(|c| is_recipient(c, &message.buffers.subchannels))))
    }

    /// Whether a plugin may send a message of a data producer to a data consumer.
    pub(crate) fn may_receive(&self, from: DataProducerId, to: DataConsumerId) -> bool {
        let (producer, consumer) = (self.data_producers.get(from), self.data_consumers.get(to));
        producer.zip(consumer).is_some_and(|(producer, consumer)| producer.router == consumer.router)
    }

    /// Whether messages reach a data consumer at all.
    pub(crate) fn takes_data(&self, id: DataConsumerId) -> bool {
        self.data_consumers.get(id).is_some_and(|consumer| !consumer.paused)
    }

    /// The data producer that a data consumer belongs to.
    pub(crate) fn source_of(&self, id: DataConsumerId) -> Option<DataProducerId> {
        self.data_consumers.get(id).map(|consumer| consumer.data_producer)
    }

    /// Sends a message to one data consumer. Answers how many bytes wait for it now.
    pub(crate) fn send_data(
        &mut self,
        now: Instant,
        to: DataConsumerId,
        ppid: u32,
        payload: &Bytes,
        subchannels: &Subchannels,
    ) -> Result<u32, SendError> {
        let Some(consumer) = self.data_consumers.get_mut(to) else { return Err(SendError::Closed) };
        let Some(transport) = self.transports.get_mut(consumer.transport) else {
            return Err(SendError::Closed);
        };
        let sent = match consumer.path {
            DataPath::Sctp(parameters) => {
                let Some(link) = &mut transport.sctp else { return Err(SendError::Closed) };
                let (ppid, wire) = wire(consumer, ppid, payload, subchannels);
                let sent = link.association.send(now, parameters.stream_id, ppid, wire);
                sent.map(|waiting| u32::try_from(waiting).unwrap_or(u32::MAX))
            }
            DataPath::Direct => {
                let limit = transport.direct_link().map_or(0, |link| link.max_send_message_size as usize);
                if payload.len() > limit {
                    Err(SendError::TooLarge { limit })
                } else {
                    let told = Told::Data { data_consumer: to, ppid, payload: payload.clone() };
                    self.changes.push_back(Change::Told(told));
                    Ok(0)
                }
            }
        };
        match &sent {
            Ok(_) => {
                consumer.messages += 1;
                consumer.bytes += payload.len() as u64;
                let transport = consumer.transport;
                if matches!(consumer.path, DataPath::Sctp(_)) {
                    self.drive_sctp(now, transport);
                }
            }
            Err(error) => {
                consumer.dropped += 1;
                if *error == SendError::BufferFull {
                    consumer.is_full = true;
                    self.change(to, EventBody::SendBufferFull);
                }
            }
        }
        sent
    }

    /// A data consumer that was full is not any more: plugins are told.
    pub(super) fn data_ready(&mut self, id: DataConsumerId) {
        if let Some(consumer) = self.data_consumers.get_mut(id).filter(|consumer| consumer.is_full) {
            consumer.is_full = false;
            self.changes.push_back(Change::DataReady(id));
        }
    }

    /// A hook dropped a message on ingress.
    pub(crate) fn drop_data_in(&mut self, message: IngressData) {
        if let Some(producer) = self.data_producers.get_mut(message.from) {
            producer.dropped_by_plugins += 1;
        }
        self.recycle(message.buffers);
    }

    /// A hook dropped a message on its way to one data consumer.
    pub(crate) fn drop_data_out(&mut self, to: DataConsumerId) {
        if let Some(consumer) = self.data_consumers.get_mut(to) {
            consumer.dropped_by_plugins += 1;
        }
    }

    /// Keeps the buffers of a message for the next ones.
    pub(crate) fn recycle(&mut self, mut buffers: DataBuffers) {
        if self.data_buffers.len() < SPARE_BUFFERS && buffers.payload.capacity() <= SPARE_SIZE {
            buffers.payload.clear();
            buffers.subchannels.clear();
            self.data_buffers.push(buffers);
        }
    }

    /// Bytes that wait for a data consumer, and of how many that is low.
    pub(crate) fn buffered(&self, consumer: &DataConsumer) -> (u32, u32) {
        let DataPath::Sctp(parameters) = consumer.path else { return (0, 0) };
        let link = self.transport_sctp(consumer.transport);
        let figure = |bytes: Option<usize>| bytes.map_or(0, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
        (
            figure(link.and_then(|association| association.buffered_amount(parameters.stream_id))),
            figure(link.and_then(|association| association.low_threshold(parameters.stream_id))),
        )
    }

    fn transport_sctp(&self, id: TransportId) -> Option<&crate::transport::sctp::Sctp> {
        self.transports.get(id)?.sctp.as_ref().map(|link| &link.association)
    }
}

pub(super) fn is_recipient(consumer: &DataConsumer, subchannels: &Subchannels) -> bool {
    !consumer.paused && consumer.wants(subchannels)
}

fn is_empty(identifier: u32) -> bool {
    matches!(identifier, ppid::STRING_EMPTY | ppid::BINARY_EMPTY)
}

/// A message as it goes over the wire. SCTP can't carry nothing, so an empty one is a zero byte under an identifier of its own
/// (RFC 8831 section 6.6).
fn wire(
    consumer: &DataConsumer,
    identifier: u32,
    payload: &Bytes,
    subchannels: &Subchannels,
) -> (u32, Bytes) {
    const NOTHING: Bytes = Bytes::from_static(&[0]);
    let (identifier, body) = match (identifier, payload.is_empty()) {
        (ppid::STRING, true) => (ppid::STRING_EMPTY, NOTHING),
        (ppid::STRING_EMPTY | ppid::BINARY_EMPTY, true) => (identifier, NOTHING),
        (_, true) => (ppid::BINARY_EMPTY, NOTHING),
        // A hook gave an empty message something to say.
        (ppid::STRING_EMPTY, false) => (ppid::STRING, payload.clone()),
        (ppid::BINARY_EMPTY, false) => (ppid::BINARY, payload.clone()),
        (other, false) => (other, payload.clone()),
    };
    if !consumer.is_pipe || subchannels.is_empty() {
        return (identifier, body);
    }
    let mut wire = BytesMut::with_capacity(body.len() + 14 + 2 * subchannels.any_of.len());
    let carries_all = consumer.subchannels().is_empty();
    subchannels.write(&mut wire, |subchannel| carries_all || consumer.has(subchannel));
    wire.extend_from_slice(&body);
    (identifier, wire.freeze())
}
