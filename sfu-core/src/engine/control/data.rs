//! Making, steering and closing data producers and data consumers.
use std::time::Instant;

use super::not_found;
use crate::control::{
    CloseReason, ControlError, DataConsumerId, DataConsumerOptions, DataPath, DataProducerId,
    DataProducerOptions, Dump, EventBody, OutgoingData, Reply, RouterId, SctpStreamParameters, TransportId,
};
use crate::engine::Engine;
use crate::engine::data_consumer::DataConsumer;
use crate::engine::data_producer::DataProducer;
use crate::engine::sctp::reliability;
use crate::engine::transport::Transport;
use crate::transport::sctp::{SendError, Subchannels};

impl Engine {
    pub(super) fn produce_data(
        &mut self,
        now: Instant,
        transport: TransportId,
        options: DataProducerOptions,
    ) -> Result<DataProducerId, ControlError> {
        let path = self.transports.get_mut(transport).ok_or_else(|| not_found(transport.into()))?;
        let stream = stream_of("produce_data", path, options.path)?;
        let (router, labels) = (path.router, path.labels.clone());
        if let Some((stream, link)) = stream.zip(path.sctp.as_ref())
            && link.producers.contains_key(&stream)
        {
            return Err(ControlError::invalid(format!(
                "control.produce_data: stream {stream} of transport {transport} has a data producer already"
            )));
        }
        let make = |id| DataProducer::new(id, transport, router, options, &labels);
        let id = self.data_producers.insert_with(make);
        if let Some(path) = self.transports.get_mut(transport) {
            path.data_producers.push(id);
            if let Some((stream, link)) = stream.zip(path.sctp.as_mut()) {
                link.producers.insert(stream, id);
            }
        }
        self.begin_sctp(now, transport);
        Ok(id)
    }

    pub(super) fn consume_data(
        &mut self,
        now: Instant,
        transport: TransportId,
        options: DataConsumerOptions,
    ) -> Result<DataConsumerId, ControlError> {
        let source = options.data_producer;
        if source.worker() != self.worker() {
            return Err(ControlError::unsupported(format!(
                "control.consume_data: data producer {source} lives on media thread {}, transport {transport} on {}; \
                 send this by a control handle, which lets data go from one to the other",
                source.worker(),
                self.worker()
            )));
        }
        let producer = self.data_producers.get(source).ok_or_else(|| not_found(source.into()))?;
        let (router, paused) = (producer.router, producer.paused);
        let id = self.make_data_consumer(now, transport, options, router, paused)?;
        if let Some(producer) = self.data_producers.get_mut(source) {
            producer.consumers.push(id);
        }
        Ok(id)
    }

    /// Makes a data consumer of a data producer of `router`; whose list it is on is the caller's affair.
    pub(crate) fn make_data_consumer(
        &mut self,
        now: Instant,
        transport: TransportId,
        options: DataConsumerOptions,
        router: RouterId,
        producer_paused: bool,
    ) -> Result<DataConsumerId, ControlError> {
        let source = options.data_producer;
        let path = self.transports.get_mut(transport).ok_or_else(|| not_found(transport.into()))?;
        if router != path.router {
            return Err(ControlError::invalid(format!(
                "control.consume_data: data producer {source} and transport {transport} are not in the same router"
            )));
        }
        let stream = stream_of("consume_data", path, options.path)?;
        if let Some((stream, link)) = stream.zip(path.sctp.as_ref())
            && link.consumers.contains_key(&stream)
        {
            return Err(ControlError::invalid(format!(
                "control.consume_data: stream {stream} of transport {transport} has a data consumer already"
            )));
        }
        let labels = path.labels.clone();
        let is_pipe = path.sctp.as_ref().is_some_and(|link| link.is_pipe);
        let parameters = match options.path {
            DataPath::Sctp(parameters) => Some(parameters),
            DataPath::Direct => None,
        };
        let id = self.data_consumers.insert_with(|id| {
            let mut consumer = DataConsumer::new(id, transport, router, options, &labels);
            (consumer.producer_paused, consumer.is_pipe) = (producer_paused, is_pipe);
            consumer
        });
        path.data_consumers.push(id);
        if let (Some(parameters), Some(link)) = (parameters, &mut path.sctp) {
            link.consumers.insert(parameters.stream_id, id);
            link.association.open_stream(parameters.stream_id, reliability(&parameters));
        }
        self.begin_sctp(now, transport);
        Ok(id)
    }

