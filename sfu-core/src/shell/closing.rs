//! Closing: plugins are told children first, while what closes can still be seen.
use std::time::Instant;

use super::{Shell, Surroundings};
use crate::control::{
    Command, ConsumerId, DataConsumerId, DataProducerId, EventBody, ProducerId, RouterId, SessionId, Target,
    Told, TransportId,
};
use crate::engine::{Change, SocketFactory};
use crate::net::Outbox;
use crate::plugin::{Moment, PluginSet, View};

impl<S: PluginSet, X: Surroundings<S>> Shell<S, X> {
    /// Before an entity closes, its plugins are told, children first, while it can still be seen.
    pub(super) fn closing(&mut self, now: Instant, target: Target) {
        if S::LEN == 0 {
            return;
        }
        let view = View::new(&self.engine);
        let consumers: Vec<ConsumerId> = view.below(target);
        let producers: Vec<ProducerId> = view.below(target);
        let transports: Vec<TransportId> = view.below(target);
        let data_consumers: Vec<DataConsumerId> = view.below(target);
        let data_producers: Vec<DataProducerId> = view.below(target);
        let moment = Moment { now, view: &self.engine };
        for id in data_consumers {
            self.plugins.closed(id, moment);
        }
        for id in &data_producers {
            for consumer in View::new(&self.engine).below::<DataConsumerId>(*id) {
                self.plugins.closed(consumer, moment);
            }
        }
        for id in data_producers {
            self.plugins.closed(id, moment);
        }
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
    pub(super) fn drain_changes(&mut self, now: Instant) {
        while let Some(change) = self.engine.next_change() {
            let event = match change {
                Change::Told(Told::Event(event)) => event,
                Change::Told(told) => {
                    if !self.around.hand(told) {
                        self.engine.counters.direct_unheard += 1;
                    }
                    continue;
                }
                Change::Data(message) => {
                    self.data(now, message, None);
                    continue;
                }
                Change::DataReady(id) => {
                    self.data_ready(now, id);
                    continue;
                }
                Change::DataChannelClosed(id) => {
                    self.data_channel_closed(now, id);
                    continue;
                }
            };
            let moment = Moment { now, view: &self.engine };
            if let EventBody::Closed(_) = event.body {
                match event.target {
                    Target::Session(id) => self.plugins.closed(id, moment),
                    Target::Router(id) => self.plugins.closed(id, moment),
                    Target::Transport(id) => self.plugins.closed(id, moment),
                    Target::Producer(id) => self.plugins.closed(id, moment),
                    Target::Consumer(id) => self.plugins.closed(id, moment),
                    Target::DataProducer(id) => self.plugins.closed(id, moment),
                    Target::DataConsumer(id) => self.plugins.closed(id, moment),
                    _ => {}
                }
            }
            self.plugins.deliver(&event, None, Moment { now, view: &self.engine });
            self.around.tell(event);
        }
        if S::LEN > 0 && !self.plugins.desk.queue.is_empty() {
            self.apply_commands(now);
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
