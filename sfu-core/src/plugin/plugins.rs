//! The plugins of one media thread with all that belongs to them, as the shell drives them.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::oneshot;

use super::commands::CommandLimits;
use super::compose::{Mode, Opening, PluginSet, Refused};
use super::config::PluginSettings;
use super::cx::{Desk, HookContext};
use super::data::DataMessage;
use super::enabling::Rules;
use super::error::Error;
use super::faults::{FaultPolicy, Record};
use super::hooks::Hooks;
use super::kind::Kind;
use super::meta::Meta;
use super::outcomes::Outcomes;
use super::packet::{RtcpPacket, RtpPacket};
use super::responder::Responder;
use super::slot::PluginSlot;
use super::start::{Doorbell, Launch};
use super::tables::Tables;
use super::verdict::Verdict;
use super::view::{View, ViewSource};
use crate::control::{
    ConsumerId, ControlError, DataConsumerId, DataProducerId, Event, PluginCost, PluginFaults, PluginSwitch,
    ProducerId, Reply, Target, TransportId,
};
use crate::plugin::kind::with_target;

/// The moment of a call, and what can be seen in it.
#[derive(Clone, Copy)]
pub struct Moment<'e> {
    /// The moment.
    pub now: Instant,
    /// The engine.
    pub view: &'e dyn ViewSource,
}

/// How plugins may behave.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PluginLimits {
    /// Panics and slowness.
    pub faults: FaultPolicy,
    /// Commands.
    pub commands: CommandLimits,
}

/// The plugins of one media thread: instances, states, settings, queued commands.
///
/// The fields are public so that the shell can borrow them apart.
pub struct Plugins<S: PluginSet> {
    /// The instances.
    pub set: S,
    /// Their states.
    pub tables: Tables<S>,
    /// Where they are on.
    pub rules: Rules,
    /// What they asked for, and their faults.
    pub desk: Desk,
    pub(super) worker: u8,
    pub(super) policy: FaultPolicy,
    pub(super) records: Vec<Record>,
    pub(super) outcomes: Outcomes,
    bell: Arc<Doorbell>,
    mail_left: u64,
}

impl<S: PluginSet> Plugins<S> {
    /// Makes the instances of one media thread.
    pub fn start(
        seed: &S::Seed,
        settings: &PluginSettings,
        launch: &Launch,
        limits: PluginLimits,
        worker: u8,
        now: Instant,
    ) -> Result<Self, Error> {
        let mut desk = Desk::new(S::LEN, limits.commands);
        desk.slow = limits.faults.slow();
        let bell = launch.bells.get(usize::from(worker)).cloned().unwrap_or_default();
        Ok(Plugins {
            set: S::start(seed, worker, now)?,
            tables: Tables::new(worker),
            rules: Rules::configured::<S>(settings),
            desk,
            worker,
            policy: limits.faults,
            records: vec![Record::default(); S::LEN],
            outcomes: Outcomes::new(bell.clone()),
            bell,
            mail_left: 0,
        })
    }

    /// Runs `stop` of each plugin and drops the instances; entities were closed before.
    pub fn stop(mut self, m: Moment<'_>) {
        self.set.finish(&mut HookContext::new(m.now, self.worker, m.view, &mut self.desk));
    }

    /// One media packet of a producer; `notes` begin as `Default`.
    #[inline]
    pub fn rtp_in<M: Mode>(
        &mut self,
        id: ProducerId,
        pkt: &mut RtpPacket<'_>,
        notes: &mut S::Notes,
        m: Moment<'_>,
        mode: M,
    ) -> Verdict {
        let Some(row) = self.tables.producer.hot(id) else { return Verdict::Forward };
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.rtp_in(id, row, pkt, notes, hx, mode)
    }

    /// One packet for one consumer.
    #[inline]
    pub fn rtp_out<M: Mode>(
        &mut self,
        id: ConsumerId,
        pkt: &mut RtpPacket<'_>,
        notes: &S::Notes,
        m: Moment<'_>,
        mode: M,
    ) -> Verdict {
        let Some(row) = self.tables.consumer.hot(id) else { return Verdict::Forward };
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.rtp_out(id, row, pkt, notes, hx, mode)
    }