    pub(super) fn send_data_command(
        &mut self,
        id: DataProducerId,
        message: OutgoingData,
    ) -> Result<Reply, ControlError> {
        let producer = self.data_producers.get(id).ok_or_else(|| not_found(id.into()))?;
        let limits = self.transports.get(producer.transport).and_then(|path| path.direct_link());
        let Some(limits) = limits.filter(|_| producer.path == DataPath::Direct) else {
            return Err(ControlError::invalid(format!(
                "control.send_data: data producer {id} gets its messages by SCTP, from its peer"
            )));
        };
        let (len, limit) = (message.payload.len(), limits.max_receive_message_size);
        if len > limit as usize {
            return Err(ControlError::invalid(format!(
                "control.send_data: the message has {len} bytes, {limit} are taken; see max_receive_message_size"
            )));
        }
        self.send_message(id, message);
        Ok(Reply::Done)
    }

    pub(super) fn send_to_data_consumer(
        &mut self,
        now: Instant,
        id: DataConsumerId,
        ppid: u32,
        payload: &bytes::Bytes,
    ) -> Result<Reply, ControlError> {
        self.sctp_consumer("send", id)?;
        if !self.takes_data(id) {
            return Err(ControlError::state(format!("control.send: data consumer {id} is paused")));
        }
        match self.send_data(now, id, ppid, payload, &Subchannels::default()) {
            Ok(waiting) => Ok(Reply::BufferedAmount(waiting)),
            Err(error @ SendError::TooLarge { .. }) => {
                Err(ControlError::invalid(format!("control.send: {error}")))
            }
            Err(error) => Err(ControlError::state(format!("control.send: {error}"))),
        }
    }

    pub(super) fn buffered_amount(&self, id: DataConsumerId) -> Result<Reply, ControlError> {
        self.sctp_consumer("buffered_amount", id)?;
        let consumer = self.data_consumers.get(id).ok_or_else(|| not_found(id.into()))?;
        Ok(Reply::BufferedAmount(self.buffered(consumer).0))
    }

    pub(super) fn set_low_threshold(
        &mut self,
        id: DataConsumerId,
        threshold: u32,
    ) -> Result<Reply, ControlError> {
        let (transport, parameters) = self.sctp_consumer("set_buffered_amount_low_threshold", id)?;
        let link = self.transports.get_mut(transport).and_then(|path| path.sctp.as_mut());
        if let Some(link) = link {
            let threshold = usize::try_from(threshold).unwrap_or(usize::MAX);
            link.association.set_low_threshold(parameters.stream_id, threshold);
        }
        Ok(Reply::Done)
    }

    fn sctp_consumer(
        &self,
        command: &str,
        id: DataConsumerId,
    ) -> Result<(TransportId, SctpStreamParameters), ControlError> {
        let consumer = self.data_consumers.get(id).ok_or_else(|| not_found(id.into()))?;
        match consumer.path {
            DataPath::Sctp(parameters) => Ok((consumer.transport, parameters)),
            DataPath::Direct => Err(ControlError::invalid(format!(
                "control.{command}: data consumer {id} delivers to signaling itself; only one of SCTP can do that"
            ))),
        }
    }

    pub(super) fn change_subchannels(
        &mut self,
        id: DataConsumerId,
        change: impl FnOnce(&mut DataConsumer),
    ) -> Result<Reply, ControlError> {
        let consumer = self.data_consumers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        change(consumer);
        Ok(Reply::Subchannels(consumer.subchannels().to_vec()))
    }

    pub(super) fn set_data_producer_paused(
        &mut self,
        id: DataProducerId,
        paused: bool,
    ) -> Result<Reply, ControlError> {
        let producer = self.data_producers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if producer.paused == paused {
            return Ok(Reply::Done);
        }
        producer.paused = paused;
        for consumer in producer.consumers.clone() {
            if let Some(entity) = self.data_consumers.get_mut(consumer) {
                entity.producer_paused = paused;
            }
            self.change(consumer, paused_or_resumed(paused, true));
        }
        self.pause_data_elsewhere(id, paused);
        self.told(id, paused_or_resumed(paused, false))
    }

    pub(super) fn set_data_consumer_paused(
        &mut self,
        id: DataConsumerId,
        paused: bool,
    ) -> Result<Reply, ControlError> {
        let consumer = self.data_consumers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if consumer.paused == paused {
            return Ok(Reply::Done);
        }
        consumer.paused = paused;
        self.told(id, paused_or_resumed(paused, false))
    }

