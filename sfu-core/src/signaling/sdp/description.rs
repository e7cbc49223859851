//! A session description.
use super::{MediaDescription, SdpError};
use crate::control::DtlsFingerprint;

/// A session description: an offer or an answer.
///
/// After [`SessionDescription::parse`], what is said for the whole session also stands in each section that does not
/// say it itself: ICE credentials, fingerprints, setup, direction, `extmap-allow-mixed`, end of candidates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionDescription {
    /// `o=`: who made the description, and its version.
    pub origin: Origin,
    /// The sender is ICE-lite (RFC 8839 §5.3).
    pub ice_lite: bool,
    /// ICE options (`trickle`, `ice2`, `renomination` …).
    pub ice_options: Vec<String>,
    /// ICE credentials for all sections that have none of their own.
    pub ice: Option<IceCredentials>,
    /// Fingerprints for all sections that have none of their own.
    pub fingerprints: Vec<DtlsFingerprint>,
    /// DTLS setup role for all sections that have none of their own.
    pub setup: Option<Setup>,
    /// MIDs of the first BUNDLE group (RFC 9143); `None` without a group.
    pub bundle: Option<Vec<String>>,
    /// One- and two-byte header extensions may be mixed (RFC 8285 §6).
    pub extmap_allow_mixed: bool,
    /// `a=msid-semantic`, as it stands (`WMS *`).
    pub msid_semantic: Option<String>,
    /// The sections, one per `m=` line.
    pub media: Vec<MediaDescription>,
}

/// `o=`: who made a description, and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Session id, digits; stays the same over renegotiations.
    pub session_id: String,
    /// Grows with each renegotiation.
    pub session_version: u64,
}

impl Default for Origin {
    fn default() -> Self {
        Origin { session_id: "0".into(), session_version: 0 }
    }
}

/// ICE credentials of one side (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// Username fragment, 4–256 characters.
    pub username_fragment: String,
    /// Password, 22–256 characters.
    pub password: String,
}

impl std::fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceCredentials")
            .field("username_fragment", &self.username_fragment)
            .finish_non_exhaustive()
    }
}

/// `a=setup`: who begins the DTLS handshake (RFC 8842).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Either; the answerer chooses.
    Actpass,
    /// The sender of the description begins.
    Active,
    /// The receiver of the description begins.
    Passive,
    /// Nobody, for now.
    Holdconn,
}

impl Setup {
    /// As it stands in the attribute.
    pub fn name(self) -> &'static str {
        match self {
            Setup::Actpass => "actpass",
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::Holdconn => "holdconn",
        }
    }
    /// The role of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Setup::Actpass, Setup::Active, Setup::Passive, Setup::Holdconn]
            .into_iter()
            .find(|s| s.name().eq_ignore_ascii_case(name))
    }
}

/// Which way media flows, seen from the sender of the description (RFC 8866 §6.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    #[default]
    Sendrecv,
    /// The sender of the description sends.
    Sendonly,
    /// The sender of the description receives.
    Recvonly,
    /// No way.
    Inactive,
}

impl Direction {
    /// As it stands in the attribute.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Sendrecv => "sendrecv",
            Direction::Sendonly => "sendonly",
            Direction::Recvonly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
    /// The direction of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Direction::Sendrecv, Direction::Sendonly, Direction::Recvonly, Direction::Inactive]
            .into_iter()
            .find(|d| d.name() == name)
    }
    /// Whether the sender of the description sends.
    pub fn sends(self) -> bool {
        matches!(self, Direction::Sendrecv | Direction::Sendonly)
    }
    /// Whether the sender of the description receives.
    pub fn receives(self) -> bool {
        matches!(self, Direction::Sendrecv | Direction::Recvonly)
    }
}

impl SessionDescription {
    /// Reads a description: at most [`super::MAX_BYTES`], [`super::MAX_LINES`] and [`super::MAX_SECTIONS`].
    ///
    /// Unknown lines and attributes are left out; a known attribute with an impossible value is an error.
    pub fn parse(text: &[u8]) -> Result<Self, SdpError> {
        super::parse::parse(text)
    }

    /// The section with that MID.
    pub fn section(&self, mid: &str) -> Option<&MediaDescription> {
        self.media.iter().find(|m| m.mid.as_deref() == Some(mid))
    }
}

impl std::fmt::Display for SessionDescription {
    /// Writes the description, always in the same order, lines ended by CR LF.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::write::write(self))
    }
}
