use sfu_core::control::{
    ConsumerId, DataConsumerId, DataProducerId, ProducerId, RouterId, RtpObserverId, Target, TransportId,
    WebRtcServerId,
};

/// What something is, and what the engine knows it as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entity {
    WebRtcServer(WebRtcServerId),
    Router(RouterId),
    Transport(TransportFacts),
    RtpObserver(RtpObserverId),
    Producer(ProducerId),
    Consumer(ConsumerId),
    DataProducer(DataProducerId),
    DataConsumer(DataConsumerId),
    /// A data producer that carries requests to a plugin: the engine knows nothing of it.
    PluginDoor,
    /// A data consumer of one.
    PluginListener,
}

/// What does not change about a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransportFacts {
    pub(crate) id: TransportId,
    pub(crate) link: Link,
    pub(crate) has_sctp: bool,
    /// Longest message that is sent; bytes.
    pub(crate) max_send_message_size: u32,
    /// Longest message that is taken; bytes.
    pub(crate) max_receive_message_size: u32,
}

/// How a transport reaches its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    WebRtc,
    Plain,
    Pipe,
    Direct,
}

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    WebRtcServer,
    Router,
    Transport,
    RtpObserver,
    Producer,
    Consumer,
    DataProducer,
    DataConsumer,
}

impl Entity {
    /// Doors of plugins are data producers and consumers to the library.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Entity::WebRtcServer(_) => Kind::WebRtcServer,
            Entity::Router(_) => Kind::Router,
            Entity::Transport(_) => Kind::Transport,
            Entity::RtpObserver(_) => Kind::RtpObserver,
            Entity::Producer(_) => Kind::Producer,
            Entity::Consumer(_) => Kind::Consumer,
            Entity::DataProducer(_) | Entity::PluginDoor => Kind::DataProducer,
            Entity::DataConsumer(_) | Entity::PluginListener => Kind::DataConsumer,
        }
    }

    /// What the engine knows it as.
    pub(crate) fn target(&self) -> Option<Target> {
        Some(match self {
            Entity::WebRtcServer(id) => (*id).into(),
            Entity::Router(id) => (*id).into(),
            Entity::Transport(facts) => facts.id.into(),
            Entity::RtpObserver(id) => (*id).into(),
            Entity::Producer(id) => (*id).into(),
            Entity::Consumer(id) => (*id).into(),
            Entity::DataProducer(id) => (*id).into(),
            Entity::DataConsumer(id) => (*id).into(),
            Entity::PluginDoor | Entity::PluginListener => return None,
        })
    }
}
