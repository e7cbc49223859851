//! A plugin and the rest of the list.
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::entry::{Entry, Seed, parse_config, parse_options};
use super::*;
use crate::plugin::attach::Cell;
use crate::plugin::faults::drop_contained;
use crate::plugin::plugin_trait::Plugin;
use crate::plugin::rows::{First, Rows, Tail};

/// A plugin and the rest of the list.
pub struct Cons<H: Plugin, T: PluginSet> {
    pub(super) head: Entry<H>,
    pub(super) tail: T,
}

impl<H: Plugin, T: PluginSet> Cons<H, T> {
    pub(super) const SLOT: PluginSlot = PluginSlot::new(T::LEN);
    const NODE: MetaNode =
        MetaNode { meta: H::META, hooks: H::HOOKS, note_size: size_of::<H::Note>(), next: T::METAS };

    /// Whether a hook of the first plugin may be called.
    pub(super) fn has(&self, hook: Hooks) -> bool {
        H::HOOKS.contains(hook) && !self.head.quarantined
    }
}

impl<H: Plugin, T: PluginSet> PluginSet for Cons<H, T> {
    const LEN: usize = T::LEN + 1;
    const HOOKS: Hooks = H::HOOKS.with(T::HOOKS);
    const METAS: Option<&'static MetaNode> = Some(&Self::NODE);

    type Row<K: Kind> = (Cell<K::State<H>>, T::Row<K>);
    type Notes = (H::Note, T::Notes);
    type Seed = (Arc<Seed<H>>, T::Seed);

    fn prepare(settings: &PluginSettings, launch: &Launch) -> Result<Self::Seed, Error> {
        let head = Seed::prepare(settings, Self::SLOT, launch)?;
        Ok((Arc::new(head), T::prepare(settings, launch)?))
    }

    fn start(seed: &Self::Seed, worker: u8, now: Instant) -> Result<Self, Error> {
        Ok(Cons { head: Entry::start(&seed.0, worker, now)?, tail: T::start(&seed.1, worker, now)? })
    }

    fn finish(mut self, hx: &mut HookContext<'_>) {
        self.tail.finish(hx);
        if H::HOOKS.contains(Hooks::STOP) && !self.head.quarantined {
            let plugin = &mut self.head.plugin;
            let _ = cold(Hooks::STOP, Target::Worker, false, Self::SLOT, hx, |cx| plugin.stop(cx));
        }
        drop_contained(self.head);
    }