    pub(crate) fn close_data_producer(
        &mut self,
        now: Instant,
        id: DataProducerId,
        reason: CloseReason,
    ) -> Result<Reply, ControlError> {
        let producer = self.data_producers.get(id).ok_or_else(|| not_found(id.into()))?;
        for consumer in producer.consumers.clone() {
            let _ = self.close_data_consumer(now, consumer, CloseReason::Parent);
        }
        let Some(producer) = self.data_producers.remove(id) else { return Err(not_found(id.into())) };
        self.close_data_elsewhere(id, &producer.relays);
        if let Some(path) = self.transports.get_mut(producer.transport) {
            path.data_producers.retain(|other| *other != id);
            if let (DataPath::Sctp(parameters), Some(link)) = (producer.path, &mut path.sctp) {
                link.producers.remove(&parameters.stream_id);
                // RFC 8831 section 6.7: a data channel is closed by ending our half, which ends the peer's.
                if link.is_data_channel {
                    self.end_stream(now, producer.transport, parameters.stream_id);
                }
            }
        }
        self.told(id, EventBody::Closed(reason))
    }

    pub(crate) fn close_data_consumer(
        &mut self,
        now: Instant,
        id: DataConsumerId,
        reason: CloseReason,
    ) -> Result<Reply, ControlError> {
        let consumer = self.data_consumers.remove(id).ok_or_else(|| not_found(id.into()))?;
        let source = consumer.data_producer;
        if source.worker() != self.worker() {
            self.leave_data_copy(source, id);
        } else if let Some(producer) = self.data_producers.get_mut(source) {
            producer.consumers.retain(|other| *other != id);
        }
        if let Some(path) = self.transports.get_mut(consumer.transport) {
            path.data_consumers.retain(|other| *other != id);
            if let (DataPath::Sctp(parameters), Some(link)) = (consumer.path, &mut path.sctp) {
                link.consumers.remove(&parameters.stream_id);
                // The peer has ended it, and ours is being ended in return.
                if reason != CloseReason::Peer {
                    self.end_stream(now, consumer.transport, parameters.stream_id);
                } else {
                    link.association.forget_stream(parameters.stream_id);
                }
            }
        }
        self.told(id, EventBody::Closed(reason))
    }

    /// Ends a stream, unless the other direction of it is still in use.
    fn end_stream(&mut self, now: Instant, transport: TransportId, stream: u16) {
        let link = self.transports.get_mut(transport).and_then(|path| path.sctp.as_mut());
        let Some(link) = link else { return };
        if link.producers.contains_key(&stream) {
            link.association.forget_stream(stream);
        } else if !link.consumers.contains_key(&stream) {
            link.association.reset_stream(now, stream);
            self.drive_sctp(now, transport);
        }
    }

    pub(super) fn dump_data_producer(&self, id: DataProducerId) -> Option<Dump> {
        Some(Dump::DataProducer(self.data_producers.get(id)?.dump()))
    }

    pub(super) fn dump_data_consumer(&self, id: DataConsumerId) -> Option<Dump> {
        let consumer = self.data_consumers.get(id)?;
        let (waiting, low) = self.buffered(consumer);
        Some(Dump::DataConsumer(consumer.dump(waiting, low)))
    }
}

fn paused_or_resumed(paused: bool, by_producer: bool) -> EventBody {
    if paused { EventBody::Paused { by_producer } } else { EventBody::Resumed { by_producer } }
}

/// The stream that a path names, if the transport has that kind of path.
fn stream_of(command: &str, path: &Transport, wanted: DataPath) -> Result<Option<u16>, ControlError> {
    let id = path.id;
    match wanted {
        DataPath::Direct if path.is_direct() => Ok(None),
        DataPath::Direct => Err(ControlError::invalid(format!(
            "control.{command}: transport {id} is no direct transport; name a stream"
        ))),
        DataPath::Sctp(_) if path.sctp.is_none() => {
            Err(ControlError::invalid(format!("control.{command}: transport {id} was made without SCTP")))
        }
        DataPath::Sctp(SctpStreamParameters { stream_id: u16::MAX, .. }) => {
            Err(ControlError::invalid(format!("control.{command}: streams are numbered from 0 to 65534")))
        }
        DataPath::Sctp(SctpStreamParameters {
            max_packet_life_time: Some(_),
            max_retransmits: Some(_),
            ..
        }) => Err(ControlError::invalid(format!(
            "control.{command}: a stream has a life time or a number of retransmissions, not both"
        ))),
        DataPath::Sctp(parameters) => Ok(Some(parameters.stream_id)),
    }
}
