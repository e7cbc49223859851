//! Why an offer is not answered.
use crate::control::MediaKind;
use crate::signaling::ortc::OrtcError;
use crate::signaling::sdp::SdpError;

/// Why an offer is not answered; always the offerer's to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    /// The description cannot be read.
    #[error(transparent)]
    Sdp(#[from] SdpError),
    /// No section can be received from the offerer.
    #[error("negotiation: the offer has no audio or video that it sends; add a sendonly section")]
    NothingToReceive,
    /// No section can be sent to the offerer.
    #[error("negotiation: the offer has no section for what the stream has; add recvonly audio or video")]
    NothingToSend,
    /// There are sections to answer, but no codec in common in any of them.
    #[error(transparent)]
    Codecs(#[from] OrtcError),
    /// The offerer sends more audio or video sections than are taken.
    #[error("negotiation: section {section} is one {kind:?} too many, at most {limit} are taken")]
    TooManySections {
        /// Index of the section, from 0.
        section: usize,
        /// Audio or video.
        kind: MediaKind,
        /// How many are taken.
        limit: usize,
    },
    /// Media would need more than one transport.
    #[error("negotiation: section {section} is not in the BUNDLE group; offer all media in one (max-bundle)")]
    NotBundled {
        /// Index of the section, from 0.
        section: usize,
    },
    /// No ICE credentials.
    #[error("negotiation: section {section} has no a=ice-ufrag and a=ice-pwd; add them")]
    NoIce {
        /// Index of the section, from 0.
        section: usize,
    },
    /// No certificate fingerprint of a hash that we know.
    #[error(
        "negotiation: section {section} has no a=fingerprint with sha-256; add it, only DTLS-SRTP is served"
    )]
    NoFingerprint {
        /// Index of the section, from 0.
        section: usize,
    },
    /// `a=setup:holdconn`.
    #[error("negotiation: section {section} has a=setup:holdconn; offer actpass")]
    HeldConnection {
        /// Index of the section, from 0.
        section: usize,
    },
}

/// How a protocol should refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The text is no description (HTTP 400).
    Malformed,
    /// Nothing in it is acceptable: no media, no codec in common (HTTP 406).
    NotAcceptable,
    /// It is a description, but not one that WebRTC can use (HTTP 422).
    Unprocessable,
}

impl NegotiationError {
    /// How a protocol should refuse.
    pub fn refusal(&self) -> Refusal {
        match self {
            NegotiationError::Sdp(_) => Refusal::Malformed,
            NegotiationError::NothingToReceive
            | NegotiationError::NothingToSend
            | NegotiationError::Codecs(_) => Refusal::NotAcceptable,
            NegotiationError::TooManySections { .. }
            | NegotiationError::NotBundled { .. }
            | NegotiationError::NoIce { .. }
            | NegotiationError::NoFingerprint { .. }
            | NegotiationError::HeldConnection { .. } => Refusal::Unprocessable,
        }
    }
}

impl Refusal {
    /// The status code that HTTP has for it.
    pub fn http_status(self) -> u16 {
        match self {
            Refusal::Malformed => 400,
            Refusal::NotAcceptable => 406,
            Refusal::Unprocessable => 422,
        }
    }
}
