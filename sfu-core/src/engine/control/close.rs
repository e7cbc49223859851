//! Closing: children first, each with its event, so that plugins see every end.
use std::time::Instant;

use super::not_found;
use crate::control::{
    CloseReason, ConsumerId, ControlError, EventBody, ProducerId, Reply, RouterId, SessionId, TransportId,
};
use crate::engine::producer::Source;
use crate::engine::transport::Link;
use crate::engine::{Engine, SocketFactory};
use crate::transport::dtls::Dtls;

impl Engine {
    pub(super) fn close_session(
        &mut self,
        now: Instant,
        id: SessionId,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        let session = self.sessions.get(id).ok_or_else(|| not_found(id.into()))?;
        for transport in session.transports.clone() {
            self.end_transport(now, transport, CloseReason::Parent, sockets);
        }
        self.sessions.remove(id);
        self.told(id, EventBody::Closed(CloseReason::Requested))
    }

    pub(super) fn close_router(
        &mut self,
        now: Instant,
        id: RouterId,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        let router = self.routers.get(id).ok_or_else(|| not_found(id.into()))?;
        let transports = router.transports.clone();
        for observer in router.observers.clone() {
            let _ = self.close_observer(observer, CloseReason::Parent);
        }
        for transport in transports {
            self.end_transport(now, transport, CloseReason::Parent, sockets);
        }
        let Some(router) = self.routers.remove(id) else { return Err(not_found(id.into())) };
        self.close_other_parts(id, router.home, &router.parts);
        // The router itself tells for its parts.
        if router.home.is_some() {
            Ok(Reply::Done)
        } else {
            self.told(id, EventBody::Closed(CloseReason::Requested))
        }
    }

    pub(super) fn close_transport(
        &mut self,
        now: Instant,
        id: TransportId,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        self.transports.get(id).ok_or_else(|| not_found(id.into()))?;
        self.end_transport(now, id, CloseReason::Requested, sockets);
        Ok(Reply::Done)
    }

    /// Ends a transport: its peer is told, by DTLS.
    pub(super) fn end_transport(
        &mut self,
        now: Instant,
        id: TransportId,
        reason: CloseReason,
        sockets: &mut dyn SocketFactory,
    ) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let (consumers, producers) = (transport.consumers.clone(), transport.producers.clone());
        let (data_consumers, data_producers) =
            (transport.data_consumers.clone(), transport.data_producers.clone());
        // All streams end with the association, before DTLS, in which it ends.
        if let Some(link) = &mut transport.sctp {
            link.association.close();
            self.drive_sctp(now, id);
        }
        let Some(transport) = self.transports.get_mut(id) else { return };
        if let Link::WebRtc(link) = &mut transport.link
            && let Some(dtls) = &mut link.dtls
        {
            dtls.close(now);
            self.drive_dtls(now, id);
        }
        for consumer in data_consumers {
            let _ = self.close_data_consumer(now, consumer, CloseReason::Parent);
        }
        for producer in data_producers {
            let _ = self.close_data_producer(now, producer, CloseReason::Parent);
        }
        for consumer in consumers {
            let _ = self.close_consumer(consumer, CloseReason::Parent);
        }
        for producer in producers {
            let _ = self.close_producer(producer, CloseReason::Parent);
        }
        let Some(transport) = self.transports.remove(id) else { return };
        let (own, connections) = (transport.own_sockets(), transport.connections());
        match &transport.link {
            Link::WebRtc(link) => {
                let ufrags: Vec<&str> =
                    std::iter::once(link.ice.local_ufrag()).chain(link.ice.previous_ufrag()).collect();
                self.demux.remove(id, link.ice.routes(), &own, &ufrags);
            }
            Link::Plain(_) => self.demux.remove(id, &[], &own, &[]),
            Link::Direct(_) => {}
        }
        for socket in own.into_iter().chain(connections) {
            sockets.close(socket);
        }
        if let Some(router) = self.routers.get_mut(transport.router) {
            router.transports.retain(|other| *other != id);
        }
        if let Some(session) = transport.session.and_then(|session| self.sessions.get_mut(session)) {
            session.transports.retain(|other| *other != id);
        }
        if let Some(server) = transport.server().and_then(|server| self.webrtc_servers.get_mut(server)) {
            server.transports.retain(|other| *other != id);
        }
        self.rtcp_out.retain(|egress| egress.transport != id);
        self.change(id, EventBody::Closed(reason));
    }

    pub(crate) fn close_producer(
        &mut self,
        id: ProducerId,
        reason: CloseReason,
    ) -> Result<Reply, ControlError> {
        let Some(mut producer) = self.producers.remove(id) else { return Err(not_found(id.into())) };
        for id in std::mem::take(&mut producer.consumers) {
            // One that outlives its producer finds none until it is switched; it keeps its numbers, so that the
            // receiver sees one stream.
            if self.consumers.get(id).is_some_and(|consumer| !consumer.outlives_producer) {
                let _ = self.close_consumer(id, CloseReason::Parent);
            }
        }
        for encoding in &mut producer.encodings {
            let pool = &mut self.pool;
            encoding.store.clear(|old| pool.release(old));
        }
        match producer.source {
            Source::Transport(transport) => {
                if let Some(path) = self.transports.get_mut(transport) {
                    path.producers.retain(|other| *other != id);
                    path.ingress.remove(id);
                }
            }
            Source::Relay(origin) => self.forget_copy(origin),
        }
        for relay in &producer.relays {
            self.relays.close_copy(id, relay.worker);
        }
        self.observed_closed(producer.known_as(), &producer.observers);
        // Nobody but this thread knows a copy.
        if producer.transport().is_none() {
            Ok(Reply::Done)
        } else {
            self.told(id, EventBody::Closed(reason))
        }
    }

    pub(crate) fn close_consumer(
        &mut self,
        id: ConsumerId,
        reason: CloseReason,
    ) -> Result<Reply, ControlError> {
        let mut consumer = self.consumers.remove(id).ok_or_else(|| not_found(id.into()))?;
        let (pool, mut privates) = (&mut self.pool, 0);
        for stream in consumer.streams_mut() {
            stream.history.clear(|old| {
                privates += 1;
                pool.release(old);
            });
        }
        self.privates = self.privates.saturating_sub(privates);
        if let Some(path) = self.transports.get_mut(consumer.transport) {
            path.consumers.retain(|other| *other != id);
            path.egress.retain(|_, egress| egress.consumer != id);
        }
        self.remove_waiting(consumer.transport, id);
        if let Some(router) = self.routers.get_mut(consumer.router) {
            router.consumers = router.consumers.saturating_sub(1);
        }
        self.unconsume(consumer.producer, id);
        self.told(id, EventBody::Closed(reason))
    }
}
