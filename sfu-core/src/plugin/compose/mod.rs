//! A list of plugins as one type: all dispatch, as ordinary code.
mod cons;
mod entity;
mod entry;
mod guard;
mod inbox;
mod lifecycle;
mod mode;
mod nil;

pub use cons::Cons;
pub use mode::{Below, Mode, Past, Timed, Timing, TurnTimer, Untimed};
pub use nil::Nil;

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use serde_json::Value;

use super::config::PluginSettings;
use super::cx::HookContext;
use super::data::DataMessage;
use super::enabling::Rules;
use super::error::Error;
use super::hooks::Hooks;
use super::kind::Kind;
use super::meta::Meta;
use super::packet::{RtcpPacket, RtpPacket};
use super::responder::Responder;
use super::rows::RowSource;
use super::slot::PluginSlot;
use super::start::Launch;
use super::verdict::Verdict;
use super::view::Lineage;
use super::{Attach, Refusal};
use crate::control::{
    ConsumerId, DataConsumerId, DataProducerId, Event, EventBody, ProducerId, Reply, Target, TransportId,
};

/// A plugin refused an entity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugins.{plugin}: {refusal}")]
pub struct Refused {
    /// The plugin.
    pub plugin: &'static str,
    /// Why.
    pub refusal: Refusal,
}

/// How entities are opened for plugins.
pub struct Opening<'a> {
    /// The settings.
    pub rules: &'a Rules,
    /// What the entity belongs to.
    pub lineage: &'a Lineage,
    /// Only for this plugin.
    pub only: Option<PluginSlot>,
    /// The entity existed before.
    pub late: bool,
}

/// A plugin's description in its composition, and the next one.
pub struct MetaNode {
    /// The description.
    pub meta: Meta,
    /// Its hooks.
    pub hooks: Hooks,
    /// Size of its note in bytes.
    pub note_size: usize,
    /// The plugin listed after it.
    pub next: Option<&'static MetaNode>,
}

