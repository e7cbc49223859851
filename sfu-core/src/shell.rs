//! The only code that is generic over the plugins: it looks up, asks the hooks, and calls the engine.
//!
//! Everything that needs no hook belongs into the engine, everything that needs no engine into `plugin`: what stands here is
//! compiled once more for every worker that somebody composes.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::control::{
    Command, ConsumerId, ControlError, Event, EventBody, ProducerId, Reply, RouterId, SessionId, Target,
    TransportId,
};
use crate::engine::{
    Egress, EgressRtcp, Engine, Ingress, IngressRtcp, Published, Received, RelayWord, RelayedPacket,
    SocketFactory,
};
use crate::net::{Outbox, Route, SocketId};
use crate::plugin::{
    Below, Hooks, Kind, Mode, Moment, OutcomeSender, PluginSet, PluginSlot, Plugins, QueuedCommand, Refused,
    Timed, TurnTimer, Untimed, Verdict, View,
};

/// Where an answer to a command goes.
pub(crate) type ReplySender = oneshot::Sender<Result<Reply, ControlError>>;

/// A packet for another media thread, with what the ingress hooks noted on it.
pub(crate) struct Relayed<S: PluginSet> {
    packet: RelayedPacket,
    notes: S::Notes,
}

/// What leaves a media thread other than by the network.
pub(crate) trait Surroundings<S: PluginSet> {
    /// Tells an event to everybody who listens.
    fn tell(&mut self, event: Event);
    /// Carries a packet to another media thread; false if it is lost, because that one does not keep up.
    fn relay(&mut self, worker: u8, relayed: Relayed<S>) -> bool;
    /// Carries a word to another media thread.
    fn say(&mut self, worker: u8, word: RelayWord);
    /// Carries out a command of a plugin that is not for this media thread alone.
    fn command(&mut self, command: Command, outcome: OutcomeSender);
}

/// How a turn goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// It has not begun.
    Idle,
    /// As fast as can be.
    Free,
    /// Each hook is timed.
    Timed,
}

/// One media thread's engine and plugins.
pub(crate) struct Shell<S: PluginSet, X> {
    engine: Engine,
    plugins: Plugins<S>,
    around: X,
    egress: Box<Egress>,
    timer: TurnTimer,
    pace: Pace,
    /// Hooks are timed in the next turn.
    is_next_timed: bool,
    turn_began: Option<Instant>,
    /// Commands of plugins that may open sockets, which can't be done in the middle of a batch.
    deferred: VecDeque<(Command, OutcomeSender)>,
    /// Sockets to close after the batch.
    to_close: Vec<SocketId>,
}

impl<S: PluginSet, X: Surroundings<S>> Shell<S, X> {
    /// Puts engine and plugins together.
    pub(crate) fn new(engine: Engine, plugins: Plugins<S>, around: X) -> Self {
        let egress = Box::new(Egress::new());
        Shell {
            engine,
            plugins,
            around,
            egress,
            timer: TurnTimer::default(),
            pace: Pace::Idle,
            is_next_timed: false,
            turn_began: None,
            deferred: VecDeque::new(),
            to_close: Vec::new(),
        }
    }

    /// What leaves a media thread other than by the network.
    pub(crate) fn around(&mut self) -> &mut X {
        &mut self.around
    }

