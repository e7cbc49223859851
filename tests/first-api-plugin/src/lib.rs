//! A plugin against the first version of the plugin API, with every hook, type and command of it.
//!
//! **Never change it, except by adding.** It stands for the plugins of others: where it does not build any more, or its tests fail,
//! theirs do, too, and the version of the API must say so. What the API gains later may be added in a file of its own.
mod commands;
mod packets;
mod plugin;
mod settings;

pub use plugin::{Ledger, Message, Witness};
pub use settings::{Config, Mode, Options, Request};
