//! Outcomes on their way to `done`.
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::error::Error;
use super::slot::PluginSlot;
use super::start::Doorbell;
use crate::control::{ControlError, Reply};

type Outcome = (PluginSlot, u64, Result<Reply, Error>);

/// Outcomes of one media thread; each was asked for by a bounded command, so there is no bound of its own.
pub struct Outcomes {
    sender: Sender<Outcome>,
    receiver: Receiver<Outcome>,
    bell: Arc<Doorbell>,
}

impl Outcomes {
    pub(crate) fn new(bell: Arc<Doorbell>) -> Self {
        let (sender, receiver) = channel();
        Outcomes { sender, receiver, bell }
    }

    /// The next outcome.
    pub(crate) fn next(&self) -> Option<Outcome> {
        self.receiver.try_recv().ok()
    }

    /// Where to send the outcome of what a plugin asked for under a tag.
    pub fn sender(&self, slot: PluginSlot, tag: u64) -> OutcomeSender {
        OutcomeSender { to: Some((self.sender.clone(), self.bell.clone())), slot, tag }
    }
}

/// Sends one outcome to the plugin that waits for it, from any thread. Dropped unused, it sends an error.
#[must_use = "a plugin waits for the outcome"]
pub struct OutcomeSender {
    to: Option<(Sender<Outcome>, Arc<Doorbell>)>,
    slot: PluginSlot,
    tag: u64,
}

impl OutcomeSender {
    /// Sends it.
    pub fn send(mut self, outcome: Result<Reply, ControlError>) {
        self.deliver(outcome.map_err(Error::from));
    }

    fn deliver(&mut self, outcome: Result<Reply, Error>) {
        if let Some((sender, bell)) = self.to.take()
            && sender.send((self.slot, self.tag, outcome)).is_ok()
        {
            bell.ring(PluginSlot::OUTCOMES);
        }
    }
}

impl Drop for OutcomeSender {
    fn drop(&mut self) {
        self.deliver(Err(Error::at("control", "the command was dropped; the worker is stopping")));
    }
}
