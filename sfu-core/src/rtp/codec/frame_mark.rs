//! What a packet's frame means to receivers of each layer, in one form for all codecs.

use super::{Codec, Vp8Descriptor, Vp9Descriptor};

/// Spatial layers that are told apart; higher ones count as the last.
pub const MAX_SPATIAL_LAYERS: u8 = 4;

/// Temporal layers that are told apart; higher ones count as the last.
pub const MAX_TEMPORAL_LAYERS: u8 = 8;

/// A set of layers: spatial and temporal layer together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerSet(u32);

impl LayerSet {
    /// No layer.
    pub const NONE: Self = Self(0);
    /// Every layer.
    pub const ALL: Self = Self(u32::MAX);

    /// Adds a layer.
    pub fn insert(&mut self, spatial: u8, temporal: u8) {
        self.0 |= bit(spatial, temporal);
    }

    /// All layers from `spatial` and `temporal` upwards.
    pub fn from(spatial: u8, temporal: u8) -> Self {
        let row = temporal_row(temporal);
        let low = 8 * u32::from(spatial.min(MAX_SPATIAL_LAYERS - 1));
        Self((row * 0x0101_0101) & (u32::MAX << low))
    }

    /// The layers of one spatial layer, from `temporal` upwards.
    pub fn row(spatial: u8, temporal: u8) -> Self {
        Self(temporal_row(temporal) << (8 * u32::from(spatial.min(MAX_SPATIAL_LAYERS - 1))))
    }

    /// The layers that are in both.
    #[inline]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether a layer is in it.
    #[inline]
    pub fn contains(self, spatial: u8, temporal: u8) -> bool {
        self.0 & bit(spatial, temporal) != 0
    }
}

fn temporal_row(temporal: u8) -> u32 {
    (0xFF << temporal.min(MAX_TEMPORAL_LAYERS - 1)) & 0xFF
}

#[inline]
fn bit(spatial: u8, temporal: u8) -> u32 {
    1 << (8 * u32::from(spatial.min(MAX_SPATIAL_LAYERS - 1))
        + u32::from(temporal.min(MAX_TEMPORAL_LAYERS - 1)))
}

/// What the frame of a packet means to those that receive a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameMark {
    /// Spatial layer of the frame.
    pub spatial: u8,
    /// Temporal layer of the frame.
    pub temporal: u8,
    /// The packet starts the frame of its layer.
    pub start: bool,
    /// The packet ends the frame of its layer.
    pub end: bool,
    /// Who receives one of these layers needs the frame.
    pub needed: LayerSet,
    /// From this frame on these layers can be decoded, by who is in `reach`.
    pub entry: LayerSet,
    /// Who receives one of these layers has all that the frame refers to.
    pub reach: LayerSet,
    /// The entry of a spatial layer needs the layer below in the same picture: only who has that may take it.
    pub step: bool,
    /// From this frame on these temporal layers can be decoded by who receives a lower one of the same spatial layer; bit n for layer n.
    pub up_temporal: u8,
}

impl Default for FrameMark {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FrameMark {
    /// A frame that says nothing about layers: everybody needs it.
    pub const DEFAULT: Self = FrameMark {
        spatial: 0,
        temporal: 0,
        start: true,
        end: false,
        needed: LayerSet::ALL,
        entry: LayerSet::NONE,
        reach: LayerSet::ALL,
        step: false,
        up_temporal: 0,
    };

    /// A frame from which everything can be decoded.
    pub fn key() -> Self {
        FrameMark { entry: LayerSet::ALL, ..Self::default() }
    }

    /// Reads the payload of VP8 and VP9; of other codecs it is only known whether the packet begins a key frame. `key_pictures_only`
    /// says that spatial layers depend on each other only in key pictures.
    pub fn of_payload(codec: Codec, payload: &[u8], key_frame: bool, key_pictures_only: bool) -> Self {
        match codec {
            Codec::Vp8 => {
                Vp8Descriptor::parse(payload).map_or_else(Self::default, |d| Self::vp8(&d, key_frame))
            }
            Codec::Vp9 => {
                Vp9Descriptor::parse(payload).map_or_else(Self::default, |d| Self::vp9(&d, key_pictures_only))
            }
            _ if key_frame => Self::key(),
            _ => Self::default(),
        }
    }

