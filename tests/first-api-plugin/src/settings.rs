//! Configuration, options and requests.
use sfu_core::plugin::{config, request};

/// The table `[plugins.witness]`.
#[config]
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// A number.
    pub limit: u32,
    /// A name, or none.
    pub name: Option<String>,
    /// One of two words.
    pub mode: Mode,
}

impl Default for Config {
    fn default() -> Self {
        Config { limit: 7, name: None, mode: Mode::Quiet }
    }
}

/// A word of the configuration.
#[config]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// The default.
    #[default]
    Quiet,
    /// The other one.
    Loud,
}

/// The options of `enable`.
#[config]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Entities with this label are refused.
    pub refuse: Option<String>,
    /// Entities with this label are left alone.
    pub leave: Option<String>,
}

/// Requests.
#[request]
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// What was called how often.
    Calls {},
    /// The number from the configuration.
    Limit,
    /// Answered with a session description.
    Describe {},
    /// Answered later, by an event.
    Later {
        /// A hint for whoever waits.
        hint: Option<String>,
    },
    /// Answered from background work.
    Slow {},
    /// Answered with an error.
    Fail {
        /// Its code.
        code: u32,
    },
    /// Never answered.
    Forget {
        /// Whether that is meant.
        on_purpose: bool,
    },
    /// Does with entities all that a plugin can do with them.
    Steer {},
}
