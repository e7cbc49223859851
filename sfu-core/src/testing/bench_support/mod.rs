//! What the repository's own measurements reach into; no part of the API.
mod data_path;
mod floor;
mod media_path;
mod micro;
mod rooms;
mod srtp;

pub use data_path::{DataPath, Heard};
pub use floor::Floor;
pub use media_path::{Content, MediaPath, Turned};
pub use micro::{REPEATED, STEPS, Step, step, step_entry};
pub use rooms::Rooms;
pub use srtp::{Open, Seal, key_len, overhead};
