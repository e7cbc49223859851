//! Reading one section.
use std::collections::BTreeMap;

use sdp_types::Bandwidth;

use super::attribute::*;
use super::lines::{AttributeLine, SectionLines};
use super::parse::{Inherited, TransportLines};
use super::*;
use crate::control::{RtcpFeedback, RtpCodecParameters};

/// Kinds of feedback of one codec that are read at the most.
const MAX_FEEDBACK: usize = 32;

/// Lines about codecs, which may stand in any order (Firefox sorts them by name).
#[derive(Default)]
struct CodecLines {
    maps: BTreeMap<u8, RtpMap>,
    parameters: BTreeMap<u8, BTreeMap<String, String>>,
    feedback: Vec<(Option<u8>, RtcpFeedback)>,
}

pub(super) fn parse_section(
    section: SectionLines<'_>,
    inherited: &Inherited,
) -> Result<MediaDescription, SdpError> {
    let mut media = MediaDescription {
        kind: SectionKind::from_name(&section.media.media),
        port: section.media.port,
        protocol: section.media.proto.clone(),
        formats: section.media.fmt.split_ascii_whitespace().map(str::to_string).collect(),
        direction: inherited.direction.unwrap_or_default(),
        extmap_allow_mixed: inherited.extmap_allow_mixed,
        end_of_candidates: inherited.end_of_candidates,
        bitrate: bitrate(&section.media.bandwidths),
        ..MediaDescription::default()
    };
    let mut transport = TransportLines::default();
    let mut codecs = CodecLines::default();
    for line in section.attributes() {
        if transport.take(line)? || codecs.take(line)? || take_streams(&mut media, line)? {
            continue;
        }
        match line.name {
            "mid" => {
                let expected = "one word of visible characters";
                if !is_token(line.value) {
                    return Err(line.wrong("mid", expected));
                }
                media.mid = Some(line.value.to_string());
            }
            "extmap" => {
                let expected = "an id from 1 to 255 and a URI";
                let extension = parse_extmap(line.value).ok_or(line.wrong("extmap", expected))?;
                media.header_extensions.extend(extension);
            }
            "rtcp-mux" => media.rtcp_mux = true,
            "rtcp-rsize" => media.rtcp_rsize = true,
            "bundle-only" => media.bundle_only = true,
            "extmap-allow-mixed" => media.extmap_allow_mixed = true,
            "candidate" => media.candidates.extend(Candidate::parse(line.value)),
            "end-of-candidates" => media.end_of_candidates = true,
            "sctp-port" => {
                let port = line.value.parse().map_err(|_| line.wrong("sctp-port", "a port"))?;
                media.sctp_port = Some(port);
            }
            "max-message-size" => {
                let size =
                    line.value.parse().map_err(|_| line.wrong("max-message-size", "a number of bytes"))?;
                media.max_message_size = Some(size);
            }
            name => media.direction = Direction::from_name(name).unwrap_or(media.direction),
        }
    }
    let transport = transport.or(&inherited.transport);
    media.ice = transport.ice();
    (media.ice_options, media.fingerprints, media.setup) =
        (transport.ice_options, transport.fingerprints, transport.setup);
    media.codecs = codecs.codecs(&media, section.line)?;
    Ok(media)
}

/// `b=TIAS` in bit/s, else `b=AS` in kbit/s (RFC 8866 §5.8, RFC 3890).
fn bitrate(bandwidths: &[Bandwidth]) -> Option<u64> {
    let of = |name: &str| bandwidths.iter().find(|b| b.bwtype == name).map(|b| b.bandwidth);
    of("TIAS").or_else(|| of("AS").map(|kilobits| kilobits.saturating_mul(1000)))
}

