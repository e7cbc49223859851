//! What the repository's own measurements reach into; no part of the API.
mod media_path;

pub use media_path::{MediaPath, Turned};
