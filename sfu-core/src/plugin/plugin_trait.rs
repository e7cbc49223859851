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
    type Config: DeserializeOwned + JsonSchema + Default + 'static;
    /// What may come with `enable`, handed to `*_opened`; write `#[config]` above the struct.
    type Options: DeserializeOwned + JsonSchema + Default + 'static;
    /// Requests that it answers; write `#[request]` above the enum.
    type Request: DeserializeOwned + JsonSchema + Send + 'static;
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

    /// Makes what the instances share. Runs once, before any media thread; may read files. Left out: `Shared::default()`.
    fn shared(config: &Self::Config) -> Result<Self::Shared, Error>;

    /// Makes an instance. Runs once per media thread before media flows, and again after repeated panics. Left out:
    /// `Self::default()`, and the configuration is not kept.
    fn new(config: Self::Config, start: Start<'_, Self>) -> Result<Self, Error>;

    /// Takes a new configuration while it runs. On an error it goes on with the old one, and so do all other media threads:
    /// those that had taken it get the old one again. By default it says that it can't. Runs per reload.
    fn reconfigure(&mut self, config: Self::Config, cx: &mut Cx<'_>) -> Result<(), Error> {
        let _ = (config, cx);
        Err(Error::new("needs a restart to take a new configuration"))
    }

    /// Says goodbye: the worker stops; `*_closed` ran for all entities. Runs once.
    fn stop(&mut self, cx: &mut Cx<'_>) {
        let _ = cx;
    }

    /// A session opened. Runs per session.
    ///
    /// The plugin listed first is asked first. Where one refuses, the client hears its reason, those behind it are not asked, and
    /// those before it that were on are told by `*_closed`. So it is with each kind of entity.
    fn session_opened(
        &mut self,
        info: &SessionInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Session> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a session. Runs per event.
    fn session_event(
        &mut self,
        id: SessionId,
        ev: &SessionEvent,
        rows: &mut Rows<'_, Self>,
        cx: &mut Cx<'_>,
    ) {
        let _ = (id, ev, rows, cx);
    }
    /// A session closed, or the plugin was switched off for it. Runs per session.
    fn session_closed(&mut self, id: SessionId, state: Self::Session, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A router opened. Runs per router.
    fn router_opened(
        &mut self,
        info: &RouterInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Router> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a router. Runs per event.
    fn router_event(&mut self, id: RouterId, ev: &RouterEvent, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (id, ev, rows, cx);
    }
    /// A router closed, or the plugin was switched off for it. Runs per router.
    fn router_closed(&mut self, id: RouterId, state: Self::Router, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A transport opened. Runs per transport.
    fn transport_opened(
        &mut self,
        info: &TransportInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Transport> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a transport: ICE, DTLS, its path. Runs per event.
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
    fn transport_closed(&mut self, id: TransportId, state: Self::Transport, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A producer opened. Runs per producer.
    fn producer_opened(
        &mut self,
        info: &ProducerInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Producer> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a producer: paused, a stream began, its score. Runs per event.
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
    fn producer_closed(&mut self, id: ProducerId, state: Self::Producer, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A consumer opened. Runs per consumer.
    fn consumer_opened(
        &mut self,
        info: &ConsumerInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::Consumer> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a consumer: paused, its score, a key frame was asked for. Runs per event.
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
    fn consumer_closed(&mut self, id: ConsumerId, state: Self::Consumer, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A data producer opened. Runs per data producer.
    fn data_producer_opened(
        &mut self,
        info: &DataProducerInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::DataProducer> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a data producer. Runs per event.
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
    fn data_producer_closed(&mut self, id: DataProducerId, state: Self::DataProducer, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A data consumer opened. Runs per data consumer.
    fn data_consumer_opened(
        &mut self,
        info: &DataConsumerInfo<'_>,
        options: &Self::Options,
        cx: &mut Cx<'_>,
    ) -> Attach<Self::DataConsumer> {
        let _ = (info, options, cx);
        Attach::Off
    }
    /// Something happened to a data consumer. Runs per event.
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
    fn data_consumer_closed(&mut self, id: DataConsumerId, state: Self::DataConsumer, cx: &mut Cx<'_>) {
        let _ = (id, state, cx);
    }

    /// A media packet came in: each once, RTX unwrapped, duplicates gone, loss already counted. Runs per packet.
    ///
    /// Payload may be changed, grown into the tail room, or dropped; the plugin listed first sees it first. Those behind it see
    /// what it changed, and nothing of what it dropped: of two that change the same bytes, the one listed last has the last word.
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
    /// consumer.
    ///
    /// A changed payload becomes a private copy; what is dropped leaves no gap. The plugin listed last sees it first, so the one
    /// listed first has the last word about its bytes; what one drops, those before it in the list don't see.
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

    /// RTCP came in; what the core consumed is marked. Runs per RTCP packet.
    fn rtcp_in(&mut self, st: &mut Self::Transport, pkt: &mut RtcpPacket<'_>, cx: &mut Cx<'_>) -> Verdict {
        let _ = (st, pkt, cx);
        Verdict::Forward
    }

    /// RTCP leaves, before encryption. Runs per RTCP packet.
    fn rtcp_out(&mut self, st: &mut Self::Transport, pkt: &mut RtcpPacket<'_>, cx: &mut Cx<'_>) -> Verdict {
        let _ = (st, pkt, cx);
        Verdict::Forward
    }

    /// A data channel message came in; `msg.to()` is who gets it. Runs per message.
    ///
    /// The plugin listed first sees it first. Each edits bytes and recipients as those before it left them: one may put back whom
    /// another took off. A drop is final, whatever the list says, and those behind it don't see the message.
    fn data_in(
        &mut self,
        st: &mut Self::DataProducer,
        msg: &mut DataMessage<'_>,
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let _ = (st, msg, cx);
        Verdict::Forward
    }

    /// A message leaves for one data consumer. Runs per message and data consumer.
    ///
    /// The plugin listed last sees it first; what it drops, the others don't see.
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
    fn data_ready(&mut self, st: &mut Self::DataConsumer, cx: &mut Cx<'_>) {
        let _ = (st, cx);
    }

    /// A request, on the media thread of its target. Runs per request.
    ///
    /// Without a target it runs on every media thread, unless the plugin has `serve`. Requests name their plugin: no other one sees
    /// them.
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

    /// A request without a target, off the media threads; may be slow. Runs once per request.
    ///
    /// A panic answers the request with an error and counts with those of the instance on the first media thread. Once any
    /// media thread has put the plugin in quarantine, requests are refused.
    fn serve(
        shared: &Arc<Self::Shared>,
        req: Self::Request,
        re: Responder,
    ) -> impl Future<Output = ()> + Send {
        let _ = (shared, req);
        async move { re.error(CODE_DROPPED, "this plugin takes no requests without a target") }
    }

    /// A message from background work or another instance. Runs per message, at most 256 per plugin and turn.
    fn message(&mut self, msg: Self::Message, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (msg, rows, cx);
    }

    /// The outcome of `cx.control` or `cx.ask`. Runs once for each.
    fn done(&mut self, tag: u64, outcome: Result<Reply, Error>, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (tag, outcome, rows, cx);
    }

    /// An event of the core or of another plugin (never its own). Runs per event: for all entities, on or not.
    fn event(&mut self, ev: &Event, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (ev, rows, cx);
    }

    /// Time passed: every second (`tick_ms` in `#[plugin]`), and when `cx.wake_at` asked for it.
    fn tick(&mut self, rows: &mut Rows<'_, Self>, cx: &mut Cx<'_>) {
        let _ = (rows, cx);
    }

    /// Figures about a target. Runs when somebody asks, for all plugins at once: read, don't compute.
    fn stats(&self, at: Target, rows: &Rows<'_, Self>, out: &mut Stats) {
        let _ = (at, rows, out);
    }
}
