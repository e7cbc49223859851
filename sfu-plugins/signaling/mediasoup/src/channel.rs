//! The channel between library and worker: two byte streams (file descriptors 3 and 4) with frames of a
//! length (32 bits, little endian) and a FlatBuffer. No I/O here: bytes come in and go out by calls.
mod deframer;
mod outbox;
#[cfg(test)]
mod tests;
mod urgency;

pub use deframer::{Deframer, Frame};
pub use outbox::{Dropped, Outbox, TooBig};
pub use urgency::{Droppable, Topic, Urgency};

/// The longest message, its length included; bytes. The library refuses longer ones too.
pub const MESSAGE_MAX: usize = 8_388_608;

/// Requests wait while so much is to be sent; bytes. So what is queued is bounded by this, one response, and
/// what no request caused.
const PENDING_MAX: usize = 1 << 20;

/// Both directions of the channel.
///
/// While the library does not read, its requests are not read either: then responses can't pile up. It has to
/// be drained with [`Outbox::chunks`] and [`Outbox::advance`] before [`Self::next_frame`] goes on.
/// WORKER_CLOSE waits with the rest; that the library is gone, a failed write says.
#[derive(Debug, Default)]
pub struct Channel {
    input: Deframer,
    output: Outbox,
    is_closed: bool,
}

impl Channel {
    /// Takes bytes that were read.
    pub fn receive(&mut self, bytes: &[u8]) {
        if !self.is_closed {
            self.input.push(bytes);
        }
    }

    /// Whether more should be read.
    pub fn wants_input(&self) -> bool {
        !self.is_closed && !self.output.is_blocked() && self.output.pending() < PENDING_MAX
    }

    /// The next message that is complete, unless the library has to read first.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        if self.wants_input() { self.input.next_frame() } else { None }
    }

    /// Ignores everything that has not been handled yet, as after WORKER_CLOSE. What is to be sent stays.
    pub fn close(&mut self) {
        self.is_closed = true;
        self.input = Deframer::default();
    }

    /// What is to be sent.
    pub fn output(&mut self) -> &mut Outbox {
        &mut self.output
    }
}