    /// A VP8 frame (RFC 7741 section 4.2): it depends on its own and lower temporal layers, or (Y) on the lowest only.
    pub fn vp8(descriptor: &Vp8Descriptor, key_frame: bool) -> Self {
        let temporal = descriptor.temporal_layer.unwrap_or(0);
        let start = descriptor.is_frame_start();
        let sync = start && descriptor.layer_sync;
        FrameMark {
            temporal,
            start,
            needed: LayerSet::from(0, temporal),
            entry: if key_frame { LayerSet::ALL } else { LayerSet::NONE },
            up_temporal: if sync { 1 << temporal } else { 0 },
            ..Self::default()
        }
    }

    /// A VP9 layer frame (RFC 9628 section 4.2).
    pub fn vp9(descriptor: &Vp9Descriptor, key_pictures_only: bool) -> Self {
        let spatial = descriptor.spatial_layer.unwrap_or(0).min(MAX_SPATIAL_LAYERS - 1);
        let temporal = descriptor.temporal_layer.unwrap_or(0);
        let start = descriptor.start;
        let first = start && !descriptor.inter_picture;
        let needed = match key_pictures_only && descriptor.inter_picture {
            true => LayerSet::row(spatial, temporal),
            false => LayerSet::from(spatial, temporal),
        };
        FrameMark {
            spatial,
            temporal,
            start,
            end: descriptor.end,
            needed,
            entry: match (first, spatial) {
                (false, _) => LayerSet::NONE,
                (true, 0) => LayerSet::ALL,
                (true, _) => LayerSet::row(spatial, 0),
            },
            reach: LayerSet::ALL,
            step: first && spatial > 0,
            // By the RFC the bit speaks of the layers above; encoders set it on the frame of a layer that may begin with it.
            up_temporal: if start && descriptor.switching_up { 1 << temporal } else { 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_layers_go_upwards_and_stay_in_their_bounds() {
        let set = LayerSet::from(1, 2);
        assert!(set.contains(1, 2) && set.contains(3, 7) && !set.contains(0, 2) && !set.contains(1, 1));
        let row = LayerSet::row(1, 1);
        assert!(row.contains(1, 1) && row.contains(1, 7) && !row.contains(2, 1) && !row.contains(1, 0));
        assert!(LayerSet::from(200, 200).contains(3, 7) && !LayerSet::from(200, 200).contains(3, 6));
        let mut one = LayerSet::NONE;
        one.insert(2, 3);
        assert!(one.contains(2, 3) && !one.contains(2, 4) && !one.contains(3, 3));
    }

    #[test]
    fn a_vp8_frame_is_needed_from_its_temporal_layer_upwards() {
        let descriptor = Vp8Descriptor {
            partition_start: true,
            temporal_layer: Some(1),
            layer_sync: true,
            ..Default::default()
        };
        let mark = FrameMark::vp8(&descriptor, false);
        assert!(mark.needed.contains(0, 1) && mark.needed.contains(0, 2) && !mark.needed.contains(0, 0));
        assert_eq!((mark.up_temporal, mark.entry), (2, LayerSet::NONE));
        assert_eq!(
            FrameMark::vp8(&Vp8Descriptor { partition_start: true, ..Default::default() }, true).entry,
            LayerSet::ALL
        );
    }

    #[test]
    fn in_k_svc_only_key_pictures_are_needed_by_the_layers_above() {
        let base = Vp9Descriptor {
            start: true,
            spatial_layer: Some(0),
            temporal_layer: Some(0),
            ..Default::default()
        };
        let key = FrameMark::vp9(&base, true);
        assert!(key.needed.contains(2, 0) && key.entry == LayerSet::ALL);
        let delta = Vp9Descriptor { inter_picture: true, ..base };
        assert!(!FrameMark::vp9(&delta, true).needed.contains(1, 0));
        assert!(FrameMark::vp9(&delta, false).needed.contains(1, 0));
        let upper = Vp9Descriptor { spatial_layer: Some(1), ..base };
        let mark = FrameMark::vp9(&upper, false);
        assert!(
            mark.step
                && mark.entry.contains(1, 2)
                && !mark.entry.contains(2, 0)
                && !mark.needed.contains(0, 0)
        );
    }
}
