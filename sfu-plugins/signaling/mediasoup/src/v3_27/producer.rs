use std::time::Duration;

use sfu_core::control::{Command, Dump, ProducerOptions, TraceEvents};

use super::Desk;
use super::convert::{
    consumer_type, media_kind, media_kind_of, received, rtp_mapping, rtp_parameters, stream_dump,
};
use super::detail::{Detail, ProducerDetail};
use super::lookup::wrong_handler;
use super::perform::Answer;
use super::transport_stats::timestamp;
use crate::refusal::Refusal;
use crate::registry::{Entity, Kind};
use crate::schema::v3_27::producer::{DumpResponse, GetStatsResponse, TraceEventType};
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::response::Body;
use crate::schema::v3_27::transport::{ProduceRequest, ProduceResponse};

/// What producers trace, and what the library calls it.
const TRACED: [(TraceEvents, TraceEventType); 6] = [
    (TraceEvents::RTP, TraceEventType::Rtp),
    (TraceEvents::KEY_FRAME, TraceEventType::Keyframe),
    (TraceEvents::NACK, TraceEventType::Nack),
    (TraceEvents::PLI, TraceEventType::Pli),
    (TraceEvents::FIR, TraceEventType::Fir),
    (TraceEvents::SENDER_REPORT, TraceEventType::Sr),
];

impl Desk {
    pub(super) async fn produce(&mut self, id: &str, body: ProduceRequest, method: Method) -> Answer {
        let (transport_key, facts) = self.transport(id, method)?;
        self.check_free(&body.producer_id, method)?;
        let options = ProducerOptions {
            rtp_mapping: rtp_mapping(&body.rtp_mapping, &body.rtp_parameters),
            paused: body.paused,
            key_frame_request_delay: Duration::from_millis(body.key_frame_request_delay.into()),
            packet_ids: body.enable_mediasoup_packet_id_header_extension,
            ..ProducerOptions::new(media_kind_of(body.kind), rtp_parameters(&body.rtp_parameters))
        };
        let created = self.control.produce(facts.id, options).await?;
        let detail = ProducerDetail {
            rtp_parameters: body.rtp_parameters,
            rtp_mapping: body.rtp_mapping,
            scores: Vec::new(),
        };
        let (entity, detail) = (Entity::Producer(created.id), Detail::Producer(Box::new(detail)));
        self.enter(&body.producer_id, entity, detail, Some(transport_key), method)?;
        let r#type = consumer_type(created.kind);
        Ok(Some(Body::TransportProduceResponse(ProduceResponse { r#type })))
    }

    pub(super) async fn close_producer(&mut self, id: &str, producer: &str, method: Method) -> Answer {
        let (transport, _) = self.transport(id, method)?;
        match self.child(Some(transport), producer, Kind::Producer, method)? {
            (key, Entity::Producer(producer)) => {
                self.close(Command::CloseProducer(producer)).await?;
                self.forget(key);
                Ok(None)
            }
            _ => Err(wrong_handler(producer, method)),
        }
    }

    pub(super) async fn producer_dump(&self, id: &str, method: Method) -> Answer {
        let (key, producer) = self.producer(id, method)?;
        let wrong = || Refusal::error("signaling.mediasoup: this is the dump of something else");
        let Dump::Producer(dump) = self.dump(producer).await? else { return Err(wrong()) };
        let Some(Detail::Producer(detail)) = self.registry.get(key).map(|entry| &entry.detail) else {
            return Err(wrong());
        };
        Ok(Some(Body::ProducerDumpResponse(DumpResponse {
            id: id.to_owned(),
            kind: media_kind(dump.kind),
            r#type: consumer_type(dump.consumer_type),
            // As the library said them: types of values and all.
            rtp_parameters: detail.rtp_parameters.clone(),
            rtp_mapping: detail.rtp_mapping.clone(),
            rtp_streams: dump.streams.into_iter().map(stream_dump).collect(),
            trace_event_types: TRACED
                .into_iter()
                .filter(|(event, _)| dump.trace.intersects(*event))
                .map(|(_, event)| event)
                .collect(),
            paused: dump.paused,
        })))
    }

    pub(super) async fn producer_stats(&self, id: &str, method: Method) -> Answer {
        let (_, producer) = self.producer(id, method)?;
        let figures = self.control.stats(producer.into()).await?;
        let now = timestamp();
        let stats = figures.producers.into_iter().filter(|stats| stats.id == producer);
        let stats = stats.flat_map(|stats| {
            let kind = media_kind(stats.kind);
            stats.streams.into_iter().map(move |stream| received(stream, kind, now))
        });
        Ok(Some(Body::ProducerGetStatsResponse(GetStatsResponse { stats: stats.collect() })))
    }

    pub(super) async fn pause_producer(&self, id: &str, method: Method) -> Answer {
        let (_, producer) = self.producer(id, method)?;
        self.run(Command::PauseProducer(producer)).await?;
        Ok(None)
    }

    pub(super) async fn resume_producer(&self, id: &str, method: Method) -> Answer {
        let (_, producer) = self.producer(id, method)?;
        self.run(Command::ResumeProducer(producer)).await?;
        Ok(None)
    }

    pub(super) async fn trace_producer(&self, id: &str, events: &[TraceEventType], method: Method) -> Answer {
        let (_, producer) = self.producer(id, method)?;
        let wanted = TRACED.iter().filter(|(_, event)| events.contains(event));
        let events = wanted.fold(TraceEvents::NONE, |all, (event, _)| all.with(*event));
        self.run(Command::EnableTrace { target: producer.into(), events }).await?;
        Ok(None)
    }
}
