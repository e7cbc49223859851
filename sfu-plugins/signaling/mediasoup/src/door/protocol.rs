use sfu_core::control::Told;

use crate::channel::Outbox;

/// Whether the library wants to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    On,
    /// It closed the worker; what it said after that is not for us.
    Close,
}

/// One version of the protocol: what messages say, and what is done about them.
pub(crate) trait Protocol: Send {
    /// A message of the library, or why it is none.
    type Message: Send;
    /// Something that was done beside the messages.
    type Work: Send;

    /// Says that the worker runs.
    fn begin(&mut self, out: &mut Outbox);

    /// Reads a message.
    fn read(frame: &[u8]) -> Self::Message;

    /// Does what it asks for, and answers.
    fn handle(&mut self, message: Self::Message, out: &mut Outbox) -> impl Future<Output = Flow> + Send;

    /// Tells the library what the worker tells.
    fn tell(&mut self, told: Told, out: &mut Outbox);

    /// Logs a line.
    fn log(&mut self, line: String, out: &mut Outbox);

    /// Waits for something that was done beside the messages; may be dropped while it waits.
    fn work(&mut self) -> impl Future<Output = Self::Work> + Send;

    /// Tells the library about it.
    fn done(&mut self, work: Self::Work, out: &mut Outbox);
}
