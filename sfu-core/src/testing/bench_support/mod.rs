//! What the repository's own measurements reach into; no part of the API.
mod data_path;
mod media_path;

pub use data_path::{DataPath, Heard};
pub use media_path::{Content, MediaPath, Turned};
