use sfu_core::control::{Command, ConsumerDump, ConsumerOptions, Dump, Layers, Reply, TraceEvents};

use super::convert::{
    consumer_type, consumer_type_of, layers, layers_of, media_kind, received, rtp_encodings, rtp_parameters,
    sent, stream_dump,
};
use super::detail::{ConsumerDetail, Detail};
use super::lookup::{unexpected, wrong_handler};
use super::perform::Answer;
use super::transport_stats::timestamp;
use super::{Desk, check};
use crate::refusal::Refusal;
use crate::registry::{Entity, Kind};
use crate::schema::v3_27::consumer::{
    self, BaseConsumerDump, ConsumerScore, DumpResponse, GetStatsResponse, SetPreferredLayersRequest,
    SetPreferredLayersResponse, SetPriorityResponse, TraceEventType,
};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::transport::{ConsumeRequest, ConsumeResponse};

/// What consumers trace, and what the library calls it.
const TRACED: [(TraceEvents, TraceEventType); 5] = [
    (TraceEvents::RTP, TraceEventType::Rtp),
    (TraceEvents::KEY_FRAME, TraceEventType::Keyframe),
    (TraceEvents::NACK, TraceEventType::Nack),
    (TraceEvents::PLI, TraceEventType::Pli),
    (TraceEvents::FIR, TraceEventType::Fir),
];

/// No layer, in dumps.
const NO_LAYER: i16 = -1;