    /// RTCP of a transport.
    #[inline]
    pub fn rtcp_in<M: Mode>(
        &mut self,
        id: TransportId,
        pkt: &mut RtcpPacket<'_>,
        m: Moment<'_>,
        mode: M,
    ) -> Verdict {
        let Some(row) = self.tables.transport.hot(id) else { return Verdict::Forward };
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.rtcp_in(id, row, pkt, hx, mode)
    }

    /// RTCP for a transport.
    #[inline]
    pub fn rtcp_out<M: Mode>(
        &mut self,
        id: TransportId,
        pkt: &mut RtcpPacket<'_>,
        m: Moment<'_>,
        mode: M,
    ) -> Verdict {
        let Some(row) = self.tables.transport.hot(id) else { return Verdict::Forward };
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.rtcp_out(id, row, pkt, hx, mode)
    }

    /// A message of a data producer.
    #[inline]
    pub fn data_in<M: Mode>(
        &mut self,
        id: DataProducerId,
        msg: &mut DataMessage<'_>,
        m: Moment<'_>,
        mode: M,
    ) -> Verdict {
        let Some(row) = self.tables.data_producer.hot(id) else { return Verdict::Forward };
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.data_in(id, row, msg, hx, mode)
    }

    /// A message for a data consumer.
    #[inline]
    pub fn data_out<M: Mode>(
        &mut self,
        id: DataConsumerId,
        msg: &mut DataMessage<'_>,
        m: Moment<'_>,
        mode: M,
    ) -> Verdict {
        let Some(row) = self.tables.data_consumer.hot(id) else { return Verdict::Forward };
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.data_out(id, row, msg, hx, mode)
    }

    /// A data consumer can take messages again.
    #[inline]
    pub fn data_ready(&mut self, id: DataConsumerId, m: Moment<'_>) {
        let Some(row) = self.tables.data_consumer.hot(id) else { return };
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.data_ready(id, row, hx);
    }

    /// An entity was made and can be seen; parents first. Refused: the core takes it back, without calling `closed`.
    pub fn opened<K: Kind>(&mut self, id: K, m: Moment<'_>) -> Result<(), Refused> {
        if S::LEN == 0 {
            return Ok(());
        }
        K::table_mut(&mut self.tables).insert(id);
        let outcome = self.open::<K>(id, None, false, m);
        if outcome.is_err() {
            K::table_mut(&mut self.tables).remove(id);
            self.rules.forget(id.into());
        }
        outcome
    }

    /// Attaches plugins to an entity that has a row.
    pub(super) fn open<K: Kind>(
        &mut self,
        id: K,
        only: Option<PluginSlot>,
        late: bool,
        m: Moment<'_>,
    ) -> Result<(), Refused> {
        let lineage = View::new(m.view).lineage(id.into());
        let opening = Opening { rules: &self.rules, lineage: &lineage, only, late };
        let Some(row) = K::table_mut(&mut self.tables).row_mut(id) else { return Ok(()) };
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        let outcome = self.set.opened(id, row, &opening, hx);
        K::table_mut(&mut self.tables).sync(id);
        outcome
    }

    /// An entity closes; children first, while it can still be seen.
    pub fn closed<K: Kind>(&mut self, id: K, m: Moment<'_>) {
        if S::LEN == 0 {
            return;
        }
        self.close::<K>(id, None, m);
        K::table_mut(&mut self.tables).remove(id);
        self.rules.forget(id.into());
        for record in &mut self.records {
            record.forget(id.into());
        }
    }

    /// Detaches plugins from an entity.
    pub(super) fn close<K: Kind>(&mut self, id: K, only: Option<PluginSlot>, m: Moment<'_>) {
        let Some(row) = K::table_mut(&mut self.tables).row_mut(id) else { return };
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.closed(id, row, only, hx);
        K::table_mut(&mut self.tables).sync(id);
    }

