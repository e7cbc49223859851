//! One section of a description.
use super::{Candidate, Direction, IceCredentials, Rid, Setup, Simulcast};
use crate::control::{DtlsFingerprint, MediaKind, RtpCodecParameters};

/// One section (`m=` line and what follows it) of a description.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MediaDescription {
    /// What kind of medium.
    pub kind: SectionKind,
    /// Port; 9 where ICE finds it, 0 where the section is rejected or rides on another one (`bundle_only`).
    pub port: u16,
    /// `UDP/TLS/RTP/SAVPF`, `UDP/DTLS/SCTP` …
    pub protocol: String,
    /// Formats as the `m=` line lists them: payload types in order of preference, or `webrtc-datachannel`.
    pub formats: Vec<String>,
    /// MID (RFC 9143), a token of any length.
    pub mid: Option<String>,
    /// Which way media flows.
    pub direction: Direction,
    /// Codecs in the order of `formats`; mime types as `audio/opus`, with the sender's case.
    pub codecs: Vec<RtpCodecParameters>,
    /// Header extensions in the order given.
    pub header_extensions: Vec<ExtMap>,
    /// SSRCs in the order given (RFC 5576).
    pub ssrcs: Vec<SsrcDescription>,
    /// SSRC groups in the order given.
    pub ssrc_groups: Vec<SsrcGroup>,
    /// RIDs in the order given (RFC 8851).
    pub rids: Vec<Rid>,
    /// Simulcast streams (RFC 8853).
    pub simulcast: Simulcast,
    /// RTP and RTCP on one port (RFC 5761).
    pub rtcp_mux: bool,
    /// Reduced-size RTCP (RFC 5506).
    pub rtcp_rsize: bool,
    /// Rides on another section's transport or not at all (RFC 9143 §6).
    pub bundle_only: bool,
    /// One- and two-byte header extensions may be mixed (RFC 8285 §6).
    pub extmap_allow_mixed: bool,
    /// ICE options (`trickle`, `ice2` …).
    pub ice_options: Vec<String>,
    /// ICE credentials.
    pub ice: Option<IceCredentials>,
    /// Fingerprints of the DTLS certificate.
    pub fingerprints: Vec<DtlsFingerprint>,
    /// DTLS setup role.
    pub setup: Option<Setup>,
    /// Candidates; those that we cannot read are left out (RFC 8839 §5.1).
    pub candidates: Vec<Candidate>,
    /// No candidate will follow (RFC 8840).
    pub end_of_candidates: bool,
    /// `stream-id track-id` (RFC 8830).
    pub msid: Option<String>,
    /// What the sender of the description wants to receive at the most, bit/s (`b=TIAS`, else `b=AS`).
    pub bitrate: Option<u64>,
    /// SCTP port (RFC 8841).
    pub sctp_port: Option<u16>,
    /// Bytes of the longest message (RFC 8841).
    pub max_message_size: Option<u64>,
}

impl MediaDescription {
    /// Whether the section is rejected: port 0, and not because it is only bundled.
    pub fn rejected(&self) -> bool {
        self.port == 0 && !self.bundle_only
    }
    /// CNAME of the first SSRC that has one.
    pub fn cname(&self) -> Option<&str> {
        self.ssrcs.iter().find_map(|s| s.cname.as_deref())
    }
    /// Id of the header extension with that URI.
    pub fn extension_id(&self, uri: &str) -> Option<u8> {
        self.header_extensions.iter().find(|e| e.uri == uri).map(|e| e.id)
    }
}

/// What kind of medium a section is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SectionKind {
    /// `audio`.
    #[default]
    Audio,
    /// `video`.
    Video,
    /// `application`: data channels.
    Application,
    /// Anything else, as it stands.
    Other(String),
}

impl SectionKind {
    /// As it stands in the `m=` line.
    pub fn name(&self) -> &str {
        match self {
            SectionKind::Audio => "audio",
            SectionKind::Video => "video",
            SectionKind::Application => "application",
            SectionKind::Other(name) => name,
        }
    }
    /// The kind of that name.
    pub fn from_name(name: &str) -> Self {
        match name {
            "audio" => SectionKind::Audio,
            "video" => SectionKind::Video,
            "application" => SectionKind::Application,
            other => SectionKind::Other(other.to_string()),
        }
    }
    /// Audio or video, if it is one of them.
    pub fn media(&self) -> Option<MediaKind> {
        match self {
            SectionKind::Audio => Some(MediaKind::Audio),
            SectionKind::Video => Some(MediaKind::Video),
            _ => None,
        }
    }
}

/// `a=extmap`: a header extension under an id (RFC 8285 §8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtMap {
    /// Id, 1–255.
    pub id: u8,
    /// The direction, if it is not the section's.
    pub direction: Option<Direction>,
    /// The URI that names the extension.
    pub uri: String,
}

/// What `a=ssrc` lines say of one SSRC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SsrcDescription {
    /// The SSRC.
    pub ssrc: u32,
    /// CNAME.
    pub cname: Option<String>,
    /// `stream-id track-id`.
    pub msid: Option<String>,
}

/// `a=ssrc-group`: SSRCs that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsrcGroup {
    /// `FID`: a stream and its retransmissions; `SIM`: encodings, lowest quality first; others are kept as they are.
    pub semantics: String,
    /// The SSRCs in the order given.
    pub ssrcs: Vec<u32>,
}
