//! Making and steering producers.
use std::time::Instant;

use super::not_found;
use crate::control::{
    ControlError, EventBody, ProducerCreated, ProducerDescription, ProducerId, ProducerOptions, Reply,
    TransportId,
};
use crate::engine::Engine;
use crate::engine::producer::{Producer, Source};
use crate::engine::stream::remb::{Remb, RembMode};
use crate::rtp::ExtensionKind;

/// What REMB allows a sender at first, bit/s.
const REMB_START: u64 = 1_000_000;

impl Engine {
    pub(super) fn produce(
        &mut self,
        transport: TransportId,
        options: ProducerOptions,
    ) -> Result<ProducerCreated, ControlError> {
        let path = self.transports.get(transport).ok_or_else(|| not_found(transport.into()))?;
        let (router, labels) = (path.router, path.labels.clone());
        let (transports, producers) = (&mut self.transports, &mut self.producers);
        let id = producers.try_insert_with(|id| {
            let producer = Producer::new(id, Source::Transport(transport), router, options, &labels)?;
            let path = transports.get_mut(transport).ok_or_else(|| not_found(transport.into()))?;
            path.ingress.add(&producer)?;
            path.producers.push(id);
            Ok::<_, ControlError>(producer)
        })?;
        let kind = self.producers.get(id).map(Producer::consumer_type).unwrap_or_default();
        self.begin_feedback(transport, id);
        Ok(ProducerCreated { id, kind })
    }

    /// Congestion feedback as the first producers of a transport allow: transport-wide if they can, else REMB.
    fn begin_feedback(&mut self, transport: TransportId, producer: ProducerId) {
        let Some(producer) = self.producers.get(producer) else { return };
        let Some(path) = self.transports.get_mut(transport) else { return };
        // Signaling has no use for it.
        if path.is_direct() {
            return;
        }
        let feedback = |wanted: fn(&crate::engine::codec_table::Feedback) -> bool| {
            producer.codecs.media().any(|codec| wanted(&codec.feedback))
        };
        if feedback(|f| f.transport_cc) && producer.extensions.id(ExtensionKind::TransportCc) != 0 {
            path.transport_cc.get_or_insert_default();
            if path.max_incoming_bitrate == 0 {
                path.remb = None;
            }
        } else if feedback(|f| f.remb) && path.transport_cc.is_none() && path.remb.is_none() {
            path.remb = Some(Remb::new(RembMode::Estimate, REMB_START));
        }
    }

    pub(super) fn set_max_incoming_bitrate(
        &mut self,
        now: Instant,
        transport: TransportId,
        bitrate: u32,
    ) -> Result<Reply, ControlError> {
        let path = self.transports.get_mut(transport).ok_or_else(|| not_found(transport.into()))?;
        if path.is_direct() {
            return Err(ControlError::invalid(format!(
                "control.set_max_incoming_bitrate: transport {transport} is direct; it has no limits"
            )));
        }
        path.max_incoming_bitrate = bitrate;
        let limit = (bitrate != 0).then_some(u64::from(bitrate));
        let mode = if path.transport_cc.is_some() { RembMode::Limit } else { RembMode::Estimate };
        let remb = path.remb.get_or_insert_with(|| Remb::new(mode, REMB_START));
        remb.set_limit(now, limit);
        if let Some(deadline) = remb.next_deadline() {
            self.arm(transport, deadline);
        }
        Ok(Reply::Done)
    }

    pub(super) fn describe_producer(&self, id: ProducerId) -> Result<Reply, ControlError> {
        let producer = self.producers.get(id).ok_or_else(|| not_found(id.into()))?;
        Ok(Reply::ProducerDescription(Box::new(ProducerDescription {
            id,
            router: self.known_router(producer.router),
            kind: producer.kind,
            labels: producer.labels.clone(),
            rtp_parameters: producer.parameters.clone(),
            rtp_mapping: producer.mapping.clone(),
            paused: producer.paused,
        })))
    }

    pub(super) fn pause_producer(&mut self, id: ProducerId) -> Result<Reply, ControlError> {
        self.set_producer_paused(id, true)
    }

    pub(super) fn resume_producer(&mut self, now: Instant, id: ProducerId) -> Result<Reply, ControlError> {
        let reply = self.set_producer_paused(id, false)?;
        self.producer_wanted(now, id);
        Ok(reply)
    }

    /// Pauses or resumes a producer, its consumers, and its copies on other media threads.
    pub(crate) fn set_producer_paused(
        &mut self,
        id: ProducerId,
        paused: bool,
    ) -> Result<Reply, ControlError> {
        let producer = self.producers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        if producer.paused == paused {
            return Ok(Reply::Done);
        }
        producer.paused = paused;
        let is_copy = producer.transport().is_none();
        let is_observed = !producer.observers.is_empty();
        for relay in &producer.relays {
            self.relays.pause_copy(id, relay.worker, paused);
        }
        let consumers = producer.consumers.clone();
        let body = |by_producer| {
            if paused { EventBody::Paused { by_producer } } else { EventBody::Resumed { by_producer } }
        };
        for consumer in consumers {
            if let Some(entity) = self.consumers.get_mut(consumer) {
                entity.producer_paused = paused;
                entity.resync();
            }
            if paused {
                self.forget_waiting(consumer);
            }
            self.change(consumer, body(true));
        }
        if is_observed {
            self.observed_paused(id, paused);
        }
        // Nobody but this thread knows a copy.
        if is_copy { Ok(Reply::Done) } else { self.told(id, body(false)) }
    }
}