    /// Hands out an event: to `k_event` of the plugins that are on for its entity, and to `event` of all but `except`.
    pub fn deliver(&mut self, event: &Event, except: Option<PluginSlot>, m: Moment<'_>) {
        if S::LEN == 0 {
            return;
        }
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        let (set, tables) = (&mut self.set, &mut self.tables);
        with_target!(event.target, id => set.entity_event(id, &event.body, tables, hx), ());
        self.set.event(event, except, &mut self.tables, hx);
    }

    /// A request of a client; `reply` always gets an answer, perhaps later.
    pub fn request(
        &mut self,
        plugin: &str,
        target: Target,
        body: Value,
        reply: oneshot::Sender<Result<Reply, ControlError>>,
        m: Moment<'_>,
    ) {
        match S::slot_of(plugin) {
            Err(error) => {
                let _ = reply.send(Err(ControlError::unsupported(error.to_string())));
            }
            Ok(slot) => {
                let id = S::meta(slot).map_or("", |meta| meta.id);
                self.request_of(slot, target, body, Responder::command(id, reply), m);
            }
        }
    }

    pub(super) fn request_of(
        &mut self,
        slot: PluginSlot,
        target: Target,
        body: Value,
        re: Responder,
        m: Moment<'_>,
    ) {
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.request(slot, body, target, re, &mut self.tables, hx);
    }

    /// Runs what is due; call it when `next_tick` has come.
    pub fn tick(&mut self, m: Moment<'_>) {
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.tick(&mut self.tables, hx);
    }

    /// When a plugin next wants to be called.
    pub fn next_tick(&mut self, m: Moment<'_>) -> Option<Instant> {
        self.set.next_tick(&HookContext::new(m.now, self.worker, m.view, &mut self.desk))
    }

    /// Hands over messages and outcomes that wait; once per turn. Whether more are left for the next turn.
    #[inline]
    pub fn messages(&mut self, m: Moment<'_>) -> bool {
        let waiting = self.bell.take() | self.mail_left;
        if waiting == 0 {
            return false;
        }
        self.hand_over(waiting, m);
        self.mail_left != 0
    }

    /// Whether messages or outcomes wait.
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.mail_left != 0 || self.bell.is_ringing()
    }

    #[cold]
    fn hand_over(&mut self, waiting: u64, m: Moment<'_>) {
        if waiting & PluginSlot::OUTCOMES.bit() != 0 {
            while let Some((slot, tag, outcome)) = self.outcomes.next() {
                self.done(slot, tag, outcome, m);
            }
        }
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.mail_left = self.set.messages(waiting, &mut self.tables, hx);
    }

    /// The outcome of what a plugin asked for with `control` or `ask`.
    pub fn done(&mut self, slot: PluginSlot, tag: u64, outcome: Result<Reply, Error>, m: Moment<'_>) {
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.done(slot, tag, outcome, &mut self.tables, hx);
    }

    /// What the hot hooks of each plugin cost.
    pub fn costs(&self) -> BTreeMap<String, PluginCost> {
        S::metas().map(|(slot, meta, _)| (meta.id.to_owned(), self.desk.costs.of(slot))).collect()
    }

    /// What went wrong with each plugin, and what was done about it.
    pub fn faults(&self) -> BTreeMap<String, PluginFaults> {
        let faults = |(slot, meta, _): (PluginSlot, &Meta, Hooks)| {
            let figures = self.records.get(slot.index()).map(|record| record.figures).unwrap_or_default();
            let refused_commands = self.desk.queue.refused(slot);
            (meta.id.to_owned(), PluginFaults { refused_commands, ..figures })
        };
        S::metas().map(faults).collect()
    }

    /// Where each plugin is switched on, by its id.
    pub fn switches(&self) -> BTreeMap<String, PluginSwitch> {
        S::metas().map(|(slot, meta, _)| (meta.id.to_owned(), self.rules.summary(slot))).collect()
    }

    /// The figures of all plugins about a target, by plugin id.
    pub fn stats(&mut self, at: Target, m: Moment<'_>) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        let hx = &mut HookContext::new(m.now, self.worker, m.view, &mut self.desk);
        self.set.stats(at, &mut self.tables, hx, &mut |id, figures| {
            all.insert(id.to_owned(), figures);
        });
        all
    }
}