/// Takes attributes that describe streams: SSRCs, RIDs, msid.
fn take_streams(media: &mut MediaDescription, line: AttributeLine<'_>) -> Result<bool, SdpError> {
    match line.name {
        "ssrc" => {
            let (ssrc, rest) = line.value.split_once(' ').unwrap_or((line.value, ""));
            let ssrc = ssrc.parse().map_err(|_| line.wrong("ssrc", "a number below 2^32"))?;
            let known = media.ssrcs.iter().position(|known| known.ssrc == ssrc);
            let index = known.unwrap_or(media.ssrcs.len());
            if known.is_none() {
                media.ssrcs.push(SsrcDescription { ssrc, ..SsrcDescription::default() });
            }
            let Some(description) = media.ssrcs.get_mut(index) else { return Ok(true) };
            match rest.trim_ascii().split_once(':') {
                Some(("cname", cname)) => description.cname = parse_msid(cname),
                Some(("msid", msid)) => description.msid = parse_msid(msid),
                _ => {}
            }
        }
        "ssrc-group" => {
            let expected = "a name and numbers below 2^32";
            let mut words = line.value.split_ascii_whitespace();
            let semantics = words.next().ok_or(line.wrong("ssrc-group", expected))?.to_string();
            let ssrcs = words.map(|word| word.parse().ok()).collect::<Option<_>>();
            let ssrcs = ssrcs.ok_or(line.wrong("ssrc-group", expected))?;
            media.ssrc_groups.push(SsrcGroup { semantics, ssrcs });
        }
        "rid" => {
            let expected = "a name, send or recv, and restrictions";
            media.rids.push(Rid::parse(line.value).ok_or(line.wrong("rid", expected))?);
        }
        "simulcast" => {
            let expected = "send or recv and a list of RIDs, each at most once, at most 16";
            media.simulcast = Simulcast::parse(line.value).ok_or(line.wrong("simulcast", expected))?;
        }
        "msid" => media.msid = media.msid.take().or_else(|| parse_msid(line.value)),
        _ => return Ok(false),
    }
    Ok(true)
}

impl CodecLines {
    fn take(&mut self, line: AttributeLine<'_>) -> Result<bool, SdpError> {
        match line.name {
            "rtpmap" => {
                let expected = "a payload type below 128, a name and a clock rate";
                let (pt, map) = RtpMap::parse(line.value).ok_or(line.wrong("rtpmap", expected))?;
                self.maps.entry(pt).or_insert(map);
            }
            "fmtp" => {
                let expected = "a payload type below 128 and parameters";
                let (pt, parameters) = parse_fmtp(line.value).ok_or(line.wrong("fmtp", expected))?;
                self.parameters.entry(pt).or_default().extend(parameters);
            }
            "rtcp-fb" => {
                let expected = "a payload type below 128 or *, and a kind of feedback";
                self.feedback.push(parse_rtcp_fb(line.value).ok_or(line.wrong("rtcp-fb", expected))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// One codec for each format that has a meaning, in the order of the formats.
    fn codecs(mut self, media: &MediaDescription, line: usize) -> Result<Vec<RtpCodecParameters>, SdpError> {
        let mut codecs: Vec<RtpCodecParameters> = Vec::new();
        if media.kind.media().is_none() || !media.protocol.contains("RTP/") {
            return Ok(codecs);
        }
        // A rejected section names a format only because the line needs one.
        let has_static = media.kind == SectionKind::Audio && !media.rejected();
        for format in &media.formats {
            let Some(payload_type) = parse_payload_type(format) else {
                return Err(SdpError::Syntax {
                    line,
                    reason: "formats of RTP are payload types from 0 to 127".into(),
                });
            };
            let map = self.maps.remove(&payload_type);
            let known = codecs.iter().any(|codec| codec.payload_type == payload_type);
            let map = map.or_else(|| RtpMap::of_static(payload_type).filter(|_| has_static));
            let Some(map) = map.filter(|_| !known) else {
                continue;
            };
            codecs.push(RtpCodecParameters {
                mime_type: format!("{}/{}", media.kind.name(), map.name),
                payload_type,
                clock_rate: map.clock_rate,
                channels: map.channels,
                parameters: self.parameters.remove(&payload_type).unwrap_or_default(),
                rtcp_feedback: self.feedback_of(payload_type),
            });
        }
        Ok(codecs)
    }

    fn feedback_of(&self, payload_type: u8) -> Vec<RtcpFeedback> {
        let mut all: Vec<RtcpFeedback> = Vec::new();
        for (pt, feedback) in &self.feedback {
            // A wildcard is copied into every codec: without a limit a short text would become a big description.
            if all.len() == MAX_FEEDBACK {
                break;
            }
            if pt.is_none_or(|pt| pt == payload_type) && !all.contains(feedback) {
                all.push(feedback.clone());
            }
        }
        all
    }
}
