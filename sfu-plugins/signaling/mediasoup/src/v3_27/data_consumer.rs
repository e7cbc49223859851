use std::collections::BTreeSet;

use sfu_core::control::{
    Command, DataConsumerDump, DataConsumerId, DataConsumerOptions, DataPath, Dump, Labels, Reply,
};

use super::Desk;
use super::convert::stream_parameters;
use super::data_producer::{DataEnd, check_carries_data, data_path};
use super::detail::{Detail, PluginEnd};
use super::lookup::{unexpected, wrong_handler};
use super::perform::Answer;
use super::transport_stats::timestamp;
use crate::refusal::Refusal;
use crate::registry::{Entity, Kind};
use crate::schema::v3_27::data_consumer::{
    DumpResponse, GetBufferedAmountResponse, GetStatsResponse, SendRequest, SendResponse, Type,
};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::transport::ConsumeDataRequest;

/// A change of what a data consumer wants.
pub(super) enum SubchannelsChange {
    Set(Vec<u16>),
    Add(u16),
    Remove(u16),
}

impl Desk {
    pub(super) async fn consume_data(
        &mut self,
        id: &str,
        body: ConsumeDataRequest,
        method: Method,
    ) -> Answer {
        let (transport, facts) = self.transport(id, method)?;
        check_carries_data(facts)?;
        let data_id = &body.data_consumer_id;
        self.check_free(data_id, method)?;
        let (source, entity) = self.in_router(transport, &body.data_producer_id, Kind::DataProducer)?;
        let (label, protocol) = (body.label.unwrap_or_default(), body.protocol.unwrap_or_default());
        let subchannels = body.subchannels.unwrap_or_default();
        let is_direct = body.r#type == Type::Direct;
        let data_producer = match entity {
            Entity::DataProducer(data_producer) => data_producer,
            _ if !is_direct => {
                return Err(Refusal::type_error(
                    "signaling.mediasoup: what a plugin says goes to data consumers of type direct alone",
                ));
            }
            _ => {
                data_path(facts, is_direct, None)?;
                let is_paused = body.paused;
                let end = PluginEnd { label, protocol, is_paused, subchannels, ..PluginEnd::default() };
                let detail = Detail::PluginListener(Box::new(end));
                let key = self.enter(data_id, Entity::PluginListener, detail, Some(transport), method)?;
                self.registry.connect(source, key);
                let answer = self.data_consumer_dump(data_id, method).await;
                self.plugin_is_heard(source);
                return answer;
            }
        };
        let path = data_path(facts, is_direct, body.sctp_stream_parameters.as_ref())?;
        let (labels, paused) = (Labels::new(), body.paused);
        let options =
            DataConsumerOptions { data_producer, path, label, protocol, paused, subchannels, labels };
        let command = Command::ConsumeData { transport: facts.id, options };
        let data_consumer = match self.control.command(command).await? {
            Reply::DataConsumer(data_consumer) => data_consumer,
            other => return Err(unexpected(&other)),
        };
        let entity = Entity::DataConsumer(data_consumer);
        let key = self.enter(data_id, entity, Detail::Nothing, Some(transport), method)?;
        self.registry.connect(source, key);
        match self.data_consumer_dump(data_id, method).await {
            Ok(body) => Ok(body),
            Err(refusal) => {
                // The library does not know of it.
                self.close(Command::CloseDataConsumer(data_consumer)).await?;
                self.forget(key);
                Err(refusal)
            }
        }
    }

    pub(super) async fn close_data_consumer(&mut self, id: &str, consumer: &str, method: Method) -> Answer {
        let (transport, facts) = self.transport(id, method)?;
        check_carries_data(facts)?;
        let (key, entity) = self.child(Some(transport), consumer, Kind::DataConsumer, method)?;
        if let Entity::DataConsumer(data_consumer) = entity {
            self.close(Command::CloseDataConsumer(data_consumer)).await?;
        }
        self.forget(key);
        Ok(None)
    }

