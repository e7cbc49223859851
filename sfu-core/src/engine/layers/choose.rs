//! Where consumers go to: what their receivers want, what there is, and what the path can carry.

use std::time::{Duration, Instant};

use super::allocation::{Wish, distribute};
use super::layer::Layer;
use crate::control::{ConsumerId, Layers, ProducerId, TransportId};
use crate::engine::Engine;
use crate::rtp::codec::{MAX_SPATIAL_LAYERS, MAX_TEMPORAL_LAYERS};

/// How often the choice is looked at again.
const INTERVAL: Duration = Duration::from_millis(250);

/// Above this share of the estimate an upgrade can be tried: see [`distribute`].
const GOAL: (u64, u64) = (115, 100);

impl Engine {
    /// Chooses the target layers of all consumers of a transport.
    pub(in crate::engine) fn choose_layers(&mut self, now: Instant, id: TransportId) {
        let Some(path) = self.transports.get_mut(id) else { return };
        let count = path.consumers.len();
        let available = path.available_outgoing(now);
        let mut wishes = std::mem::take(&mut self.wishes);
        wishes.clear();
        let mut others = 0u32;
        for index in 0..count {
            let Some(consumer) = self.transports.get(id).and_then(|path| path.consumers.get(index).copied())
            else {
                break;
            };
            match self.wish_of(now, consumer) {
                Some(wish) => wishes.push(wish),
                None => others = others.saturating_add(self.sent_bitrate(now, consumer)),
            }
        }
        distribute(available.map(|available| available.saturating_sub(others)), &mut wishes);
        let desired = wishes.iter().fold(others, |sum, wish| sum.saturating_add(wish.desired()));
        let can_probe = self.padding_carrier(id).is_some();
        let goal = next_goal(others, &wishes, can_probe);
        if let Some(path) = self.transports.get_mut(id) {
            path.desired_bitrate = desired;
            path.layers_due = (!wishes.is_empty()).then(|| now + INTERVAL);
            if let Some(bandwidth) = &mut path.bandwidth {
                bandwidth.set_goal(goal, can_probe);
            }
        }
        for wish in &wishes {
            self.go_to(now, wish);
        }
        self.wishes = wishes;
        if let Some(due) = self.transports.get(id).and_then(|path| path.layers_due) {
            self.arm(id, due);
        }
    }

    fn sent_bitrate(&mut self, now: Instant, id: ConsumerId) -> u32 {
        let Some(consumer) = self.consumers.get_mut(id) else { return 0 };
        let rates = consumer.streams_mut().map(|stream| stream.stream.rate().bits_per_second(now));
        u32::try_from(rates.sum::<u64>()).unwrap_or(u32::MAX)
    }

    /// What a consumer could get; `None` if it has no choice.
    fn wish_of(&mut self, now: Instant, id: ConsumerId) -> Option<Wish> {
        let consumer = self.consumers.get(id)?;
        let layers = consumer.layers.as_ref()?;
        let caution = layers.caution();
        let path = self.transports.get(consumer.transport)?;
        let proven = path.bandwidth.as_ref().and_then(|bandwidth| bandwidth.proven());
        let held = layers.downgraded.is_some_and(|at| {
            now.saturating_duration_since(at) < caution && proven.is_none_or(|proven| proven <= at)
        });
        let mut wish = Wish::new(id, consumer.priority, layers.target, held);
        let preferred = layers.preferred();
        let Some(producer) = self.producers.get_mut(consumer.producer) else { return Some(wish) };
        if !consumer.is_active() {
            return Some(wish);
        }
        let simulcast = layers.is_simulcast();
        let preferred = preferred.up_to(self.overload.layer_cut().best_of(now, producer, simulcast));
        for index in 0..producer.encodings.len() as u8 {
            let above = simulcast && index > preferred.spatial;
            if above && !wish.rungs.is_empty() {
                break;
            }
            let mode = producer.mode(index);
            let Some(encoding) = producer.encodings.get_mut(usize::from(index)) else { break };
            if !encoding.is_active() {
                continue;
            }
            let Some(known) = &mut encoding.layers else { continue };
            let temporal_layers = known.temporal_layers();
            // What was not signaled is not kept back either.
            let open = mode.temporal_layers == 1;
            let spatial = if simulcast { index..=index } else { 0..=known.spatial_layers() - 1 };
            for spatial in spatial {
                if !simulcast {
                    if !known.may_be_active(now, spatial) {
                        continue;
                    }
                    if spatial > preferred.spatial && !wish.rungs.is_empty() {
                        break;
                    }
                }
                // More pictures first, then better ones: who could have a higher spatial layer at a lower rate keeps its rate.
                let top = preferred.temporal.min(temporal_layers - 1);
                let lowest = if wish.rungs.is_empty() || spatial == wish.lowest_spatial() { 0 } else { top };
                for temporal in lowest..=top {
                    let row = if simulcast { known.top_row() } else { spatial };
                    let bitrate = known.bitrate(now, Layer::new(row, temporal));
                    let is_last = open && temporal == temporal_layers - 1;
                    let temporal =
                        if is_last { preferred.temporal.min(MAX_TEMPORAL_LAYERS - 1) } else { temporal };
                    wish.offer(Layer::new(spatial, temporal), bitrate);
                }
            }
        }
        Some(wish)
    }

