//! Why a request is refused, in the terms of the library.
use std::fmt::Display;

/// Which class of error the library throws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Anything that is none of the others.
    Error,
    /// The request makes no sense as it is.
    TypeError,
    /// What it is about does not exist.
    NotFoundError,
}

impl ErrorClass {
    /// The name in responses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "Error",
            Self::TypeError => "TypeError",
            Self::NotFoundError => "NotFoundError",
        }
    }
}

/// An error for a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What the library throws.
    pub class: ErrorClass,
    /// The text of it.
    pub reason: String,
}

impl Refusal {
    /// An `Error`.
    pub fn error(reason: impl Display) -> Self {
        Self { class: ErrorClass::Error, reason: reason.to_string() }
    }

    /// A `TypeError`.
    pub fn type_error(reason: impl Display) -> Self {
        Self { class: ErrorClass::TypeError, reason: reason.to_string() }
    }

    /// A `NotFoundError`.
    pub fn not_found(reason: impl Display) -> Self {
        Self { class: ErrorClass::NotFoundError, reason: reason.to_string() }
    }

    /// Nobody has the id that a request is for. Applications look for this text.
    pub fn no_handler(handler_id: &str, method: impl Display) -> Self {
        Self::not_found(format_args!(
            "Channel request handler with ID {handler_id} not found [method:{method}]"
        ))
    }
}
