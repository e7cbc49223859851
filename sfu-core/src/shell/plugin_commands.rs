//! What hooks asked for, and what their faults make necessary.
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

use super::{Pace, Shell, Surroundings};
use crate::control::{Command, ControlError, Event, EventBody, ListenInfo, Target};
use crate::engine::SocketFactory;
use crate::net::SocketId;
use crate::plugin::{Below, Moment, PluginSet, PluginSlot, QueuedCommand, Timed, Untimed};

impl<S: PluginSet, X: Surroundings<S>> Shell<S, X> {
    /// Applies what hooks asked for, in order.
    #[cold]
    pub(super) fn apply_commands(&mut self, now: Instant) {
        // What commands make other hooks ask for waits for the next packet, or plugins could go round for ever.
        let mut rounds = self.plugins.desk.queue.len();
        while rounds > 0 {
            rounds -= 1;
            let Some((slot, command)) = self.plugins.desk.queue.pop() else { break };
            self.apply(now, slot, command);
        }
        self.plugins.desk.queue.reclaim();
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
            QueuedCommand::SendData { to, ppid, payload } => {
                let payload = Bytes::copy_from_slice(self.plugins.desk.queue.bytes(&payload));
                self.send_new_data(now, slot, to, ppid, &payload);
            }
            QueuedCommand::InjectData { from, ppid, payload } => {
                let payload = self.plugins.desk.queue.bytes(&payload);
                match self.engine.inject_data(from, ppid, payload) {
                    Some(message) => self.data(now, message, Some(slot)),
                    None => self.engine.counters.plugin_commands_void += 1,
                }
            }
            // Aimed at something that knows no such command.
            _ => self.note_void(true),
        }
    }

    /// A plugin's own event: to everybody who listens and to the other plugins.
    fn notify(&mut self, now: Instant, slot: PluginSlot, target: Target, body: Value) {
        let plugin = S::meta(slot).map_or("", |meta| meta.id).to_owned();
        let event = Event { target, body: EventBody::Plugin { plugin, body } };
        self.plugins.deliver(&event, Some(slot), Moment { now, view: &self.engine });
        let event = match event.target {
            Target::Router(id) => Event { target: self.engine.known_router(id).into(), ..event },
            _ => event,
        };
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

    /// Faults of plugins since the last turn.
    #[cold]
    pub(super) fn settle(&mut self, now: Instant) {
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
}

/// Opens no sockets and closes them after the batch: in its middle the network layer is busy.
struct CloseLater(Vec<SocketId>);

impl SocketFactory for CloseLater {
    fn open(&mut self, _: &ListenInfo) -> Result<(SocketId, SocketAddr), ControlError> {
        Err(ControlError::internal("control: sockets are opened at the end of a turn"))
    }
    fn close(&mut self, socket: SocketId) {
        self.0.push(socket);
    }
}
