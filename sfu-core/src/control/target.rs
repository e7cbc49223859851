//! What a request, a setting or a figure is about.
use super::ids::{
    ConsumerId, DataConsumerId, DataProducerId, EntityKind, ProducerId, RouterId, RtpObserverId, SessionId,
    TransportId, WebRtcServerId,
};

/// The entity that a request or setting aims at, or the whole worker.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The whole worker: every media thread.
    #[default]
    Worker,
    /// One session.
    Session(SessionId),
    /// One router.
    Router(RouterId),
    /// One transport.
    Transport(TransportId),
    /// One producer.
    Producer(ProducerId),
    /// One consumer.
    Consumer(ConsumerId),
    /// One data producer.
    DataProducer(DataProducerId),
    /// One data consumer.
    DataConsumer(DataConsumerId),
    /// One server of ports for WebRTC transports; no plugin attaches to it.
    #[serde(rename = "webrtc_server")]
    WebRtcServer(WebRtcServerId),
    /// One observer of audio; no plugin attaches to it.
    RtpObserver(RtpObserverId),
}

impl Target {
    /// The media thread that owns the target; `None` for the whole worker.
    pub fn worker(self) -> Option<u8> {
        Some(match self {
            Target::Worker => return None,
            Target::Session(id) => id.worker(),
            Target::Router(id) => id.worker(),
            Target::Transport(id) => id.worker(),
            Target::Producer(id) => id.worker(),
            Target::Consumer(id) => id.worker(),
            Target::DataProducer(id) => id.worker(),
            Target::DataConsumer(id) => id.worker(),
            Target::WebRtcServer(id) => id.worker(),
            Target::RtpObserver(id) => id.worker(),
        })
    }

    /// The kind of entity; `None` for the whole worker, and for what plugins can't attach to.
    pub fn kind(self) -> Option<EntityKind> {
        Some(match self {
            Target::Worker | Target::WebRtcServer(_) | Target::RtpObserver(_) => return None,
            Target::Session(_) => EntityKind::Session,
            Target::Router(_) => EntityKind::Router,
            Target::Transport(_) => EntityKind::Transport,
            Target::Producer(_) => EntityKind::Producer,
            Target::Consumer(_) => EntityKind::Consumer,
            Target::DataProducer(_) => EntityKind::DataProducer,
            Target::DataConsumer(_) => EntityKind::DataConsumer,
        })
    }
}

macro_rules! from_ids {
    ($($kind:ident($id:ident)),*) => {$(
        impl From<$id> for Target {
            fn from(id: $id) -> Self { Target::$kind(id) }
        }
    )*};
}
from_ids!(
    Session(SessionId),
    Router(RouterId),
    Transport(TransportId),
    Producer(ProducerId),
    Consumer(ConsumerId),
    DataProducer(DataProducerId),
    DataConsumer(DataConsumerId),
    WebRtcServer(WebRtcServerId),
    RtpObserver(RtpObserverId)
);
