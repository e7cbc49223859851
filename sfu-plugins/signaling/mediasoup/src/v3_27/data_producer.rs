use sfu_core::control::{
    Command, DataPath, DataProducerDump, DataProducerId, DataProducerOptions, Dump, Labels, Reply,
};

use super::Desk;
use super::convert::{stream_parameters, stream_parameters_of};
use super::detail::{Detail, PluginEnd};
use super::lookup::{unexpected, wrong_handler};
use super::perform::Answer;
use super::transport_stats::timestamp;
use crate::plugin_door;
use crate::refusal::Refusal;
use crate::registry::{Entity, Key, Kind, Link, TransportFacts};
use crate::schema::v3_27::data_producer::{DumpResponse, GetStatsResponse, Type};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::sctp_parameters::SctpStreamParameters;
use crate::schema::v3_27::transport::ProduceDataRequest;

impl Desk {
    pub(super) async fn produce_data(
        &mut self,
        id: &str,
        body: ProduceDataRequest,
        method: Method,
    ) -> Answer {
        let (transport, facts) = self.transport(id, method)?;
        check_carries_data(facts)?;
        self.check_free(&body.data_producer_id, method)?;
        let path = data_path(facts, body.r#type == Type::Direct, body.sctp_stream_parameters.as_ref())?;
        let (label, protocol) = (body.label.unwrap_or_default(), body.protocol.unwrap_or_default());
        let data_id = &body.data_producer_id;
        if path == DataPath::Direct && protocol == plugin_door::PROTOCOL {
            let end =
                PluginEnd { label: label.clone(), protocol, is_paused: body.paused, ..PluginEnd::default() };
            let detail = Detail::PluginDoor(Box::new(end));
            let key = self.enter(data_id, Entity::PluginDoor, detail, Some(transport), method)?;
            self.plugins.open(key, &label);
            return self.data_producer_dump(data_id, method).await;
        }
        let labels = Labels::new();
        let options = DataProducerOptions {
            path,
            label: label.clone(),
            protocol: protocol.clone(),
            paused: body.paused,
            labels,
        };
        let command = Command::ProduceData { transport: facts.id, options };
        let data_producer = match self.control.command(command).await? {
            Reply::DataProducer(data_producer) => data_producer,
            other => return Err(unexpected(&other)),
        };
        self.enter(data_id, Entity::DataProducer(data_producer), Detail::Nothing, Some(transport), method)?;
        let made = DataProducerDump { id: data_producer, path, label, protocol, paused: body.paused };
        Ok(Some(dump(data_id, made)))
    }

    pub(super) async fn close_data_producer(&mut self, id: &str, producer: &str, method: Method) -> Answer {
        let (transport, facts) = self.transport(id, method)?;
        check_carries_data(facts)?;
        let (key, entity) = self.child(Some(transport), producer, Kind::DataProducer, method)?;
        if let Entity::DataProducer(data_producer) = entity {
            self.close(Command::CloseDataProducer(data_producer)).await?;
        }
        self.forget(key);
        Ok(None)
    }

    pub(super) async fn data_producer_dump(&self, id: &str, method: Method) -> Answer {
        match self.data_producer(id, method)? {
            DataEnd::Engine(data_producer) => match self.dump(data_producer).await? {
                Dump::DataProducer(made) => Ok(Some(dump(id, made))),
                _ => Err(Refusal::error("signaling.mediasoup: this is the dump of something else")),
            },
            DataEnd::Plugin(key) => {
                let end = self.plugin_end(key)?;
                Ok(Some(Body::DataProducerDumpResponse(DumpResponse {
                    id: id.to_owned(),
                    r#type: Type::Direct,
                    sctp_stream_parameters: None,
                    label: end.label.clone(),
                    protocol: end.protocol.clone(),
                    paused: end.is_paused,
                })))
            }
        }
    }

    pub(super) async fn data_producer_stats(&self, id: &str, method: Method) -> Answer {
        let response = match self.data_producer(id, method)? {
            DataEnd::Engine(data_producer) => {
                let figures = self.control.stats(data_producer.into()).await?;
                let stats = figures.data_producers.into_iter().find(|stats| stats.id == data_producer);
                let stats = stats.ok_or_else(|| Refusal::not_found(format_args!("{id} has no figures")))?;
                GetStatsResponse {
                    timestamp: timestamp(),
                    label: stats.label,
                    protocol: stats.protocol,
                    messages_received: stats.messages,
                    bytes_received: stats.bytes,
                    buffered_amount: 0,
                }
            }
            DataEnd::Plugin(key) => {
                let end = self.plugin_end(key)?;
                GetStatsResponse {
                    timestamp: timestamp(),
                    label: end.label.clone(),
                    protocol: end.protocol.clone(),
                    messages_received: end.messages,
                    bytes_received: end.bytes,
                    buffered_amount: 0,
                }
            }
        };
        Ok(Some(Body::DataProducerGetStatsResponse(response)))
    }

    pub(super) async fn pause_data_producer(&mut self, id: &str, paused: bool, method: Method) -> Answer {
        match (self.data_producer(id, method)?, paused) {
            (DataEnd::Engine(id), true) => self.run(Command::PauseDataProducer(id)).await?,
            (DataEnd::Engine(id), false) => self.run(Command::ResumeDataProducer(id)).await?,
            (DataEnd::Plugin(key), paused) => self.pause_plugin_door(key, paused),
        }
        Ok(None)
    }

    fn data_producer(&self, id: &str, method: Method) -> Result<DataEnd<DataProducerId>, Refusal> {
        match self.handler_of(id, method, Kind::DataProducer)? {
            (_, Entity::DataProducer(data_producer)) => Ok(DataEnd::Engine(*data_producer)),
            (key, Entity::PluginDoor) => Ok(DataEnd::Plugin(key)),
            _ => Err(wrong_handler(id, method)),
        }
    }
}

/// Who has a data producer or consumer.
pub(super) enum DataEnd<I> {
    Engine(I),
    /// We: it leads to a plugin.
    Plugin(Key),
}

/// Whether a transport carries messages at all.
pub(super) fn check_carries_data(facts: TransportFacts) -> Result<(), Refusal> {
    if facts.has_sctp || facts.link == Link::Direct {
        return Ok(());
    }
    Err(Refusal::error("SCTP not enabled and not a direct Transport: make it with enableSctp"))
}

/// What carries messages: SCTP, or the library itself.
pub(super) fn data_path(
    facts: TransportFacts,
    is_direct: bool,
    stream: Option<&SctpStreamParameters>,
) -> Result<DataPath, Refusal> {
    match (is_direct, facts.link == Link::Direct) {
        (true, true) => Ok(DataPath::Direct),
        (false, false) => match stream {
            Some(stream) => Ok(DataPath::Sctp(stream_parameters_of(stream)?)),
            None => Err(Refusal::type_error("signaling.mediasoup: missing sctpStreamParameters")),
        },
        (true, false) => {
            Err(Refusal::type_error("signaling.mediasoup: type direct goes with direct transports alone"))
        }
        (false, true) => {
            Err(Refusal::type_error("signaling.mediasoup: type sctp does not go with direct transports"))
        }
    }
}

fn dump(id: &str, made: DataProducerDump) -> Body {
    let (r#type, stream) = match made.path {
        DataPath::Sctp(stream) => (Type::Sctp, Some(stream_parameters(stream))),
        DataPath::Direct => (Type::Direct, None),
    };
    Body::DataProducerDumpResponse(DumpResponse {
        id: id.to_owned(),
        r#type,
        sctp_stream_parameters: stream,
        label: made.label,
        protocol: made.protocol,
        paused: made.paused,
    })
}
