use std::collections::{BTreeMap, HashMap};

use super::{Droppable, MESSAGE_MAX, Topic, Urgency};
use crate::flat::{Table, encode};

/// So much that may be lost waits before more of it is; bytes.
const DROPPABLE_MAX: usize = 4 << 20;

/// A message is longer than the channel carries, and was not sent. A request whose response this was still
/// needs one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signaling.mediasoup: message too big: {length} bytes, and the channel carries {MESSAGE_MAX}")]
pub struct TooBig {
    /// Bytes, with the length in front.
    pub length: usize,
}

/// How many messages were dropped since the start.
#[allow(missing_docs)] // Each counts the messages of its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    pub rtp: u64,
    pub rtcp: u64,
    pub data: u64,
    pub trace: u64,
    pub log: u64,
}

impl Dropped {
    fn count(&mut self, kind: Droppable) {
        *match kind {
            Droppable::Rtp => &mut self.rtp,
            Droppable::Rtcp => &mut self.rtcp,
            Droppable::Data => &mut self.data,
            Droppable::Trace => &mut self.trace,
            Droppable::Log => &mut self.log,
        } += 1;
    }
}

/// The messages to the library, in the order in which they were sent.
///
/// It is blocked from the moment that the stream took no more until all that waited is gone.
#[derive(Debug, Default)]
pub struct Outbox {
    /// By number, because messages leave from the middle when a newer one supersedes them.
    queue: BTreeMap<u64, Waiting>,
    next: u64,
    /// Bytes of the first message that are gone already.
    sent: usize,
    pending: usize,
    droppable: usize,
    newest: HashMap<Subject, u64>,
    is_blocked: bool,
    dropped: Dropped,
}

/// What a message is the newest about: a topic of an entity.
type Subject = (Topic, String);

#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    subject: Option<Subject>,
    is_droppable: bool,
}

impl Outbox {
    /// Sends a message about the entity `handler_id`.
    pub fn send<T: Table>(&mut self, urgency: Urgency, handler_id: &str, message: &T) -> Result<(), TooBig> {
        if let Urgency::Droppable(kind) = urgency
            && self.droppable >= DROPPABLE_MAX
        {
            self.dropped.count(kind);
            return Ok(());
        }
        let mut bytes = Vec::new();
        encode(message, &mut bytes);
        if bytes.len() > MESSAGE_MAX {
            return Err(TooBig { length: bytes.len() });
        }
        let subject = match urgency {
            Urgency::Newest(topic) => Some((topic, handler_id.to_owned())),
            _ => None,
        };
        if let Some(subject) = &subject {
            self.supersede(subject);
            self.newest.insert(subject.clone(), self.next);
        }
        let is_droppable = matches!(urgency, Urgency::Droppable(_));
        self.pending += bytes.len();
        self.droppable += if is_droppable { bytes.len() } else { 0 };
        self.queue.insert(self.next, Waiting { bytes, subject, is_droppable });
        self.next += 1;
        Ok(())
    }

    /// What is to be written, in order.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let first = std::iter::once(self.sent).chain(std::iter::repeat(0));
        self.queue.values().zip(first).map(|(waiting, sent)| waiting.bytes.get(sent..).unwrap_or_default())
    }

    /// So many bytes were written.
    pub fn advance(&mut self, written: usize) {
        self.sent += written;
        while let Some(first) = self.queue.first_entry() {
            let length = first.get().bytes.len();
            if self.sent < length {
                return;
            }
            self.sent -= length;
            let number = *first.key();
            self.remove(number);
        }
        self.is_blocked = false;
    }

    /// The stream took no more, or not all.
    pub fn block(&mut self) {
        self.is_blocked = !self.queue.is_empty();
    }

    /// Whether the library has to read first.
    pub fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// Whether everything is written.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait, a message that is written in part as a whole.
    pub fn pending(&self) -> usize {
        self.pending
    }

    /// What was dropped since the start.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Takes back the message that is not the newest any more: the new one gets its own place at the end, so
    /// that it does not overtake what caused it.
    fn supersede(&mut self, subject: &Subject) {
        let Some(&number) = self.newest.get(subject) else { return };
        let is_on_its_way =
            self.sent > 0 && self.queue.first_key_value().is_some_and(|(first, _)| *first == number);
        if self.is_blocked && !is_on_its_way {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(waiting) = self.queue.remove(&number) else { return };
        self.pending -= waiting.bytes.len();
        self.droppable -= if waiting.is_droppable { waiting.bytes.len() } else { 0 };
        if let Some(subject) = waiting.subject
            && self.newest.get(&subject) == Some(&number)
        {
            self.newest.remove(&subject);
        }
    }
}
