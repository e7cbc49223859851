//! What a test can tell a worker: commands, requests, settings.
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use super::bench::Bench;
use crate::control::{
    Command, ControlError, Labels, Placing, Reply, RouterId, ServeRequests, Steps, Target, steps,
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
        if let Command::PluginRequest { plugin, body, target: Target::Worker } = &command
            && self.serving.serves(plugin)
        {
            return self.serve(&plugin.clone(), body.clone());
        }
        match steps(&command, self.spread) {
            Some(steps) => self.take(steps),
            None => {
                let worker = command.target().and_then(Target::worker);
                self.command_on(worker.unwrap_or(0), command)
            }
        }
    }

    fn take(&mut self, mut steps: Box<dyn Steps>) -> Result<Reply, ControlError> {
        while let Some((worker, command)) = steps.next() {
            steps.note(self.command_on(worker, command));
        }
        steps.outcome()
    }

    /// Where in a room a new peer is placed best, as [`ControlHandle::place`](crate::control::ControlHandle::place) says.
    pub fn place(&mut self, router: RouterId) -> RouterId {
        if self.workers() < 2 {
            return router;
        }
        match self.take(Box::new(Placing::in_router(router, self.spread))) {
            Ok(Reply::Router(place)) => place,
            other => panic!("testing: there is no place in {router}: {other:?}"),
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

    /// A request that needs no media thread.
    fn serve(&mut self, plugin: &str, body: Value) -> Result<Reply, ControlError> {
        let mut answer = self.serving.serve(plugin, body);
        // It may need media threads, and work that blocks or waits for real time.
        for patience in std::iter::once(Duration::ZERO).chain([Duration::from_millis(10); 1000]) {
            self.settle();
            if let Some(reply) = self.background.wait(patience, &mut answer) {
                self.settle();
                return reply;
            }
        }
        Err(ControlError::internal("testing: `serve` did not answer"))
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