    #[inline]
    fn rtp_in<M: Mode>(
        &mut self,
        id: ProducerId,
        row: &mut Self::Row<ProducerId>,
        pkt: &mut RtpPacket<'_>,
        notes: &mut Self::Notes,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict {
        if H::HOOKS.contains(Hooks::RTP_IN) && mode.admits_in(Self::SLOT) {
            let (plugin, note) = (&mut self.head.plugin, &mut notes.0);
            let verdict = hot::<H, ProducerId, M>(&mut row.0, Hooks::RTP_IN, id, Self::SLOT, hx, |st, cx| {
                plugin.rtp_in(st, pkt, note, cx)
            });
            if verdict == Verdict::Drop {
                return verdict;
            }
        }
        if !T::HOOKS.contains(Hooks::RTP_IN) {
            return Verdict::Forward;
        }
        self.tail.rtp_in(id, &mut row.1, pkt, &mut notes.1, hx, mode)
    }

    #[inline]
    fn rtp_out<M: Mode>(
        &mut self,
        id: ConsumerId,
        row: &mut Self::Row<ConsumerId>,
        pkt: &mut RtpPacket<'_>,
        notes: &Self::Notes,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict {
        if T::HOOKS.contains(Hooks::RTP_OUT)
            && self.tail.rtp_out(id, &mut row.1, pkt, &notes.1, hx, mode) == Verdict::Drop
        {
            return Verdict::Drop;
        }
        if !H::HOOKS.contains(Hooks::RTP_OUT) || !mode.admits_out(Self::SLOT) {
            return Verdict::Forward;
        }
        let plugin = &mut self.head.plugin;
        hot::<H, ConsumerId, M>(&mut row.0, Hooks::RTP_OUT, id, Self::SLOT, hx, |st, cx| {
            plugin.rtp_out(st, pkt, &notes.0, cx)
        })
    }

    #[inline]
    fn rtcp_in<M: Mode>(
        &mut self,
        id: TransportId,
        row: &mut Self::Row<TransportId>,
        pkt: &mut RtcpPacket<'_>,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict {
        if H::HOOKS.contains(Hooks::RTCP_IN) && mode.admits_in(Self::SLOT) {
            let plugin = &mut self.head.plugin;
            let verdict =
                hot::<H, TransportId, M>(&mut row.0, Hooks::RTCP_IN, id, Self::SLOT, hx, |st, cx| {
                    plugin.rtcp_in(st, pkt, cx)
                });
            if verdict == Verdict::Drop {
                return verdict;
            }
        }
        if !T::HOOKS.contains(Hooks::RTCP_IN) {
            return Verdict::Forward;
        }
        self.tail.rtcp_in(id, &mut row.1, pkt, hx, mode)
    }

    #[inline]
    fn rtcp_out<M: Mode>(
        &mut self,
        id: TransportId,
        row: &mut Self::Row<TransportId>,
        pkt: &mut RtcpPacket<'_>,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict {
        if T::HOOKS.contains(Hooks::RTCP_OUT)
            && self.tail.rtcp_out(id, &mut row.1, pkt, hx, mode) == Verdict::Drop
        {
            return Verdict::Drop;
        }
        if !H::HOOKS.contains(Hooks::RTCP_OUT) || !mode.admits_out(Self::SLOT) {
            return Verdict::Forward;
        }
        let plugin = &mut self.head.plugin;
        hot::<H, TransportId, M>(&mut row.0, Hooks::RTCP_OUT, id, Self::SLOT, hx, |st, cx| {
            plugin.rtcp_out(st, pkt, cx)
        })
    }

    #[inline]
    fn data_in<M: Mode>(
        &mut self,
        id: DataProducerId,
        row: &mut Self::Row<DataProducerId>,
        msg: &mut DataMessage<'_>,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict {
        if H::HOOKS.contains(Hooks::DATA_IN) && mode.admits_in(Self::SLOT) {
            let plugin = &mut self.head.plugin;
            let verdict =
                hot::<H, DataProducerId, M>(&mut row.0, Hooks::DATA_IN, id, Self::SLOT, hx, |st, cx| {
                    plugin.data_in(st, msg, cx)
                });
            if verdict == Verdict::Drop {
                return verdict;
            }
        }
        if !T::HOOKS.contains(Hooks::DATA_IN) {
            return Verdict::Forward;
        }
        self.tail.data_in(id, &mut row.1, msg, hx, mode)
    }

    #[inline]
    fn data_out<M: Mode>(
        &mut self,
        id: DataConsumerId,
        row: &mut Self::Row<DataConsumerId>,
        msg: &mut DataMessage<'_>,
        hx: &mut HookContext<'_>,
        mode: M,
    ) -> Verdict {
        if T::HOOKS.contains(Hooks::DATA_OUT)
            && self.tail.data_out(id, &mut row.1, msg, hx, mode) == Verdict::Drop
        {
            return Verdict::Drop;
        }
        if !H::HOOKS.contains(Hooks::DATA_OUT) || !mode.admits_out(Self::SLOT) {
            return Verdict::Forward;
        }
        let plugin = &mut self.head.plugin;
        hot::<H, DataConsumerId, M>(&mut row.0, Hooks::DATA_OUT, id, Self::SLOT, hx, |st, cx| {
            plugin.data_out(st, msg, cx)
        })
    }

    #[inline]
    fn data_ready(
        &mut self,
        id: DataConsumerId,
        row: &mut Self::Row<DataConsumerId>,
        hx: &mut HookContext<'_>,
    ) {
        if T::HOOKS.contains(Hooks::DATA_READY) {
            self.tail.data_ready(id, &mut row.1, hx);
        }
        if H::HOOKS.contains(Hooks::DATA_READY) {
            let plugin = &mut self.head.plugin;
            let _ = hot::<H, DataConsumerId, Untimed>(
                &mut row.0,
                Hooks::DATA_READY,
                id,
                Self::SLOT,
                hx,
                |st, cx| {
                    plugin.data_ready(st, cx);
                    Verdict::Forward
                },
            );
        }
    }

    fn opened<K: Kind>(
        &mut self,
        id: K,
        row: &mut Self::Row<K>,
        opening: &Opening<'_>,
        hx: &mut HookContext<'_>,
    ) -> Result<(), Refused> {
        let before = row.0.state().is_some();
        if H::HOOKS.contains(K::OPENED) && !before && opening.only.is_none_or(|only| only == Self::SLOT) {
            self.open_head(id, &mut row.0, opening, hx)?;
        }
        let outcome = self.tail.opened(id, &mut row.1, opening, hx);
        if outcome.is_err() && !before {
            self.close_head(id, &mut row.0, hx);
        }
        outcome
    }

    fn closed<K: Kind>(
        &mut self,
        id: K,
        row: &mut Self::Row<K>,
        only: Option<PluginSlot>,
        hx: &mut HookContext<'_>,
    ) {
        self.tail.closed(id, &mut row.1, only, hx);
        if only.is_none_or(|only| only == Self::SLOT) {
            self.close_head(id, &mut row.0, hx);
        }
    }

    fn entity_event<K: Kind, R: RowSource<Self>>(
        &mut self,
        id: K,
        body: &EventBody,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) {
        if self.has(K::EVENT)
            && rows.row(id).is_some_and(|row| row.0.state().is_some())
            && let Some(event) = K::event_of(body)
        {
            let plugin = &mut self.head.plugin;
            let outcome = cold(K::EVENT, id.into(), Self::closes::<K>(), Self::SLOT, hx, |cx| {
                K::event(plugin, id, &event, &mut Rows::new(&mut First::of(rows)), cx);
            });
            if outcome.is_err() {
                Self::detach(id.into(), rows);
            }
        }
        if T::HOOKS.contains(K::EVENT) {
            self.tail.entity_event(id, body, &mut Tail::of(rows), hx);
        }
    }

    #[inline]
    fn mask<K: Kind>(row: &Self::Row<K>) -> u64 {
        let bit = if row.0.is_used() { Self::SLOT.bit() } else { 0 };
        bit | T::mask::<K>(&row.1)
    }

    fn tick<R: RowSource<Self>>(&mut self, rows: &mut R, hx: &mut HookContext<'_>) {
        self.tick_head(rows, hx);
        if T::HOOKS.contains(Hooks::TICK) {
            self.tail.tick(&mut Tail::of(rows), hx);
        }
    }

    fn next_tick(&self, hx: &HookContext<'_>) -> Option<Instant> {
        let mine = self.has(Hooks::TICK).then(|| {
            hx.desk.wakes.at(Self::SLOT).map_or(self.head.next_tick, |wake| wake.min(self.head.next_tick))
        });
        mine.into_iter().chain(self.tail.next_tick(hx)).min()
    }

    fn event<R: RowSource<Self>>(
        &mut self,
        event: &Event,
        except: Option<PluginSlot>,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) {
        if self.has(Hooks::EVENT) && except != Some(Self::SLOT) {
            let plugin = &mut self.head.plugin;
            let _ = cold(Hooks::EVENT, Target::Worker, false, Self::SLOT, hx, |cx| {
                plugin.event(event, &mut Rows::new(&mut First::of(rows)), cx);
            });
        }
        if T::HOOKS.contains(Hooks::EVENT) {
            self.tail.event(event, except, &mut Tail::of(rows), hx);
        }
    }

    fn messages<R: RowSource<Self>>(&mut self, mask: u64, rows: &mut R, hx: &mut HookContext<'_>) -> u64 {
        let left = if mask & Self::SLOT.bit() != 0 { self.messages_head(rows, hx) } else { 0 };
        if T::LEN == 0 {
            return left;
        }
        left | self.tail.messages(mask, &mut Tail::of(rows), hx)
    }

    fn stats<R: RowSource<Self>>(
        &mut self,
        at: Target,
        rows: &mut R,
        hx: &mut HookContext<'_>,
        put: &mut dyn FnMut(&'static str, Value),
    ) {
        self.stats_head(at, rows, hx, put);
        if T::HOOKS.contains(Hooks::STATS) {
            self.tail.stats(at, &mut Tail::of(rows), hx, put);
        }
    }

    fn request<R: RowSource<Self>>(
        &mut self,
        slot: PluginSlot,
        body: Value,
        at: Target,
        re: Responder,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) {
        if slot != Self::SLOT {
            return self.tail.request(slot, body, at, re, &mut Tail::of(rows), hx);
        }
        self.request_head(body, at, re, rows, hx);
    }

    fn serve(seed: &Self::Seed, slot: PluginSlot, body: Value, re: Responder) -> Option<Serving> {
        if slot != Self::SLOT {
            return T::serve(&seed.1, slot, body, re);
        }
        Self::serve_head(&seed.0, body, re)
    }

    fn done<R: RowSource<Self>>(
        &mut self,
        slot: PluginSlot,
        tag: u64,
        outcome: Result<Reply, Error>,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) {
        if slot != Self::SLOT {
            return self.tail.done(slot, tag, outcome, &mut Tail::of(rows), hx);
        }
        self.done_head(tag, outcome, rows, hx);
    }

    fn reconfigure(
        &mut self,
        slot: PluginSlot,
        config: Value,
        hx: &mut HookContext<'_>,
    ) -> Result<Value, Error> {
        if slot != Self::SLOT {
            return self.tail.reconfigure(slot, config, hx);
        }
        self.reconfigure_head(config, hx)
    }

    fn rebuild<R: RowSource<Self>>(
        &mut self,
        slot: PluginSlot,
        rows: &mut R,
        hx: &mut HookContext<'_>,
    ) -> Result<(), Error> {
        if slot != Self::SLOT {
            return self.tail.rebuild(slot, &mut Tail::of(rows), hx);
        }
        self.rebuild_head(rows, hx)
    }

    fn quarantine<R: RowSource<Self>>(
        &mut self,
        slot: PluginSlot,
        rows: &mut R,
        close: &mut dyn FnMut(Target),
    ) {
        if slot != Self::SLOT {
            return self.tail.quarantine(slot, &mut Tail::of(rows), close);
        }
        self.quarantine_head(rows, close);
    }

    fn detach_from<R: RowSource<Self>>(slot: PluginSlot, target: Target, rows: &mut R) -> bool {
        if slot != Self::SLOT {
            return T::detach_from(slot, target, &mut Tail::of(rows));
        }
        Self::detach(target, rows)
    }

    fn is_quarantined(&self, slot: PluginSlot) -> bool {
        if slot == Self::SLOT { self.head.quarantined } else { self.tail.is_quarantined(slot) }
    }

    fn check_options(slot: PluginSlot, options: &Value) -> Result<(), Error> {
        if slot != Self::SLOT {
            return T::check_options(slot, options);
        }
        parse_options::<H>(options).map(drop)
    }

    fn check_config(slot: PluginSlot, config: &Value) -> Result<(), Error> {
        if slot != Self::SLOT {
            return T::check_config(slot, config);
        }
        parse_config::<H>(config).map(drop)
    }
}
