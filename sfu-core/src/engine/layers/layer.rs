//! A layer, as consumers choose it.

use crate::control::Layers;

/// A spatial and a temporal layer. In simulcast the spatial layer is the encoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Layer {
    /// Spatial layer, 0 the lowest.
    pub(crate) spatial: u8,
    /// Temporal layer, 0 the lowest.
    pub(crate) temporal: u8,
}

impl Layer {
    /// Above every layer there is.
    pub(crate) const HIGHEST: Self = Self { spatial: u8::MAX, temporal: u8::MAX };

    /// A layer.
    pub(crate) fn new(spatial: u8, temporal: u8) -> Self {
        Layer { spatial, temporal }
    }

    /// What a receiver wants at the most; without a temporal layer, all of them.
    pub(crate) fn preferred(layers: Layers) -> Self {
        Layer { spatial: layers.spatial, temporal: layers.temporal.unwrap_or(u8::MAX) }
    }

    /// No higher than `limit` in either way.
    pub(crate) fn up_to(self, limit: Layer) -> Self {
        Layer { spatial: self.spatial.min(limit.spatial), temporal: self.temporal.min(limit.temporal) }
    }

    /// As the control API has it.
    pub(crate) fn told(self) -> Layers {
        Layers { spatial: self.spatial, temporal: Some(self.temporal) }
    }
}
