//! Figures of producers and consumers with their streams, and of data channels.
use sfu_core::control::{StreamStats, WorkerStats};

use crate::exposition::{Entity, Exposition};
use crate::family::Family;
use crate::labels::LabelText;
use crate::ledger::{Ledger, Totals, medium, streams_of};
use crate::settings::LabelName;
use crate::transport_figures::{chosen, seconds};

/// Adds the figures of each producer, consumer, data producer and data consumer.
pub(crate) fn add(stats: &WorkerStats, ledger: &Ledger, names: &[LabelName], out: &mut Exposition) {
    const DROPPED: &str = "RTP packets that plugins dropped.";
    const PAUSED: &str = "1 while it is paused by command.";
    for producer in &stats.producers {
        let labels = LabelText::new()
            .with("worker", producer.id.worker())
            .with("transport", producer.transport)
            .with("producer", producer.id)
            .with("kind", medium(producer.kind));
        let labels = chosen(labels, &producer.labels, names);
        let mut entity = Entity::new(labels.clone());
        entity.put(Family::counter("sfu_producer_dropped_by_plugins", DROPPED), producer.dropped_by_plugins);
        entity.put(Family::gauge("sfu_producer_paused", PAUSED), producer.paused);
        out.add(entity);
        for (index, stream) in producer.streams.iter().enumerate() {
            out.add(of_stream("sfu_producer", labels.clone(), stream, ledger.produced(producer, index)));
        }
    }
    for consumer in &stats.consumers {
        let labels = LabelText::new()
            .with("worker", consumer.id.worker())
            .with("transport", consumer.transport)
            .with("producer", consumer.producer)
            .with("consumer", consumer.id)
            .with("kind", medium(consumer.kind));
        let labels = chosen(labels, &consumer.labels, names);
        let mut entity = Entity::new(labels.clone());
        entity.put(Family::counter("sfu_consumer_dropped_by_plugins", DROPPED), consumer.dropped_by_plugins);
        entity.put(Family::gauge("sfu_consumer_paused", PAUSED), consumer.paused);
        out.add(entity);
        for (index, stream) in streams_of(consumer).enumerate() {
            out.add(of_stream("sfu_consumer", labels.clone(), stream, ledger.consumed(consumer, index)));
        }
    }
    data(stats, names, out);
}

fn of_stream(prefix: &str, labels: LabelText, stream: &StreamStats, totals: Totals) -> Entity {
    let mut entity = Entity::new(labels.with("encoding", stream.encoding).with("codec", &stream.mime_type));
    for (family, value) in totals.counters(prefix) {
        entity.put(family, value);
    }
    let gauge = |name: &str, help: &'static str| Family::gauge(format!("{prefix}_{name}"), help);
    entity.put(gauge("bits_per_second", "Bit/s over the last second."), stream.bitrate);
    entity.put(gauge("score", "How well it arrives, 0 to 10."), stream.score);
    entity.put(gauge("jitter_seconds", "Jitter."), seconds(stream.jitter));
    entity.put(
        gauge("loss_ratio", "Loss of the last report, 0 to 1."),
        f64::from(stream.fraction_lost) / 256.0,
    );
    entity.put_some(gauge("round_trip_seconds", "Round trip."), stream.round_trip_time.map(seconds));
    entity
}

fn data(stats: &WorkerStats, names: &[LabelName], out: &mut Exposition) {
    const DROPPED: &str = "Messages that plugins dropped.";
    for producer in &stats.data_producers {
        let labels = LabelText::new()
            .with("worker", producer.id.worker())
            .with("transport", producer.transport)
            .with("data_producer", producer.id);
        let mut entity = Entity::new(chosen(labels, &producer.labels, names));
        for (name, help, value) in [
            ("sfu_data_producer_messages", "Messages received.", producer.messages),
            ("sfu_data_producer_bytes", "Bytes of messages received.", producer.bytes),
            ("sfu_data_producer_dropped_by_plugins", DROPPED, producer.dropped_by_plugins),
        ] {
            entity.put(Family::counter(name, help), value);
        }
        out.add(entity);
    }
    for consumer in &stats.data_consumers {
        let labels = LabelText::new()
            .with("worker", consumer.id.worker())
            .with("transport", consumer.transport)
            .with("data_producer", consumer.data_producer)
            .with("data_consumer", consumer.id);
        let mut entity = Entity::new(chosen(labels, &consumer.labels, names));
        for (name, help, value) in [
            ("sfu_data_consumer_messages", "Messages sent.", consumer.messages),
            ("sfu_data_consumer_bytes", "Bytes of messages sent.", consumer.bytes),
            (
                "sfu_data_consumer_dropped",
                "Messages dropped because too many bytes waited.",
                consumer.dropped,
            ),
            ("sfu_data_consumer_dropped_by_plugins", DROPPED, consumer.dropped_by_plugins),
        ] {
            entity.put(Family::counter(name, help), value);
        }
        entity.put(
            Family::gauge("sfu_data_consumer_buffered_bytes", "Bytes that wait."),
            consumer.buffered_amount,
        );
        out.add(entity);
    }
}
