//! Layers of scalable video.

/// A spatial layer (or the index of an encoding), and a temporal one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Layers {
    /// Spatial layer, or index of the encoding; 0 is the lowest.
    pub spatial: u8,
    /// Temporal layer; 0 is the lowest.
    pub temporal: Option<u8>,
}
