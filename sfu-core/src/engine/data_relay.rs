//! A data producer whose data consumers live on another media thread too: messages go over among the words, so that they keep
//! their order with pauses and ends.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::Engine;
use super::control::not_found;
use super::data::is_recipient;
use super::data_consumer::DataConsumer;
use super::relay::RelayWord;
use crate::control::{
    Command, ControlError, DataConsumerId, DataConsumerOptions, DataOffer, DataProducerId, EventBody, Reply,
    RouterId, TransportId,
};
use crate::transport::sctp::Subchannels;

/// Bytes of messages that may wait for one media thread on their way from another. A thread that does not keep up loses what
/// is more, as a data consumer does whose send buffer is full.
const MAX_WAITING: usize = 16 << 20;

/// What a message counts for besides its bytes.
const OVERHEAD: usize = 256;

/// A media thread that a data producer's messages go to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataRelay {
    /// The media thread.
    pub(crate) worker: u8,
    /// How often the data producer was offered to it.
    offers: u32,
}

/// What is known of another thread's data producer here.
#[derive(Debug, Default)]
pub(super) struct DataCopy {
    /// The last offer that data consumers came by.
    offer: u32,
    /// Who gets its messages here.
    pub(super) consumers: Vec<DataConsumerId>,
}

/// Data producers of other media threads that have data consumers here.
pub(super) type DataCopies = HashMap<DataProducerId, DataCopy, RandomState>;

/// One message on its way to another media thread. It was past the ingress hooks.
#[derive(Debug)]
pub(crate) struct RelayedData {
    /// Its data producer.
    pub(crate) from: DataProducerId,
    /// The router of that one, as it is known outside.
    room: RouterId,
    /// Payload protocol identifier.
    pub(crate) ppid: u32,
    /// Its bytes.
    pub(crate) payload: Bytes,
    /// Whom it is for.
    pub(crate) subchannels: Subchannels,
    /// Those that a plugin chose; all that want it otherwise.
    pub(crate) to: Option<Vec<DataConsumerId>>,
    /// The plugin that made it, by its place.
    pub(crate) by: Option<usize>,
    _waiting: Waiting,
}

/// A message that other media threads are to get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataForOthers<'m> {
    /// Its data producer.
    pub(crate) from: DataProducerId,
    /// Payload protocol identifier.
    pub(crate) ppid: u32,
    /// Its bytes.
    pub(crate) payload: &'m Bytes,
    /// Whom it is for.
    pub(crate) subchannels: &'m Subchannels,
    /// The plugin that made it, by its place.
    pub(crate) by: Option<usize>,
}

