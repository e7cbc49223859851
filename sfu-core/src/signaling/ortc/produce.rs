//! From an offered section to a producer, and from a producer to what can be consumed.
use super::codec_match::produces;
use super::quality::lowest_first;
use super::red::{carried, is_red};
use super::{OrtcError, RtpCapabilities, RtpCodecCapability, SsrcSource, uri};
use crate::control::*;
use crate::signaling::sdp::MediaDescription;

/// Longest MID that the one-byte form of the header extension carries (RFC 8285 §4.2).
const MAX_MID: usize = 16;

/// Which of the codecs in common are taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProduceFilter {
    /// Names of audio codecs that may be produced (`opus` …, in any case); empty for all.
    pub audio: Vec<String>,
    /// Names of video codecs that may be produced (`VP8`, `H264` …, in any case); empty for all.
    pub video: Vec<String>,
    /// Takes every codec in common instead of the first; the sender may then change codecs in mid stream, which not
    /// every consumer can follow.
    pub all_codecs: bool,
}

impl ProduceFilter {
    /// Whether a codec may be produced.
    pub fn allows(&self, codec: &RtpCodecCapability) -> bool {
        let names = match codec.kind {
            MediaKind::Audio => &self.audio,
            MediaKind::Video => &self.video,
        };
        names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(codec.subtype()))
    }
}

/// What a section makes as a producer.
#[derive(Debug, Clone, PartialEq)]
pub struct ProducedMedia {
    /// Audio or video.
    pub kind: MediaKind,
    /// What the peer sends.
    pub rtp_parameters: RtpParameters,
    /// How that maps to the router's payload types and new SSRCs.
    pub rtp_mapping: RtpMapping,
}

/// What the peer that offers a section will send in it, reduced to what the router carries and the filter allows.
///
/// Codecs keep the offer's order. Encodings come from `a=simulcast` where RIDs can be told apart by header extension,
/// else from a SIM group, else it is the first SSRC, else one encoding that is found by its MID alone.
/// Errors: [`OrtcError::NotMedia`], [`OrtcError::NoCommonCodec`].
pub fn producer_from_section(
    section: &MediaDescription,
    router: &RtpCapabilities,
    filter: &ProduceFilter,
    ssrcs: &mut SsrcSource<'_>,
) -> Result<ProducedMedia, OrtcError> {
    let kind = section.kind.media().ok_or(OrtcError::NotMedia)?;
    let mid = section.mid.clone().filter(|mid| mid.len() <= MAX_MID);
    let header_extensions = extensions(section, kind, router, mid.is_some());
    let (codecs, mapped) = codecs(section, kind, router, filter, &header_extensions);
    if codecs.is_empty() {
        return Err(OrtcError::NoCommonCodec { kind, supported: supported(kind, router, filter) });
    }
    section.ssrcs.iter().for_each(|description| ssrcs.reserve(description.ssrc));
    let encodings = encodings(section, &codecs, &header_extensions);
    let rtp_mapping = RtpMapping {
        codecs: mapped,
        encodings: encodings
            .iter()
            .map(|encoding| RtpMappingEncoding {
                rid: encoding.rid.clone(),
                ssrc: encoding.ssrc,
                scalability_mode: encoding.scalability_mode.clone(),
                mapped_ssrc: ssrcs.next_ssrc(),
            })
            .collect(),
    };
    let msid = section.msid.clone().or_else(|| section.ssrcs.iter().find_map(|s| s.msid.clone()));
    let rtp_parameters = RtpParameters {
        mid,
        codecs,
        header_extensions,
        encodings,
        rtcp: RtcpParameters { cname: section.cname().map(str::to_string), reduced_size: section.rtcp_rsize },
        msid,
    };
    Ok(ProducedMedia { kind, rtp_parameters, rtp_mapping })
}

fn supported(kind: MediaKind, router: &RtpCapabilities, filter: &ProduceFilter) -> String {
    let codecs = router.codecs.iter().filter(|codec| filter.allows(codec)).cloned().collect();
    RtpCapabilities { codecs, header_extensions: Vec::new() }.codec_names(kind)
}

