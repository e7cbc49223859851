//! Commands of the control API, with the hooks for what they open.
use std::time::Instant;

use super::{Pace, ReplySender, Shell, Surroundings};
use crate::control::{Command, ControlError, Event, EventBody, PartCommand, PartStep, Reply, Target};
use crate::engine::SocketFactory;
use crate::plugin::{Kind, Moment, PluginSet, Refused, Timed, Untimed, View};

impl<S: PluginSet, X: Surroundings<S>> Shell<S, X> {
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
                            stats.plugin_costs = self.plugins.costs();
                            stats.plugin_switches = self.plugins.switches();
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
    pub(super) fn entity_command(
        &mut self,
        now: Instant,
        command: Command,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        let command = match command {
            Command::SendRtp { producer, packet } => {
                if let Some(ingress) = self.engine.receive_direct_rtp(now, producer, &packet)? {
                    match self.pace {
                        Pace::Timed => self.rtp(now, ingress, Timed),
                        Pace::Idle | Pace::Free => self.rtp(now, ingress, Untimed),
                    }
                } else {
                    self.relay_skips();
                }
                return Ok(Reply::Done);
            }
            Command::SendRtcp { transport, packet } => {
                let ingress = self.engine.receive_direct_rtcp(now, transport, &packet)?;
                match self.pace {
                    Pace::Timed => self.rtcp(now, ingress, Timed),
                    Pace::Idle | Pace::Free => self.rtcp(now, ingress, Untimed),
                }
                return Ok(Reply::Done);
            }
            command => command,
        };
        let closing: Option<Target> = match &command {
            Command::CloseSession(id) => Some((*id).into()),
            Command::CloseRouter(id) => Some((*id).into()),
            Command::CloseTransport(id) => Some((*id).into()),
            Command::CloseProducer(id) => Some((*id).into()),
            Command::CloseConsumer(id) => Some((*id).into()),
            Command::CloseWebRtcServer(id) => Some((*id).into()),
            Command::CloseDataProducer(id) => Some((*id).into()),
            Command::CloseDataConsumer(id) => Some((*id).into()),
            _ => None,
        };
        if let Some(target) = closing {
            self.closing(now, target);
        }
        let rules = match &command {
            Command::Part(PartCommand(PartStep::Make(settings))) => settings.rules.clone(),
            _ => Vec::new(),
        };
        let weighed = match &command {
            Command::Part(PartCommand(PartStep::Weigh(router))) => *router,
            Command::Part(PartCommand(PartStep::Enter { home, .. })) => Some(*home),
            _ => None,
        };
        let connects =
            matches!(command, Command::ConnectPlainTransport { .. } | Command::ConnectPipeTransport { .. });
        let mut reply = self.engine.execute(now, command, sockets)?;
        if let Reply::RouterWeight(weight) = &mut reply
            && let Some(router) = weighed
        {
            weight.rules = self.plugins.rules_at(router.into());
        }
        if let Reply::Router(id) = &reply {
            self.plugins.take_rules((*id).into(), &rules, Moment { now, view: &self.engine });
        }
        let opened = match &reply {
            Reply::Session(id) => self.opened(now, *id).map_err(|e| (Command::CloseSession(*id), e)),
            Reply::Router(id) => self.opened(now, *id).map_err(|e| (Command::CloseRouter(*id), e)),
            Reply::WebRtcTransport(t) => {
                self.opened(now, t.id).map_err(|e| (Command::CloseTransport(t.id), e))
            }
            Reply::PlainTransport(t) | Reply::PipeTransport(t) if !connects => {
                self.opened(now, t.id).map_err(|e| (Command::CloseTransport(t.id), e))
            }
            Reply::DirectTransport(id) => {
                self.opened(now, *id).map_err(|e| (Command::CloseTransport(*id), e))
            }
            Reply::DataProducer(id) => {
                self.opened(now, *id).map_err(|e| (Command::CloseDataProducer(*id), e))
            }
            Reply::DataConsumer(id) => {
                self.opened(now, *id).map_err(|e| (Command::CloseDataConsumer(*id), e))
            }
            Reply::Producer(p) => self.opened(now, p.id).map_err(|e| (Command::CloseProducer(p.id), e)),
            Reply::Consumer(id) => self.opened(now, *id).map_err(|e| (Command::CloseConsumer(*id), e)),
            _ => Ok(()),
        };
        match opened {
            Ok(()) => Ok(reply),
            Err((close, refused)) => {
                let _ = self.engine.execute(now, close, sockets);
                Err(ControlError::refused(refused.to_string()).with_code(refused.refusal.code))
            }
        }
    }

    fn opened<K: Kind>(&mut self, now: Instant, id: K) -> Result<(), Refused> {
        if S::LEN > 0 && K::table(&self.plugins.tables).row(id).is_some() {
            return Ok(());
        }
        let moment = Moment { now, view: &self.engine };
        self.plugins.opened(id, moment)?;
        // Nobody but plugins' own rows knows the parts of a router apart.
        if matches!(id.into(), Target::Router(router) if self.engine.is_part(router)) {
            return Ok(());
        }
        let labels = View::new(&self.engine).labels(id.into());
        let event = Event { target: id.into(), body: EventBody::Opened { labels } };
        self.plugins.deliver(&event, None, Moment { now, view: &self.engine });
        self.around.tell(event);
        Ok(())
    }
}
