//! A producer whose consumers live on another media thread: packets go over, wishes come back.
//!
//! On the other thread a copy of the producer stands for it. The ingress hooks have run at the origin; what they noted
//! travels with the packet, in the shell.
use std::collections::HashMap;
use std::time::Instant;

use foldhash::fast::RandomState;

use super::producer::{Producer, Source};
use super::receive::Ingress;
use super::stream::receive::Arrival;
use super::{Engine, RelayedData, SocketFactory};
use crate::control::{
    CloseReason, Command, ConsumerId, ControlError, DataProducerId, Labels, ProducerId, ProducerOptions,
    RelayOffer, Reply, RouterId, RtpHeaderExtensionParameters, Target,
};
use crate::engine::control::not_found;
use crate::rtp::{ExtensionKind, PacketInfo, RtpHeader};

/// Relayed packets of one media thread that may wait for another.
pub(crate) const RELAY_RING: usize = 512;

/// A media thread that a producer's packets are relayed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Relay {
    /// The media thread.
    pub(crate) worker: u8,
    /// How often the producer was offered to it.
    offers: u32,
    /// A bit for each encoding of which a packet was lost on the way since the last that got through.
    gaps: u8,
}

// An encoding is a bit of `Relay::gaps`.
const _: () = assert!(super::producer::MAX_ENCODINGS <= 8);

/// What stands for a producer of another media thread.
#[derive(Debug, Clone, Copy)]
struct Copied {
    /// The producer of this thread.
    id: ProducerId,
    /// The last offer that it was made or found by.
    offer: u32,
}

/// What stands for producers of other media threads, one for each, by the producer.
#[derive(Debug, Default)]
pub(crate) struct Copies(HashMap<ProducerId, Copied, RandomState>);

/// One packet on its way to another media thread.
pub(crate) struct RelayedPacket {
    /// The producer that it comes from.
    pub(crate) origin: ProducerId,
    /// Index of its encoding.
    pub(crate) encoding: u8,
    /// Its extended sequence number.
    pub(crate) extended: u64,
    /// What the core found out about it.
    pub(crate) info: PacketInfo,
    /// The packet; empty where the origin keeps it back.
    pub(crate) bytes: arrayvec::ArrayVec<u8, { super::packet::PACKET_SIZE }>,
    /// Its timestamp.
    pub(crate) timestamp: u32,
    /// Packets between the last that came and this one were lost between the threads: nobody will bring them again.
    pub(crate) after_gap: bool,
}

/// A word from one media thread to another.
#[derive(Debug)]
pub(crate) enum RelayWord {
    /// A consumer of the copy needs a key frame.
    KeyFrame {
        /// The producer.
        origin: ProducerId,
        /// Index of its encoding.
        encoding: u8,
        /// It does not wait for others who may come.
        prompt: bool,
    },
    /// The producer was paused or resumed; its copy on the addressed thread goes along.
    Paused {
        /// The producer.
        origin: ProducerId,
        /// It is paused now.
        paused: bool,
    },
    /// The score of one of the producer's encodings changed.
    Score {
        /// The producer.
        origin: ProducerId,
        /// Index of its encoding.
        encoding: u8,
        /// 0 to 10.
        score: u8,
    },
    /// The copy on that media thread is closed.
    CopyClosed {
        /// The producer.
        origin: ProducerId,
        /// The media thread of the copy.
        worker: u8,
        /// The last offer that it knew of: who came by a later one has another copy.
        offer: u32,
    },
    /// The producer is closed; its copy on the addressed thread goes too.
    OriginClosed {
        /// The producer.
        origin: ProducerId,
    },
    /// A message of a data producer for data consumers of the addressed thread.
    Data(Box<RelayedData>),
    /// A data producer was paused or resumed.
    DataPaused {
        /// The data producer.
        origin: DataProducerId,
        /// It is paused now.
        paused: bool,
    },
    /// A data producer is closed; its data consumers on the addressed thread close, too.
    DataOriginClosed {
        /// The data producer.
        origin: DataProducerId,
    },
    /// That media thread has no data consumers of a data producer any more.
    DataCopyClosed {
        /// The data producer.
        origin: DataProducerId,
        /// The media thread.
        worker: u8,
        /// The last offer that they came by.
        offer: u32,
    },
    /// A router, a server of ports, or a part of one closed: what belongs to it on the addressed thread goes too.
    PartClosed {
        /// What belongs to it on that thread.
        target: Target,
        /// What closed.
        by: Target,
    },
}

/// Words that wait for the shell to carry them, each with the media thread that it goes to.
#[derive(Debug, Default)]
pub(crate) struct RelayOut {
    words: Vec<(u8, RelayWord)>,
    /// Packets that copies won't get. They travel among the packets, so that numbers close up in time.
    skipped: std::collections::VecDeque<(u8, Skipped)>,
}

