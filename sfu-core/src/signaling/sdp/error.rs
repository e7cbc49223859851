//! Why a session description cannot be read.

/// Why a session description cannot be read; a client's fault, HTTP 400.
///
/// Lines are counted from 1, as editors do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// The text is longer than [`super::MAX_BYTES`].
    #[error("sdp: {bytes} bytes are too many, at most {limit} are read")]
    TooLong {
        /// Length of the text.
        bytes: usize,
        /// What is read at the most.
        limit: usize,
    },
    /// There are more of something than any peer needs.
    #[error("sdp: line {line}: too many {what}, at most {limit} are read")]
    TooMany {
        /// Line of the first one too many.
        line: usize,
        /// What there are too many of.
        what: &'static str,
        /// What is read at the most.
        limit: usize,
    },
    /// A line does not follow RFC 8866.
    #[error("sdp: line {line}: {reason}")]
    Syntax {
        /// The line; 0 where the description as a whole is meant.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An attribute has a value that its RFC does not allow.
    #[error("sdp: line {line}: a={attribute}: {expected}")]
    Attribute {
        /// The line.
        line: usize,
        /// Name of the attribute.
        attribute: &'static str,
        /// What would be right.
        expected: &'static str,
    },
}

impl SdpError {
    /// The line that is wrong; `None` where the description as a whole is meant.
    pub fn line(&self) -> Option<usize> {
        match self {
            SdpError::TooLong { .. } | SdpError::Syntax { line: 0, .. } => None,
            SdpError::TooMany { line, .. }
            | SdpError::Syntax { line, .. }
            | SdpError::Attribute { line, .. } => Some(*line),
        }
    }
}