    pub(super) async fn data_consumer_dump(&self, id: &str, method: Method) -> Answer {
        let source = || {
            let (_, entry) = self.registry.sources(self.registry.find(id)?, Kind::DataProducer).next()?;
            Some(entry.id.clone())
        };
        let response = match self.data_consumer(id, method)? {
            DataEnd::Engine(data_consumer) => match self.dump(data_consumer).await? {
                Dump::DataConsumer(dump) => response(id, source().unwrap_or_default(), dump),
                _ => return Err(Refusal::error("signaling.mediasoup: this is the dump of something else")),
            },
            DataEnd::Plugin(key) => {
                let end = self.plugin_end(key)?;
                let door = self.registry.sources(key, Kind::DataProducer).next();
                let door = door.and_then(|(_, entry)| entry.detail.plugin_end());
                DumpResponse {
                    id: id.to_owned(),
                    data_producer_id: source().unwrap_or_default(),
                    r#type: Type::Direct,
                    sctp_stream_parameters: None,
                    label: end.label.clone(),
                    protocol: end.protocol.clone(),
                    buffered_amount: 0,
                    buffered_amount_low_threshold: 0,
                    paused: end.is_paused,
                    data_producer_paused: door.is_some_and(|door| door.is_paused),
                    subchannels: end.subchannels.clone(),
                }
            }
        };
        Ok(Some(Body::DataConsumerDumpResponse(response)))
    }

    pub(super) async fn data_consumer_stats(&self, id: &str, method: Method) -> Answer {
        let response = match self.data_consumer(id, method)? {
            DataEnd::Engine(data_consumer) => {
                let figures = self.control.stats(data_consumer.into()).await?;
                let stats = figures.data_consumers.into_iter().find(|stats| stats.id == data_consumer);
                let stats = stats.ok_or_else(|| Refusal::not_found(format_args!("{id} has no figures")))?;
                GetStatsResponse {
                    timestamp: timestamp(),
                    label: stats.label,
                    protocol: stats.protocol,
                    messages_sent: stats.messages,
                    bytes_sent: stats.bytes,
                    buffered_amount: stats.buffered_amount,
                }
            }
            DataEnd::Plugin(key) => {
                let end = self.plugin_end(key)?;
                GetStatsResponse {
                    timestamp: timestamp(),
                    label: end.label.clone(),
                    protocol: end.protocol.clone(),
                    messages_sent: end.messages,
                    bytes_sent: end.bytes,
                    buffered_amount: 0,
                }
            }
        };
        Ok(Some(Body::DataConsumerGetStatsResponse(response)))
    }

    pub(super) async fn pause_data_consumer(&mut self, id: &str, paused: bool, method: Method) -> Answer {
        match (self.data_consumer(id, method)?, paused) {
            (DataEnd::Engine(id), true) => self.run(Command::PauseDataConsumer(id)).await?,
            (DataEnd::Engine(id), false) => self.run(Command::ResumeDataConsumer(id)).await?,
            (DataEnd::Plugin(key), paused) => self.plugin_end_mut(key)?.is_paused = paused,
        }
        Ok(None)
    }

    pub(super) async fn buffered_amount(&self, id: &str, method: Method) -> Answer {
        let data_consumer = self.sctp_data_consumer(id, method)?;
        let command = Command::BufferedAmount(data_consumer);
        let buffered_amount = match self.control.command(command).await? {
            Reply::BufferedAmount(bytes) => bytes,
            other => return Err(unexpected(&other)),
        };
        let response = GetBufferedAmountResponse { buffered_amount };
        Ok(Some(Body::DataConsumerGetBufferedAmountResponse(response)))
    }

    pub(super) async fn set_buffered_amount_low_threshold(
        &self,
        id: &str,
        threshold: u32,
        method: Method,
    ) -> Answer {
        let data_consumer = self.sctp_data_consumer(id, method)?;
        self.run(Command::SetBufferedAmountLowThreshold { data_consumer, threshold }).await?;
        Ok(None)
    }

