//! Why a command failed.

/// The class of a control error; signaling crates map it to their protocol's own codes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The target does not exist (any more).
    NotFound,
    /// A parameter is wrong; the text says which and what would be right.
    Invalid,
    /// The command does not fit the state of its target.
    State,
    /// A plugin refused.
    Refused,
    /// A limit is reached.
    Limit,
    /// The worker is stopping, or its media thread is gone.
    Stopped,
    /// The composed worker does not know it.
    Unsupported,
    /// A fault of ours.
    Internal,
    /// A plugin answered a request with an error, which has a code.
    Plugin,
}

/// Why a command failed: a class for programs, a text for people.
#[derive(
    Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[error("{text}")]
#[non_exhaustive]
pub struct ControlError {
    /// Class.
    pub kind: ErrorKind,
    /// Text that begins with where (`control.produce: …`) and says what to do.
    pub text: String,
    /// What a plugin that refused or answered with an error gave as code: its own, or that of the Janus API. 454 is a malformed
    /// request, 490 one that the plugin did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
}

impl ControlError {
    /// A plugin answered an error with a code.
    pub fn plugin(code: u32, text: impl Into<String>) -> Self {
        ControlError { kind: ErrorKind::Plugin, text: text.into(), code: Some(code) }
    }

    /// The code of the plugin that refused or answered the error, if it gave one.
    pub fn code(&self) -> Option<u32> {
        self.code
    }

    /// The same with a plugin's code, if there is one.
    #[must_use]
    pub fn with_code(mut self, code: Option<u32>) -> Self {
        self.code = code;
        self
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => {
        impl ControlError {$(
            $(#[$doc])*
            pub fn $name(text: impl Into<String>) -> Self {
                ControlError { kind: ErrorKind::$kind, text: text.into(), code: None }
            }
        )*}
    };
}
constructors! {
    /// The target does not exist.
    not_found => NotFound,
    /// A parameter is wrong.
    invalid => Invalid,
    /// The command does not fit the state.
    state => State,
    /// A plugin refused.
    refused => Refused,
    /// A limit is reached.
    limit => Limit,
    /// The worker is stopping.
    stopped => Stopped,
    /// Not in this composition.
    unsupported => Unsupported,
    /// A fault of ours.
    internal => Internal,
}
