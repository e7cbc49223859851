//! What the repository's own measurements reach into; no part of the API.
mod crowd;
mod data_path;
mod feedback;
mod floor;
mod media_path;
mod micro;
mod rooms;
mod secure_peer;
mod srtp;

pub use crowd::{Arriving, Crowd, Kind};
pub use data_path::{DataPath, Heard};
pub use feedback::Feedback;
pub use floor::Floor;
pub use media_path::{Content, MediaPath, Turned};
pub use micro::{REPEATED, STEPS, Step, step, step_entry};
pub use rooms::Rooms;
pub use secure_peer::{PeerIdentity, SecurePeer};
pub use srtp::{Open, Seal, key_len, overhead};