/// What a message takes of the way as long as it waits.
#[derive(Debug)]
struct Waiting {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Waiting {
    /// Takes so many bytes; none if there is no room. A single message always finds room on an empty way.
    fn take(all: &Arc<AtomicUsize>, bytes: usize) -> Option<Self> {
        // Only this thread adds; the other one only takes away.
        let before = all.load(Ordering::Relaxed);
        if before > 0 && before + bytes > MAX_WAITING {
            return None;
        }
        all.fetch_add(bytes, Ordering::Relaxed);
        Some(Waiting { bytes, all: all.clone() })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What waits on the ways to other media threads, in bytes by their index.
#[derive(Debug, Default)]
pub(super) struct DataWays(Vec<Arc<AtomicUsize>>);

impl DataWays {
    fn to(&mut self, worker: u8) -> Option<&Arc<AtomicUsize>> {
        let index = usize::from(worker);
        if self.0.len() <= index {
            self.0.resize_with(index + 1, Arc::default);
        }
        self.0.get(index)
    }
}

impl Engine {
    /// Begins to send a data producer's messages to `worker`, too.
    pub(crate) fn offer_data(&mut self, id: DataProducerId, worker: u8) -> Result<DataOffer, ControlError> {
        let producer = self.data_producers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        let number = match producer.relays.iter_mut().find(|relay| relay.worker == worker) {
            Some(relay) => {
                relay.offers += 1;
                relay.offers
            }
            None => {
                producer.relays.push(DataRelay { worker, offers: 0 });
                0
            }
        };
        Ok(DataOffer { origin: id, number, paused: producer.paused })
    }

    /// Makes a data consumer of another thread's data producer.
    pub(crate) fn accept_data(
        &mut self,
        now: Instant,
        offer: DataOffer,
        transport: TransportId,
        options: DataConsumerOptions,
    ) -> Result<DataConsumerId, ControlError> {
        let DataOffer { origin, number, paused } = offer;
        let router = self.transports.get(transport).map(|path| path.router);
        let copy = self.data_copies.entry(origin).or_default();
        copy.offer = copy.offer.max(number);
        let made = router
            .ok_or_else(|| not_found(transport.into()))
            .and_then(|router| self.make_data_consumer(now, transport, options, router, paused));
        if let (Ok(id), Some(copy)) = (&made, self.data_copies.get_mut(&origin)) {
            copy.consumers.push(*id);
        }
        self.release_data_copy(origin);
        made
    }

    /// A data consumer of another thread's data producer is closed.
    pub(super) fn leave_data_copy(&mut self, origin: DataProducerId, consumer: DataConsumerId) {
        if let Some(copy) = self.data_copies.get_mut(&origin) {
            copy.consumers.retain(|other| *other != consumer);
            self.release_data_copy(origin);
        }
    }

    /// Where nobody here wants a data producer's messages they stay there.
    fn release_data_copy(&mut self, origin: DataProducerId) {
        let Some(copy) = self.data_copies.get(&origin).filter(|copy| copy.consumers.is_empty()) else {
            return;
        };
        let (worker, offer) = (self.config.worker, copy.offer);
        self.data_copies.remove(&origin);
        self.relays.say(origin.worker(), RelayWord::DataCopyClosed { origin, worker, offer });
    }

    /// A data producer is paused or resumed: its data consumers elsewhere learn of it.
    pub(super) fn pause_data_elsewhere(&mut self, id: DataProducerId, paused: bool) {
        let Some(producer) = self.data_producers.get(id) else { return };
        for relay in &producer.relays {
            self.relays.say(relay.worker, RelayWord::DataPaused { origin: id, paused });
        }
    }

    /// A data producer is closed: its data consumers elsewhere close, too.
    pub(super) fn close_data_elsewhere(&mut self, id: DataProducerId, relays: &[DataRelay]) {
        for relay in relays {
            self.relays.say(relay.worker, RelayWord::DataOriginClosed { origin: id });
        }
    }

    /// Sends a message to all other media threads where somebody may want it.
    pub(crate) fn relay_data(&mut self, message: DataForOthers<'_>) {
        let relay_of = |engine: &Self, index| {
            engine.data_producers.get(message.from)?.relays.get(index).map(|relay: &DataRelay| relay.worker)
        };
        let mut index = 0;
        while let Some(worker) = relay_of(self, index) {
            index += 1;
            self.send_data_elsewhere(worker, message, None);
        }
    }

    /// Sends a message to some data consumers of other media threads.
    pub(crate) fn relay_data_to(
        &mut self,
        message: DataForOthers<'_>,
        to: impl Iterator<Item = DataConsumerId>,
    ) {
        let mut by_worker: Vec<(u8, Vec<DataConsumerId>)> = Vec::new();
        for id in to {
            match by_worker.iter_mut().find(|(worker, _)| *worker == id.worker()) {
                Some((_, list)) => list.push(id),
                None => by_worker.push((id.worker(), vec![id])),
            }
        }
        for (worker, list) in by_worker {
            self.send_data_elsewhere(worker, message, Some(list));
        }
    }

    fn send_data_elsewhere(
        &mut self,
        worker: u8,
        message: DataForOthers<'_>,
        to: Option<Vec<DataConsumerId>>,
    ) {
        let DataForOthers { from, ppid, payload, subchannels, by } = message;
        let Some(room) = self.data_producers.get(from).map(|producer| self.known_router(producer.router))
        else {
            return;
        };
        let waiting = self.data_ways.to(worker).and_then(|way| Waiting::take(way, payload.len() + OVERHEAD));
        let Some(waiting) = waiting else {
            self.counters.data_relay_lost += 1;
            return;
        };
        let (payload, subchannels) = (payload.clone(), subchannels.clone());
        let message = RelayedData { from, room, ppid, payload, subchannels, to, by, _waiting: waiting };
        self.relays.say(worker, RelayWord::Data(Box::new(message)));
    }

    /// The data consumer at a place in the list of another thread's data producer, and whether a message is for it.
    pub(crate) fn recipient_of_relayed(
        &self,
        message: &RelayedData,
        index: usize,
    ) -> Option<(DataConsumerId, bool)> {
        match &message.to {
            Some(chosen) => {
                let id = *chosen.get(index)?;
                let consumer = self.data_consumers.get(id);
                let may = |it: &DataConsumer| !it.paused && self.known_router(it.router) == message.room;
                Some((id, consumer.is_some_and(may)))
            }
            None => {
                let id = *self.data_copies.get(&message.from)?.consumers.get(index)?;
                let consumer = self.data_consumers.get(id);
                Some((id, consumer.is_some_and(|it| is_recipient(it, &message.subchannels))))
            }
        }
    }

    /// The data consumers that a word of another media thread closes.
    pub(crate) fn closes_data(&self, word: &RelayWord) -> Vec<DataConsumerId> {
        match word {
            RelayWord::DataOriginClosed { origin } => {
                self.data_copies.get(origin).map(|copy| copy.consumers.clone()).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Another thread's data producer is paused or resumed.
    pub(super) fn data_paused_elsewhere(&mut self, origin: DataProducerId, paused: bool) {
        let Some(copy) = self.data_copies.get(&origin) else { return };
        for id in copy.consumers.clone() {
            if let Some(consumer) = self.data_consumers.get_mut(id) {
                consumer.producer_paused = paused;
                let by_producer = true;
                self.change(
                    id,
                    if paused {
                        EventBody::Paused { by_producer }
                    } else {
                        EventBody::Resumed { by_producer }
                    },
                );
            }
        }
    }

    /// Another thread has no data consumers of a data producer any more.
    pub(super) fn data_copy_closed(&mut self, origin: DataProducerId, worker: u8, offer: u32) {
        if let Some(producer) = self.data_producers.get_mut(origin) {
            producer.relays.retain(|relay| relay.worker != worker || relay.offers > offer);
        }
    }

    /// Carries out the command of an offer.
    pub(super) fn accept_data_command(
        &mut self,
        now: Instant,
        offer: DataOffer,
        command: Command,
    ) -> Result<Reply, ControlError> {
        match command {
            Command::ConsumeData { transport, options } => {
                self.accept_data(now, offer, transport, options).map(Reply::DataConsumer)
            }
            other => Err(ControlError::internal(format!("control.relay: {other:?} needs no data producer"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_full_until_messages_have_arrived_and_an_empty_one_takes_any() {
        let mut ways = DataWays::default();
        let way = ways.to(3).unwrap().clone();
        let large = Waiting::take(&way, 2 * MAX_WAITING).expect("it is the only one");
        assert!(Waiting::take(&way, 1).is_none());
        drop(large);
        let half = [MAX_WAITING / 2; 2].map(|bytes| Waiting::take(&way, bytes).expect("there is room"));
        assert!(Waiting::take(&way, 1).is_none());
        drop(half);
        assert_eq!(way.load(Ordering::Relaxed), 0);
    }
}
