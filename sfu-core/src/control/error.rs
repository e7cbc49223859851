//! Why a command failed.

/// The class of a control error; signaling crates map it to their protocol's own codes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
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
    /// A plugin answered a request with an error: its code, of the plugin's own or that of the Janus API. 454 is a malformed
    /// request, 490 one that the plugin did not answer.
    Plugin(u32),
}

/// Why a command failed: a class for programs, a text for people.
#[derive(
    Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[error("{text}")]
pub struct ControlError {
    /// Class.
    pub kind: ErrorKind,
    /// Text that begins with where (`control.produce: …`) and says what to do.
    pub text: String,
}

impl ControlError {
    /// A plugin answered an error with a code.
    pub fn plugin(code: u32, text: impl Into<String>) -> Self {
        ControlError { kind: ErrorKind::Plugin(code), text: text.into() }
    }

    /// The code, if a plugin answered the error.
    pub fn code(&self) -> Option<u32> {
        if let ErrorKind::Plugin(code) = self.kind { Some(code) } else { None }
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => {
        impl ControlError {$(
            $(#[$doc])*
            pub fn $name(text: impl Into<String>) -> Self {
                ControlError { kind: ErrorKind::$kind, text: text.into() }
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
