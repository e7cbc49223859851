//! Front doors: how a protocol becomes the typed control API.
mod mounts;
pub mod negotiation;
pub mod ortc;
pub mod sdp;
mod set;
mod shutdown;
mod signaling_trait;
mod takeover;

pub use mounts::Mounts;
#[doc(hidden)]
pub use set::check as __check;
pub use set::{Chain, End, SignalingAbout, SignalingSet, SignalingTables};
pub use shutdown::Shutdown;
pub use signaling_trait::{Signaling, SignalingError};
pub use takeover::{EarlyExit, Invocation, Takeover};
