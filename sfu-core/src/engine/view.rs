//! What plugins see of the engine.
use super::Engine;
use super::producer::Source;
use super::transport::Link;
use crate::control::{
    ConsumerId, DataConsumerId, DataProducerId, EntityId, EntityKind, ProducerId, RawId, RouterId, SessionId,
    Target, TransportId,
};
use crate::plugin::{
    ConsumerView, DataConsumerView, DataProducerView, ProducerView, RouterView, SenderClock, SessionView,
    TransportKind, TransportView, ViewSource,
};
use crate::rtcp::NtpTime;

impl ViewSource for Engine {
    fn session(&self, id: SessionId) -> Option<SessionView<'_>> {
        let session = self.sessions.get(id)?;
        Some(SessionView { id, signaling: &session.signaling, labels: &session.labels })
    }

    fn router(&self, id: RouterId) -> Option<RouterView<'_>> {
        let router = self.routers.get(id)?;
        Some(RouterView { id, part_of: router.home, labels: &router.labels })
    }

    fn transport(&self, id: TransportId) -> Option<TransportView<'_>> {
        let transport = self.transports.get(id)?;
        Some(TransportView {
            id,
            router: transport.router,
            session: transport.session,
            kind: match &transport.link {
                Link::WebRtc(_) => TransportKind::WebRtc,
                Link::Plain(link) if link.pipe.is_some() => TransportKind::Pipe,
                Link::Plain(_) => TransportKind::Plain,
                Link::Direct(_) => TransportKind::Direct,
            },
            ice_state: transport.ice_state(),
            dtls_state: transport.dtls_state(),
            sctp_state: transport.sctp.as_ref().map(|link| link.state()),
            tuple: transport.tuple(),
            max_incoming_bitrate: transport.max_incoming_bitrate,
            max_outgoing_bitrate: transport.max_outgoing_bitrate,
            labels: &transport.labels,
        })
    }

    fn producer(&self, id: ProducerId) -> Option<ProducerView<'_>> {
        // A place in the table of another media thread says nothing about this one's.
        let producer = self.producers.get(id).filter(|_| id.worker() == self.config.worker)?;
        // What stands for a producer of another media thread is seen by the plugins of that thread.
        let Source::Transport(transport) = producer.source else { return None };
        Some(ProducerView {
            id,
            router: producer.router,
            transport,
            session: self.transports.get(transport).and_then(|transport| transport.session),
            kind: producer.kind,
            rtp_parameters: &producer.parameters,
            paused: producer.paused,
            labels: &producer.labels,
        })
    }

    fn sender_clock(&self, id: ProducerId, encoding: u8) -> Option<SenderClock> {
        let producer = self.producers.get(id)?;
        let offset = self.transports.get(producer.transport()?)?.remote_clock.offset()?;
        let encoding = producer.encodings.get(usize::from(encoding))?;
        let (mapping, (packets, octets)) = (encoding.mapping()?, encoding.sent());
        Some(SenderClock {
            rtp_timestamp: mapping.rtp_timestamp,
            ntp: NtpTime::from_bits(mapping.ntp),
            offset,
            at: self.config.clock.instant(mapping.ntp.wrapping_sub(offset as u64)),
            packets,
            octets,
        })
    }

    fn consumer(&self, id: ConsumerId) -> Option<ConsumerView<'_>> {
        let consumer = self.consumers.get(id)?;
        let producer = self.producers.get(consumer.producer);
        Some(ConsumerView {
            id,
            router: consumer.router,
            transport: consumer.transport,
            session: self.transports.get(consumer.transport).and_then(|transport| transport.session),
            producer: producer.map_or(consumer.producer, |producer| producer.known_as()),
            kind: consumer.kind,
            consumer_type: consumer.consumer_type,
            rtp_parameters: &consumer.parameters,
            paused: consumer.paused,
            producer_paused: consumer.producer_paused,
            priority: consumer.priority,
            labels: &consumer.labels,
        })
    }

    fn data_producer(&self, id: DataProducerId) -> Option<DataProducerView<'_>> {
        // A place in the table of another media thread says nothing about this one's.
        let producer = self.data_producers.get(id).filter(|_| id.worker() == self.config.worker)?;
        Some(DataProducerView {
            id,
            router: producer.router,
            transport: producer.transport,
            session: self.transports.get(producer.transport).and_then(|transport| transport.session),
            label: &producer.label,
            protocol: &producer.protocol,
            paused: producer.paused,
            labels: &producer.labels,
        })
    }

    fn data_consumer(&self, id: DataConsumerId) -> Option<DataConsumerView<'_>> {
        let consumer = self.data_consumers.get(id)?;
        Some(DataConsumerView {
            id,
            router: consumer.router,
            transport: consumer.transport,
            session: self.transports.get(consumer.transport).and_then(|transport| transport.session),
            data_producer: consumer.data_producer,
            label: &consumer.label,
            protocol: &consumer.protocol,
            paused: consumer.paused,
            buffered: u64::from(self.buffered(consumer).0),
            labels: &consumer.labels,
        })
    }

    fn each_below(&self, parent: Target, kind: EntityKind, each: &mut dyn FnMut(RawId)) {
        match kind {
            EntityKind::Session => {
                for (id, _) in self
                    .sessions
                    .iter()
                    .filter(|(id, _)| parent == Target::Worker || parent == Target::Session(*id))
                {
                    each(id.raw());
                }
            }
            EntityKind::Router => {
                for (id, _) in self
                    .routers
                    .iter()
                    .filter(|(id, _)| parent == Target::Worker || parent == Target::Router(*id))
                {
                    each(id.raw());
                }
            }
            EntityKind::Transport => {
                for (id, _) in self.transports.iter().filter(|(id, _)| self.transport_is_below(*id, parent)) {
                    each(id.raw());
                }
            }
            EntityKind::Producer => {
                let seen = self.producers.iter().filter(|(_, producer)| producer.transport().is_some());
                for (id, _) in seen.filter(|(id, _)| self.producer_is_below(*id, parent)) {
                    each(id.raw());
                }
            }
            EntityKind::Consumer => {
                for (id, consumer) in self.consumers.iter() {
                    if parent == Target::Consumer(id)
                        || self.transport_is_below(consumer.transport, parent)
                        || self.producer_is_below(consumer.producer, parent)
                    {
                        each(id.raw());
                    }
                }
            }
            EntityKind::DataProducer => {
                for (id, _) in
                    self.data_producers.iter().filter(|(id, _)| self.data_producer_is_below(*id, parent))
                {
                    each(id.raw());
                }
            }
            EntityKind::DataConsumer => {
                for (id, consumer) in self.data_consumers.iter() {
                    if parent == Target::DataConsumer(id)
                        || self.transport_is_below(consumer.transport, parent)
                        || self.data_producer_is_below(consumer.data_producer, parent)
                    {
                        each(id.raw());
                    }
                }
            }
        }
    }
}

impl Engine {
    fn transport_is_below(&self, id: TransportId, parent: Target) -> bool {
        let Some(transport) = self.transports.get(id) else { return false };
        match parent {
            Target::Worker => true,
            Target::Session(session) => transport.session == Some(session),
            Target::Router(router) => transport.router == router,
            Target::Transport(other) => other == id,
            Target::WebRtcServer(server) => transport.server() == Some(server),
            _ => false,
        }
    }

    fn data_producer_is_below(&self, id: DataProducerId, parent: Target) -> bool {
        // A place in the table of another media thread says nothing about this one's.
        if id.worker() != self.config.worker {
            return parent == Target::DataProducer(id);
        }
        let Some(producer) = self.data_producers.get(id) else { return false };
        parent == Target::DataProducer(id) || self.transport_is_below(producer.transport, parent)
    }

    fn producer_is_below(&self, id: ProducerId, parent: Target) -> bool {
        let Some(producer) = self.producers.get(id) else { return false };
        parent == Target::Producer(id)
            || producer.transport().is_some_and(|transport| self.transport_is_below(transport, parent))
    }
}
