//! What a test can tell a worker: commands, requests, settings.
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use super::bench::Bench;
use crate::control::{
    Command, ControlError, Labels, Reconfiguration, RelayCommand, RelayStep, Reply, RouterId, ServeRequests,
    Target,
};
use crate::plugin::PluginSet;

/// An answer that may come later.
pub struct Pending(oneshot::Receiver<Result<Reply, ControlError>>);

impl Pending {
    /// The answer, if there is one by now.
    pub fn take(&mut self) -> Option<Result<Reply, ControlError>> {
        self.0.try_recv().ok()
    }
}

impl<S: PluginSet> Bench<S> {
    /// Carries out a command as a [`ControlHandle`](crate::control::ControlHandle) would, and everything that follows at once.
    pub fn try_command(&mut self, command: Command) -> Result<Reply, ControlError> {
        match command {
            Command::Consume { transport, mut options }
                if options.producer.worker() != transport.worker() =>
            {
                let step = |step| Command::Relay(RelayCommand(step));
                let (producer, worker) = (options.producer, transport.worker());
                let offer = match self.try_command(step(RelayStep::Offer { producer, worker }))? {
                    Reply::Relay(offer) => offer,
                    other => panic!("testing: unexpected {other:?}"),
                };
                match self.try_command(step(RelayStep::Accept { offer, transport }))? {
                    Reply::Producer(copy) => options.producer = copy.id,
                    other => panic!("testing: unexpected {other:?}"),
                }
                self.command_on(transport.worker(), Command::Consume { transport, options })
            }
            command => match command.target() {
                None => self.command_on(0, command),
                Some(target) => match target.worker() {
                    Some(worker) => self.command_on(worker, command),
                    None => self.everywhere(command),
                },
            },
        }
    }

    /// The same, where no error is expected.
    pub fn command(&mut self, command: Command) -> Reply {
        let text = format!("{command:?}");
        self.try_command(command).unwrap_or_else(|error| panic!("testing: {text}: {error}"))
    }

    /// Carries out a command on a given media thread.
    pub fn command_on(&mut self, worker: u8, command: Command) -> Result<Reply, ControlError> {
        let mut pending = self.begin(worker, command);
        self.settle();
        if pending.0.is_empty() && !self.background.is_idle() {
            // Work that blocks, or waits for real time.
            self.background.finish(Duration::from_secs(5));
            self.settle();
        }
        pending.take().unwrap_or_else(|| {
            Err(ControlError::internal("testing: there is no answer yet; use `request_later`"))
        })
    }

    pub(super) fn begin(&mut self, worker: u8, command: Command) -> Pending {
        let (reply, answer) = oneshot::channel();
        let now = self.now;
        match self.workers.get_mut(usize::from(worker)) {
            Some(worker) => {
                worker.touch(now);
                worker.shell.command(now, command, reply, &mut worker.sockets);
            }
            None => {
                let _ = reply.send(Err(ControlError::not_found(format!(
                    "control: there is no media thread {worker}"
                ))));
            }
        }
        Pending(answer)
    }

    fn everywhere(&mut self, command: Command) -> Result<Reply, ControlError> {
        if let Command::PluginRequest { plugin, body, .. } = &command
            && self.serving.serves(plugin)
        {
            let mut answer = self.serving.serve(plugin, body.clone());
            // It may need media threads, and work that blocks or waits for real time.
            for patience in std::iter::once(Duration::ZERO).chain([Duration::from_millis(10); 1000]) {
                self.settle();
                if let Some(reply) = self.background.wait(patience, &mut answer) {
                    self.settle();
                    return reply;
                }
            }
            return Err(ControlError::internal("testing: `serve` did not answer"));
        }
        if let Command::ReconfigurePlugin { plugin, config } = command {
            let mut steps = Reconfiguration::new(plugin, config, self.workers());
            while let Some((worker, command)) = steps.next() {
                steps.note(self.command_on(worker, command));
            }
            return steps.outcome();
        }
        let mut replies = Vec::new();
        for worker in 0..self.workers() {
            replies.push(self.command_on(worker, command.clone())?);
        }
        Ok(Reply::merge(replies))
    }

    /// Asks a plugin.
    pub fn request(
        &mut self,
        plugin: &str,
        target: impl Into<Target>,
        body: Value,
    ) -> Result<Value, ControlError> {
        let command = Command::PluginRequest { plugin: plugin.to_owned(), target: target.into(), body };
        match self.try_command(command)? {
            Reply::Json(value) => Ok(value),
            other => panic!("testing: unexpected {other:?}"),
        }
    }

