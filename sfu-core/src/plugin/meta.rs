//! What a plugin says of itself.
use std::time::Duration;

/// What happens to media that a plugin guarded, once the plugin panicked on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnPanic {
    /// It flows on, unguarded.
    #[default]
    Forward,
    /// It is dropped until the plugin is on again.
    Drop,
    /// The entity that carries it is closed, and nothing passes until it is. One that was there before a plugin in quarantine was
    /// switched on for it stays open; nothing passes.
    Close,
}

impl OnPanic {
    /// As written in `#[plugin(on_panic = "…")]`.
    pub const fn name(self) -> &'static str {
        match self {
            OnPanic::Forward => "forward",
            OnPanic::Drop => "drop",
            OnPanic::Close => "close",
        }
    }
}

/// A plugin's description of itself, written by `#[plugin]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta {
    /// Its id: names its configuration, its requests and its figures. Lower-case letters, digits, `-` and `_`.
    pub id: &'static str,
    /// Version of its crate.
    pub version: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Plugins that must stand above it, if they are composed.
    pub after: &'static [&'static str],
    /// Plugins that must stand below it, if they are composed.
    pub before: &'static [&'static str],
    /// Plugins that must be composed with it.
    pub requires: &'static [&'static str],
    /// Plugins that must not be composed with it.
    pub conflicts: &'static [&'static str],
    /// What happens to media that it guarded, once it panicked.
    pub on_panic: OnPanic,
    /// Only on where configuration or a request says so.
    pub off_by_default: bool,
    /// Time between two `tick`s; 1 s if not given.
    pub tick: Duration,
    /// Source file of the `impl`.
    pub file: &'static str,
    /// Line of the `impl`.
    pub line: u32,
    /// Its crate.
    pub crate_name: &'static str,
}

impl Meta {
    /// A description with only an id; `#[plugin]` fills in the rest.
    #[doc(hidden)]
    pub const fn new(id: &'static str) -> Meta {
        Meta {
            id,
            version: "",
            about: "",
            after: &[],
            before: &[],
            requires: &[],
            conflicts: &[],
            on_panic: OnPanic::Forward,
            off_by_default: false,
            tick: Duration::from_secs(1),
            file: "",
            line: 0,
            crate_name: "",
        }
    }
}
