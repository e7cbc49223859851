//! The layers of one incoming encoding: which there are, which are sent now, and at what rate.

use std::time::{Duration, Instant};

use super::layer::Layer;
use super::recent_frames::RecentFrames;
use crate::engine::stream::receive::INACTIVE_AFTER;
use crate::rtp::Codec;
use crate::rtp::codec::{
    DependencyDescriptor, FrameMark, LayerSet, MAX_SPATIAL_LAYERS, MAX_TEMPORAL_LAYERS, ScalabilityMode,
    TemplateStructure,
};

/// How often rates are taken.
const WINDOW: Duration = Duration::from_millis(500);

const CELLS: usize = MAX_SPATIAL_LAYERS as usize * MAX_TEMPORAL_LAYERS as usize;

/// What is known of an encoding's layers.
#[derive(Debug, Clone)]
pub(crate) struct EncodingLayers {
    /// What was signaled; one layer of each kind where nothing was.
    pub(crate) mode: ScalabilityMode,
    /// The structure that Dependency Descriptors refer to.
    pub(crate) structure: Option<TemplateStructure>,
    /// The frames that Dependency Descriptors told of.
    frames: RecentFrames,
    /// The highest temporal layer seen.
    seen_temporal: u8,
    began: Option<Instant>,
    window_ends: Option<Instant>,
    bytes: [u32; CELLS],
    /// Bit/s; 0 while none were measured.
    rates: [u32; CELLS],
    last_seen: [Option<Instant>; MAX_SPATIAL_LAYERS as usize],
}

impl EncodingLayers {
    /// Nothing seen yet.
    pub(crate) fn new(mode: ScalabilityMode) -> Self {
        EncodingLayers {
            mode,
            structure: None,
            frames: RecentFrames::default(),
            seen_temporal: 0,
            began: None,
            window_ends: None,
            bytes: [0; CELLS],
            rates: [0; CELLS],
            last_seen: [None; MAX_SPATIAL_LAYERS as usize],
        }
    }

    /// What the frame of a packet means: by its Dependency Descriptor, else by its payload.
    pub(crate) fn mark(
        &mut self,
        codec: Codec,
        payload: &[u8],
        descriptor: Option<&[u8]>,
        key_frame: bool,
    ) -> FrameMark {
        if let Some(value) = descriptor
            && let Some(descriptor) = DependencyDescriptor::parse(value, &mut self.structure)
        {
            let mark = FrameMark { reach: self.frames.take(&descriptor), ..descriptor.mark };
            // A key frame that the payload shows is one, whatever the descriptor says; those of layers above need the one below.
            return if key_frame && mark.spatial == 0 {
                FrameMark { entry: LayerSet::ALL, reach: LayerSet::ALL, ..mark }
            } else {
                mark
            };
        }
        FrameMark::of_payload(codec, payload, key_frame, self.mode.key_pictures_only)
    }

    /// Takes a packet of `size` bytes; true if its spatial layer was not active.
    #[inline]
    pub(crate) fn on_packet(&mut self, now: Instant, mark: &FrameMark, size: usize) -> bool {
        self.roll(now);
        let (spatial, temporal) =
            (mark.spatial.min(MAX_SPATIAL_LAYERS - 1), mark.temporal.min(MAX_TEMPORAL_LAYERS - 1));
        self.seen_temporal = self.seen_temporal.max(temporal);
        if let Some(bytes) = self.bytes.get_mut(cell(spatial, temporal)) {
            *bytes = bytes.saturating_add(size as u32);
        }
        let Some(seen) = self.last_seen.get_mut(usize::from(spatial)) else { return false };
        seen.replace(now).is_none_or(|before| now.saturating_duration_since(before) >= INACTIVE_AFTER)
    }

    /// Whether packets of a spatial layer are coming.
    pub(crate) fn is_active(&self, now: Instant, spatial: u8) -> bool {
        let seen = self.last_seen.get(usize::from(spatial)).copied().flatten();
        seen.is_some_and(|seen| now.saturating_duration_since(seen) < INACTIVE_AFTER)
    }

    /// The same, or it is too early to know.
    pub(crate) fn may_be_active(&self, now: Instant, spatial: u8) -> bool {
        let is_young = self.began.is_none_or(|began| now.saturating_duration_since(began) < WINDOW);
        is_young || self.is_active(now, spatial)
    }