/// A future that answers a request off the media threads.
pub type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A list of plugins; made by `worker!`, implemented by [`Cons`] and [`Nil`] only.
///
/// Ingress hooks run in list order, egress hooks in the reverse order. A hook that no plugin of the list overrides
/// compiles to nothing. Methods that take a slot do nothing where there is no such plugin.
pub trait PluginSet: Sized + 'static {
    /// How many plugins there are.
    const LEN: usize;
    /// The hooks that at least one of them overrides.
    const HOOKS: Hooks;
    /// Their descriptions, in order.
    const METAS: Option<&'static MetaNode>;

    /// One cell per plugin for an entity.
    type Row<K: Kind>: Default;
    /// All plugins' notes on a packet.
    type Notes: Copy + Default + Send + 'static;
    /// What is made once per process.
    type Seed: Clone + Send + Sync + 'static;

    /// Checks the configuration and makes what is made once per process.
    fn prepare(settings: &PluginSettings, launch: &Launch) -> Result<Self::Seed, Error>;
    /// Makes the instances of one media thread, in order.
    fn start(seed: &Self::Seed, worker: u8, now: Instant) -> Result<Self, Error>;
    /// Runs `stop` of each, in reverse order, and drops the instances.
    fn finish(self, hx: &mut HookContext<'_>);

    // Hot: a row that `Table::hot` gave.

    /// One media packet of a producer.
    fn rtp_in<M: Mode>(
        &mut self,
        id: ProducerId,
        row: &mut Self::Row<ProducerId>,
        pkt: &mut RtpPacket<'_>,
        notes: &mut Self::Notes,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict;
    /// One packet for one consumer.
    fn rtp_out<M: Mode>(
        &mut self,
        id: ConsumerId,
        row: &mut Self::Row<ConsumerId>,
        pkt: &mut RtpPacket<'_>,
        notes: &Self::Notes,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict;
    /// RTCP of a transport.
    fn rtcp_in<M: Mode>(
        &mut self,
        id: TransportId,
        row: &mut Self::Row<TransportId>,
        pkt: &mut RtcpPacket<'_>,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict;
    /// RTCP for a transport.
    fn rtcp_out<M: Mode>(
        &mut self,
        id: TransportId,
        row: &mut Self::Row<TransportId>,
        pkt: &mut RtcpPacket<'_>,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict;
    /// A message of a data producer.
    fn data_in<M: Mode>(
        &mut self,
        id: DataProducerId,
        row: &mut Self::Row<DataProducerId>,
        msg: &mut DataMessage<'_>,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict;
    /// A message for a data consumer.
    fn data_out<M: Mode>(
        &mut self,
        id: DataConsumerId,
        row: &mut Self::Row<DataConsumerId>,
        msg: &mut DataMessage<'_>,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict;
    /// A data consumer can take messages again.
    fn data_ready(
        &mut self,
        id: DataConsumerId,
        row: &mut Self::Row<DataConsumerId>,
        hx: &mut HookContext<'_>,
    );

    // Cold, about one entity.

    /// Attaches plugins that are off here, and on by their settings, in order. A refusal detaches those of this call.
    fn opened<K: Kind>(
        &mut self,
        id: K,
        row: &mut Self::Row<K>,
        opening: &Opening<'_>,
        hx: &mut HookContext<'_>,
    ) -> Result<(), Refused>;
    /// Detaches plugins, in reverse order; all, or one.
    fn closed<K: Kind>(
        &mut self,
        id: K,
        row: &mut Self::Row<K>,
        only: Option<PluginSlot>,
        hx: &mut HookContext<'_>,
    );
    /// Hands an event about an entity to the plugins that are on for it.
    fn entity_event<K: Kind, R: RowSource<Self>>(
        &mut self,
        id: K,
        body: &EventBody,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    );
    /// The plugins that have something in a row, a bit each.
    fn mask<K: Kind>(row: &Self::Row<K>) -> u64;

    // Cold, about all entities.

    /// Runs `tick` of those whose time has come.
    fn tick<R: RowSource<Self>>(&mut self, rows: &mut R, hx: &mut HookContext<'_>);
    /// When the next `tick` is due.
    fn next_tick(&self, hx: &HookContext<'_>) -> Option<Instant>;
    /// Hands an event to all but one plugin.
    fn event<R: RowSource<Self>>(
        &mut self,
        event: &Event,
        except: Option<PluginSlot>,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    );
    /// Hands over messages that wait, for the plugins of `mask`; those with more left are in the mask that comes back.
    fn messages<R: RowSource<Self>>(&mut self, mask: u64, rows: &mut R, hx: &mut HookContext<'_>) -> u64;
    /// Collects the figures of all plugins that have some.
    fn stats<R: RowSource<Self>>(
        &mut self,
        at: Target,
        rows: &mut R,
        hx: &mut HookContext<'_>,
        put: &mut dyn FnMut(&'static str, Value),
    );

    // Cold, about one plugin.

    /// A request to a plugin; always answered.
    fn request<R: RowSource<Self>>(
        &mut self,
        slot: PluginSlot,
        body: Value,
        at: Target,
        re: Responder,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    );
    /// A request off the media threads; `None` where the plugin has no `serve`.
    fn serve(seed: &Self::Seed, slot: PluginSlot, body: Value, re: Responder) -> Option<Serving>;
    /// The outcome of what a plugin asked for.
    fn done<R: RowSource<Self>>(
        &mut self,
        slot: PluginSlot,
        tag: u64,
        outcome: Result<Reply, Error>,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    );
    /// A new configuration of a plugin's own; answers the one before.
    fn reconfigure(
        &mut self,
        slot: PluginSlot,
        config: Value,
        hx: &mut HookContext<'_>,
    ) -> Result<Value, Error>;
    /// Drops all states of a plugin and makes it anew. Entities must then be opened for it again.
    fn rebuild<R: RowSource<Self>>(
        &mut self,
        slot: PluginSlot,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) -> Result<(), Error>;
    /// Drops all states of a plugin; no hook of it is called again. `close` gets what its `on_panic` closes.
    fn quarantine<R: RowSource<Self>>(
        &mut self,
        slot: PluginSlot,
        rows: &mut R,
        close: &mut dyn FnMut(Target),
    );
    /// Detaches a plugin from one entity, as a panic there does; whether the entity must be closed.
    fn detach_from<R: RowSource<Self>>(slot: PluginSlot, target: Target, rows: &mut R) -> bool;
    /// Whether a plugin is in quarantine.
    fn is_quarantined(&self, slot: PluginSlot) -> bool;

    // Checks, without an instance.

    /// Whether a text of options fits a plugin.
    fn check_options(slot: PluginSlot, options: &Value) -> Result<(), Error>;
    /// Whether a configuration fits a plugin.
    fn check_config(slot: PluginSlot, config: &Value) -> Result<(), Error>;

    /// The descriptions of the plugins, in order.
    fn metas() -> impl Iterator<Item = (PluginSlot, &'static Meta, Hooks)> {
        let mut next = Self::METAS;
        let mut left = Self::LEN;
        std::iter::from_fn(move || {
            let node = next?;
            next = node.next;
            left -= 1;
            Some((PluginSlot::new(left), &node.meta, node.hooks))
        })
    }

    /// The place of a plugin; the error names those that there are.
    fn slot_of(id: &str) -> Result<PluginSlot, Error> {
        Self::metas().find(|(_, meta, _)| meta.id == id).map(|(slot, ..)| slot).ok_or_else(|| {
            let known: Vec<&str> = Self::metas().map(|(_, meta, _)| meta.id).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::at("plugins", format!("no plugin `{}`; this worker has: {known}", shorten(id)))
        })
    }

    /// The description of a plugin.
    fn meta(slot: PluginSlot) -> Option<&'static Meta> {
        Self::metas().find(|(at, ..)| *at == slot).map(|(_, meta, _)| meta)
    }
}

/// Keeps text of a peer that goes into an error short.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

pub(crate) use guard::{Failed, cold, hot};
