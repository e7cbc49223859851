//! All that media threads tell, in order and without loss, for the one signaling crate that a library drives.
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::*;

/// What may wait of that which may be lost; bytes.
const DROPPABLE_MAX: usize = 4 << 20;

/// Something that a media thread tells.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Told {
    /// An event.
    Event(Event),
    /// A packet for a consumer on a direct transport.
    Rtp {
        /// The consumer.
        consumer: ConsumerId,
        /// The packet.
        packet: Bytes,
    },
    /// RTCP for the peer of a direct transport.
    Rtcp {
        /// The transport.
        transport: TransportId,
        /// Packets.
        packet: Bytes,
    },
    /// A message for a data consumer on a direct transport.
    Data {
        /// The data consumer.
        data_consumer: DataConsumerId,
        /// Payload protocol identifier (RFC 8831 §8).
        ppid: u32,
        /// The message.
        payload: Bytes,
    },
}

impl Told {
    /// What it needs while it waits, if it may be lost then; bytes.
    fn droppable(&self) -> Option<usize> {
        match self {
            Told::Rtp { packet, .. } | Told::Rtcp { packet, .. } => Some(packet.len() + 64),
            Told::Data { payload, .. } => Some(payload.len() + 64),
            Told::Event(Event { body: EventBody::Trace(_), .. }) => Some(256),
            Told::Event(_) => None,
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    droppable: AtomicUsize,
    dropped: AtomicU64,
}

/// The side of the media threads. Nothing is kept while nobody follows.
#[derive(Debug, Clone, Default)]
pub(crate) struct FeedSender(Arc<OnceLock<(mpsc::UnboundedSender<Told>, Arc<Waiting>)>>);

impl FeedSender {
    /// Whether somebody follows.
    #[inline]
    pub(crate) fn is_followed(&self) -> bool {
        self.0.get().is_some()
    }

    /// Tells it to who follows. Packets, messages and traces are dropped and counted while 4 MiB of them wait.
    pub(crate) fn tell(&self, told: Told) {
        let Some((sender, waiting)) = self.0.get() else { return };
        if let Some(size) = told.droppable() {
            if waiting.droppable.load(Ordering::Relaxed) >= DROPPABLE_MAX {
                waiting.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            waiting.droppable.fetch_add(size, Ordering::Relaxed);
        }
        let _ = sender.send(told);
    }

    /// Begins to follow; `None` if somebody does already.
    pub(crate) fn follow(&self) -> Option<Feed> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        self.0.set((sender, waiting.clone())).ok()?;
        Some(Feed { receiver, waiting })
    }
}

/// All that media threads tell from now on, in order. Who follows has to take it promptly: events are never lost, so they
/// would pile up.
#[derive(Debug)]
pub struct Feed {
    receiver: mpsc::UnboundedReceiver<Told>,
    waiting: Arc<Waiting>,
}

impl Feed {
    /// The next; `None` when the worker has stopped.
    pub async fn next(&mut self) -> Option<Told> {
        let told = self.receiver.recv().await?;
        Some(self.taken(told))
    }

    /// The next, if there is one already.
    pub fn try_next(&mut self) -> Option<Told> {
        let told = self.receiver.try_recv().ok()?;
        Some(self.taken(told))
    }

    /// Packets, messages and traces that were dropped because too much waited.
    pub fn dropped(&self) -> u64 {
        self.waiting.dropped.load(Ordering::Relaxed)
    }

    fn taken(&self, told: Told) -> Told {
        if let Some(size) = told.droppable() {
            self.waiting.droppable.fetch_sub(size, Ordering::Relaxed);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(len: usize) -> Told {
        let consumer = ConsumerId::from_raw(RawId::new(0, 0, 0));
        Told::Rtp { consumer, packet: vec![0; len].into() }
    }

    fn event() -> Told {
        Told::Event(Event { target: Target::Worker, body: EventBody::KeyFrameRequested })
    }

    #[test]
    fn one_follows_and_gets_everything_in_order() {
        let sender = FeedSender::default();
        sender.tell(event());
        assert!(!sender.is_followed());
        let mut feed = sender.follow().unwrap();
        assert!(sender.is_followed() && sender.follow().is_none());
        sender.tell(packet(1));
        sender.tell(event());
        assert_eq!([feed.try_next(), feed.try_next()], [Some(packet(1)), Some(event())]);
        assert_eq!(feed.try_next(), None, "what was told before is not kept");
    }

    #[test]
    fn packets_are_dropped_and_counted_while_too_many_wait_and_events_never() {
        let sender = FeedSender::default();
        let mut feed = sender.follow().unwrap();
        for _ in 0..20 {
            sender.tell(packet(1 << 20));
            sender.tell(event());
        }
        assert_eq!(feed.dropped(), 16, "four fit");
        let rest = std::iter::from_fn(|| feed.try_next()).filter(|told| *told == event()).count();
        assert_eq!(rest, 20);
        sender.tell(packet(1 << 20));
        assert_eq!(feed.try_next(), Some(packet(1 << 20)), "there is room again");
    }
}