impl Desk {
    pub(super) async fn consume(&mut self, id: &str, mut body: ConsumeRequest, method: Method) -> Answer {
        let (transport_key, facts) = self.transport(id, method)?;
        self.check_free(&body.consumer_id, method)?;
        let (source, producer) = match self.in_router(transport_key, &body.producer_id, Kind::Producer)? {
            (key, Entity::Producer(producer)) => (key, producer),
            _ => return Err(wrong_handler(&body.producer_id, method)),
        };
        check::codecs(&body.rtp_parameters)?;
        check::complete(&mut body.rtp_parameters);
        let options = ConsumerOptions {
            kind: consumer_type_of(body.r#type),
            paused: body.paused,
            ignore_dtx: body.ignore_dtx,
            preferred_layers: body.preferred_layers.map(layers_of),
            consumable_encodings: rtp_encodings(&body.consumable_rtp_encodings),
            ..ConsumerOptions::new(producer, rtp_parameters(&body.rtp_parameters))
        };
        let consumer = self.control.consume(facts.id, options).await?;
        let detail = Detail::Consumer(Box::new(ConsumerDetail {
            rtp_parameters: body.rtp_parameters,
            consumable_rtp_encodings: body.consumable_rtp_encodings,
        }));
        let entity = Entity::Consumer(consumer);
        let key = self.enter(&body.consumer_id, entity, detail, Some(transport_key), method)?;
        self.registry.connect(source, key);
        let dump = match self.dump(consumer).await {
            Ok(Dump::Consumer(dump)) => dump,
            outcome => {
                // The library does not know of it.
                self.close(Command::CloseConsumer(consumer)).await?;
                self.forget(key);
                return Err(match outcome {
                    Err(refusal) => refusal,
                    Ok(_) => Refusal::error("signaling.mediasoup: this is the dump of something else"),
                });
            }
        };
        Ok(Some(Body::TransportConsumeResponse(ConsumeResponse {
            paused: dump.paused,
            producer_paused: dump.producer_paused,
            score: score(dump.score),
            preferred_layers: dump.preferred_layers.map(layers),
        })))
    }

    pub(super) async fn close_consumer(&mut self, id: &str, consumer: &str, method: Method) -> Answer {
        let (transport, _) = self.transport(id, method)?;
        match self.child(Some(transport), consumer, Kind::Consumer, method)? {
            (key, Entity::Consumer(consumer)) => {
                self.close(Command::CloseConsumer(consumer)).await?;
                self.forget(key);
                Ok(None)
            }
            _ => Err(wrong_handler(consumer, method)),
        }
    }

    pub(super) async fn consumer_dump(&self, id: &str, method: Method) -> Answer {
        let (key, consumer) = self.consumer(id, method)?;
        let wrong = || Refusal::error("signaling.mediasoup: this is the dump of something else");
        let Dump::Consumer(dump) = self.dump(consumer).await? else { return Err(wrong()) };
        let Some(Detail::Consumer(detail)) = self.registry.get(key).map(|entry| &entry.detail) else {
            return Err(wrong());
        };
        let producer_id =
            self.registry.sources(key, Kind::Producer).next().map(|(_, entry)| entry.id.clone());
        let base = BaseConsumerDump {
            id: id.to_owned(),
            r#type: consumer_type(dump.consumer_type),
            producer_id: producer_id.unwrap_or_default(),
            kind: media_kind(dump.kind),
            // As the library said them: types of values and all.
            rtp_parameters: detail.rtp_parameters.clone(),
            consumable_rtp_encodings: detail.consumable_rtp_encodings.clone(),
            supported_codec_payload_types: dump.payload_types.clone(),
            trace_event_types: TRACED
                .into_iter()
                .filter(|(event, _)| dump.trace.intersects(*event))
                .map(|(_, event)| event)
                .collect(),
            paused: dump.paused,
            producer_paused: dump.producer_paused,
            priority: dump.priority,
        };
        Ok(Some(Body::ConsumerDumpResponse(DumpResponse { data: whole(base, *dump) })))
    }

    /// Its own stream, and that of its producer which it forwards; of a pipe all its own, because it forwards all.
    pub(super) async fn consumer_stats(&self, id: &str, method: Method) -> Answer {
        let (key, consumer) = self.consumer(id, method)?;
        let figures = self.control.stats(consumer.into()).await?;
        let own = figures.consumers.into_iter().find(|stats| stats.id == consumer);
        let own = own.ok_or_else(|| Refusal::not_found(format_args!("{id} has no figures")))?;
        let (now, kind) = (timestamp(), media_kind(own.kind));
        let mut stats = vec![sent(own.stream, kind, now)];
        stats.extend(own.others.into_iter().map(|stream| sent(stream, kind, now)));
        if let Some((_, source)) = self.registry.sources(key, Kind::Producer).next()
            && let Entity::Producer(producer) = source.entity
            && let Dump::Consumer(dump) = self.dump(consumer).await?
            && dump.consumer_type != sfu_core::control::ConsumerType::Pipe
        {
            let encoding = dump.current_layers.map_or(0, |layers| layers.spatial);
            // Of one encoding, whatever its layers: that is its number 0.
            let encoding =
                if dump.consumer_type == sfu_core::control::ConsumerType::Simulcast { encoding } else { 0 };
            let figures = self.control.stats(producer.into()).await?;
            let of_producer = figures.producers.into_iter().filter(|stats| stats.id == producer);
            let stream =
                of_producer.flat_map(|stats| stats.streams).find(|stream| stream.encoding == encoding);
            stats.extend(stream.map(|stream| received(stream, kind, now)));
        }
        Ok(Some(Body::ConsumerGetStatsResponse(GetStatsResponse { stats })))
    }

    pub(super) async fn pause_consumer(&self, id: &str, method: Method) -> Answer {
        let (_, consumer) = self.consumer(id, method)?;
        self.run(Command::PauseConsumer(consumer)).await?;
        Ok(None)
    }

    pub(super) async fn resume_consumer(&self, id: &str, method: Method) -> Answer {
        let (_, consumer) = self.consumer(id, method)?;
        self.run(Command::ResumeConsumer(consumer)).await?;
        Ok(None)
    }

    pub(super) async fn set_preferred_layers(
        &self,
        id: &str,
        body: SetPreferredLayersRequest,
        method: Method,
    ) -> Answer {
        let (_, consumer) = self.consumer(id, method)?;
        let Layers { spatial, temporal } = layers_of(body.preferred_layers);
        let command = Command::SetPreferredLayers { consumer, spatial, temporal };
        let preferred_layers = match self.control.command(command).await? {
            Reply::Layers(effective) => effective.map(layers),
            other => return Err(unexpected(&other)),
        };
        let response = SetPreferredLayersResponse { preferred_layers };
        Ok(Some(Body::ConsumerSetPreferredLayersResponse(response)))
    }

    pub(super) async fn set_priority(&self, id: &str, priority: u8, method: Method) -> Answer {
        let (_, consumer) = self.consumer(id, method)?;
        if priority == 0 {
            return Err(Refusal::type_error("signaling.mediasoup: priority has to be 1 to 255"));
        }
        self.run(Command::SetPriority { consumer, priority }).await?;
        Ok(Some(Body::ConsumerSetPriorityResponse(SetPriorityResponse { priority })))
    }

    pub(super) async fn request_key_frame(&self, id: &str, method: Method) -> Answer {
        let (_, consumer) = self.consumer(id, method)?;
        self.run(Command::RequestKeyFrame(consumer)).await?;
        Ok(None)
    }

    pub(super) async fn trace_consumer(&self, id: &str, events: &[TraceEventType], method: Method) -> Answer {
        let (_, consumer) = self.consumer(id, method)?;
        let wanted = TRACED.iter().filter(|(_, event)| events.contains(event));
        let events = wanted.fold(TraceEvents::NONE, |all, (event, _)| all.with(*event));
        self.run(Command::EnableTrace { target: consumer.into(), events }).await?;
        Ok(None)
    }
}

pub(super) fn score(score: sfu_core::control::ConsumerScore) -> ConsumerScore {
    ConsumerScore {
        score: score.score,
        producer_score: score.producer_score,
        producer_scores: score.producer_scores,
    }
}

fn whole(base: BaseConsumerDump, dump: ConsumerDump) -> consumer::ConsumerDump {
    let spatial = |layers: Option<Layers>| Some(layers.map_or(NO_LAYER, |layers| layers.spatial.into()));
    let temporal =
        |layers: Option<Layers>| Some(layers.and_then(|layers| layers.temporal).map_or(NO_LAYER, i16::from));
    consumer::ConsumerDump {
        base,
        rtp_streams: dump.streams.into_iter().map(stream_dump).collect(),
        preferred_spatial_layer: spatial(dump.preferred_layers),
        target_spatial_layer: spatial(dump.target_layers),
        current_spatial_layer: spatial(dump.current_layers),
        preferred_temporal_layer: temporal(dump.preferred_layers),
        target_temporal_layer: temporal(dump.target_layers),
        current_temporal_layer: temporal(dump.current_layers),
    }
}
