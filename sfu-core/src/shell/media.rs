//! Media packets: past the ingress hooks, to everybody who gets them, past the egress hooks.
use std::time::Instant;

use super::{Pace, Relayed, Shell, Surroundings};
use crate::control::ConsumerId;
use crate::engine::{Ingress, Published, RelayedPacket};
use crate::plugin::{Hooks, Mode, Moment, Past, PluginSet, PluginSlot, Timed, Untimed, Verdict};

impl<S: PluginSet, X: Surroundings<S>> Shell<S, X> {
    /// A media packet: past the ingress hooks, then to everybody who gets it.
    #[inline]
    pub(super) fn rtp<M: Mode>(&mut self, now: Instant, mut ingress: Ingress, mode: M) {
        let mut notes = S::Notes::default();
        if S::HOOKS.contains(Hooks::RTP_IN)
            && self.plugins.tables.producer.mask(ingress.producer) != 0
            && self.ingress_hooks(now, &mut ingress, &mut notes, mode) == Verdict::Drop
        {
            return self.drop_ingress(now, ingress);
        }
        self.fan_out(now, ingress, notes, mode.out());
    }

    // Hooks that do nothing must leave nothing behind: before the hooks, and after them where nothing was changed, this function and
    // `egress_hooks` may only read, so that all of it can be optimised away.
    #[inline]
    fn ingress_hooks<M: Mode>(
        &mut self,
        now: Instant,
        ingress: &mut Ingress,
        notes: &mut S::Notes,
        mode: M,
    ) -> Verdict {
        let id = ingress.producer;
        let extensions = self.engine.producer_extensions(id);
        let Some(packet) = ingress.packet.get_mut() else { return Verdict::Forward };
        let info = packet.info;
        let mut view = Ingress::view(packet, extensions, &info);
        let moment = Moment { now, view: &self.engine };
        let verdict = self.plugins.rtp_in(id, &mut view, notes, moment, mode);
        let outcome = view.outcome();
        if verdict == Verdict::Forward && outcome.is_changed() && !self.engine.apply_ingress(ingress, outcome)
        {
            return Verdict::Drop;
        }
        verdict
    }

    /// A hook dropped a packet.
    #[cold]
    #[inline(never)]
    fn drop_ingress(&mut self, now: Instant, ingress: Ingress) {
        self.engine.drop_ingress(now, ingress);
        self.relay_skips();
    }

    /// Copies elsewhere learn what they won't get, between the packets that they get.
    #[cold]
    #[inline(never)]
    pub(super) fn relay_skips(&mut self) {
        while let Some((worker, packet)) = self.engine.next_relay_skip() {
            self.relay(worker, packet, S::Notes::default());
        }
    }

    /// Sends a packet to another media thread. One behind others that were lost on the way says so.
    #[inline]
    fn relay(&mut self, worker: u8, mut packet: RelayedPacket, notes: S::Notes) {
        self.engine.mark_relayed(worker, &mut packet);
        let (origin, encoding, after_gap) = (packet.origin, packet.encoding, packet.after_gap);
        let spare = match packet.info.origin {
            None => Some(0),
            Some(plugin) => self.relay_share.take(worker, plugin),
        };
        let relayed = Relayed { packet, notes };
        let lost = !spare.is_some_and(|spare| self.around.relay(worker, relayed, spare));
        if lost | after_gap {
            self.engine.note_relayed(worker, origin, encoding, lost);
        }
    }

    #[inline]
    fn fan_out<M: Mode>(&mut self, now: Instant, ingress: Ingress, notes: S::Notes, mode: M) {
        let Some(published) = self.engine.publish(now, ingress) else { return };
        for index in 0..published.consumers.len() {
            let Some(id) = published.consumers.get(index).copied() else { break };
            if !self.engine.prepare(now, &published, id, &mut self.egress) {
                continue;
            }
            let began = self.egress.began;
            self.give(now, &published, &notes, mode);
            if began {
                self.catch_up(now, &published, id, mode);
            }
        }
        for index in 0..self.engine.relays_of(published.producer).len() {
            let relay = self.engine.relays_of(published.producer).get(index).copied();
            if let (Some(relay), Some(packet)) = (relay, self.engine.relayed(&published)) {
                self.relay(relay.worker, packet, notes);
            }
        }
        self.engine.finish(published);
    }

