//! What a plugin implements.
use std::future::Future;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::attach::Attach;
use super::cx::Cx;
use super::data::DataMessage;
use super::error::Error;
use super::hooks::Hooks;
use super::info::{
    ConsumerInfo, DataConsumerInfo, DataProducerInfo, ProducerInfo, RouterInfo, SessionInfo, TransportInfo,
};
use super::kind_event::{
    ConsumerEvent, DataConsumerEvent, DataProducerEvent, ProducerEvent, RouterEvent, SessionEvent,
    TransportEvent,
};
use super::meta::Meta;
use super::packet::{RtcpPacket, RtpPacket};
use super::responder::{CODE_DROPPED, Responder};
use super::rows::Rows;
use super::start::Start;
use super::stats::Stats;
use super::verdict::Verdict;
use crate::control::{
    ConsumerId, DataConsumerId, DataProducerId, Event, ProducerId, Reply, RouterId, SessionId, Target,
    TransportId,
};

/// Marks impls that `#[plugin]` wrote.
#[diagnostic::on_unimplemented(
    message = "`impl Plugin for {Self}` is written by hand",
    label = "`#[plugin(id = \"…\")]` is missing above this impl",
    note = "`#[plugin]` works out which hooks are overridden; without it none would run"
)]
pub trait WrittenByAttribute {}

/// What a configuration and options have to be; `#[config]` and a `Default` make them so. Whoever forgets it reads this name.
pub trait HasConfigAttribute: DeserializeOwned + JsonSchema + Default {}

impl<T: DeserializeOwned + JsonSchema + Default> HasConfigAttribute for T {}

/// What requests have to be; `#[request]` makes them so. Whoever forgets it reads this name.
pub trait HasRequestAttribute: DeserializeOwned + JsonSchema {}

impl<T: DeserializeOwned + JsonSchema> HasRequestAttribute for T {}