fn extensions(
    section: &MediaDescription,
    kind: MediaKind,
    router: &RtpCapabilities,
    has_mid: bool,
) -> Vec<RtpHeaderExtensionParameters> {
    let mut taken: Vec<RtpHeaderExtensionParameters> = Vec::new();
    for offered in &section.header_extensions {
        let received = router
            .header_extensions
            .iter()
            .any(|e| e.kind == kind && e.uri == offered.uri && e.direction.receives());
        let sent = offered.direction.unwrap_or_default().sends();
        let usable = offered.uri != uri::MID || has_mid;
        let unique = !taken.iter().any(|e| e.id == offered.id || e.uri == offered.uri);
        if received && sent && usable && unique {
            taken.push(RtpHeaderExtensionParameters { uri: offered.uri.clone(), id: offered.id });
        }
    }
    taken
}

fn codecs(
    section: &MediaDescription,
    kind: MediaKind,
    router: &RtpCapabilities,
    filter: &ProduceFilter,
    extensions: &[RtpHeaderExtensionParameters],
) -> (Vec<RtpCodecParameters>, Vec<RtpMappingCodec>) {
    let (mut codecs, mut mapping) = (Vec::new(), Vec::new());
    // What RED carries is taken with it: without it nobody could have the media alone.
    let mut carried_by_red = None;
    for offered in &section.codecs {
        if carried_by_red.is_some_and(|payload_type| payload_type != offered.payload_type) {
            continue;
        }
        let carries = is_red(offered).then(|| carried(offered, &section.codecs)).flatten();
        if is_red(offered) && carries.is_none() {
            continue;
        }
        let mut allowed = router.media_codecs(kind).filter(|codec| filter.allows(codec));
        let Some(codec) = allowed.find(|codec| produces(offered, *codec)) else { continue };
        let mut parameters = offered.clone();
        parameters.rtcp_feedback.retain(|feedback| codec.rtcp_feedback.contains(feedback));
        choose_feedback(&mut parameters.rtcp_feedback, extensions);
        codecs.push(parameters);
        mapping.push(RtpMappingCodec {
            payload_type: offered.payload_type,
            mapped_payload_type: codec.preferred_payload_type,
        });
        let rtx = section.codecs.iter().find(|c| c.is_rtx() && c.apt() == Some(offered.payload_type));
        if let Some((rtx, mapped)) = rtx.zip(router.rtx_of(codec.preferred_payload_type)) {
            codecs.push(RtpCodecParameters { rtcp_feedback: Vec::new(), ..rtx.clone() });
            mapping.push(RtpMappingCodec {
                payload_type: rtx.payload_type,
                mapped_payload_type: mapped.preferred_payload_type,
            });
        }
        if !filter.all_codecs {
            match carries {
                Some(_) => carried_by_red = carries,
                None => break,
            }
        }
    }
    (codecs, mapping)
}

/// One bandwidth estimation, not two: transport-wide feedback where its sequence numbers are there, else REMB where
/// departure times are there, else none.
pub(super) fn choose_feedback(feedback: &mut Vec<RtcpFeedback>, extensions: &[RtpHeaderExtensionParameters]) {
    let has = |uri: &str| extensions.iter().any(|extension| extension.uri == uri);
    let transport_cc = has(uri::TRANSPORT_CC) && feedback.iter().any(|f| f.kind == "transport-cc");
    let remb = !transport_cc && has(uri::ABS_SEND_TIME);
    feedback.retain(|f| match f.kind.as_str() {
        "transport-cc" => transport_cc,
        "goog-remb" => remb,
        _ => true,
    });
}

