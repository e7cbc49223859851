//! Forwards the loudest speakers of a room, and says who speaks.
//!
//! ```
//! sfu_core::worker! {
//!     pub plugins = [ sfu_audio_selector::AudioSelector ];
//! }
//! ```
//!
//! In a room of fifty, fifty streams of audio to each of fifty receivers are 2500; of them three are worth hearing. Audio that is
//! not chosen is dropped as it comes in, so no receiver sees a gap.
mod choice;
mod chooser;
mod loudness;
mod plugin;
mod settings;

pub use plugin::{AudioSelector, Message};
pub use settings::{Options, Request};
