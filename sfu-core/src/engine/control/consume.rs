//! Making and steering consumers.
use std::time::Instant;

use super::not_found;
use crate::control::{ConsumerId, ConsumerOptions, ControlError, EventBody, ProducerId, Reply, TransportId};
use crate::engine::Engine;
use crate::engine::consumer::Consumer;
use crate::engine::transport::EgressRef;

impl Engine {
    pub(super) fn consume(
        &mut self,
        now: Instant,
        transport: TransportId,
        options: ConsumerOptions,
    ) -> Result<ConsumerId, ControlError> {
        let producer_id = options.producer;
        let producer = self.producers.get(producer_id).ok_or_else(|| not_found(producer_id.into()))?;
        let path = self.transports.get_mut(transport).ok_or_else(|| not_found(transport.into()))?;
        if producer.router != path.router {
            return Err(ControlError::invalid(format!(
                "control.consume: producer {producer_id} and transport {transport} are not in the same router"
            )));
        }
        let labels = path.labels.clone();
        let random = &mut self.config.random;
        let id = self.consumers.try_insert_with(|id| {
            let is_direct = path.is_direct();
            let consumer = Consumer::new(id, transport, options, producer, &labels, is_direct, random)?;
            let mut ssrcs = Vec::new();
            for (lane, ssrc, rtx_ssrc) in consumer.ssrcs() {
                for (ssrc, rtx) in [(Some(ssrc), false), (rtx_ssrc, true)] {
                    ssrcs.extend(ssrc.map(|ssrc| (ssrc, EgressRef { consumer: id, rtx, lane })));
                }
            }
            for (index, (ssrc, _)) in ssrcs.iter().enumerate() {
                let twice = ssrcs[..index].iter().any(|(other, _)| other == ssrc);
                if twice || path.egress.contains_key(ssrc) {
                    return Err(ControlError::invalid(format!(
                        "control.consume: an ssrc of the consumer is in use on transport {transport} already"
                    )));
                }
            }
            path.egress.extend(ssrcs);
            path.consumers.push(id);
            // RTCP that speaks for all that is sent comes from one of its sources.
            if path.consumers.len() == 1 {
                path.feedback_ssrc = consumer.ssrc;
            }
            Ok(consumer)
        })?;
        if let Some(producer) = self.producers.get_mut(producer_id) {
            producer.consumers.push(id);
        }
        self.begin_consumer_score(id);
        if self.transports.get(transport).is_some_and(|path| path.is_connected()) {
            self.request_key_frame_for(now, id);
        }
        Ok(id)
    }

    pub(super) fn pause_consumer(&mut self, id: ConsumerId) -> Result<Reply, ControlError> {
        let consumer = self.consumers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if consumer.paused {
            return Ok(Reply::Done);
        }
        consumer.paused = true;
        consumer.resync();
        self.told(id, EventBody::Paused { by_producer: false })
    }

    pub(super) fn resume_consumer(&mut self, now: Instant, id: ConsumerId) -> Result<Reply, ControlError> {
        let consumer = self.consumers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if !consumer.paused {
            return Ok(Reply::Done);
        }
        consumer.paused = false;
        consumer.resync();
        self.request_key_frame_for(now, id);
        self.told(id, EventBody::Resumed { by_producer: false })
    }

    pub(super) fn switch_consumer(
        &mut self,
        now: Instant,
        id: ConsumerId,
        to: ProducerId,
    ) -> Result<Reply, ControlError> {
        let consumer = self.consumers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        let producer = self.producers.get(to).ok_or_else(|| not_found(to.into()))?;
        if producer.router != consumer.router {
            return Err(ControlError::invalid(format!(
                "control.switch_consumer: producer {to} is not in the consumer's router"
            )));
        }
        let before = consumer.producer;
        consumer.follow(producer)?;
        if let Some(old) = self.producers.get_mut(before) {
            old.consumers.retain(|other| *other != id);
        }
        if let Some(new) = self.producers.get_mut(to) {
            new.consumers.push(id);
        }
        self.tell_consumer_score(id);
        self.request_key_frame_for(now, id);
        Ok(Reply::Done)
    }

    pub(super) fn set_preferred_layers(
        &mut self,
        now: Instant,
        id: ConsumerId,
        spatial: u8,
    ) -> Result<Reply, ControlError> {
        let consumer = self.consumers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if consumer.is_pipe() {
            return Ok(Reply::Layers(None));
        }
        consumer.preferred_encoding = spatial;
        let producer = self.producers.get(consumer.producer);
        let best = producer.and_then(|producer| producer.best_encoding(spatial));
        if best.is_some() && best != consumer.encoding {
            consumer.resync();
            self.request_key_frame_for(now, id);
        }
        Ok(Reply::Done)
    }
}
