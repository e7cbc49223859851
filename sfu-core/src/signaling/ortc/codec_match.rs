//! When two codecs are the same.
use std::collections::BTreeMap;

/// Profile of an H.264 stream, as `profile-level-id` says it (RFC 6184 §8.1, table 5), from least to most demanding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum H264Profile {
    /// Constrained Baseline: what every browser has.
    ConstrainedBaseline,
    /// Baseline; in WebRTC nobody uses what it has beyond Constrained Baseline.
    Baseline,
    /// Main.
    Main,
    /// Constrained High.
    ConstrainedHigh,
    /// High.
    High,
}

impl H264Profile {
    /// The profile of a `profile-level-id`, six hexadecimal digits; `None` for those that no WebRTC stack decodes.
    pub fn of(profile_level_id: &str) -> Option<Self> {
        if profile_level_id.len() != 6 || !profile_level_id.is_ascii() {
            return None;
        }
        let bits = u32::from_str_radix(profile_level_id, 16).ok()?;
        let (profile, constraints) = (bits >> 16, (bits >> 8) & 0xff);
        let (set0, set1, set4, set5) = (
            constraints & 0x80 != 0,
            constraints & 0x40 != 0,
            constraints & 0x08 != 0,
            constraints & 0x04 != 0,
        );
        Some(match profile {
            0x42 if set1 => H264Profile::ConstrainedBaseline,
            0x42 => H264Profile::Baseline,
            0x4d if set0 => H264Profile::ConstrainedBaseline,
            0x4d => H264Profile::Main,
            0x58 if set0 && set1 => H264Profile::ConstrainedBaseline,
            0x58 if set0 => H264Profile::Baseline,
            0x64 if set4 && set5 => H264Profile::ConstrainedHigh,
            0x64 => H264Profile::High,
            _ => return None,
        })
    }

    /// That of a codec; without one, Baseline (RFC 6184 §8.1).
    fn of_parameters(parameters: &BTreeMap<String, String>) -> Option<Self> {
        match value(parameters, "profile-level-id") {
            Some(text) => H264Profile::of(text),
            None => Some(H264Profile::Baseline),
        }
    }

    /// Baseline counts as Constrained Baseline.
    fn rank(self) -> u8 {
        match self {
            H264Profile::ConstrainedBaseline | H264Profile::Baseline => 0,
            H264Profile::Main => 1,
            H264Profile::ConstrainedHigh => 2,
            H264Profile::High => 3,
        }
    }
}

/// Whether a receiver gets H.264 of a profile that it has not listed.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProfileMatch {
    /// Only the same profile.
    Exact,
    /// Also a receiver of a higher profile, which includes the stream's.
    Compatible,
    /// Any receiver of H.264; the best fitting payload type is taken. Decoders of browsers take High although they list
    /// Constrained Baseline alone, and a listed profile is often not what an encoder really makes.
    #[default]
    Any,
}

/// What a codec is compared by.
#[derive(Debug, Clone, Copy)]
pub(super) struct CodecRef<'a> {
    pub mime_type: &'a str,
    pub clock_rate: u32,
    pub channels: Option<u8>,
    pub parameters: &'a BTreeMap<String, String>,
}

macro_rules! codec_ref {
    ($($type:ty),*) => {$(
        impl<'a> From<&'a $type> for CodecRef<'a> {
            fn from(codec: &'a $type) -> Self {
                CodecRef {
                    mime_type: &codec.mime_type,
                    clock_rate: codec.clock_rate,
                    channels: codec.channels,
                    parameters: &codec.parameters,
                }
            }
        }
    )*};
}
codec_ref!(crate::control::RtpCodecParameters, super::RtpCodecCapability);

/// A parameter by name, in any case.
fn value<'a>(parameters: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    let exact = parameters.get(name);
    let found =
        exact.or_else(|| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v));
    found.map(String::as_str)
}

impl CodecRef<'_> {
    fn is(&self, mime_type: &str) -> bool {
        self.mime_type.eq_ignore_ascii_case(mime_type)
    }

    /// Some senders leave out that Opus always says two channels (RFC 7587 §7).
    fn channels(&self) -> u8 {
        self.channels.unwrap_or(if self.is("audio/opus") { 2 } else { 1 })
    }

    /// The number in a parameter; absent is 0, as VP9 (`profile-id`), AV1 (`profile`) and H.264
    /// (`packetization-mode`) define it.
    fn number(&self, name: &str) -> Option<u8> {
        value(self.parameters, name).map_or(Some(0), |text| text.parse().ok())
    }

    /// Same encoding, clock and channels, whatever the profile.
    fn same_format(&self, other: &CodecRef<'_>) -> bool {
        self.mime_type.eq_ignore_ascii_case(other.mime_type)
            && self.clock_rate == other.clock_rate
            && self.channels() == other.channels()
    }

    /// Same profile of VP9 or AV1; true for codecs without.
    fn same_numbered_profile(&self, other: &CodecRef<'_>) -> bool {
        let name = match () {
            () if self.is("video/vp9") => "profile-id",
            () if self.is("video/av1") => "profile",
            () => return true,
        };
        self.number(name).is_some_and(|profile| other.number(name) == Some(profile))
    }
}

/// Whether what a sender offers is that codec of the router. The router's H.264 is `packetization-mode=1`, which
/// includes mode 0, so the mode does not count here.
pub(super) fn produces<'a>(offered: impl Into<CodecRef<'a>>, router: impl Into<CodecRef<'a>>) -> bool {
    let (offered, router) = (offered.into(), router.into());
    if !offered.same_format(&router) || !offered.same_numbered_profile(&router) {
        return false;
    }
    if offered.is("video/h264") {
        let profile = H264Profile::of_parameters(offered.parameters);
        return profile.is_some() && profile == H264Profile::of_parameters(router.parameters);
    }
    true
}

/// How badly a receiver's codec fits a stream, 0 best; `None` if it does not fit at all.
pub(super) fn consumes<'a>(
    stream: impl Into<CodecRef<'a>>,
    receiver: impl Into<CodecRef<'a>>,
    profiles: ProfileMatch,
) -> Option<u8> {
    let (stream, receiver) = (stream.into(), receiver.into());
    if !stream.same_format(&receiver) || !stream.same_numbered_profile(&receiver) {
        return None;
    }
    if !stream.is("video/h264") {
        return Some(0);
    }
    // A receiver of mode 0 does not know fragments and aggregates, which a stream of mode 1 may have.
    let (sent, received) = (stream.number("packetization-mode")?, receiver.number("packetization-mode")?);
    if received < sent || received > 1 {
        return None;
    }
    let mode = (1 - received) * 8;
    let (sent, received) =
        (H264Profile::of_parameters(stream.parameters)?, H264Profile::of_parameters(receiver.parameters)?);
    let misfit = match (received.rank(), sent.rank()) {
        _ if received == sent => 0,
        (received, sent) if received >= sent => 1 + (received - sent),
        // The higher, the nearer.
        (received, _) => 8 - received,
    };
    let allowed = match profiles {
        ProfileMatch::Exact => misfit == 0,
        ProfileMatch::Compatible => received.rank() >= sent.rank(),
        ProfileMatch::Any => true,
    };
    allowed.then_some(misfit + mode)
}

/// Whether two codecs carry the same stream: encoding, clock, channels and profile, whatever the payload types.
pub fn same_codec(a: &crate::control::RtpCodecParameters, b: &crate::control::RtpCodecParameters) -> bool {
    produces(a, b)
}
