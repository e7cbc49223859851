//! Which packets of one incoming stream a receiver of some of its layers gets.
//!
//! A change takes effect at a picture, or at the frame of a spatial layer, never inside a frame; late packets are judged by what held
//! at their place.

use super::layer::Layer;
use crate::rtp::codec::FrameMark;

/// One packet, as the gate sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arriving<'a> {
    /// Its extended sequence number.
    pub(crate) extended: u64,
    /// Its RTP timestamp, which all packets of a picture share.
    pub(crate) timestamp: u32,
    /// What its frame means.
    pub(crate) mark: &'a FrameMark,
}

/// The layers that pass, and how they change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    current: Layer,
    /// What passed before the number `since`.
    before: Layer,
    since: u64,
    highest: u64,
    /// Timestamp of the highest packet's picture.
    timestamp: u32,
}

impl Gate {
    /// Begins with the key frame that `first` begins.
    pub(crate) fn new(first: Arriving<'_>, layer: Layer) -> Self {
        let Arriving { extended, timestamp, .. } = first;
        Gate { current: layer, before: layer, since: extended, highest: extended, timestamp }
    }

    /// The layer that passes now.
    pub(crate) fn current(&self) -> Layer {
        self.current
    }

    /// Judges a packet, on the way to `target`: the layer that holds at its place if it passes. `nested` says that who receives a
    /// layer receives all that those below need, so that one can go down at any picture (K-SVC is not so).
    pub(crate) fn admit(&mut self, packet: Arriving<'_>, target: Layer, nested: bool) -> Option<Layer> {
        let Arriving { extended, timestamp, mark } = packet;
        if extended > self.highest {
            let new_picture = timestamp != self.timestamp;
            (self.highest, self.timestamp) = (extended, timestamp);
            let next = step(self.current, target, mark, new_picture, nested);
            if next != self.current {
                (self.before, self.since) = (self.current, extended);
                self.current = next;
            }
        }
        let layer = if extended < self.since { self.before } else { self.current };
        mark.needed.contains(layer.spatial, layer.temporal).then_some(layer)
    }

    /// Whether only a key frame, or a switching point, brings it to the target's spatial layer.
    pub(crate) fn needs_entry(&self, target: Layer, nested: bool) -> bool {
        target.spatial > self.current.spatial || (!nested && target.spatial < self.current.spatial)
    }
}

fn step(current: Layer, target: Layer, mark: &FrameMark, new_picture: bool, nested: bool) -> Layer {
    let mut next = current;
    if target == current {
        return next;
    }
    if mark.start {
        next = enter(current, target, mark, nested);
        if next.spatial == current.spatial {
            let up = |temporal: &u8| mark.up_temporal >> temporal & 1 != 0;
            let higher = (next.temporal + 1..=target.temporal.min(7)).rev().find(up);
            next.temporal = higher.unwrap_or(next.temporal);
        }
    }
    if new_picture {
        if nested {
            next.spatial = next.spatial.min(target.spatial);
        }
        next.temporal = next.temporal.min(target.temporal);
    }
    next
}

/// The best layer on the way to the target that can be entered with this frame.
fn enter(current: Layer, target: Layer, mark: &FrameMark, nested: bool) -> Layer {
    if !mark.reach.contains(current.spatial, current.temporal) {
        return current;
    }
    let best = |spatial: u8| {
        (0..=target.temporal.min(7)).rev().find(|temporal| mark.entry.contains(spatial, *temporal))
    };
    if target.spatial < current.spatial {
        return match best(target.spatial) {
            Some(temporal) if !nested => Layer::new(target.spatial, temporal),
            _ => current,
        };
    }
    for spatial in (current.spatial..=target.spatial).rev() {
        if mark.step && (mark.spatial > current.spatial.saturating_add(1) || spatial != mark.spatial) {
            continue;
        }
        let better = |temporal: &u8| spatial > current.spatial || *temporal > current.temporal;
        if let Some(temporal) = best(spatial).filter(better) {
            return Layer::new(spatial, temporal);
        }
    }
    current
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