    /// Lets a consumer go to what was chosen for it.
    fn go_to(&mut self, now: Instant, wish: &Wish) {
        let id = wish.consumer;
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        let Some(layers) = &mut consumer.layers else { return };
        let before = layers.target;
        layers.target = wish.granted().map(|rung| rung.layer);
        if before == layers.target {
            return;
        }
        let Some(target) = layers.target else {
            // Whatever comes next is a beginning.
            layers.gate = None;
            consumer.main.resync();
            return self.tell_layers(id);
        };
        if let Some(before) = before {
            let could_keep = wish.rungs.iter().any(|rung| rung.layer.spatial >= before.spatial);
            if target.spatial < before.spatial && could_keep && target.spatial < layers.preferred().spatial {
                let soon = layers.caution() * 2;
                let again = layers.downgraded.is_some_and(|at| now.saturating_duration_since(at) < soon);
                layers.failures = match (again, layers.went_up) {
                    (false, _) => 0,
                    (true, true) => layers.failures.saturating_add(1),
                    // One of several steps down.
                    (true, false) => layers.failures,
                };
                (layers.downgraded, layers.went_up) = (Some(now), false);
            }
            layers.went_up |= target.spatial > before.spatial;
        }
        let encoding = layers.encoding_of(target);
        let producer = consumer.producer;
        let waits = consumer.main.needs_sync || consumer.main.encoding != Some(encoding);
        let nested =
            self.producers.get(producer).is_none_or(|entity| !entity.mode(encoding).key_pictures_only);
        let enters = !layers.is_simulcast()
            && layers.gate.is_some_and(|gate| gate.needs_entry(target, nested))
            && layers.may_ask(now);
        // Who begins may share a key frame with others who do.
        let prompt = !consumer.main.needs_sync;
        if consumer.is_active() && (waits || enters) {
            self.ask_key_frame(now, producer, encoding, prompt);
        }
    }

    /// Something about a producer's encodings changed: its consumers look anew for what to go to, soon.
    pub(in crate::engine) fn reconsider_layers(&mut self, now: Instant, id: ProducerId) {
        let Some(producer) = self.producers.get_mut(id) else { return };
        // A packet's fan-out may have them: then it does so itself.
        let consumers = std::mem::take(&mut producer.consumers);
        for consumer in &consumers {
            let layered = self.consumers.get(*consumer).filter(|consumer| consumer.layers.is_some());
            if let Some(transport) = layered.map(|consumer| consumer.transport) {
                self.reconsider_transport(now, transport);
            }
        }
        if let Some(producer) = self.producers.get_mut(id) {
            producer.consumers = consumers;
        }
    }

    /// The consumers of a transport look anew for what to go to, soon.
    pub(in crate::engine) fn reconsider_transport(&mut self, now: Instant, id: TransportId) {
        if let Some(path) = self.transports.get_mut(id) {
            path.layers_due = Some(now);
            self.arm(id, now);
        }
    }

    /// Chooses layers if that is due; answers when it is next.
    pub(in crate::engine) fn poll_layers(&mut self, now: Instant, id: TransportId) -> Option<Instant> {
        let due = self.transports.get(id)?.layers_due?;
        if due <= now {
            if let Some(bandwidth) = self.transports.get_mut(id).and_then(|path| path.bandwidth.as_mut()) {
                bandwidth.poll(now);
            }
            self.choose_layers(now, id);
        }
        self.transports.get(id)?.layers_due
    }

    /// What there is of the layers that a consumer's receiver wants at the most; `None` where it has no choice.
    pub(crate) fn preferred_layers(&self, id: ConsumerId) -> Option<Layers> {
        let layers = self.consumers.get(id)?.layers.as_ref()?;
        Some(self.existing(id, layers.preferred())?.told())
    }

    /// The layers that a consumer is on the way to.
    pub(crate) fn target_layers(&self, id: ConsumerId) -> Option<Layers> {
        let layers = self.consumers.get(id)?.layers.as_ref()?;
        Some(self.existing(id, layers.target?)?.told())
    }

    /// The layers that a consumer sends.
    pub(crate) fn current_layers(&self, id: ConsumerId) -> Option<Layer> {
        let consumer = self.consumers.get(id)?;
        let encoding = consumer.main.encoding.filter(|_| !consumer.main.needs_sync)?;
        self.existing(id, consumer.layers.as_ref()?.current(encoding)?)
    }

    /// A layer, no higher than there are.
    fn existing(&self, id: ConsumerId, layer: Layer) -> Option<Layer> {
        let consumer = self.consumers.get(id)?;
        let layers = consumer.layers.as_ref()?;
        let Some(producer) = self.producers.get(consumer.producer) else { return Some(layer) };
        let spatial_layers = match layers.is_simulcast() {
            true => producer.encodings.len() as u8,
            false => producer.mode(0).spatial_layers.min(MAX_SPATIAL_LAYERS),
        };
        let spatial = layer.spatial.min(spatial_layers.saturating_sub(1));
        let encoding = producer.encodings.get(usize::from(layers.encoding_of(Layer { spatial, ..layer })))?;
        let temporal_layers = encoding.layers.as_ref().map_or(1, |known| known.temporal_layers());
        Some(layer.up_to(Layer::new(spatial, temporal_layers - 1)))
    }
}

/// The least estimate that would let somebody have more than now, in bit/s; 0 if nobody wants more. Who is held back counts where it
/// can be found out by padding whether there is more.
fn next_goal(others: u32, wishes: &[Wish], can_probe: bool) -> u32 {
    let granted = |wish: &Wish| wish.granted().map_or(0, |rung| rung.bitrate);
    let spent = wishes.iter().fold(u64::from(others), |sum, wish| sum + u64::from(granted(wish)));
    let mores = wishes.iter().filter(|wish| can_probe || !wish.held).filter_map(|wish| {
        let has = wish.granted()?;
        let next = wish.rungs.iter().find(|rung| rung.layer > has.layer && rung.bitrate > has.bitrate)?;
        Some(u64::from(next.bitrate - has.bitrate))
    });
    let goal = mores.min().map_or(0, |more| (spent + more) * GOAL.0 / GOAL.1);
    u32::try_from(goal).unwrap_or(u32::MAX)
}
