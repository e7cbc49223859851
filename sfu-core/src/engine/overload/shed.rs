//! Leaving out what a media thread has no time for.
use std::time::{Duration, Instant};

use super::{LayerCut, Load};
use crate::control::{ConsumerId, EventBody, MediaKind, OverloadStats, Target, TransportId};
use crate::engine::layers::Layer;
use crate::engine::producer::Producer;
use crate::engine::{Engine, Published};

/// A packet that was missed so long ago, and could not be asked for, comes too late.
pub(in crate::engine) const MAX_UNASKED: Duration = Duration::from_millis(500);

/// Of so many packets of video that nobody gets, one is taken all the same: SRTP must not lose count of the rollovers of sequence
/// numbers (RFC 3711 §3.3.1).
const TAKEN: u16 = 8;

impl Engine {
    /// A turn of the loop has passed.
    #[inline]
    pub(crate) fn note_load(&mut self, now: Instant, load: Load) {
        if let Some((before, after)) = self.overload.turn(now, load, &self.counters) {
            self.overload_changed(before, after);
        }
    }

    /// Leaves out as much as at a step from 0 to 10, whatever the load is.
    pub(crate) fn force_overload(&mut self, now: Instant, step: u8) {
        if let Some((before, after)) = self.overload.force(now, step) {
            self.overload_changed(before, after);
        }
    }

    /// When [`Engine::note_load`] wants to be called at the latest.
    pub(crate) fn next_load_deadline(&self, now: Instant) -> Option<Instant> {
        self.overload.next_deadline(now)
    }

    /// How the media thread bears its load.
    pub(in crate::engine) fn overload_stats(&self, now: Instant) -> OverloadStats {
        self.overload.stats(now)
    }

    #[cold]
    fn overload_changed(&mut self, before: u8, level: u8) {
        let worker = self.worker();
        self.change(Target::Worker, EventBody::Overload { worker, level });
        let left_out = match level {
            0 => {
                tracing::info!("media thread {worker}: keeps up again, everything is forwarded");
                return;
            }
            1 => "retransmissions and probing",
            2 => "retransmissions, probing and the highest layers",
            _ => "retransmissions, probing, all but the lowest layers, and video of some consumers in turn",
        };
        if level > before {
            tracing::warn!(
                "media thread {worker}: does not keep up, overload level {level}: leaves out {left_out}; \
                 add media threads or move rooms elsewhere"
            );
        } else {
            tracing::info!("media thread {worker}: overload level {level}: leaves out {left_out}");
        }
    }

    /// Whether a consumer gets no video now, so that a key frame would be of no use to it. It asks for one when its video goes on.
    #[inline]
    pub(in crate::engine) fn gets_no_video(&self, id: ConsumerId) -> bool {
        self.overload.pauses_video() && self.overload.pauses(id.index())
    }

    /// Whether a consumer's video is kept back now. It ends between two pictures and begins with a key frame.
    #[cold]
    pub(in crate::engine) fn keeps_back(
        &mut self,
        now: Instant,
        published: &Published,
        id: ConsumerId,
    ) -> bool {
        if !self.gets_no_video(id) {
            return false;
        }
        let Some(consumer) = self.consumers.get(id) else { return false };
        if consumer.kind != MediaKind::Video || !consumer.is_active() {
            return false;
        }
        let is_layered = consumer.layers.is_some();
        let Some(stream) = consumer.stream(published.encoding) else { return false };
        if stream.needs_sync {
            self.counters.shed_video += 1;
            self.pass_over(now, published, id);
            return true;
        }
        if stream.encoding != Some(published.encoding) {
            // Of another encoding than the one that is sent: it is not changed to now.
            return true;
        }
        if !self.begins_picture(published) {
            return false;
        }
        if let Some(stream) = self.consumers.get_mut(id).and_then(|c| c.stream_mut(published.encoding)) {
            stream.resync();
        }
        self.counters.shed_video += 1;
        if is_layered {
            self.tell_layers(id);
        }
        true
    }

    /// Whether a packet is the first of the newest picture, as far as what came before is kept.
    fn begins_picture(&self, published: &Published) -> bool {
        let Published { producer, encoding, extended, packet, .. } = published;
        let encoding = self.producers.get(*producer).and_then(|p| p.encodings.get(usize::from(*encoding)));
        let stored = |number: Option<u64>| encoding.zip(number).and_then(|(e, number)| e.store.get(number));
        let before = stored(extended.checked_sub(1));
        before.is_none_or(|before| before.header.timestamp != packet.header.timestamp)
            && stored(extended.checked_add(1)).is_none()
    }

    /// Whether a packet need not even be decrypted: video of a peer while nobody gets video. Nothing but a counter changes by it,
    /// since nobody knows yet who sent it.
    #[cold]
    pub(in crate::engine) fn sheds_ingress(&mut self, id: TransportId, data: &[u8]) -> bool {
        let number = data.get(2..4).and_then(|bytes| bytes.first_chunk().copied()).map(u16::from_be_bytes);
        let ssrc = data.get(8..12).and_then(|bytes| bytes.first_chunk().copied()).map(u32::from_be_bytes);
        let (Some(number), Some(ssrc)) = (number, ssrc) else { return false };
        let stream = self.transports.get(id).and_then(|transport| transport.ingress.known(ssrc));
        let producer = stream.and_then(|stream| self.producers.get(stream.producer));
        let sheds = number % TAKEN != 0 && producer.is_some_and(|producer| producer.kind == MediaKind::Video);
        self.counters.shed_ingress += u64::from(sheds);
        sheds
    }
}

impl LayerCut {
    /// The best layer of a producer that may be forwarded.
    pub(in crate::engine) fn best_of(self, now: Instant, producer: &Producer, simulcast: bool) -> Layer {
        match self {
            LayerCut::None => Layer::HIGHEST,
            LayerCut::AllButLowest => Layer::new(0, 0),
            LayerCut::Highest => below_highest(now, producer, simulcast),
        }
    }
}

/// All spatial layers but the highest that is sent; where there is only one, all temporal layers but the highest.
fn below_highest(now: Instant, producer: &Producer, simulcast: bool) -> Layer {
    let known = producer.encodings.first().and_then(|encoding| encoding.layers.as_ref());
    let spatial = if simulcast {
        producer.encodings.iter().rposition(|encoding| encoding.is_active()).unwrap_or(0) as u8
    } else {
        let layers = known.map_or(0..1, |known| 0..known.spatial_layers());
        layers.rev().find(|layer| known.is_some_and(|known| known.is_active(now, *layer))).unwrap_or(0)
    };
    match (spatial, known.map_or(1, |known| known.temporal_layers())) {
        (1.., _) => Layer { spatial: spatial - 1, ..Layer::HIGHEST },
        (0, temporal) if temporal > 1 => Layer { temporal: temporal - 2, ..Layer::HIGHEST },
        _ => Layer::HIGHEST,
    }
}