    /// Asks a plugin that answers later.
    pub fn request_later(&mut self, plugin: &str, target: impl Into<Target>, body: Value) -> Pending {
        let target = target.into();
        let command = Command::PluginRequest { plugin: plugin.to_owned(), target, body };
        let pending = self.begin(target.worker().unwrap_or(0), command);
        self.settle();
        pending
    }

    /// Switches a plugin on for a target and all below it.
    pub fn enable(
        &mut self,
        plugin: &str,
        target: impl Into<Target>,
        options: Value,
    ) -> Result<(), ControlError> {
        let (plugin, target) = (plugin.to_owned(), target.into());
        self.try_command(Command::EnablePlugin { plugin, target, options }).map(|_| ())
    }

    /// Switches it off.
    pub fn disable(&mut self, plugin: &str, target: impl Into<Target>) -> Result<(), ControlError> {
        let (plugin, target) = (plugin.to_owned(), target.into());
        self.try_command(Command::DisablePlugin { plugin, target }).map(|_| ())
    }

    /// Gives a plugin a new configuration: its table, as in the file.
    pub fn reconfigure(&mut self, plugin: &str, config: Value) -> Result<(), ControlError> {
        self.try_command(Command::ReconfigurePlugin { plugin: plugin.to_owned(), config }).map(|_| ())
    }

    /// Closes a session, router, transport, producer, consumer, data producer or data consumer.
    pub fn close(&mut self, target: impl Into<Target>) {
        self.command(match target.into() {
            Target::Session(id) => Command::CloseSession(id),
            Target::Router(id) => Command::CloseRouter(id),
            Target::Transport(id) => Command::CloseTransport(id),
            Target::Producer(id) => Command::CloseProducer(id),
            Target::Consumer(id) => Command::CloseConsumer(id),
            Target::DataProducer(id) => Command::CloseDataProducer(id),
            Target::DataConsumer(id) => Command::CloseDataConsumer(id),
            Target::WebRtcServer(id) => Command::CloseWebRtcServer(id),
            other => panic!("testing: {other:?} cannot be closed"),
        });
    }

    /// Pauses a producer, consumer, data producer or data consumer.
    pub fn pause(&mut self, target: impl Into<Target>) {
        self.command(match target.into() {
            Target::Producer(id) => Command::PauseProducer(id),
            Target::Consumer(id) => Command::PauseConsumer(id),
            Target::DataProducer(id) => Command::PauseDataProducer(id),
            Target::DataConsumer(id) => Command::PauseDataConsumer(id),
            other => panic!("testing: {other:?} cannot be paused"),
        });
    }

    /// Resumes one.
    pub fn resume(&mut self, target: impl Into<Target>) {
        self.command(match target.into() {
            Target::Producer(id) => Command::ResumeProducer(id),
            Target::Consumer(id) => Command::ResumeConsumer(id),
            Target::DataProducer(id) => Command::ResumeDataProducer(id),
            Target::DataConsumer(id) => Command::ResumeDataConsumer(id),
            other => panic!("testing: {other:?} cannot be resumed"),
        });
    }

    /// Replaces labels.
    pub fn set_labels(&mut self, target: impl Into<Target>, labels: Labels) {
        self.command(Command::SetLabels { target: target.into(), labels });
    }

    /// The router of a media thread; made when it is first needed. All of them together are the room.
    pub fn router(&mut self, worker: u8) -> RouterId {
        if let Some(Some(id)) = self.routers.get(usize::from(worker)) {
            return *id;
        }
        let labels = Labels::new().with("room", "test");
        match self.command_on(worker, Command::CreateRouter { labels }) {
            Ok(Reply::Router(id)) => {
                if let Some(slot) = self.routers.get_mut(usize::from(worker)) {
                    *slot = Some(id);
                }
                id
            }
            other => panic!("testing: there is no router on media thread {worker}: {other:?}"),
        }
    }

    /// Waits, in real time, until background work of plugins is done; false if it is not after 5 s.
    pub fn finish_background(&mut self) -> bool {
        let done = self.background.finish(Duration::from_secs(5));
        self.settle();
        done
    }

    /// Stops the worker as a running one stops: everything is closed, then `stop` of each plugin runs.
    pub fn stop(mut self) {
        self.settle();
        let now = self.now;
        for mut worker in std::mem::take(&mut self.workers) {
            let _ = worker.shell.stop(now, &mut worker.sockets);
        }
    }
}