/// Code on the media path. Write `#[plugin(id = "…")]` above the `impl`, override what you need, leave out the rest.
///
/// There is one instance per media thread: hooks take `&mut self`, need no lock, and must not block. What all
/// instances share is `Shared`. What belongs to an entity is its **state**, of the type that bears the entity's name:
/// `*_opened` returns it (`Attach::On`), hot hooks get it back.
///
/// Types that are left out are filled in: states, `Shared` and `Note` are `()`; `Config`, `Options` and `Request`
/// refuse every field; there is no value of `Message`.
///
/// Where plugins decide differently, the order of the list in `worker!` decides. On the way in the first of the list comes first,
/// on the way out the last. Each finds what those before it left; what one drops, those behind it don't see, and nobody brings it
/// back. One that refuses an entity is enough. A request is answered by the plugin that it names, and by no other. What hooks
/// ask for by [`Cx`] is done in the order in which they asked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an SFU plugin",
    label = "not a plugin",
    note = "a plugin is a type with `#[plugin(id = \"…\")] impl Plugin for {Self} {{ … }}`"
)]
pub trait Plugin: WrittenByAttribute + Sized + 'static {
    /// Description of the plugin. Written by `#[plugin]`.
    const META: Meta;
    /// The hooks that are overridden; all others cost nothing. Written by `#[plugin]`.
    const HOOKS: Hooks;

    /// Its table in the configuration, `[plugins.<id>]`; write `#[config]` above the struct.
    type Config: HasConfigAttribute + 'static;
    /// What may come with `enable`, handed to `*_opened`; write `#[config]` above the struct.
    type Options: HasConfigAttribute + 'static;
    /// Requests that it answers; write `#[request]` above the enum.
    type Request: HasRequestAttribute + Send + 'static;
    /// What its background work and its other instances send to `message`.
    type Message: Send + 'static;
    /// What its instances share; one per process.
    type Shared: Send + Sync + 'static;
    /// At most 16 bytes that travel with a packet from `rtp_in` to each `rtp_out`, across threads and retransmission.
    type Note: Copy + Default + Send + 'static;

    /// State for a session.
    type Session: 'static;
    /// State for a router.
    type Router: 'static;
    /// State for a transport.
    type Transport: 'static;
    /// State for a producer.
    type Producer: 'static;
    /// State for a consumer.
    type Consumer: 'static;
    /// State for a data producer.
    type DataProducer: 'static;
    /// State for a data consumer.
    type DataConsumer: 'static;

    /// Makes what the instances share. Runs once, before there is a media thread, and when a configuration is checked;
    /// may read files and take long. Left out: `Shared::default()`.
    ///
    /// An error here keeps the worker from starting, and tells the operator why: it comes out as `plugins.<id>: …`.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[config]
    /// # #[derive(Default)]
    /// # struct Config { file: String }
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Config = Config;
    /// #     type Shared = String;
    /// fn shared(config: &Config) -> Result<String, Error> {
    ///     std::fs::read_to_string(&config.file).map_err(|error| Error::new(format!("file: {}: {error}", config.file)))
    /// }
    /// # }
    /// ```
    fn shared(config: &Self::Config) -> Result<Self::Shared, Error>;

    /// Makes an instance. Runs once per media thread before media flows, and again after repeated panics; may allocate,
    /// must not take long. Left out: `Self::default()`, and the configuration is not kept.
    ///
    /// `start` has the media thread's number, what the instances share, and a handle by which background work reaches
    /// this instance.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[config]
    /// # #[derive(Default)]
    /// # struct Config { limit: u32 }
    /// # struct Mine { limit: u32, is_first: bool }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Config = Config;
    /// fn new(config: Config, start: Start<'_, Self>) -> Result<Self, Error> {
    ///     if config.limit == 0 {
    ///         return Err(Error::new("limit: must be 1 or more"));
    ///     }
    ///     Ok(Mine { limit: config.limit, is_first: start.worker() == 0 })
    /// }
    /// # }
    /// ```
    fn new(config: Self::Config, start: Start<'_, Self>) -> Result<Self, Error>;

    /// Takes a new configuration while it runs. On an error it goes on with the old one, and so do all other media
    /// threads: those that had taken it get the old one again. By default it says that it can't. Runs per reload.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[config]
    /// # #[derive(Default)]
    /// # struct Config { folder: String }
    /// # struct Mine { config: Config }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Config = Config;
    /// #     fn new(config: Config, _: Start<'_, Self>) -> Result<Self, Error> { Ok(Mine { config }) }
    /// fn reconfigure(&mut self, config: Config, _: &mut Cx<'_>) -> Result<(), Error> {
    ///     if config.folder != self.config.folder {
    ///         return Err(Error::new("folder: needs a restart to change"));
    ///     }
    ///     self.config = config;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    fn reconfigure(&mut self, config: Self::Config, cx: &mut Cx<'_>) -> Result<(), Error> {
        let _ = (config, cx);
        Err(Error::new("needs a restart to take a new configuration"))
    }

    /// Says goodbye: the worker stops; `*_closed` ran for all entities. Runs once per media thread. It may block for a
    /// second or so, as [`Offload::finish`](super::Offload::finish) does.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # struct Mine { writer: Option<Offload<Vec<u8>>> }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     fn new(_: NoConfig, _: Start<'_, Self>) -> Result<Self, Error> { Ok(Mine { writer: None }) }
    /// fn stop(&mut self, _: &mut Cx<'_>) {
    ///     if let Some(writer) = self.writer.take() {
    ///         writer.finish(std::time::Duration::from_secs(1));
    ///     }
    /// }
    /// # }
    /// ```
    fn stop(&mut self, cx: &mut Cx<'_>) {
        let _ = cx;
    }

    /// A session opened. Runs per session.
    ///
    /// The plugin listed first is asked first. Where one refuses, the client hears its reason, those behind it are not asked, and
    /// those before it that were on are told by `*_closed`. So it is with each kind of entity.
    ///
    /// `info` has its labels and the signaling crate that it belongs to. It opens before it has a transport.
    /// `Refuse` tells the client why, in its protocol's own form.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Session = ();
    /// fn session_opened(&mut self, info: &SessionInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<()> {
    ///     match info.labels.get("user") {
    ///         Some("mallory") => Attach::Refuse(Refusal::new("you are banned")),
    ///         _ => Attach::On(()),
    ///     }
    /// }
    /// # }
    /// ```
    fn session_opened(
        &mut self,
        info: &SessionInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Session> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a session. Runs per event. There are no such events yet.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # use sfu_core::tracing;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Session = ();
    /// fn session_event(&mut self, id: SessionId, ev: &SessionEvent, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
    ///     tracing::debug!(%id, ?ev, "a kind of event that there was not when this was written");
    /// }
    /// # }
    /// ```
    fn session_event(
        &mut self,
        id: SessionId,
        ev: &SessionEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let _ = (id, ev, rows, cx);
    }
    /// A session closed, or the plugin was switched off for it. Runs per session; the state comes back to be dropped or
    /// kept.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # use sfu_core::serde_json::json;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Session = u64;
    /// fn session_closed(&mut self, id: SessionId, packets: u64, cx: &mut Cx<'_>) {
    ///     cx.notify(id, json!({ "event": "mine.left", "packets": packets }));
    /// }
    /// # }
    /// ```
    fn session_closed(&mut self, id: SessionId, state: Self::Session, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A router opened. Runs per router: a room has one on each media thread that it has spread to.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)]
    /// # struct Room { name: String, speakers: u32 }
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Router = Room;
    /// fn router_opened(&mut self, info: &RouterInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<Room> {
    ///     let name = info.labels.get("room").unwrap_or("").to_owned();
    ///     Attach::On(Room { name, speakers: 0 })
    /// }
    /// # }
    /// ```
    fn router_opened(
        &mut self,
        info: &RouterInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Router> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a router. Runs per event. There are no such events yet.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # use sfu_core::tracing;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Router = ();
    /// fn router_event(&mut self, id: RouterId, ev: &RouterEvent, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
    ///     tracing::debug!(%id, ?ev, "a kind of event that there was not when this was written");
    /// }
    /// # }
    /// ```
    fn router_event(&mut self, id: RouterId, ev: &RouterEvent, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (id, ev, rows, cx);
    }
    /// A router closed, or the plugin was switched off for it. Runs per router; all that was in it has closed before.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # use sfu_core::tracing;
    /// # #[derive(Default)]
    /// # struct Room { name: String, speakers: u32 }
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Router = Room;
    /// fn router_closed(&mut self, _: RouterId, room: Room, _: &mut Cx<'_>) {
    ///     tracing::info!(room.name, room.speakers, "is over");
    /// }
    /// # }
    /// ```
    fn router_closed(&mut self, id: RouterId, state: Self::Router, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A transport opened. Runs per transport; it has no keys yet, so media comes later.
    ///
    /// `info.kind` says whether it is WebRTC, plain RTP, a pipe to another worker, or direct.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Transport = ();
    /// fn transport_opened(&mut self, info: &TransportInfo<'_>, _: &NoConfig, cx: &mut Cx<'_>) -> Attach<()> {
    ///     cx.set_max_incoming_bitrate(info.id, 3_000_000);
    ///     if info.kind == TransportKind::WebRtc { Attach::On(()) } else { Attach::Off }
    /// }
    /// # }
    /// ```
    fn transport_opened(
        &mut self,
        info: &TransportInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Transport> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a transport: ICE, DTLS, SCTP, its path. Runs per event, not per packet.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # use sfu_core::serde_json::json;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Transport = ();
    /// fn transport_event(&mut self, id: TransportId, ev: &TransportEvent, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
    ///     if let TransportEvent::Path(tuple) = ev {
    ///         cx.notify(id, json!({ "event": "mine.moved", "to": tuple.remote.map(|to| to.to_string()) }));
    ///     }
    /// }
    /// # }
    /// ```
    fn transport_event(
        &mut self,
        id: TransportId,
        ev: &TransportEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let _ = (id, ev, rows, cx);
    }
    /// A transport closed, or the plugin was switched off for it. Runs per transport.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine { reports: u64 }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Transport = u64;
    /// fn transport_closed(&mut self, _: TransportId, reports: u64, _: &mut Cx<'_>) {
    ///     self.reports += reports;
    /// }
    /// # }
    /// ```
    fn transport_closed(&mut self, id: TransportId, state: Self::Transport, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A producer opened: somebody publishes. Runs per producer.
    ///
    /// `info` has its RTP parameters, its labels, and the session that it belongs to. A hook about it is called only
    /// where this says `On`.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Producer = u64;
    /// fn producer_opened(&mut self, info: &ProducerInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<u64> {
    ///     if info.kind == MediaKind::Audio { Attach::On(0) } else { Attach::Off }
    /// }
    /// # }
    /// ```
    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Producer> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a producer: paused, a stream began, its score. Runs per event, not per packet.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Producer = u64;
    /// fn producer_event(&mut self, id: ProducerId, ev: &ProducerEvent, rows: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
    ///     if let (ProducerEvent::Paused, Some(packets)) = (ev, rows.get_mut(id)) {
    ///         *packets = 0;
    ///     }
    /// }
    /// # }
    /// ```
    fn producer_event(
        &mut self,
        id: ProducerId,
        ev: &ProducerEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let _ = (id, ev, rows, cx);
    }
    /// A producer closed, or the plugin was switched off for it. Runs per producer.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine { closed: u64 }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Producer = u64;
    /// fn producer_closed(&mut self, _: ProducerId, packets: u64, _: &mut Cx<'_>) {
    ///     self.closed += packets;
    /// }
    /// # }
    /// ```
    fn producer_closed(&mut self, id: ProducerId, state: Self::Producer, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A consumer opened: somebody watches or hears. Runs per consumer.
    ///
    /// Its producer may live on another media thread: `info.producer` names it, and `cx.view()` need not have it.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Consumer = ();
    /// fn consumer_opened(&mut self, info: &ConsumerInfo<'_>, _: &NoConfig, cx: &mut Cx<'_>) -> Attach<()> {
    ///     if info.kind == MediaKind::Audio {
    ///         // Weighs more than video where bandwidth is short.
    ///         cx.set_priority(info.id, 255);
    ///     }
    ///     Attach::Off
    /// }
    /// # }
    /// ```
    fn consumer_opened(
        &mut self,
        info: &ConsumerInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Consumer> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a consumer: paused, its score, a key frame was asked for. Runs per event, not per packet.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Consumer = ();
    /// fn consumer_event(&mut self, id: ConsumerId, ev: &ConsumerEvent, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
    ///     if matches!(ev, ConsumerEvent::Score(score) if *score < 5) {
    ///         cx.set_layers(id, 0, None);
    ///     }
    /// }
    /// # }
    /// ```
    fn consumer_event(
        &mut self,
        id: ConsumerId,
        ev: &ConsumerEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let _ = (id, ev, rows, cx);
    }
    /// A consumer closed, or the plugin was switched off for it. Runs per consumer.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine { viewers: u32 }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Consumer = ();
    /// fn consumer_closed(&mut self, _: ConsumerId, _: (), _: &mut Cx<'_>) {
    ///     self.viewers -= 1;
    /// }
    /// # }
    /// ```
    fn consumer_closed(&mut self, id: ConsumerId, state: Self::Consumer, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A data producer opened: somebody may send messages. Runs per data producer.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type DataProducer = u64;
    /// fn data_producer_opened(&mut self, info: &DataProducerInfo<'_>, _: &NoConfig, _: &mut Cx<'_>) -> Attach<u64> {
    ///     if info.label == "chat" { Attach::On(0) } else { Attach::Off }
    /// }
    /// # }
    /// ```
    fn data_producer_opened(
        &mut self,
        info: &DataProducerInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::DataProducer> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a data producer: paused, resumed. Runs per event, not per message.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type DataProducer = u64;
    /// fn data_producer_event(&mut self, id: DataProducerId, ev: &DataProducerEvent, rows: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
    ///     if let (DataProducerEvent::Resumed, Some(messages)) = (ev, rows.get_mut(id)) {
    ///         *messages = 0;
    ///     }
    /// }
    /// # }
    /// ```
    fn data_producer_event(
        &mut self,
        id: DataProducerId,
        ev: &DataProducerEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let _ = (id, ev, rows, cx);
    }
    /// A data producer closed, or the plugin was switched off for it. Runs per data producer.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine { messages: u64 }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type DataProducer = u64;
    /// fn data_producer_closed(&mut self, _: DataProducerId, messages: u64, _: &mut Cx<'_>) {
    ///     self.messages += messages;
    /// }
    /// # }
    /// ```
    fn data_producer_closed(&mut self, id: DataProducerId, state: Self::DataProducer, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A data consumer opened: somebody gets messages. Runs per data consumer.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type DataConsumer = ();
    /// fn data_consumer_opened(&mut self, info: &DataConsumerInfo<'_>, _: &NoConfig, cx: &mut Cx<'_>) -> Attach<()> {
    ///     // A full queue counts this one; there is nothing more to do about it.
    ///     let _ = cx.data_consumer(info.id).send_text("welcome");
    ///     Attach::On(())
    /// }
    /// # }
    /// ```
    fn data_consumer_opened(
        &mut self,
        info: &DataConsumerInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::DataConsumer> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a data consumer: paused, its buffer is full, or low again. Runs per event, not per
    /// message.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type DataConsumer = bool;
    /// fn data_consumer_event(&mut self, id: DataConsumerId, ev: &DataConsumerEvent, rows: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
    ///     if let (DataConsumerEvent::SendBufferFull, Some(full)) = (ev, rows.get_mut(id)) {
    ///         *full = true;
    ///     }
    /// }
    /// # }
    /// ```
    fn data_consumer_event(
        &mut self,
        id: DataConsumerId,
        ev: &DataConsumerEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let _ = (id, ev, rows, cx);
    }
    /// A data consumer closed, or the plugin was switched off for it. Runs per data consumer.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine { listeners: Vec<DataConsumerId> }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type DataConsumer = ();
    /// fn data_consumer_closed(&mut self, id: DataConsumerId, _: (), _: &mut Cx<'_>) {
    ///     self.listeners.retain(|listener| *listener != id);
    /// }
    /// # }
    /// ```
    fn data_consumer_closed(&mut self, id: DataConsumerId, state: Self::DataConsumer, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A media packet came in: each once, RTX unwrapped, duplicates gone, loss already counted. Runs per packet, on the
    /// producer's media thread.
    ///
    /// Payload and header extensions may be changed, the payload grown into the tail room, the packet dropped; the
    /// plugin listed first sees it first. Must not allocate, lock or block. `note` travels with the packet to each
    /// `rtp_out`. On where `producer_opened` said so.
    /// Plugins behind it see what it changed, and nothing of what it dropped: of two that change the same bytes, the one listed last
    /// has the last word.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Producer = u64;
    /// #     type Note = bool;
    /// fn rtp_in(&mut self, packets: &mut u64, pkt: &mut RtpPacket<'_>, note: &mut bool, _: &mut Cx<'_>) -> Verdict {
    ///     *packets += 1;
    ///     *note = pkt.audio_level().is_some_and(|level| level.voice);
    ///     if pkt.payload().is_empty() { Verdict::Drop } else { Verdict::Forward }
    /// }
    /// # }
    /// ```
    fn rtp_in(
        &mut self,
        st: &mut Self::Producer,
        pkt: &mut RtpPacket<'_>,
        note: &mut Self::Note,
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let _ = (st, pkt, note, cx);
        Verdict::Forward
    }

    /// A packet leaves for one consumer, its header rewritten, its sequence number not yet given. Runs per packet and
    /// consumer, on the consumer's media thread: as often as `rtp_in` times the number of viewers.
    ///
    /// A changed payload becomes a private copy; what is dropped leaves no gap. The plugin listed last sees it first.
    /// Must not allocate, lock or block. On where `consumer_opened` said so.
    /// So the one listed first has the last word about its bytes; what one drops, those before it in the list don't see.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine", on_panic = "drop")]
    /// # impl Plugin for Mine {
    /// #     type Consumer = bool;
    /// #     type Note = bool;
    /// fn rtp_out(&mut self, muted: &mut bool, _: &mut RtpPacket<'_>, voice: &bool, _: &mut Cx<'_>) -> Verdict {
    ///     if *muted && *voice { Verdict::Drop } else { Verdict::Forward }
    /// }
    /// # }
    /// ```
    fn rtp_out(
        &mut self,
        st: &mut Self::Consumer,
        pkt: &mut RtpPacket<'_>,
        note: &Self::Note,
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let _ = (st, pkt, note, cx);
        Verdict::Forward
    }

    /// RTCP came in. Runs per RTCP packet (of a compound one, for each in it), some ten a second and transport.
    ///
    /// The core has taken its part by then and what it took is marked: a drop hides the packet from plugins below only,
    /// and stops no NACK. On where `transport_opened` said so.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Transport = u64;
    /// fn rtcp_in(&mut self, reports: &mut u64, pkt: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
    ///     if matches!(pkt.item(), rtcp::RtcpItem::ReceiverReport(_)) {
    ///         *reports += 1;
    ///     }
    ///     Verdict::Forward
    /// }
    /// # }
    /// ```
    fn rtcp_in(&mut self, st: &mut Self::Transport, pkt: &mut RtcpPacket<'_>, cx: &mut Cx<'_>) -> Verdict {
        let _ = (st, pkt, cx);
        Verdict::Forward
    }

    /// RTCP leaves, before encryption. Runs per RTCP packet. A drop takes with it the whole compound
    /// packet that it is part of. On where `transport_opened` said so.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Transport = u64;
    /// fn rtcp_out(&mut self, bytes: &mut u64, pkt: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
    ///     *bytes += pkt.as_bytes().len() as u64;
    ///     Verdict::Forward
    /// }
    /// # }
    /// ```
    fn rtcp_out(&mut self, st: &mut Self::Transport, pkt: &mut RtcpPacket<'_>, cx: &mut Cx<'_>) -> Verdict {
        let _ = (st, pkt, cx);
        Verdict::Forward
    }

    /// A data channel message came in; `msg.to()` is who gets it. Runs per message, on the data producer's media
    /// thread.
    ///
    /// The list of recipients may be edited (4096 at the most), the message changed or dropped. Must not lock or block.
    /// On where `data_producer_opened` said so.
    /// The plugin listed first sees it first. Each edits bytes and recipients as those before it left them: one may put back whom
    /// another took off. A drop is final, whatever the list says, and those behind it don't see the message.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine { muted: Vec<DataConsumerId> }
    /// # #[plugin(id = "mine", on_panic = "drop")]
    /// # impl Plugin for Mine {
    /// #     type DataProducer = u64;
    /// fn data_in(&mut self, messages: &mut u64, msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
    ///     *messages += 1;
    ///     if msg.payload().len() > 16_384 {
    ///         return Verdict::Drop;
    ///     }
    ///     let muted = &self.muted;
    ///     msg.to().retain(|id| !muted.contains(&id));
    ///     Verdict::Forward
    /// }
    /// # }
    /// ```
    fn data_in(
        &mut self,
        st: &mut Self::DataProducer,
        msg: &mut DataMessage<'_>,
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let _ = (st, msg, cx);
        Verdict::Forward
    }

    /// A message leaves for one data consumer. Runs per message and data consumer, on the data consumer's media thread.
    /// On where `data_consumer_opened` said so.
    /// The plugin listed last sees it first; what it drops, the others don't see.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type DataConsumer = u64;
    /// fn data_out(&mut self, bytes: &mut u64, msg: &mut DataMessage<'_>, _: &mut Cx<'_>) -> Verdict {
    ///     *bytes += msg.payload().len() as u64;
    ///     Verdict::Forward
    /// }
    /// # }
    /// ```
    fn data_out(
        &mut self,
        st: &mut Self::DataConsumer,
        msg: &mut DataMessage<'_>,
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let _ = (st, msg, cx);
        Verdict::Forward
    }

    /// A data consumer that was full can take messages again. Runs when its buffer has drained below its threshold.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type DataConsumer = bool;
    /// fn data_ready(&mut self, is_full: &mut bool, _: &mut Cx<'_>) {
    ///     *is_full = false;
    /// }
    /// # }
    /// ```
    fn data_ready(&mut self, st: &mut Self::DataConsumer, cx: &mut Cx<'_>) {
        let _ = (st, cx);
    }

    /// A request, on the media thread of its target. Runs per request; it may allocate, and must not block.
    ///
    /// Without a target it runs on every media thread, unless the plugin has `serve`. `re` may be kept and answered
    /// later, from any thread; one that is dropped answers an error.
    /// Requests name their plugin: no other one sees them.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[request]
    /// # enum Ask { Total }
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Producer = u64;
    /// #     type Request = Ask;
    /// fn request(&mut self, ask: Ask, at: Target, re: Responder, rows: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
    ///     match (ask, at) {
    ///         (Ask::Total, Target::Producer(id)) => re.ok(rows.get(id).copied().unwrap_or(0)),
    ///         (Ask::Total, _) => re.error(400, "mine: ask about a producer"),
    ///     }
    /// }
    /// # }
    /// ```
    fn request(
        &mut self,
        req: Self::Request,
        at: Target,
        re: Responder,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let _ = (req, at, rows, cx);
        re.error(CODE_DROPPED, "this plugin takes no requests about an entity");
    }

    /// A request without a target, off the media threads, on tokio; may be slow. Runs once per request.
    ///
    /// A panic answers the request with an error and counts with those of the instance on the first media thread. Once
    /// any media thread has put the plugin in quarantine, requests are refused.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # use std::sync::Arc;
    /// # #[request]
    /// # enum Ask { Files }
    /// # #[derive(Default)]
    /// # struct Folder { path: String }
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Shared = Folder;
    /// #     type Request = Ask;
    /// async fn serve(shared: &Arc<Folder>, ask: Ask, re: Responder) {
    ///     match (ask, std::fs::read_dir(&shared.path)) {
    ///         (Ask::Files, Ok(files)) => re.ok(files.count()),
    ///         (Ask::Files, Err(error)) => re.error(500, format!("mine: {}: {error}", shared.path)),
    ///     }
    /// }
    /// # }
    /// ```
    fn serve(
        shared: &Arc<Self::Shared>,
        req: Self::Request,
        re: Responder,
    ) -> impl Future<Output = ()> + Send {
        let _ = (shared, req);
        async move { re.error(CODE_DROPPED, "this plugin takes no requests without a target") }
    }

    /// A message from background work or another instance. Runs per message, at most 256 per plugin and turn; the
    /// others come in the next one.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine { loudest: u8 }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Message = u8;
    /// fn message(&mut self, loudest: u8, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
    ///     self.loudest = loudest;
    /// }
    /// # }
    /// ```
    fn message(&mut self, msg: Self::Message, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (msg, rows, cx);
    }

    /// The outcome of `cx.control` or `cx.ask`, under the tag that was given there. Runs once for each.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # use sfu_core::serde_json::json;
    /// # use sfu_core::tracing;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// fn tick(&mut self, _: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
    ///     cx.ask("recorder", Target::Worker, json!({ "method": "list" }), 1);
    /// }
    /// fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
    ///     match outcome {
    ///         Ok(Reply::Json(list)) => tracing::info!(tag, %list),
    ///         Ok(_) => {}
    ///         Err(error) => tracing::warn!(tag, %error),
    ///     }
    /// }
    /// # }
    /// ```
    fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (tag, outcome, rows, cx);
    }

    /// An event of the core or of another plugin (never its own). Runs per event, for all entities of this media
    /// thread, on or not: look at its target or body first, and leave what is no affair of yours.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # use sfu_core::control::EventBody;
    /// # #[derive(Default)] struct Mine { recordings: u64 }
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// fn event(&mut self, ev: &Event, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
    ///     if let EventBody::Plugin { plugin, body } = &ev.body {
    ///         if plugin == "recorder" && body["event"] == "recorder.stopped" {
    ///             self.recordings += 1;
    ///         }
    ///     }
    /// }
    /// # }
    /// ```
    fn event(&mut self, ev: &Event, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (ev, rows, cx);
    }

    /// Time passed: runs every second (`tick_ms` in `#[plugin]`) per media thread, and when `cx.wake_at` asked for it.
    /// What it does for each entity stops media meanwhile: with many of them do some in each tick.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine", tick_ms = 500)]
    /// # impl Plugin for Mine {
    /// #     type Producer = u64;
    /// fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
    ///     rows.for_each(|id: ProducerId, packets| {
    ///         if std::mem::take(packets) == 0 {
    ///             cx.request_key_frame(id);
    ///         }
    ///     });
    /// }
    /// # }
    /// ```
    fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (rows, cx);
    }

    /// Figures about a target: the worker, or an entity. Runs when somebody asks, for all plugins at once: read, don't
    /// compute.
    ///
    /// ```
    /// # use sfu_core::plugin::*;
    /// # #[derive(Default)] struct Mine;
    /// # #[plugin(id = "mine")]
    /// # impl Plugin for Mine {
    /// #     type Producer = u64;
    /// fn stats(&self, at: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
    ///     match at {
    ///         Target::Producer(id) => out.put_sum("packets", rows.get(id).copied().unwrap_or(0)),
    ///         _ => out.put_sum("producers", rows.iter::<ProducerId>().count()),
    ///     }
    /// }
    /// # }
    /// ```
    fn stats(&self, at: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        let _ = (at, rows, out);
    }
}