    pub(super) async fn send_to_data_consumer(&self, id: &str, body: SendRequest, method: Method) -> Answer {
        let data_consumer = self.sctp_data_consumer(id, method)?;
        let command =
            Command::SendToDataConsumer { data_consumer, ppid: body.ppid, payload: body.data.into() };
        let buffered_amount = match self.control.command(command).await? {
            Reply::BufferedAmount(bytes) => bytes,
            other => return Err(unexpected(&other)),
        };
        Ok(Some(Body::DataConsumerSendResponse(SendResponse { buffered_amount })))
    }

    /// All subchannels that it wants after the change.
    pub(super) async fn subchannels(
        &mut self,
        id: &str,
        change: SubchannelsChange,
        method: Method,
    ) -> Result<Vec<u16>, Refusal> {
        let data_consumer = match self.data_consumer(id, method)? {
            DataEnd::Engine(data_consumer) => data_consumer,
            DataEnd::Plugin(key) => {
                let end = self.plugin_end_mut(key)?;
                let mut wanted: BTreeSet<u16> = end.subchannels.iter().copied().collect();
                match change {
                    SubchannelsChange::Set(subchannels) => wanted = subchannels.into_iter().collect(),
                    SubchannelsChange::Add(subchannel) => _ = wanted.insert(subchannel),
                    SubchannelsChange::Remove(subchannel) => _ = wanted.remove(&subchannel),
                }
                end.subchannels = wanted.into_iter().collect();
                return Ok(end.subchannels.clone());
            }
        };
        let command = match change {
            SubchannelsChange::Set(subchannels) => Command::SetSubchannels { data_consumer, subchannels },
            SubchannelsChange::Add(subchannel) => Command::AddSubchannel { data_consumer, subchannel },
            SubchannelsChange::Remove(subchannel) => Command::RemoveSubchannel { data_consumer, subchannel },
        };
        match self.control.command(command).await? {
            Reply::Subchannels(subchannels) => Ok(subchannels),
            other => Err(unexpected(&other)),
        }
    }

    fn data_consumer(&self, id: &str, method: Method) -> Result<DataEnd<DataConsumerId>, Refusal> {
        match self.handler_of(id, method, Kind::DataConsumer)? {
            (_, Entity::DataConsumer(data_consumer)) => Ok(DataEnd::Engine(*data_consumer)),
            (key, Entity::PluginListener) => Ok(DataEnd::Plugin(key)),
            _ => Err(wrong_handler(id, method)),
        }
    }

    /// Direct ones buffer nothing.
    fn sctp_data_consumer(&self, id: &str, method: Method) -> Result<DataConsumerId, Refusal> {
        let (key, _) = self.handler_of(id, method, Kind::DataConsumer)?;
        let parent = self.registry.get(key).and_then(|entry| self.registry.get(entry.parent?));
        let is_sctp =
            matches!(parent.map(|entry| &entry.entity), Some(Entity::Transport(facts)) if facts.has_sctp);
        match self.data_consumer(id, method)? {
            DataEnd::Engine(data_consumer) if is_sctp => Ok(data_consumer),
            _ => Err(Refusal::type_error(
                "signaling.mediasoup: this DataConsumer is of type direct, and this is for type sctp alone",
            )),
        }
    }
}

fn response(id: &str, data_producer_id: String, dump: DataConsumerDump) -> DumpResponse {
    let (r#type, stream) = match dump.path {
        DataPath::Sctp(stream) => (Type::Sctp, Some(stream_parameters(stream))),
        DataPath::Direct => (Type::Direct, None),
    };
    DumpResponse {
        id: id.to_owned(),
        data_producer_id,
        r#type,
        sctp_stream_parameters: stream,
        label: dump.label,
        protocol: dump.protocol,
        buffered_amount: dump.buffered_amount,
        buffered_amount_low_threshold: dump.buffered_amount_low_threshold,
        paused: dump.paused,
        data_producer_paused: dump.producer_paused,
        subchannels: dump.subchannels,
    }
}
