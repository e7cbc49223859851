//! The only code that is generic over the plugins: it looks up, asks the hooks, and calls the engine.
//!
//! Everything that needs no hook belongs into the engine, everything that needs no engine into `plugin`: what stands here is
//! compiled once more for every worker that somebody composes.
mod closing;
mod commands;
mod data;
mod media;
mod plugin_commands;
mod relay_share;
mod rtcp;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::control::{CloseReason, Command, ControlError, Event, Reply, Told};
use crate::engine::{Egress, Engine, Received, RelayWord, RelayedPacket, SocketFactory};
use crate::net::{Outbox, Route, SocketId};
use crate::plugin::{
    Hooks, Mode, Moment, OutcomeSender, PluginSet, Plugins, Timed, Timing, TurnTimer, Untimed,
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
    /// Hands a packet or a message to the signaling crate that follows the worker; false if none does.
    fn hand(&mut self, told: Told) -> bool;
    /// Carries a packet to another media thread, if more places than `spare` are free on the way; false if it is lost, because
    /// that one does not keep up.
    fn relay(&mut self, worker: u8, relayed: Relayed<S>, spare: usize) -> bool;
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
    data: data::DataDesk,
    relay_share: relay_share::RelayShare,
    timer: TurnTimer,
    pace: Pace,
    /// Whether hooks are timed in the next turn, and what for.
    next: Timing,
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
            data: data::DataDesk::default(),
            relay_share: relay_share::RelayShare::new(),
            timer: TurnTimer::default(),
            pace: Pace::Idle,
            next: Timing::None,
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
            self.pace = if self.next == Timing::None { Pace::Free } else { Pace::Timed };
            if S::LEN > 0 {
                self.plugins.desk.costs.sample(if let Timing::Sample(turns) = self.next { turns } else { 0 });
            }
        }
    }

    /// A turn of the loop ends at `now`; it took so long.
    pub(crate) fn end_turn(&mut self, now: Instant, took: Duration) {
        self.pace = Pace::Idle;
        if S::LEN > 0 {
            self.plugins.desk.queue.begin_turn();
            self.relay_share.end_turn();
            self.next = self.timer.next(now, took, self.plugins.desk.slow);
        }
    }

    /// Takes a datagram in the turn of `now` that came at `arrived`, perhaps while the thread was busy.
    #[inline]
    pub(crate) fn receive_stamped(&mut self, now: Instant, arrived: Instant, route: Route, data: &mut [u8]) {
        self.engine.arrived = Some(arrived);
        self.receive(now, route, data);
        self.engine.arrived = None;
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

    /// What a packet left behind is dealt with before the next one's hooks.
    #[inline]
    fn after_packet(&mut self, now: Instant) {
        let has_commands = S::LEN > 0 && !self.plugins.desk.queue.is_empty();
        if has_commands | self.engine.has_changes() {
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
    }

    /// A word of another media thread.
    pub(crate) fn hear(&mut self, now: Instant, word: RelayWord, sockets: &mut dyn SocketFactory) {
        if let Some(copy) = self.engine.closes(&word) {
            self.closing(now, copy.into());
        }
        if let Some(command) = self.engine.close_of(&word) {
            let _ = self.entity_command(now, command, sockets);
        }
        for consumer in self.engine.closes_data(&word) {
            self.closing(now, consumer.into());
            let _ = self.engine.close_data_consumer(now, consumer, CloseReason::Parent);
        }
        let word = match word {
            RelayWord::Data(message) => return self.relayed_data(now, &message),
            word => word,
        };
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

    /// Whether something waits for the next turn: messages, faults, or commands and changes that other commands brought about.
    #[inline]
    pub(crate) fn has_work(&self) -> bool {
        S::LEN > 0
            && (!self.plugins.desk.queue.is_empty()
                || self.plugins.has_mail()
                || self.plugins.has_faults()
                || !self.deferred.is_empty()
                || self.engine.has_changes())
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
        // RTCP for signaling.
        if self.engine.has_changes() {
            self.drain_changes(now);
        }
        for (worker, word) in self.engine.take_relay_words() {
            self.around.say(worker, word);
        }
        for socket in self.to_close.drain(..) {
            sockets.close(socket);
        }
    }
}
