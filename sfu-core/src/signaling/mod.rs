//! Front doors: how a protocol becomes the typed control API.
mod mounts;
pub mod negotiation;
pub mod ortc;
pub mod sdp;
mod shutdown;
mod signaling_trait;

pub use mounts::Mounts;
pub use shutdown::Shutdown;
pub use signaling_trait::{Signaling, SignalingError};