    /// What leaves by the network.
    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        &mut self.engine.outbox
    }

    /// The engine, for what needs no plugin.
    pub(crate) fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// A turn of the loop begins, unless one has begun. Datagrams begin it themselves.
    #[inline]
    pub(crate) fn begin_turn(&mut self, now: Instant) {
        if self.pace == Pace::Idle {
            self.turn_began = Some(now);
            self.pace = if self.is_next_timed { Pace::Timed } else { Pace::Free };
        }
    }

    /// A turn of the loop ends at `now`; it took so long.
    pub(crate) fn end_turn(&mut self, now: Instant, took: Duration) {
        self.pace = Pace::Idle;
        if S::LEN > 0 {
            self.plugins.desk.queue.begin_turn();
            self.is_next_timed = self.timer.is_timed(now, took, self.plugins.desk.slow);
        }
    }

    /// Takes a datagram.
    #[inline]
    pub(crate) fn receive(&mut self, now: Instant, route: Route, data: &mut [u8]) {
        // One test for all that is not the rule: the first datagram of a turn, and turns in which hooks are timed.
        if self.pace != Pace::Free {
            self.begin_turn(now);
            if self.pace == Pace::Timed {
                return self.receive_timed(now, route, data);
            }
        }
        self.take(now, route, data, Untimed);
    }

    #[cold]
    #[inline(never)]
    fn receive_timed(&mut self, now: Instant, route: Route, data: &mut [u8]) {
        self.take(now, route, data, Timed);
    }

    #[inline]
    fn take<M: Mode>(&mut self, now: Instant, route: Route, data: &mut [u8], mode: M) {
        match self.engine.receive(now, route, data) {
            Received::Rtp(ingress) => self.rtp(now, ingress, mode),
            Received::Rtcp(ingress) => self.rtcp(now, ingress, mode),
            Received::Done => self.relay_skips(),
        }
        self.after_packet(now);
    }

    /// A media packet: past the ingress hooks, then to everybody who gets it.
    #[inline]
    fn rtp<M: Mode>(&mut self, now: Instant, mut ingress: Ingress, mode: M) {
        let mut notes = S::Notes::default();
        if S::HOOKS.contains(Hooks::RTP_IN)
            && self.plugins.tables.producer.mask(ingress.producer) != 0
            && self.ingress_hooks(now, &mut ingress, &mut notes, mode) == Verdict::Drop
        {
            return self.engine.drop_ingress(now, ingress);
        }
        self.fan_out(now, ingress, notes, mode);
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
            && self.plugins.tables.consumer.mask(self.egress.consumer) != 0
            && self.egress_hooks(now, published, notes, mode) == Verdict::Drop
        {
            return self.engine.drop_egress(now, published, &mut self.egress);
        }
        self.engine.commit(now, published, &mut self.egress);
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

    /// RTCP: the engine acts upon each packet, then the hooks see it.
    fn rtcp<M: Mode>(&mut self, now: Instant, ingress: IngressRtcp, mode: M) {
        let transport = ingress.transport;
        let mut packets = ingress.packets();
        while let Some(packet) = packets.next_packet() {
            let Ok(mut packet) = packet else {
                self.engine.counters.rtcp_malformed += 1;
                continue;
            };
            self.engine.handle_rtcp(now, transport, &mut packet);
            if S::HOOKS.contains(Hooks::RTCP_IN) {
                let moment = Moment { now, view: &self.engine };
                // The core has taken its part: there is nothing left that a verdict could keep from anybody.
                let _ = self.plugins.rtcp_in(transport, &mut packet, moment, mode);
            }
        }
        self.engine.finish_rtcp(ingress);
    }

    /// RTCP that wants to leave, past the hooks.
    fn rtcp_out(&mut self, now: Instant, by: Option<PluginSlot>) {
        while let Some(egress) = self.engine.next_rtcp_out() {
            let verdict = match (by, self.pace == Pace::Timed) {
                _ if !S::HOOKS.contains(Hooks::RTCP_OUT) => Verdict::Forward,
                (None, false) => self.rtcp_out_hooks(now, &egress, Untimed),
                (None, true) => self.rtcp_out_hooks(now, &egress, Timed),
                (Some(slot), false) => self.rtcp_out_hooks(now, &egress, Below(slot, Untimed)),
                (Some(slot), true) => self.rtcp_out_hooks(now, &egress, Below(slot, Timed)),
            };
            match verdict {
                Verdict::Forward => self.engine.send_rtcp(now, egress),
                Verdict::Drop => self.engine.drop_rtcp(egress),
            }
        }
    }

    /// Asks the hooks about a compound of ours. One packet that a hook drops takes its compound with it.
    fn rtcp_out_hooks<M: Mode>(&mut self, now: Instant, egress: &EgressRtcp, mode: M) -> Verdict {
        let mut verdict = Verdict::Forward;
        let mut packets = egress.packets();
        while let Some(Ok(mut packet)) = packets.next_packet() {
            let moment = Moment { now, view: &self.engine };
            if self.plugins.rtcp_out(egress.transport, &mut packet, moment, mode) == Verdict::Drop {
                verdict = Verdict::Drop;
            }
        }
        verdict
    }

    /// What a packet left behind is dealt with before the next one's hooks.
    #[inline]
    fn after_packet(&mut self, now: Instant) {
        let has_commands = S::LEN > 0 && !self.plugins.desk.queue.is_empty();
        if has_commands | self.engine.has_changes() | self.engine.has_relay_skips() {
            self.drain(now);
        }
    }

    #[cold]
    fn drain(&mut self, now: Instant) {
        if S::LEN > 0 && !self.plugins.desk.queue.is_empty() {
            self.apply_commands(now);
        }
        if self.engine.has_changes() {
            self.drain_changes(now);
        }
        if self.engine.has_relay_skips() {
            self.relay_skips();
        }
    }

    /// Copies elsewhere learn what they won't get, between the packets that they get.
    fn relay_skips(&mut self) {
        while let Some((worker, packet)) = self.engine.next_relay_skip() {
            self.relay(worker, packet, S::Notes::default());
        }
    }

    /// Sends a packet to another media thread. One behind others that were lost on the way says so.
    #[inline]
    fn relay(&mut self, worker: u8, mut packet: RelayedPacket, notes: S::Notes) {
        self.engine.mark_relayed(worker, &mut packet);
        let (origin, encoding, after_gap) = (packet.origin, packet.encoding, packet.after_gap);
        let lost = !self.around.relay(worker, Relayed { packet, notes });
        if lost | after_gap {
            self.engine.note_relayed(worker, origin, encoding, lost);
        }
    }

    /// A packet of another media thread.
    pub(crate) fn receive_relayed(&mut self, now: Instant, relayed: Relayed<S>) {
        if let Some(ingress) = self.engine.receive_relayed(now, &relayed.packet) {
            match self.pace {
                Pace::Timed => self.fan_out(now, ingress, relayed.notes, Timed),
                Pace::Idle | Pace::Free => self.fan_out(now, ingress, relayed.notes, Untimed),
            }
        }
        self.after_packet(now);
    }

    /// A word of another media thread.
    pub(crate) fn hear(&mut self, now: Instant, word: RelayWord) {
        self.engine.hear(now, word);
        self.after_packet(now);
    }

    /// When [`Shell::turn`] wants to be called at the latest.
    pub(crate) fn next_deadline(&mut self, now: Instant) -> Option<Instant> {
        let tick = if S::HOOKS.contains(Hooks::TICK) {
            self.plugins.next_tick(Moment { now, view: &self.engine })
        } else {
            None
        };
        [self.engine.next_deadline(), tick].into_iter().flatten().min()
    }

    /// Whether something waits for the next turn: messages, faults, or commands that other commands brought about.
    #[inline]
    pub(crate) fn has_work(&self) -> bool {
        S::LEN > 0
            && (!self.plugins.desk.queue.is_empty()
                || self.plugins.has_mail()
                || self.plugins.has_faults()
                || !self.deferred.is_empty())
    }

    /// Everything that goes by time, and what was put off to the end of the turn.
    pub(crate) fn turn(&mut self, now: Instant, sockets: &mut dyn SocketFactory) {
        self.engine.handle_timeout(now);
        if S::LEN > 0 {
            let moment = Moment { now, view: &self.engine };
            self.plugins.messages(moment);
            if S::HOOKS.contains(Hooks::TICK) && self.plugins.next_tick(moment).is_some_and(|at| at <= now) {
                self.plugins.tick(Moment { now, view: &self.engine });
            }
            if self.plugins.has_faults() {
                self.settle(now);
            }
        }
        self.after_packet(now);
        while let Some((command, outcome)) = self.deferred.pop_front() {
            // The only one that may be answered later.
            if let Command::PluginRequest { plugin, target, body } = command {
                let moment = Moment { now, view: &self.engine };
                self.plugins.request_for(&plugin, target, body, outcome, moment);
                self.after_packet(now);
                continue;
            }
            let (reply, mut answer) = oneshot::channel();
            self.command(now, command, reply, sockets);
            if let Ok(result) = answer.try_recv() {
                outcome.send(result);
            }
        }
        self.rtcp_out(now, None);
        for (worker, word) in self.engine.take_relay_words() {
            self.around.say(worker, word);
        }
        for socket in self.to_close.drain(..) {
            sockets.close(socket);
        }
    }

    /// Carries out a command; it is always answered, a plugin request perhaps later.
    pub(crate) fn command(
        &mut self,
        now: Instant,
        command: Command,
        reply: ReplySender,
        sockets: &mut dyn SocketFactory,
    ) {
        let moment = Moment { now, view: &self.engine };
        let answer = match command {
            Command::PluginRequest { plugin, target, body } => {
                self.plugins.request(&plugin, target, body, reply, moment);
                return self.after_packet(now);
            }
            Command::EnablePlugin { plugin, target, options } => {
                let switched = self.plugins.enable(&plugin, target, options, moment);
                switched.map(|_| Reply::Done).map_err(|error| ControlError::invalid(error.to_string()))
            }
            Command::DisablePlugin { plugin, target } => {
                let switched = self.plugins.disable(&plugin, target, moment);
                switched.map(|_| Reply::Done).map_err(|error| ControlError::invalid(error.to_string()))
            }
            Command::ReconfigurePlugin { plugin, config } => {
                let done = self.plugins.reconfigure(&plugin, config, moment);
                done.map(Reply::Reconfigured).map_err(|error| ControlError::invalid(error.to_string()))
            }
            Command::Stats(target) => {
                self.engine.execute(now, Command::Stats(target), sockets).map(|reply| match reply {
                    Reply::Stats(mut stats) => {
                        stats.plugins = self.plugins.stats(target, Moment { now, view: &self.engine });
                        if target == Target::Worker {
                            stats.plugin_faults = self.plugins.faults();
                        }
                        Reply::Stats(stats)
                    }
                    other => other,
                })
            }
            command => self.entity_command(now, command, sockets),
        };
        self.after_packet(now);
        let _ = reply.send(answer);
    }

    /// A command on an entity, with the hooks for what it opens and closes.
    fn entity_command(
        &mut self,
        now: Instant,
        command: Command,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        let closing: Option<Target> = match &command {
            Command::CloseSession(id) => Some((*id).into()),
            Command::CloseRouter(id) => Some((*id).into()),
            Command::CloseTransport(id) => Some((*id).into()),
            Command::CloseProducer(id) => Some((*id).into()),
            Command::CloseConsumer(id) => Some((*id).into()),
            _ => None,
        };
        if let Some(target) = closing {
            self.closing(now, target);
        }
        let relayed = matches!(command, Command::Relay(_));
        let connects = matches!(command, Command::ConnectPlainTransport { .. });
        let reply = self.engine.execute(now, command, sockets)?;
        let opened = match &reply {
            Reply::Session(id) => self.opened(now, *id).map_err(|e| (Command::CloseSession(*id), e)),
            Reply::Router(id) => self.opened(now, *id).map_err(|e| (Command::CloseRouter(*id), e)),
            Reply::WebRtcTransport(t) => {
                self.opened(now, t.id).map_err(|e| (Command::CloseTransport(t.id), e))
            }
            Reply::PlainTransport(t) if !connects => {
                self.opened(now, t.id).map_err(|e| (Command::CloseTransport(t.id), e))
            }
            // What stands for a producer of another media thread has met its hooks there.
            Reply::Producer(p) if !relayed => {
                self.opened(now, p.id).map_err(|e| (Command::CloseProducer(p.id), e))
            }
            Reply::Consumer(id) => self.opened(now, *id).map_err(|e| (Command::CloseConsumer(*id), e)),
            _ => Ok(()),
        };
        match opened {
            Ok(()) => Ok(reply),
            Err((close, refused)) => {
                let _ = self.engine.execute(now, close, sockets);
                Err(ControlError::refused(refused.to_string()))
            }
        }
    }

    fn opened<K: Kind>(&mut self, now: Instant, id: K) -> Result<(), Refused> {
        if S::LEN > 0 && K::table(&self.plugins.tables).row(id).is_some() {
            return Ok(());
        }
        let moment = Moment { now, view: &self.engine };
        self.plugins.opened(id, moment)?;
        let labels = View::new(&self.engine).labels(id.into());
        let event = Event { target: id.into(), body: EventBody::Opened { labels } };
        self.plugins.deliver(&event, None, Moment { now, view: &self.engine });
        self.around.tell(event);
        Ok(())
    }

    /// Before an entity closes, its plugins are told, children first, while it can still be seen.
    fn closing(&mut self, now: Instant, target: Target) {
        if S::LEN == 0 {
            return;
        }
        let view = View::new(&self.engine);
        let consumers: Vec<ConsumerId> = view.below(target);
        let producers: Vec<ProducerId> = view.below(target);
        let transports: Vec<TransportId> = view.below(target);
        let moment = Moment { now, view: &self.engine };
        for id in consumers {
            self.plugins.closed(id, moment);
        }
        // Consumers elsewhere that live of these producers.
        for id in &producers {
            for consumer in View::new(&self.engine).below::<ConsumerId>(*id) {
                self.plugins.closed(consumer, moment);
            }
        }
        for id in producers {
            self.plugins.closed(id, moment);
        }
        for id in transports {
            self.plugins.closed(id, moment);
        }
        match target {
            Target::Session(id) => self.plugins.closed(id, moment),
            Target::Router(id) => self.plugins.closed(id, moment),
            _ => {}
        }
    }

    /// Hands out what changed deep inside the engine: to the entities' plugins, then to everybody who listens.
    #[cold]
    fn drain_changes(&mut self, now: Instant) {
        while let Some(event) = self.engine.next_change() {
            let moment = Moment { now, view: &self.engine };
            if let EventBody::Closed(_) = event.body {
                match event.target {
                    Target::Session(id) => self.plugins.closed(id, moment),
                    Target::Router(id) => self.plugins.closed(id, moment),
                    Target::Transport(id) => self.plugins.closed(id, moment),
                    Target::Producer(id) => self.plugins.closed(id, moment),
                    Target::Consumer(id) => self.plugins.closed(id, moment),
                    Target::Worker | Target::DataProducer(_) | Target::DataConsumer(_) => {}
                }
            }
            self.plugins.deliver(&event, None, Moment { now, view: &self.engine });
            self.around.tell(event);
        }
        if S::LEN > 0 && !self.plugins.desk.queue.is_empty() {
            self.apply_commands(now);
        }
    }

    /// Applies what hooks asked for, in order.
    #[cold]
    fn apply_commands(&mut self, now: Instant) {
        // What commands make other hooks ask for waits for the next packet, or plugins could go round for ever.
        let mut rounds = self.plugins.desk.queue.len();
        while rounds > 0 {
            rounds -= 1;
            let Some((slot, command)) = self.plugins.desk.queue.pop() else { break };
            self.apply(now, slot, command);
        }
    }

    fn apply(&mut self, now: Instant, slot: PluginSlot, command: QueuedCommand) {
        let command = match command.into_command() {
            Ok(command) => return self.apply_simple(now, command),
            Err(other) => other,
        };
        match command {
            QueuedCommand::SendRtp(id, header, bytes) => {
                let payload = self.plugins.desk.queue.bytes(&bytes);
                match self.engine.prepare_new(id, &header, payload) {
                    Some(packet) if self.pace == Pace::Timed => {
                        self.send_new(now, id, packet, Below(slot, Timed));
                    }
                    Some(packet) => self.send_new(now, id, packet, Below(slot, Untimed)),
                    None => self.engine.counters.plugin_commands_void += 1,
                }
            }
            QueuedCommand::InjectRtp(id, header, bytes) => {
                let payload = self.plugins.desk.queue.bytes(&bytes);
                match self.engine.inject(now, id, &header, payload, slot.index() as u64) {
                    Some(ingress) if self.pace == Pace::Timed => {
                        self.rtp(now, ingress, Below(slot, Timed));
                    }
                    Some(ingress) => self.rtp(now, ingress, Below(slot, Untimed)),
                    None => self.engine.counters.plugin_commands_void += 1,
                }
            }
            QueuedCommand::SendRtcp(id, bytes) => {
                self.rtcp_out(now, None);
                let packet = self.plugins.desk.queue.bytes(&bytes);
                if self.engine.queue_raw_rtcp(id, packet) {
                    self.rtcp_out(now, Some(slot));
                } else {
                    self.engine.counters.plugin_commands_void += 1;
                }
            }
            QueuedCommand::Enable { plugin, target, options } => {
                let done = self.plugins.enable(&plugin, target, *options, Moment { now, view: &self.engine });
                self.note_void(done.is_err());
            }
            QueuedCommand::Disable { plugin, target } => {
                let done = self.plugins.disable(&plugin, target, Moment { now, view: &self.engine });
                self.note_void(done.is_err());
            }
            QueuedCommand::Push(session, push) => {
                let plugin = S::meta(slot).map_or("", |meta| meta.id).to_owned();
                let body = EventBody::SessionPush {
                    plugin,
                    body: push.body,
                    transaction: push.transaction,
                    jsep: push.jsep,
                };
                self.around.tell(Event { target: session.into(), body });
            }
            QueuedCommand::Notify(notice) => {
                let (target, body) = *notice;
                self.notify(now, slot, target, body);
            }
            QueuedCommand::Ask { ask, tag } => {
                let moment = Moment { now, view: &self.engine };
                if let Some((command, outcome)) = self.plugins.ask(slot, *ask, tag, moment) {
                    self.around.command(command, outcome);
                }
            }
            QueuedCommand::Control(command, tag) => {
                let outcome = self.plugins.outcome(slot, tag);
                let here = command.target().and_then(Target::worker) == Some(self.engine.worker());
                // A consumer of another thread's producer takes several steps.
                if here && !matches!(*command, Command::Consume { .. }) {
                    self.deferred.push_back((*command, outcome));
                } else {
                    self.around.command(*command, outcome);
                }
            }
            // Data channels come later; their commands find no entity.
            _ => self.note_void(true),
        }
    }

    /// A plugin's own event: to everybody who listens and to the other plugins.
    fn notify(&mut self, now: Instant, slot: PluginSlot, target: Target, body: Value) {
        let plugin = S::meta(slot).map_or("", |meta| meta.id).to_owned();
        let event = Event { target, body: EventBody::Plugin { plugin, body } };
        self.plugins.deliver(&event, Some(slot), Moment { now, view: &self.engine });
        self.around.tell(event);
    }

    /// A command that opens no socket.
    fn apply_simple(&mut self, now: Instant, command: Command) {
        let mut sockets = CloseLater(std::mem::take(&mut self.to_close));
        let done = self.entity_command(now, command, &mut sockets);
        self.to_close = sockets.0;
        self.note_void(done.is_err());
    }

    fn note_void(&mut self, is_void: bool) {
        self.engine.counters.plugin_commands_void += u64::from(is_void);
    }

    /// A packet that a plugin made for one consumer: past the egress hooks below it, then out.
    fn send_new<M: Mode>(&mut self, now: Instant, id: ConsumerId, packet: Published, mode: M) {
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

    /// Faults of plugins since the last turn.
    #[cold]
    fn settle(&mut self, now: Instant) {
        let settled = self.plugins.settle(Moment { now, view: &self.engine });
        for (event, by) in settled.events {
            if let Some(slot) = by {
                self.plugins.deliver(&event, Some(slot), Moment { now, view: &self.engine });
            }
            self.around.tell(event);
        }
        for target in settled.close {
            if let Ok(command) = QueuedCommand::Close(target).into_command() {
                self.apply_simple(now, command);
            }
        }
    }

    /// Closes everything and ends the plugins.
    pub(crate) fn stop(mut self, now: Instant, sockets: &mut dyn SocketFactory) -> (X, Outbox) {
        let view = View::new(&self.engine);
        let sessions: Vec<SessionId> = view.below(Target::Worker);
        let routers: Vec<RouterId> = view.below(Target::Worker);
        for id in sessions {
            let _ = self.entity_command(now, Command::CloseSession(id), sockets);
        }
        for id in routers {
            let _ = self.entity_command(now, Command::CloseRouter(id), sockets);
        }
        self.after_packet(now);
        let outbox = std::mem::take(&mut self.engine.outbox);
        self.plugins.stop(Moment { now, view: &self.engine });
        (self.around, outbox)
    }
}

/// Opens no sockets and closes them after the batch: in its middle the network layer is busy.
struct CloseLater(Vec<SocketId>);

impl SocketFactory for CloseLater {
    fn open(
        &mut self,
        _: &crate::control::ListenInfo,
    ) -> Result<(SocketId, std::net::SocketAddr), ControlError> {
        Err(ControlError::internal("control: sockets are opened at the end of a turn"))
    }
    fn close(&mut self, socket: SocketId) {
        self.0.push(socket);
    }
}
