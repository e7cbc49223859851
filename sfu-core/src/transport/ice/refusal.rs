//! The errors that a check is answered with.

use super::IceCounters;

/// Why a Binding request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownMethod,
    Incomplete,
    WrongUsername,
    WrongPassword,
    UnknownAttributes,
    RoleConflict,
}

impl Refusal {
    /// Number and reason of ERROR-CODE (RFC 8489 §14.8, RFC 8445 §16.2).
    pub(super) fn error_code(self) -> (u16, &'static str) {
        match self {
            Self::UnknownMethod | Self::Incomplete => (400, "Bad Request"),
            Self::WrongUsername | Self::WrongPassword => (401, "Unauthorized"),
            Self::UnknownAttributes => (420, "Unknown Attribute"),
            Self::RoleConflict => (487, "Role Conflict"),
        }
    }

    /// Counts it.
    pub(super) fn count(self, counters: &mut IceCounters) {
        *match self {
            Self::UnknownMethod => &mut counters.unknown_method,
            Self::Incomplete => &mut counters.incomplete,
            Self::WrongUsername => &mut counters.wrong_username,
            Self::WrongPassword => &mut counters.wrong_password,
            Self::UnknownAttributes => &mut counters.unknown_attributes,
            Self::RoleConflict => &mut counters.role_conflicts,
        } += 1;
    }
}