    /// The spatial layer of who gets all of them.
    pub(crate) fn top_row(&self) -> u8 {
        top_row(self.mode)
    }

    /// Spatial layers that there are at the most.
    pub(crate) fn spatial_layers(&self) -> u8 {
        self.mode.spatial_layers.clamp(1, MAX_SPATIAL_LAYERS)
    }

    /// Temporal layers that there are at the most: those signaled, or seen if more.
    pub(crate) fn temporal_layers(&self) -> u8 {
        self.mode.temporal_layers.clamp(self.seen_temporal + 1, MAX_TEMPORAL_LAYERS)
    }

    /// What a receiver of a layer is sent, bit/s; 0 if that is not known yet.
    pub(crate) fn bitrate(&mut self, now: Instant, layer: Layer) -> u32 {
        self.roll(now);
        let lowest = if self.mode.key_pictures_only { layer.spatial } else { 0 };
        let mut sum = 0u32;
        for spatial in lowest..=layer.spatial.min(MAX_SPATIAL_LAYERS - 1) {
            for temporal in 0..=layer.temporal.min(MAX_TEMPORAL_LAYERS - 1) {
                sum = sum.saturating_add(self.rates.get(cell(spatial, temporal)).copied().unwrap_or(0));
            }
        }
        sum
    }

    fn roll(&mut self, now: Instant) {
        let Some(ends) = self.window_ends else {
            (self.began, self.window_ends) = (Some(now), Some(now + WINDOW));
            return;
        };
        if now < ends {
            return;
        }
        let span = (now - ends + WINDOW).as_millis().max(1) as u64;
        for (rate, bytes) in self.rates.iter_mut().zip(&mut self.bytes) {
            let measured = u32::try_from(u64::from(std::mem::take(bytes)) * 8000 / span).unwrap_or(u32::MAX);
            // Pictures come in bursts: half of what was measured before counts, unless it grew.
            *rate = if *rate == 0 || measured == 0 {
                measured
            } else {
                (*rate / 2).saturating_add(measured / 2).max(measured)
            };
        }
        self.window_ends = Some(now + WINDOW);
    }
}

/// The spatial layer of who gets all of them; where they were not signaled there may be any number.
pub(super) fn top_row(mode: ScalabilityMode) -> u8 {
    if mode.spatial_layers > 1 {
        mode.spatial_layers.min(MAX_SPATIAL_LAYERS) - 1
    } else {
        MAX_SPATIAL_LAYERS - 1
    }
}

fn cell(spatial: u8, temporal: u8) -> usize {
    usize::from(spatial) * usize::from(MAX_TEMPORAL_LAYERS) + usize::from(temporal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_add_up_over_the_layers_that_a_receiver_gets() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        for (text, full) in [("L2T2", true), ("L2T2_KEY", false)] {
            let mut layers = EncodingLayers::new(ScalabilityMode::parse(text).unwrap());
            for n in 0..150u64 {
                let mark =
                    FrameMark { spatial: (n % 2) as u8, temporal: (n / 2 % 2) as u8, ..Default::default() };
                layers.on_packet(start + ms(n * 10), &mark, 100);
            }
            let now = start + ms(1500);
            let base = layers.bitrate(now, Layer::new(0, 0));
            assert!((18_000..22_000).contains(&base), "{base}");
            assert!((36_000..44_000).contains(&layers.bitrate(now, Layer::new(0, 1))));
            let top = layers.bitrate(now, Layer::new(1, 1));
            assert_eq!(top > 60_000, full, "{top}");
            assert!(
                layers.is_active(now, 1) && !layers.is_active(now, 2) && !layers.is_active(now + ms(1500), 1)
            );
        }
    }

    #[test]
    fn temporal_layers_count_as_seen_where_none_are_signaled() {
        let mut layers = EncodingLayers::new(ScalabilityMode::NONE);
        assert_eq!(layers.temporal_layers(), 1);
        layers.on_packet(Instant::now(), &FrameMark { temporal: 2, ..Default::default() }, 1);
        assert_eq!((layers.temporal_layers(), layers.spatial_layers()), (3, 1));
    }
}