    /// Sends what was prepared for one consumer, unless a hook drops it.
    #[inline]
    fn give<M: Mode>(&mut self, now: Instant, published: &Published, notes: &S::Notes, mode: M) {
        if S::HOOKS.contains(Hooks::RTP_OUT)
            && self.plugins.tables.consumer.is_used()
            && self.plugins.tables.consumer.mask(self.egress.consumer) != 0
            && self.egress_hooks(now, published, notes, mode) == Verdict::Drop
        {
            return self.engine.drop_egress(now, published, &mut self.egress);
        }
        self.engine.commit(now, published, &mut self.egress);
    }

    /// Asks the egress hooks about what was prepared for one consumer.
    #[inline]
    fn egress_hooks<M: Mode>(
        &mut self,
        now: Instant,
        published: &Published,
        notes: &S::Notes,
        mode: M,
    ) -> Verdict {
        let (engine, egress) = (&self.engine, &mut *self.egress);
        let id = egress.consumer;
        let extensions = engine.consumer_extensions(id);
        let mut view = egress.view(published, extensions, engine.has_private());
        let moment = Moment { now, view: engine };
        let verdict = self.plugins.rtp_out(id, &mut view, notes, moment, mode);
        let outcome = view.outcome();
        if outcome.is_changed() {
            self.engine.apply_egress(egress, published, verdict, outcome)
        } else {
            verdict
        }
    }

    /// A consumer began with a packet that came late: those behind it, the rest of the key frame perhaps, were here before.
    ///
    /// Notes are not kept; where plugins have some, the numbers close up instead, and a key frame is asked for when a decoder
    /// misses it.
    #[cold]
    fn catch_up<M: Mode>(&mut self, now: Instant, published: &Published, id: ConsumerId, mode: M) {
        let mut after = published.extended;
        while let Some(next) = self.engine.stored_behind(published, after) {
            after = next.extended;
            if size_of::<S::Notes>() > 0 {
                self.engine.skip_stored(now, id, &next);
            } else if self.engine.prepare(now, &next, id, &mut self.egress) {
                self.give(now, &next, &S::Notes::default(), mode);
            }
            self.engine.release_new(next);
        }
    }

    /// A packet of another media thread.
    pub(crate) fn receive_relayed(&mut self, now: Instant, relayed: Relayed<S>) {
        if let Some(ingress) = self.engine.receive_relayed(now, &relayed.packet) {
            let by = relayed.packet.info.origin.map(|slot| PluginSlot::new(slot as usize));
            match (by, self.pace == Pace::Timed) {
                (None, false) => self.fan_out(now, ingress, relayed.notes, Untimed),
                (None, true) => self.fan_out(now, ingress, relayed.notes, Timed),
                (Some(slot), false) => self.fan_out(now, ingress, relayed.notes, Past(slot, Untimed)),
                (Some(slot), true) => self.fan_out(now, ingress, relayed.notes, Past(slot, Timed)),
            }
        }
        self.after_packet(now);
    }

    /// A packet that a plugin made for one consumer: past the egress hooks below it, then out.
    pub(super) fn send_new<M: Mode>(&mut self, now: Instant, id: ConsumerId, packet: Published, mode: M) {
        let notes = S::Notes::default();
        if !self.engine.write_new_header(id, &packet, &mut self.egress) {
            self.engine.counters.send_failed += 1;
        } else if S::HOOKS.contains(Hooks::RTP_OUT)
            && self.egress_hooks(now, &packet, &notes, mode) == Verdict::Drop
        {
            self.engine.counters.dropped_by_plugins_out += 1;
        } else {
            self.engine.depart_new(now, &packet, &mut self.egress);
        }
        self.engine.release_new(packet);
    }
}
