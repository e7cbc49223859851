//! Values of single attributes.
use std::collections::BTreeMap;

use super::{Direction, ExtMap};
use crate::control::{DtlsFingerprint, FingerprintAlgorithm, RtcpFeedback};

/// `a=rtpmap`: encoding name, clock rate and channels of a payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RtpMap {
    /// `opus`, `VP8` …
    pub name: String,
    /// Hz.
    pub clock_rate: u32,
    /// Audio only.
    pub channels: Option<u8>,
}

impl RtpMap {
    /// `111 opus/48000/2`.
    pub fn parse(value: &str) -> Option<(u8, Self)> {
        let (payload_type, rest) = value.split_once(' ')?;
        let mut parts = rest.trim_ascii().split('/');
        let name = parts.next().filter(|name| is_token(name))?.to_string();
        let clock_rate = parts.next()?.parse().ok().filter(|rate| *rate > 0)?;
        let channels = match parts.next() {
            Some(channels) => Some(channels.parse().ok().filter(|n| *n > 0)?),
            None => None,
        };
        Some((parse_payload_type(payload_type)?, RtpMap { name, clock_rate, channels }))
    }

    /// What a static payload type means without `a=rtpmap` (RFC 3551 §6), as far as WebRTC uses it.
    pub fn of_static(payload_type: u8) -> Option<Self> {
        let name = match payload_type {
            0 => "PCMU",
            8 => "PCMA",
            9 => "G722",
            13 => "CN",
            _ => return None,
        };
        Some(RtpMap { name: name.into(), clock_rate: 8000, channels: None })
    }
}

/// A payload type, 0–127.
pub(super) fn parse_payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|pt| *pt < 128)
}

/// `111 minptime=10;useinbandfec=1`; a parameter without `=` has an empty value.
pub(super) fn parse_fmtp(value: &str) -> Option<(u8, BTreeMap<String, String>)> {
    let (payload_type, rest) = value.split_once(' ')?;
    let mut parameters = BTreeMap::new();
    for parameter in rest.split(';').map(str::trim_ascii) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let name = name.trim_ascii();
        if !name.is_empty() {
            parameters.insert(name.to_string(), value.trim_ascii().to_string());
        }
    }
    Some((parse_payload_type(payload_type)?, parameters))
}

/// `96 nack pli`, `* nack`: payload type (`None` for all) and feedback.
pub(super) fn parse_rtcp_fb(value: &str) -> Option<(Option<u8>, RtcpFeedback)> {
    let (payload_type, rest) = value.split_once(' ')?;
    let payload_type = match payload_type {
        "*" => None,
        text => Some(parse_payload_type(text)?),
    };
    let mut words = rest.split_ascii_whitespace();
    let kind = words.next()?;
    let parameter = words.collect::<Vec<_>>().join(" ");
    Some((payload_type, RtcpFeedback::new(kind, &parameter)))
}

/// Ids that an offer may use for extensions that find no room in 1–255 (RFC 8285 §5).
const PROVISIONAL_IDS: std::ops::RangeInclusive<u16> = 4096..=4351;

/// `2/recvonly urn:…`; `Some(None)` for an id that is only provisional.
pub(super) fn parse_extmap(value: &str) -> Option<Option<ExtMap>> {
    let (id, rest) = value.split_once(' ')?;
    let (id, direction) = match id.split_once('/') {
        Some((id, direction)) => (id, Some(Direction::from_name(direction)?)),
        None => (id, None),
    };
    let uri = rest.split_ascii_whitespace().next()?.to_string();
    let id: u16 = id.parse().ok()?;
    if PROVISIONAL_IDS.contains(&id) {
        return Some(None);
    }
    let id = u8::try_from(id).ok().filter(|id| *id > 0)?;
    Some(Some(ExtMap { id, direction, uri }))
}

/// `sha-256 AB:CD:…`; `Some(None)` for an algorithm that we do not know.
pub(super) fn parse_fingerprint(value: &str) -> Option<Option<DtlsFingerprint>> {
    let (algorithm, rest) = value.split_once(' ')?;
    let Some(algorithm) = FingerprintAlgorithm::from_name(algorithm) else { return Some(None) };
    let bytes = match algorithm {
        FingerprintAlgorithm::Sha1 => 20,
        FingerprintAlgorithm::Sha224 => 28,
        FingerprintAlgorithm::Sha256 => 32,
        FingerprintAlgorithm::Sha384 => 48,
        FingerprintAlgorithm::Sha512 => 64,
    };
    let value = rest.trim_ascii().to_ascii_uppercase();
    let hex = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    (value.split(':').count() == bytes && value.split(':').all(hex))
        .then_some(Some(DtlsFingerprint { algorithm, value }))
}

/// A token of RFC 8866 §9, generously: visible ASCII without white space.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// `stream-id track-id`, white space made single; `None` for an empty text.
pub(super) fn parse_msid(value: &str) -> Option<String> {
    let msid = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    (!msid.is_empty()).then_some(msid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused() {
        for text in ["128 x/1", "1 x", "1 /8000", "1 x/0", "1 x/8000/0", "x y/1", "1 x/99999999999", ""] {
            assert_eq!(RtpMap::parse(text), None, "{text}");
        }
        for text in ["0 urn:x", "256 urn:x", "1", "1/up urn:x", "4352 urn:x"] {
            assert_eq!(parse_extmap(text), None, "{text}");
        }
        assert_eq!(parse_extmap("4096 urn:x"), Some(None));
        for text in ["sha-256 AB:CD", "sha-1 no", "sha-256", &format!("sha-1 {}", ["0g"; 20].join(":"))] {
            assert_eq!(parse_fingerprint(text), None, "{text}");
        }
        assert_eq!(parse_fingerprint("md5 AB"), Some(None));
    }

    #[test]
    fn format_parameters_of_every_shape_are_read() {
        let (_, parameters) =
            parse_fmtp("96 packetization-mode=1; sprop-parameter-sets=Z0LAFdk=,aMuMsg==;").unwrap();
        assert_eq!(parameters["sprop-parameter-sets"], "Z0LAFdk=,aMuMsg==");
        assert_eq!(parse_fmtp("101 0-15").unwrap().1["0-15"], "");
    }
}
