//! Why something of a plugin failed.
use crate::control::ControlError;

/// Why something of a plugin failed: where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    at: String,
    text: String,
    code: Option<u32>,
}

impl Error {
    /// An error of the plugin that returns it: the text gets `plugins.<id>: ` in front.
    pub fn new(text: impl Into<String>) -> Self {
        Error { at: String::new(), text: text.into(), code: None }
    }

    /// An error at a given place.
    pub fn at(at: impl Into<String>, text: impl Into<String>) -> Self {
        Error { at: at.into(), text: text.into(), code: None }
    }

    /// The same error, at `at` if it named no place itself.
    #[must_use]
    pub fn or_at(mut self, at: &str) -> Self {
        if self.at.is_empty() {
            at.clone_into(&mut self.at);
        }
        self
    }

    /// The code that another plugin answered the error with, where this is what came of `ask` or `control`.
    pub fn code(&self) -> Option<u32> {
        self.code
    }

    /// The text without the place.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.at.is_empty() { f.write_str(&self.text) } else { write!(f, "{}: {}", self.at, self.text) }
    }
}

impl std::error::Error for Error {}

macro_rules! from_text {
    ($($from:ty),*) => {$(
        impl From<$from> for Error {
            fn from(cause: $from) -> Self { Error::new(cause.to_string()) }
        }
    )*};
}
from_text!(String, &str, std::io::Error, serde_json::Error, super::Full);

impl From<ControlError> for Error {
    fn from(cause: ControlError) -> Self {
        Error { code: cause.code(), ..Error::new(cause.text) }
    }
}