fn encodings(
    section: &MediaDescription,
    codecs: &[RtpCodecParameters],
    extensions: &[RtpHeaderExtensionParameters],
) -> Vec<RtpEncodingParameters> {
    let dtx = codecs.iter().any(|codec| codec.parameters.get("usedtx").is_some_and(|value| value == "1"));
    let has_rtx = codecs.iter().any(RtpCodecParameters::is_rtx);
    if extensions.iter().any(|extension| extension.uri == uri::RID) {
        let encodings = rid_encodings(section, dtx);
        if !encodings.is_empty() {
            return encodings;
        }
    }
    let group =
        |semantics: &'static str| section.ssrc_groups.iter().filter(move |g| g.semantics == semantics);
    let rtx_of = |ssrc: u32| {
        let pair = group("FID").find_map(|g| match g.ssrcs.as_slice() {
            [primary, rtx] if *primary == ssrc && rtx != primary => Some(RtxParameters { ssrc: *rtx }),
            _ => None,
        });
        pair.filter(|_| has_rtx)
    };
    let of_ssrc = |ssrc: u32| RtpEncodingParameters {
        ssrc: Some(ssrc),
        rtx: rtx_of(ssrc),
        dtx,
        ..RtpEncodingParameters::default()
    };
    if let Some(group) = group("SIM").find(|g| (1..=MAX_ENCODINGS).contains(&g.ssrcs.len())) {
        let mut ssrcs: Vec<u32> = Vec::new();
        group.ssrcs.iter().for_each(|ssrc| {
            if !ssrcs.contains(ssrc) {
                ssrcs.push(*ssrc);
            }
        });
        return ssrcs.into_iter().map(of_ssrc).collect();
    }
    // A retransmission stream may be listed first.
    let is_rtx = |ssrc: u32| group("FID").any(|g| g.ssrcs.iter().skip(1).any(|rtx| *rtx == ssrc));
    let first = section.ssrcs.iter().map(|s| s.ssrc).find(|ssrc| !is_rtx(*ssrc));
    vec![first.map_or(RtpEncodingParameters { dtx, ..RtpEncodingParameters::default() }, of_ssrc)]
}

/// Encodings of one producer that are taken at the most.
const MAX_ENCODINGS: usize = 8;

/// The encodings of `a=simulcast:send`, lowest quality first; of alternatives the first.
fn rid_encodings(section: &MediaDescription, dtx: bool) -> Vec<RtpEncodingParameters> {
    let mut rids: Vec<&str> = Vec::new();
    for stream in section.simulcast.send.iter().filter_map(|alternatives| alternatives.first()) {
        let declared = section.rids.iter().any(|rid| rid.id == stream.rid);
        if declared && !rids.contains(&stream.rid.as_str()) && rids.len() < MAX_ENCODINGS {
            rids.push(&stream.rid);
        }
    }
    let of_rid = |rid: &str| {
        let max_bitrate = section.rids.iter().find(|r| r.id == rid).and_then(|r| r.restriction("max-br"));
        RtpEncodingParameters {
            rid: Some(rid.to_string()),
            dtx,
            max_bitrate: max_bitrate.map(|bitrate| u32::try_from(bitrate).unwrap_or(u32::MAX)),
            ..RtpEncodingParameters::default()
        }
    };
    lowest_first(&rids, &section.rids)
        .into_iter()
        .filter_map(|i| rids.get(i))
        .map(|rid| of_rid(rid))
        .collect()
}

/// A producer's parameters in the router's payload types, extension ids and SSRCs.
///
/// Error: [`OrtcError::UnknownPayloadType`] for a mapping that is not of this router.
pub fn consumable_parameters(
    kind: MediaKind,
    producer: &RtpParameters,
    mapping: &RtpMapping,
    router: &RtpCapabilities,
) -> Result<RtpParameters, OrtcError> {
    let mut codecs = Vec::new();
    for codec in producer.codecs.iter().filter(|codec| !codec.is_rtx()) {
        let mapped = mapping.codecs.iter().find(|m| m.payload_type == codec.payload_type);
        let mapped = mapped.ok_or(OrtcError::UnknownPayloadType(codec.payload_type))?.mapped_payload_type;
        let of_router = router.media_codecs(kind).find(|c| c.preferred_payload_type == mapped);
        let of_router = of_router.ok_or(OrtcError::UnknownPayloadType(mapped))?;
        codecs.push(RtpCodecParameters { parameters: codec.parameters.clone(), ..of_router.to_parameters() });
        codecs.extend(router.rtx_of(mapped).map(RtpCodecCapability::to_parameters));
    }
    let header_extensions = router
        .header_extensions
        .iter()
        .filter(|e| e.kind == kind && e.direction.sends())
        .map(|e| RtpHeaderExtensionParameters { uri: e.uri.clone(), id: e.preferred_id })
        .collect();
    let encodings = producer.encodings.iter().zip(&mapping.encodings);
    let encodings = encodings.map(|(encoding, mapped)| RtpEncodingParameters {
        ssrc: Some(mapped.mapped_ssrc),
        rid: None,
        rtx: None,
        codec_payload_type: None,
        ..encoding.clone()
    });
    Ok(RtpParameters {
        mid: None,
        codecs,
        header_extensions,
        encodings: encodings.collect(),
        rtcp: RtcpParameters { cname: producer.rtcp.cname.clone(), reduced_size: true },
        msid: producer.msid.clone(),
    })
}