/// The place of a packet that is not relayed.
#[derive(Debug, Clone, Copy)]
struct Skipped {
    origin: ProducerId,
    encoding: u8,
    extended: u64,
    timestamp: u32,
}

impl RelayOut {
    pub(super) fn request_key_frame(&mut self, origin: ProducerId, encoding: u8, prompt: bool) {
        let asked = (origin, encoding, prompt);
        let is_said = self.words.iter().any(|(_, word)| match word {
            RelayWord::KeyFrame { origin, encoding, prompt } => (*origin, *encoding, *prompt) == asked,
            _ => false,
        });
        if !is_said {
            self.words.push((origin.worker(), RelayWord::KeyFrame { origin, encoding, prompt }));
        }
    }

    /// A word for the media thread `worker`.
    pub(super) fn say(&mut self, worker: u8, word: RelayWord) {
        self.words.push((worker, word));
    }

    pub(super) fn score_copy(&mut self, origin: ProducerId, worker: u8, encoding: u8, score: u8) {
        self.words.push((worker, RelayWord::Score { origin, encoding, score }));
    }

    pub(super) fn pause_copy(&mut self, origin: ProducerId, worker: u8, paused: bool) {
        self.words.push((worker, RelayWord::Paused { origin, paused }));
    }

    /// The copy on `worker` won't get a packet.
    pub(super) fn skip(
        &mut self,
        worker: u8,
        origin: ProducerId,
        encoding: u8,
        extended: u64,
        timestamp: u32,
    ) {
        self.skipped.push_back((worker, Skipped { origin, encoding, extended, timestamp }));
    }

    pub(super) fn close_copy(&mut self, origin: ProducerId, worker: u8) {
        self.words.push((worker, RelayWord::OriginClosed { origin }));
    }
}

