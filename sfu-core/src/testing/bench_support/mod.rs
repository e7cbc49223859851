//! What the repository's own measurements reach into; no part of the API.
mod floor;
mod media_path;
mod srtp;

pub use floor::Floor;
pub use media_path::{MediaPath, Turned};
pub use srtp::{Open, Seal, key_len};
