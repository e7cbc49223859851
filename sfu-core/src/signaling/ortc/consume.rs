//! What one receiver gets of a producer.
use super::codec_match::consumes;
use super::produce::choose_feedback;
use super::{OrtcError, ProfileMatch, RtpCapabilities, RtpCodecCapability, SsrcSource};
use crate::control::*;

/// What a receiver is beside its capabilities.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReceiverOptions {
    /// MID of the section that it receives in.
    pub mid: Option<String>,
    /// Whether it takes reduced-size RTCP.
    pub reduced_size: bool,
    /// Which H.264 profiles it gets.
    pub profiles: ProfileMatch,
}

/// Codecs of a producer with the receiver's codec for each, in the producer's order.
fn codec_pairs<'a>(
    consumable: &'a RtpParameters,
    receiver: &'a RtpCapabilities,
    profiles: ProfileMatch,
) -> impl Iterator<Item = (&'a RtpCodecParameters, &'a RtpCodecCapability)> {
    consumable.codecs.iter().filter(|codec| !codec.is_rtx()).filter_map(move |codec| {
        let candidates = receiver.codecs.iter().filter(|candidate| !candidate.is_rtx());
        let fits = candidates.filter_map(|c| consumes(codec, c, profiles).map(|misfit| (misfit, c)));
        // Of equals the first: the receiver's preference.
        fits.min_by_key(|(misfit, _)| *misfit).map(|(_, candidate)| (codec, candidate))
    })
}

/// Whether a receiver can take a producer's media.
pub fn can_consume(consumable: &RtpParameters, receiver: &RtpCapabilities, profiles: ProfileMatch) -> bool {
    codec_pairs(consumable, receiver, profiles).next().is_some()
}

/// What is sent to a receiver: its payload types and extension ids, new SSRCs.
///
/// RTX is kept where both sides have it; of the feedback, what both sides have, with one bandwidth estimation. There is
/// one encoding however many the producer has. Error: [`OrtcError::CannotConsume`].
pub fn consumer_parameters(
    consumable: &RtpParameters,
    receiver: &RtpCapabilities,
    options: &ReceiverOptions,
    ssrcs: &mut SsrcSource<'_>,
) -> Result<RtpParameters, OrtcError> {
    let mut header_extensions: Vec<RtpHeaderExtensionParameters> = Vec::new();
    for extension in &receiver.header_extensions {
        let sent = consumable.header_extensions.iter().any(|e| e.uri == extension.uri);
        let usable =
            extension.uri != super::uri::MID || options.mid.as_ref().is_some_and(|mid| mid.len() <= 16);
        let unique =
            !header_extensions.iter().any(|e| e.id == extension.preferred_id || e.uri == extension.uri);
        if sent && usable && unique && extension.direction.receives() {
            let (uri, id) = (extension.uri.clone(), extension.preferred_id);
            header_extensions.push(RtpHeaderExtensionParameters { uri, id });
        }
    }
    let mut codecs: Vec<RtpCodecParameters> = Vec::new();
    for (sent, received) in codec_pairs(consumable, receiver, options.profiles) {
        let payload_type = received.preferred_payload_type;
        if codecs.iter().any(|codec| codec.payload_type == payload_type) {
            continue;
        }
        let mut codec = received.to_parameters();
        codec.rtcp_feedback.retain(|feedback| sent.rtcp_feedback.contains(feedback));
        choose_feedback(&mut codec.rtcp_feedback, &header_extensions);
        codecs.push(codec);
        let repaired = consumable.codecs.iter().any(|c| c.is_rtx() && c.apt() == Some(sent.payload_type));
        if let Some(rtx) = receiver.rtx_of(payload_type).filter(|_| repaired) {
            codecs.push(RtpCodecParameters { rtcp_feedback: Vec::new(), ..rtx.to_parameters() });
        }
    }
    if codecs.is_empty() {
        let codec = consumable.codecs.first().map_or_else(String::new, |codec| codec.mime_type.clone());
        return Err(OrtcError::CannotConsume { codec });
    }
    let has_rtx = codecs.iter().any(RtpCodecParameters::is_rtx);
    let encoding = encoding(consumable, has_rtx, ssrcs);
    Ok(RtpParameters {
        mid: options.mid.clone(),
        codecs,
        header_extensions,
        encodings: vec![encoding],
        rtcp: RtcpParameters { cname: consumable.rtcp.cname.clone(), reduced_size: options.reduced_size },
        msid: consumable.msid.clone(),
    })
}

fn encoding(consumable: &RtpParameters, has_rtx: bool, ssrcs: &mut SsrcSource<'_>) -> RtpEncodingParameters {
    let encodings = &consumable.encodings;
    let mode = encodings.last().and_then(|encoding| encoding.scalability_mode.clone());
    // Several encodings look to the receiver's side of the router like spatial layers of one.
    let scalability_mode = match encodings.len() {
        0 | 1 => mode,
        spatial => {
            let temporal = mode.as_deref().and_then(temporal_layers).unwrap_or(1);
            Some(format!("L{spatial}T{temporal}"))
        }
    };
    RtpEncodingParameters {
        ssrc: Some(ssrcs.next_ssrc()),
        rtx: has_rtx.then(|| RtxParameters { ssrc: ssrcs.next_ssrc() }),
        dtx: encodings.iter().any(|encoding| encoding.dtx),
        scalability_mode,
        max_bitrate: encodings.iter().filter_map(|encoding| encoding.max_bitrate).max(),
        ..RtpEncodingParameters::default()
    }
}

/// The number behind `T` in `L3T3_KEY`.
fn temporal_layers(mode: &str) -> Option<u8> {
    let (_, rest) = mode.split_once('T')?;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}
