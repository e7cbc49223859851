//! Why media cannot be produced or consumed.
use crate::control::MediaKind;

/// Why media cannot be produced or consumed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrtcError {
    /// The section is neither audio nor video.
    #[error("ortc: only audio and video can be produced")]
    NotMedia,
    /// The sender and the router have no codec in common.
    #[error("ortc: none of the {kind:?} codecs offered is supported; supported are {supported}")]
    NoCommonCodec {
        /// Audio or video.
        kind: MediaKind,
        /// What would be accepted, comma separated.
        supported: String,
    },
    /// The receiver can take none of the producer's codecs.
    #[error("ortc: the receiver does not support {codec}; add it to its offer")]
    CannotConsume {
        /// The producer's codec.
        codec: String,
    },
    /// A mapping names a payload type that the router does not have.
    #[error("ortc: payload type {0} of the mapping is none of the router's")]
    UnknownPayloadType(u8),
}
