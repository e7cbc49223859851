//! Making and steering consumers.
use std::time::Instant;

use super::not_found;
use crate::control::{
    ConsumerId, ConsumerOptions, ControlError, EventBody, Layers, MediaKind, ProducerId, Reply, TransportId,
};
use crate::engine::Engine;
use crate::engine::consumer::Consumer;
use crate::engine::layers::Layer;
use crate::engine::stream::bandwidth::Bandwidth;
use crate::engine::transport::EgressRef;
use crate::rtp::ExtensionKind;

/// What the estimate begins with where no one said anything else, bit/s: that the path is wide is found out to be wrong soon enough.
const DEFAULT_START: u32 = 10_000_000;

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
        let router = path.router;
        // What stands for another thread's producer is here for whoever asked for it.
        if producer.router != router && producer.transport().is_some() {
            return Err(ControlError::invalid(format!(
                "control.consume: producer {producer_id} and transport {transport} are not in the same router"
            )));
        }
        let labels = path.labels.clone();
        let random = &mut self.config.random;
        let id = self.consumers.try_insert_with(|id| {
            let is_direct = path.is_direct();
            let mut consumer = Consumer::new(id, transport, options, producer, &labels, is_direct, random)?;
            consumer.router = router;
            let all = consumer.streams().zip(0u8..).flat_map(|(stream, index)| {
                let rtx = stream.rtx_ssrc().map(|ssrc| (ssrc, index, true));
                std::iter::once((stream.ssrc, index, false)).chain(rtx)
            });
            let ssrcs: Vec<(u32, u8, bool)> = all.collect();
            let is_taken = |index: usize, ssrc: &u32| {
                path.egress.contains_key(ssrc) || ssrcs.iter().take(index).any(|(other, ..)| other == ssrc)
            };
            if ssrcs.iter().enumerate().any(|(index, (ssrc, ..))| is_taken(index, ssrc)) {
                return Err(ControlError::invalid(format!(
                    "control.consume: an ssrc of the consumer is in use on transport {transport} already"
                )));
            }
            for (ssrc, stream, rtx) in ssrcs {
                path.egress.insert(ssrc, EgressRef { consumer: id, stream, rtx });
            }
            path.consumers.push(id);
            // RTCP that speaks for all that is sent comes from one of its sources.
            if path.consumers.len() == 1 {
                path.feedback_ssrc = consumer.main.ssrc;
            }
            let has_feedback = consumer.codecs.media().any(|codec| {
                let numbered = consumer.extensions.id(ExtensionKind::TransportCc) != 0;
                codec.feedback.remb || (codec.feedback.transport_cc && numbered)
            });
            if has_feedback && consumer.kind == MediaKind::Video && path.bandwidth.is_none() {
                let start = path.initial_outgoing_bitrate.unwrap_or(DEFAULT_START);
                path.bandwidth = Some(Box::new(Bandwidth::new(now, start)));
            }
            Ok(consumer)
        })?;
        if let Some(producer) = self.producers.get_mut(producer_id) {
            producer.consumers.push(id);
        }
        if let Some(router) = self.routers.get_mut(router) {
            router.consumers += 1;
        }
        self.begin_consumer_score(id);
        if self.transports.get(transport).is_some_and(|path| path.is_connected()) {
            self.request_key_frame_for(now, id, false);
        }
        self.reconsider_transport_of(now, id);
        Ok(id)
    }

    pub(super) fn pause_consumer(&mut self, id: ConsumerId) -> Result<Reply, ControlError> {
        let consumer = self.consumers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if consumer.paused {
            return Ok(Reply::Done);
        }
        consumer.paused = true;
        consumer.resync();
        self.forget_waiting(id);
        self.tell_layers(id);
        self.told(id, EventBody::Paused { by_producer: false })
    }

    pub(super) fn resume_consumer(&mut self, now: Instant, id: ConsumerId) -> Result<Reply, ControlError> {
        let consumer = self.consumers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if !consumer.paused {
            return Ok(Reply::Done);
        }
        consumer.paused = false;
        consumer.resync();
        let transport = consumer.transport;
        if consumer.layers.is_some() {
            self.choose_layers(now, transport);
        }
        self.request_key_frame_for(now, id, true);
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
        if producer.router != consumer.router && producer.transport().is_some() {
            return Err(ControlError::invalid(format!(
                "control.switch_consumer: producer {to} is not in the consumer's router"
            )));
        }
        let before = consumer.producer;
        consumer.follow(producer)?;
        self.forget_waiting(id);
        if before != to {
            self.forget_sent(id);
            if let Some(new) = self.producers.get_mut(to) {
                new.consumers.push(id);
            }
            self.unconsume(before, id);
        }
        self.tell_consumer_score(id);
        self.request_key_frame_for(now, id, true);
        self.reconsider_transport_of(now, id);
        Ok(Reply::Done)
    }

    /// What left belongs to the stores of another producer from now on: it can't be sent again any more.
    fn forget_sent(&mut self, id: ConsumerId) {
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        let (pool, mut privates) = (&mut self.pool, 0);
        for stream in consumer.streams_mut() {
            stream.history.clear(|private| {
                privates += 1;
                pool.release(private);
            });
        }
        self.privates = self.privates.saturating_sub(privates);
    }

    pub(super) fn set_preferred_layers(
        &mut self,
        now: Instant,
        id: ConsumerId,
        spatial: u8,
        temporal: Option<u8>,
    ) -> Result<Reply, ControlError> {
        let consumer = self.consumers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        let transport = consumer.transport;
        let Some(layers) = &mut consumer.layers else { return Ok(Reply::Layers(None)) };
        layers.set_preferred(Layer::preferred(Layers { spatial, temporal }));
        self.choose_layers(now, transport);
        Ok(Reply::Layers(self.preferred_layers(id)))
    }

    /// The consumers of its transport share what the path carries, this one too.
    fn reconsider_transport_of(&mut self, now: Instant, id: ConsumerId) {
        let layered = self.consumers.get(id).filter(|consumer| consumer.layers.is_some());
        if let Some(transport) = layered.map(|consumer| consumer.transport) {
            self.reconsider_transport(now, transport);
        }
    }
}