impl Engine {
    /// Words for other media threads.
    pub(crate) fn take_relay_words(&mut self) -> std::vec::Drain<'_, (u8, RelayWord)> {
        self.relays.words.drain(..)
    }

    /// The next place of a packet that another media thread won't get.
    pub(crate) fn next_relay_skip(&mut self) -> Option<(u8, RelayedPacket)> {
        let (worker, skipped) = self.relays.skipped.pop_front()?;
        let Skipped { origin, encoding, extended, timestamp } = skipped;
        let info = PacketInfo::new(crate::rtp::Codec::Opus);
        Some((
            worker,
            RelayedPacket {
                origin,
                encoding,
                extended,
                info,
                bytes: Default::default(),
                timestamp,
                after_gap: false,
            },
        ))
    }

    /// Begins to relay a producer of this thread to `worker`.
    pub(crate) fn offer_relay(&mut self, id: ProducerId, worker: u8) -> Result<RelayOffer, ControlError> {
        let producer = self.producers.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        let number = match producer.relays.iter_mut().find(|relay| relay.worker == worker) {
            Some(relay) => {
                relay.offers += 1;
                relay.offers
            }
            None => {
                producer.relays.push(Relay { worker, offers: 0, gaps: 0 });
                0
            }
        };
        let mut parameters = producer.parameters.clone();
        if producer.has_own_packet_id {
            // What is relayed has it.
            let uri = ExtensionKind::PacketId.uri().to_owned();
            parameters.header_extensions.push(RtpHeaderExtensionParameters { uri, id: producer.packet_id });
        }
        Ok(RelayOffer {
            origin: id,
            number,
            kind: producer.kind,
            parameters,
            mapping: producer.mapping.clone(),
            labels: producer.labels.clone(),
            paused: producer.paused,
        })
    }

    /// Carries out a command about another thread's producer with the copy that stands for it here; the copy is made if there is
    /// none yet, and closed again if nothing came of it.
    pub(crate) fn accept_relay(
        &mut self,
        now: Instant,
        offer: RelayOffer,
        mut command: Command,
        sockets: &mut dyn SocketFactory,
    ) -> Result<Reply, ControlError> {
        let (origin, number) = (offer.origin, offer.number);
        let copy = match self.make_copy(offer, &command) {
            Ok(copy) => copy,
            Err(error) => {
                self.say_closed(origin, number);
                return Err(error);
            }
        };
        if let Command::Consume { options, .. } = &mut command {
            options.producer = copy;
        }
        if let Command::SwitchConsumer { producer, .. } | Command::ObserveProducer { producer, .. } =
            &mut command
        {
            *producer = copy;
        }
        let answer = self.execute(now, command, sockets);
        self.release_copy(copy);
        answer
    }

    /// The copy of another thread's producer for a command: the one that is there, or a new one.
    fn make_copy(&mut self, offer: RelayOffer, command: &Command) -> Result<ProducerId, ControlError> {
        let origin = offer.origin;
        if origin.worker() == self.config.worker {
            return Err(ControlError::internal(format!("control.relay: {origin} is of this media thread")));
        }
        if let Some(known) = self.copies.0.get_mut(&origin) {
            known.offer = known.offer.max(offer.number);
            return Ok(known.id);
        }
        let router = self.router_of(command)?;
        let options = ProducerOptions {
            kind: offer.kind,
            rtp_parameters: offer.parameters,
            rtp_mapping: offer.mapping,
            paused: offer.paused,
            key_frame_request_delay: std::time::Duration::ZERO,
            packet_ids: false,
            labels: offer.labels,
        };
        let id = self.producers.try_insert_with(|id| {
            Producer::new(id, Source::Relay(origin), router, options, &Labels::new())
        })?;
        self.copies.0.insert(origin, Copied { id, offer: offer.number });
        Ok(id)
    }

    /// The router of what is to get another thread's producer.
    fn router_of(&self, command: &Command) -> Result<RouterId, ControlError> {
        match command {
            Command::Consume { transport: id, .. } => {
                self.transports.get(*id).map(|it| it.router).ok_or_else(|| not_found((*id).into()))
            }
            Command::SwitchConsumer { consumer: id, .. } => {
                self.consumers.get(*id).map(|it| it.router).ok_or_else(|| not_found((*id).into()))
            }
            Command::ObserveProducer { observer: id, .. } => self.router_of_observer(*id),
            _ => Err(ControlError::internal("control.relay: the command needs no producer")),
        }
    }

    /// A consumer leaves a producer.
    pub(super) fn unconsume(&mut self, id: ProducerId, consumer: ConsumerId) {
        if let Some(producer) = self.producers.get_mut(id) {
            producer.consumers.retain(|other| *other != consumer);
            self.release_copy(id);
        }
    }

    /// Closes what stands for another thread's producer once nothing here needs it: its packets stay there then.
    pub(super) fn release_copy(&mut self, id: ProducerId) {
        let is_unused = self.producers.get(id).is_some_and(|producer| {
            producer.transport().is_none() && producer.consumers.is_empty() && producer.observers.is_empty()
        });
        if is_unused {
            let _ = self.close_producer(id, CloseReason::Parent);
        }
    }

    /// A copy is closed.
    pub(super) fn forget_copy(&mut self, origin: ProducerId) {
        if let Some(Copied { offer, .. }) = self.copies.0.remove(&origin) {
            self.say_closed(origin, offer);
        }
    }

    fn say_closed(&mut self, origin: ProducerId, offer: u32) {
        let worker = self.config.worker;
        self.relays.say(origin.worker(), RelayWord::CopyClosed { origin, worker, offer });
    }

    /// Copies a packet for another media thread.
    pub(crate) fn relayed(&self, published: &super::Published) -> Option<RelayedPacket> {
        let packet = &published.packet;
        Some(RelayedPacket {
            origin: published.producer,
            encoding: published.encoding,
            extended: published.extended,
            info: packet.info,
            bytes: arrayvec::ArrayVec::try_from(packet.data()).ok()?,
            timestamp: packet.header.timestamp,
            after_gap: false,
        })
    }

    /// Says in a packet for `worker` whether packets before it were lost on the way; to be called before it goes.
    #[inline]
    pub(crate) fn mark_relayed(&self, worker: u8, packet: &mut RelayedPacket) {
        let Some(producer) = self.producers.get(packet.origin) else { return };
        let relay = producer.relays.iter().find(|relay| relay.worker == worker);
        packet.after_gap = relay.is_some_and(|relay| relay.gaps & gap_bit(packet.encoding) != 0);
    }

    /// Notes that a packet went to `worker`, the first one behind a gap, or that it was lost because that media thread does not keep up.
    #[cold]
    pub(crate) fn note_relayed(&mut self, worker: u8, origin: ProducerId, encoding: u8, lost: bool) {
        self.counters.relay_lost += u64::from(lost);
        let Some(producer) = self.producers.get_mut(origin) else { return };
        let Some(relay) = producer.relays.iter_mut().find(|relay| relay.worker == worker) else { return };
        match lost {
            true => relay.gaps |= gap_bit(encoding),
            false => relay.gaps &= !gap_bit(encoding),
        }
    }

    /// Takes a packet of another media thread; it goes on as if it had just passed the ingress hooks.
    pub(crate) fn receive_relayed(&mut self, now: Instant, relayed: &RelayedPacket) -> Option<Ingress> {
        let id = self.copy_of(relayed.origin)?;
        if relayed.after_gap {
            self.close_gap(now, id, relayed.encoding, relayed.extended);
        }
        if relayed.bytes.is_empty() {
            self.skip_number(now, id, relayed.encoding, relayed.extended, relayed.timestamp);
            return None;
        }
        let producer = self.producers.get_mut(id)?;
        let encoding = producer.encodings.get_mut(usize::from(relayed.encoding))?;
        let header = RtpHeader::parse(&relayed.bytes).ok()?;
        encoding.relayed = encoding.relayed.max(Some(relayed.extended));
        let began = encoding.stream.as_ref().is_none_or(|stream| stream.ssrc != header.ssrc);
        if began {
            let payload_type = *producer.codecs.get(header.payload_type)?;
            encoding.begin(header.ssrc, &payload_type, producer.kind);
        }
        // Only activity and rate are of interest here: loss and repair are the origin's business.
        let mut restarted = false;
        if let Some(receiving) = &mut encoding.stream {
            let (number, len) = (header.sequence_number, relayed.bytes.len());
            let arrival = receiving.stream.on_packet(now, number, header.timestamp, len);
            restarted = matches!(arrival, Arrival::New { restarted: true, .. });
        }
        let size = relayed.bytes.len();
        let fresh_layer =
            encoding.layers.as_mut().is_some_and(|known| known.on_packet(now, &relayed.info.frame, size));
        if relayed.info.key_frame {
            encoding.key_frames.on_key_frame();
        }
        let (is_paused, is_watched) = (producer.paused, producer.is_watched);
        if restarted {
            self.restart_consumers(id, relayed.encoding);
        }
        if began {
            self.tell_consumer_scores(id);
        }
        if fresh_layer {
            self.reconsider_layers(now, id);
        }
        if is_paused {
            return None;
        }
        if is_watched && let Some(level) = relayed.info.audio_level {
            self.heard(now, id, level.level);
        }
        let mut fresh = self.pool.take();
        let packet = fresh.get_mut()?;
        packet.bytes.get_mut(..relayed.bytes.len())?.copy_from_slice(&relayed.bytes);
        packet.start = 0;
        packet.len = relayed.bytes.len();
        packet.header = header;
        packet.info = relayed.info;
        Some(Ingress { producer: id, encoding: relayed.encoding, extended: relayed.extended, packet: fresh })
    }

    /// Packets before `extended` were lost on their way here. No receiver is to ask for what nobody has: the numbers close up, and
    /// what is seen goes on with a key frame.
    #[cold]
    fn close_gap(&mut self, now: Instant, id: ProducerId, encoding: u8, extended: u64) {
        let Some(producer) = self.producers.get(id) else { return };
        let mut wanted = false;
        for consumer in &producer.consumers {
            if let Some(consumer) = self.consumers.get_mut(*consumer) {
                wanted |= consumer.close_gap(encoding, extended);
            }
        }
        if wanted {
            self.request_key_frame(now, id, encoding);
        }
    }

    /// Acts upon a word of another media thread.
    pub(crate) fn hear(&mut self, now: Instant, word: RelayWord) {
        match word {
            RelayWord::KeyFrame { origin, encoding, prompt } => {
                self.ask_key_frame(now, origin, encoding, prompt)
            }
            RelayWord::Paused { origin, paused } => {
                if let Some(id) = self.copy_of(origin) {
                    let _ = self.set_producer_paused(id, paused);
                    if !paused {
                        self.producer_wanted(now, id);
                    }
                }
            }
            RelayWord::Score { origin, encoding, score } => {
                if let Some(id) = self.copy_of(origin) {
                    self.scored_elsewhere(id, encoding, score);
                }
            }
            RelayWord::CopyClosed { origin, worker, offer } => {
                if let Some(producer) = self.producers.get_mut(origin) {
                    producer.relays.retain(|relay| relay.worker != worker || relay.offers > offer);
                }
            }
            RelayWord::OriginClosed { origin } => {
                if let Some(id) = self.copy_of(origin) {
                    let _ = self.close_producer(id, CloseReason::Parent);
                }
            }
            RelayWord::DataPaused { origin, paused } => self.data_paused_elsewhere(origin, paused),
            RelayWord::DataCopyClosed { origin, worker, offer } => {
                self.data_copy_closed(origin, worker, offer);
            }
            // The shell sees to those, which knows of plugins and sockets.
            RelayWord::Data(_) | RelayWord::DataOriginClosed { .. } | RelayWord::PartClosed { .. } => {}
        }
    }

    /// The producer that a word of another media thread will close.
    pub(crate) fn closes(&self, word: &RelayWord) -> Option<ProducerId> {
        match word {
            RelayWord::OriginClosed { origin } => self.copy_of(*origin),
            _ => None,
        }
    }

    /// What stands here for a producer of another media thread.
    #[inline]
    pub(super) fn copy_of(&self, origin: ProducerId) -> Option<ProducerId> {
        self.copies.0.get(&origin).map(|copied| copied.id)
    }
}

/// The bit of an encoding in [`Relay::gaps`].
#[inline]
fn gap_bit(encoding: u8) -> u8 {
    1 << (encoding & 7)
}
