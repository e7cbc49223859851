//! Sums of what streams counted, which do not fall when a stream ends.
use std::collections::{BTreeMap, HashMap};

use sfu_core::control::{ConsumerStats, EntityId, MediaKind, ProducerStats, RawId, StreamStats, WorkerStats};
use sfu_core::plugin::{RouterId, TransportId};

use crate::family::Family;

/// What is counted of a stream: the end of the name, and the help text.
const FIGURES: [(&str, &str); 11] = [
    ("packets", "RTP packets, without duplicates and repetitions."),
    ("bytes", "Bytes of RTP packets with their headers."),
    (
        "packets_lost",
        "RTP packets lost for good; the highest number so far, since a late packet makes up for one.",
    ),
    ("packets_discarded", "RTP packets that came twice or too late."),
    ("packets_retransmitted", "RTP packets sent again, or that RTX brought."),
    ("packets_repaired", "RTP packets that a retransmission repaired."),
    ("nacks", "NACK messages."),
    ("nack_packets", "RTP packets asked for in NACK messages."),
    ("plis", "PLI messages."),
    ("firs", "FIR messages."),
    ("key_frames", "Key frames."),
];

/// Figures of one stream or sums of them, in the order of [`FIGURES`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals([u64; FIGURES.len()]);

impl Totals {
    fn of(stream: &StreamStats) -> Self {
        Totals([
            stream.packets,
            stream.bytes,
            u64::try_from(stream.packets_lost).unwrap_or(0),
            stream.packets_discarded,
            stream.packets_retransmitted,
            stream.packets_repaired,
            stream.nacks,
            stream.nack_packets,
            stream.plis,
            stream.firs,
            stream.key_frames,
        ])
    }

    fn packets(&self) -> u64 {
        self.0.first().copied().unwrap_or(0)
    }

    fn add(&mut self, other: &Totals) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    /// The figures as counters, their names begun with `prefix`.
    pub(crate) fn counters(self, prefix: &str) -> impl Iterator<Item = (Family, u64)> {
        FIGURES
            .into_iter()
            .zip(self.0)
            .map(move |((name, help), value)| (Family::counter(format!("{prefix}_{name}"), help), value))
    }
}

/// Which way media goes: `in` to the worker, `out` to receivers.
pub(crate) type Direction = &'static str;
/// Audio or video.
type Medium = &'static str;

/// The value of the label `kind`.
pub(crate) fn medium(kind: MediaKind) -> Medium {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

/// What was seen of a stream.
#[derive(Debug, Default)]
struct Seen {
    /// The highest figures since it began, or began anew.
    last: Totals,
    /// What is shown: never falls.
    shown: Totals,
}

impl Seen {
    /// Takes in what the stream says now; answers what is new.
    fn update(&mut self, now: Totals) -> Totals {
        if now.packets() < self.last.packets() {
            // A sender that began anew counts from zero.
            self.last = Totals::default();
        }
        let mut fresh = Totals::default();
        for ((fresh, last), now) in fresh.0.iter_mut().zip(&mut self.last.0).zip(now.0) {
            *fresh = now.saturating_sub(*last);
            *last = now.max(*last);
        }
        self.shown.add(&fresh);
        fresh
    }
}

/// A producer or consumer, and which of its streams.
type StreamKey = (RawId, Direction, usize);

/// What streams counted, from one collection to the next. What a stream counts after the last collection before its end is lost.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    streams: HashMap<StreamKey, Seen>,
    workers: BTreeMap<(u8, Direction, Medium), Totals>,
    routers: BTreeMap<RouterId, BTreeMap<(Direction, Medium), Totals>>,
}

impl Ledger {
    /// Takes in a collection. What is gone is forgotten, but for the sums of media threads and of routers that have transports.
    pub(crate) fn update(&mut self, stats: &WorkerStats) {
        let routers: HashMap<TransportId, RouterId> =
            stats.transports.iter().map(|transport| (transport.id, transport.router)).collect();
        let mut before = std::mem::take(&mut self.streams);
        let mut take = |id: RawId,
                        direction,
                        kind,
                        transport: TransportId,
                        streams: &mut dyn Iterator<Item = &StreamStats>| {
            for (index, stream) in streams.enumerate() {
                let key = (id, direction, index);
                let mut seen = before.remove(&key).unwrap_or_default();
                let fresh = seen.update(Totals::of(stream));
                self.streams.insert(key, seen);
                self.workers.entry((id.worker(), direction, medium(kind))).or_default().add(&fresh);
                if let Some(router) = routers.get(&transport) {
                    let sums = self.routers.entry(*router).or_default();
                    sums.entry((direction, medium(kind))).or_default().add(&fresh);
                }
            }
        };
        for producer in &stats.producers {
            take(producer.id.raw(), "in", producer.kind, producer.transport, &mut producer.streams.iter());
        }
        for consumer in &stats.consumers {
            take(consumer.id.raw(), "out", consumer.kind, consumer.transport, &mut streams_of(consumer));
        }
        let alive: std::collections::HashSet<RouterId> = routers.into_values().collect();
        self.routers.retain(|router, _| alive.contains(router));
    }

    /// Sums of a media thread by direction and kind.
    pub(crate) fn workers(&self) -> impl Iterator<Item = (u8, Direction, Medium, Totals)> {
        self.workers.iter().map(|((worker, direction, medium), sums)| (*worker, *direction, *medium, *sums))
    }

    /// Sums of a router by direction and kind.
    pub(crate) fn router(&self, router: RouterId) -> impl Iterator<Item = (Direction, Medium, Totals)> {
        let sums = self.routers.get(&router).into_iter().flatten();
        sums.map(|((direction, medium), sums)| (*direction, *medium, *sums))
    }

    /// What is shown of a producer's stream.
    pub(crate) fn produced(&self, producer: &ProducerStats, index: usize) -> Totals {
        self.shown((producer.id.raw(), "in", index))
    }

    /// What is shown of a consumer's stream.
    pub(crate) fn consumed(&self, consumer: &ConsumerStats, index: usize) -> Totals {
        self.shown((consumer.id.raw(), "out", index))
    }

    fn shown(&self, key: StreamKey) -> Totals {
        self.streams.get(&key).map(|seen| seen.shown).unwrap_or_default()
    }
}

/// All streams of a consumer; those of pipes have several.
pub(crate) fn streams_of(consumer: &ConsumerStats) -> impl Iterator<Item = &StreamStats> {
    std::iter::once(&consumer.stream).chain(&consumer.others)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(packets: u64, lost: i64) -> Totals {
        Totals::of(&StreamStats {
            packets,
            packets_lost: lost,
            nacks: packets / 10,
            ..StreamStats::default()
        })
    }

    #[test]
    fn what_is_shown_never_falls_whatever_a_stream_says() {
        let mut seen = Seen::default();
        let (mut before, mut sum) = (Totals::default(), Totals::default());
        // Loss that is made up for, a sender that begins anew, one whose loss is negative.
        for (packets, lost) in [(100, 5), (200, 3), (250, 8), (10, 0), (40, 2), (41, -7)] {
            sum.add(&seen.update(figures(packets, lost)));
            assert!(seen.shown.0.iter().zip(before.0).all(|(now, before)| *now >= before));
            before = seen.shown;
        }
        assert_eq!((seen.shown.0[0], seen.shown.0[2], seen.shown), (291, 10, sum));
    }
}
