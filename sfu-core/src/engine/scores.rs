//! The scores behind a consumer, and who is told when one of them changes.
use super::Engine;
use super::consumer::Consumer;
use super::encoding::Encoding;
use super::producer::{MAX_ENCODINGS, Producer};
use super::stream::score::MAX_SCORE;
use crate::control::{ConsumerId, ConsumerScore, ConsumerType, EventBody, ProducerId};

/// The scores behind a consumer, four bits each: to remember and compare them allocates nothing.
///
/// The lowest four bits are the consumer's own, then come those of the encoding that it gets, then all of the producer's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PackedScores(u64);

// A number, its own and the producer's current one included, has to find room.
const _: () = assert!(4 * (MAX_ENCODINGS + 2) <= 64 && MAX_SCORE < 16);

impl PackedScores {
    fn of(consumer: &Consumer, producer: Option<&Producer>) -> Self {
        let encodings = producer.map_or(&[][..], |producer| &producer.encodings);
        // Where there is one, it is forwarded, or will be.
        let current = if encodings.len() == 1 { Some(0) } else { consumer.main.encoding };
        let current = current.and_then(|index| encodings.get(usize::from(index)));
        let (own, current) = match consumer.consumer_type {
            // A pipe has no encoding that stands for it.
            ConsumerType::Pipe => (MAX_SCORE, MAX_SCORE),
            _ => (consumer.main.stream.score(), current.map_or(0, Encoding::score)),
        };
        let all = [own, current].into_iter().chain(encodings.iter().map(Encoding::score));
        PackedScores(
            (0..).zip(all).fold(0, |packed, (place, score)| packed | u64::from(score) << (4 * place)),
        )
    }

    fn get(self, place: usize) -> u8 {
        (self.0 >> (4 * place)) as u8 & 0xf
    }

    fn unpack(self, encodings: usize) -> ConsumerScore {
        ConsumerScore {
            score: self.get(0),
            producer_score: self.get(1),
            producer_scores: (0..encodings.min(MAX_ENCODINGS)).map(|index| self.get(index + 2)).collect(),
        }
    }
}

impl Engine {
    /// The scores behind a consumer.
    pub(crate) fn consumer_score(&self, id: ConsumerId) -> Option<ConsumerScore> {
        let (scores, encodings) = self.packed_scores(id)?;
        Some(scores.unpack(encodings))
    }

    fn packed_scores(&self, id: ConsumerId) -> Option<(PackedScores, usize)> {
        let consumer = self.consumers.get(id)?;
        let producer = self.producers.get(consumer.producer);
        Some((PackedScores::of(consumer, producer), producer.map_or(0, |producer| producer.encodings.len())))
    }

    /// The scores that a consumer begins with; who made it can see them.
    pub(super) fn begin_consumer_score(&mut self, id: ConsumerId) {
        let Some((scores, _)) = self.packed_scores(id) else { return };
        if let Some(consumer) = self.consumers.get_mut(id) {
            consumer.scores_told = scores;
        }
    }

    /// Tells the scores behind a consumer if one of them changed since they were told.
    pub(super) fn tell_consumer_score(&mut self, id: ConsumerId) {
        let Some((scores, _)) = self.packed_scores(id) else { return };
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        if std::mem::replace(&mut consumer.scores_told, scores) != scores
            && let Some(told) = self.consumer_score(id)
        {
            self.change(id, EventBody::ConsumerScore(told));
        }
    }

    /// A score of a producer may have changed: its consumers are told.
    pub(super) fn tell_consumer_scores(&mut self, id: ProducerId) {
        let count = self.producers.get(id).map_or(0, |producer| producer.consumers.len());
        for place in 0..count {
            let consumer = self.producers.get(id).and_then(|producer| producer.consumers.get(place).copied());
            if let Some(consumer) = consumer {
                self.tell_consumer_score(consumer);
            }
        }
    }

    /// The score of an encoding changed: the producer tells it, and so do its consumers, on other media threads too.
    pub(super) fn scored(&mut self, id: ProducerId, encoding: u8, score: u8) {
        let Some(producer) = self.producers.get(id) else { return };
        for relay in &producer.relays {
            self.relays.score_copy(id, relay.worker, encoding, score);
        }
        self.change(id, EventBody::Score { encoding, score });
        self.tell_consumer_scores(id);
    }

    /// The same on another media thread, where a copy stands for the producer; nobody but its consumers knows it.
    pub(super) fn scored_elsewhere(&mut self, copy: ProducerId, encoding: u8, score: u8) {
        let entity = self.producers.get_mut(copy);
        let encoding = entity.and_then(|copy| copy.encodings.get_mut(usize::from(encoding)));
        if let Some(receiving) = encoding.and_then(|encoding| encoding.stream.as_mut()) {
            receiving.stream.take_over_score(score);
            self.tell_consumer_scores(copy);
        }
    }
}
