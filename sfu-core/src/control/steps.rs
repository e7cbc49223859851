//! Commands that take several steps, on several media threads.
use super::fan_out::FanOut;
use super::placement::{Placing, Spread};
use super::reconfiguration::Reconfiguration;
use super::relaying::Relaying;
use super::{Command, ControlError, Reply};

/// What a command becomes that one media thread can't carry out.
///
/// Sends nothing itself, so that it is the same for a running worker and for one in virtual time:
/// `while let Some((worker, command)) = steps.next() { steps.note(answer) }`, then [`Steps::outcome`].
pub(crate) trait Steps: Send {
    /// The next command, and the media thread that it is for.
    fn next(&mut self) -> Option<(u8, Command)>;
    /// What that thread answered.
    fn note(&mut self, answer: Result<Reply, ControlError>);
    /// What came of it.
    fn outcome(self: Box<Self>) -> Result<Reply, ControlError>;
}

/// The steps of a command in a worker whose rooms spread like this; none if it takes one.
pub(crate) fn steps(command: &Command, spread: Spread) -> Option<Box<dyn Steps>> {
    if let Command::ReconfigurePlugin { plugin, config } = command {
        return Some(Box::new(Reconfiguration::new(plugin.clone(), config.clone(), spread.workers)));
    }
    if command.target().is_some_and(|target| target.worker().is_none()) {
        return Some(Box::new(FanOut::everywhere(command.clone(), spread.workers)));
    }
    if spread.workers < 2 {
        return None;
    }
    if let Some(placing) = Placing::of(command, spread) {
        return Some(Box::new(placing));
    }
    if let Some(relaying) = Relaying::of(command) {
        return Some(Box::new(relaying));
    }
    FanOut::of_parts(command).map(|steps| Box::new(steps) as Box<dyn Steps>)
}

/// A reply that does not fit its command.
pub(crate) fn unexpected(reply: &Reply) -> ControlError {
    ControlError::internal(format!("control: unexpected reply {reply:?}"))
}
