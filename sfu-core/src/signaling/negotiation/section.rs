//! What the sections of an answer have in common.
use super::{DataChannels, PeerTransport};
use crate::control::*;
use crate::signaling::ortc::SsrcSource;
use crate::signaling::sdp::*;

/// What an answer says of our transport.
#[derive(Debug, Clone, Copy)]
pub struct LocalTransport<'a> {
    /// Our credentials.
    pub ice: &'a IceParameters,
    /// Our candidates, best first; all of them, none will follow.
    pub candidates: &'a [IceCandidate],
    /// Our fingerprints.
    pub fingerprints: &'a [DtlsFingerprint],
}

impl<'a> From<&'a WebRtcTransportCreated> for LocalTransport<'a> {
    fn from(created: &'a WebRtcTransportCreated) -> Self {
        LocalTransport {
            ice: &created.ice_parameters,
            candidates: &created.ice_candidates,
            fingerprints: &created.dtls_parameters.fingerprints,
        }
    }
}

/// Our candidate as a description says it.
pub(super) fn candidate(candidate: &IceCandidate) -> Candidate {
    let (transport, tcp_type) = match candidate.protocol {
        Protocol::Udp => ("udp", None),
        Protocol::Tcp => ("tcp", Some("passive".to_string())),
    };
    Candidate {
        foundation: candidate.foundation.clone(),
        component: 1,
        transport: transport.into(),
        priority: candidate.priority,
        address: candidate.address.clone(),
        port: candidate.port,
        kind: "host".into(),
        tcp_type,
    }
}

/// Our credentials as a description says them.
pub(super) fn credentials(ice: &IceParameters) -> IceCredentials {
    IceCredentials { username_fragment: ice.username_fragment.clone(), password: ice.password.clone() }
}

/// A new session id: 62 random bits, as RFC 9429 §5.2.1 wants it.
pub(super) fn new_origin(ssrcs: &mut SsrcSource<'_>) -> Origin {
    let bits = (u64::from(ssrcs.random()) << 32 | u64::from(ssrcs.random())) >> 2;
    Origin { session_id: bits.to_string(), session_version: 1 }
}

/// Whether a section is audio or video over DTLS-SRTP and not rejected by the offerer.
pub(super) fn is_offered_media(offered: &MediaDescription) -> bool {
    offered.kind.media().is_some()
        && !offered.rejected()
        && (offered.protocol.ends_with("RTP/SAVPF") || offered.protocol.ends_with("RTP/SAVP"))
}

/// What an accepted section of an answer carries; transport and bundling come from the whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AnsweredSection {
    /// Index in the offer.
    pub index: usize,
    /// `Recvonly`, `Sendonly` or `Inactive`, as we say it.
    pub direction: Direction,
    /// Codecs and extensions; encodings, cname and msid where we send.
    pub rtp_parameters: RtpParameters,
}

/// The answer: each section of the offer either accepted or rejected, in the offer's order.
pub(super) fn answer(
    offer: &SessionDescription,
    sections: &[AnsweredSection],
    data: Option<&DataChannels>,
    origin: &Origin,
    peer: &PeerTransport,
    local: &LocalTransport<'_>,
) -> SessionDescription {
    let accepted = |index: usize| {
        let offered = offer.media.get(index)?;
        match data.filter(|data| data.section == index) {
            Some(data) => Some(data.accept(offered)),
            None => {
                sections.iter().find(|section| section.index == index).map(|section| accept(offered, section))
            }
        }
    };
    let bundle = offer.bundle.as_ref().map(|group| {
        let media = offer.media.iter().enumerate().filter(|(index, _)| accepted(*index).is_some());
        media.filter_map(|(_, m)| m.mid.clone()).filter(|mid| group.contains(mid)).collect::<Vec<_>>()
    });
    let bundle = bundle.filter(|group| !group.is_empty());
    let sends = sections.iter().any(|section| section.direction.sends());
    let mut with_candidates = true;
    let media = offer.media.iter().enumerate().map(|(index, offered)| match accepted(index) {
        None => reject(offered, offer.extmap_allow_mixed),
        Some(mut media) => {
            media.ice = Some(credentials(local.ice));
            media.fingerprints = fingerprints(local.fingerprints);
            media.setup = Some(peer.setup);
            // Bundled sections share those of the first one (RFC 9143 §7.1.3).
            if with_candidates {
                media.candidates = local.candidates.iter().map(candidate).collect();
                media.end_of_candidates = true;
            }
            with_candidates = offer.bundle.is_none();
            media
        }
    });
    SessionDescription {
        origin: origin.clone(),
        ice_lite: true,
        bundle,
        extmap_allow_mixed: offer.extmap_allow_mixed,
        msid_semantic: sends.then(|| "WMS *".to_string()),
        media: media.collect(),
        ..SessionDescription::default()
    }
}

/// SHA-256 is what every peer knows; the others only make the answer longer.
fn fingerprints(all: &[DtlsFingerprint]) -> Vec<DtlsFingerprint> {
    let sha256 = all.iter().filter(|f| f.algorithm == FingerprintAlgorithm::Sha256);
    let sha256: Vec<_> = sha256.cloned().collect();
    if sha256.is_empty() { all.to_vec() } else { sha256 }
}

/// Port 0 (RFC 3264 §6); the `m=` line needs a format all the same.
fn reject(offered: &MediaDescription, extmap_allow_mixed: bool) -> MediaDescription {
    MediaDescription {
        kind: offered.kind.clone(),
        port: 0,
        protocol: offered.protocol.clone(),
        formats: offered.formats.first().cloned().into_iter().collect(),
        mid: offered.mid.clone(),
        direction: Direction::Inactive,
        extmap_allow_mixed,
        ..MediaDescription::default()
    }
}

fn accept(offered: &MediaDescription, section: &AnsweredSection) -> MediaDescription {
    let parameters = &section.rtp_parameters;
    let header_extensions = parameters.header_extensions.iter().map(|extension| ExtMap {
        id: extension.id,
        direction: reversed_direction(offered, extension),
        uri: extension.uri.clone(),
    });
    let mut media = MediaDescription {
        kind: offered.kind.clone(),
        port: 9,
        protocol: offered.protocol.clone(),
        formats: parameters.codecs.iter().map(|codec| codec.payload_type.to_string()).collect(),
        mid: offered.mid.clone(),
        direction: section.direction,
        codecs: parameters.codecs.iter().map(without_stream_properties).collect(),
        header_extensions: header_extensions.collect(),
        rtcp_mux: true,
        rtcp_rsize: offered.rtcp_rsize,
        extmap_allow_mixed: offered.extmap_allow_mixed,
        ..MediaDescription::default()
    };
    if section.direction.sends() {
        send_streams(&mut media, parameters);
    }
    if section.direction.receives() {
        receive_rids(&mut media, offered, parameters);
    }
    media
}

/// A codec without what describes the offerer's own stream (`sprop-parameter-sets`, `sprop-stereo` …), which is none of
/// an answer's.
fn without_stream_properties(codec: &RtpCodecParameters) -> RtpCodecParameters {
    let mut codec = codec.clone();
    codec.parameters.retain(|name, _| !name.starts_with("sprop-"));
    codec
}

/// An offered direction of a header extension, as we say it; none where none was said.
fn reversed_direction(
    offered: &MediaDescription,
    extension: &RtpHeaderExtensionParameters,
) -> Option<Direction> {
    let offered =
        offered.header_extensions.iter().find(|e| e.id == extension.id && e.uri == extension.uri)?;
    Some(match offered.direction? {
        Direction::Sendonly => Direction::Recvonly,
        Direction::Recvonly => Direction::Sendonly,
        same => same,
    })
}

/// `a=msid`, `a=ssrc` and `a=ssrc-group:FID` of what we send.
fn send_streams(media: &mut MediaDescription, parameters: &RtpParameters) {
    media.msid = parameters.msid.clone();
    for encoding in &parameters.encodings {
        let Some(ssrc) = encoding.ssrc else { continue };
        let rtx = encoding.rtx.map(|rtx| rtx.ssrc);
        if let Some(rtx) = rtx {
            media.ssrc_groups.push(SsrcGroup { semantics: "FID".into(), ssrcs: vec![ssrc, rtx] });
        }
        for ssrc in [ssrc].into_iter().chain(rtx) {
            let (cname, msid) = (parameters.rtcp.cname.clone(), parameters.msid.clone());
            media.ssrcs.push(SsrcDescription { ssrc, cname, msid });
        }
    }
}

/// `a=rid … recv` and `a=simulcast:recv` in the offer's order, for the RIDs that we take.
fn receive_rids(media: &mut MediaDescription, offered: &MediaDescription, parameters: &RtpParameters) {
    let taken = |rid: &str| parameters.encodings.iter().any(|e| e.rid.as_deref() == Some(rid));
    for stream in offered.simulcast.send.iter().filter_map(|alternatives| alternatives.first()) {
        if !taken(&stream.rid) || media.rids.iter().any(|rid| rid.id == stream.rid) {
            continue;
        }
        media.rids.push(Rid {
            id: stream.rid.clone(),
            direction: RidDirection::Recv,
            payload_types: Vec::new(),
            restrictions: Default::default(),
        });
        let stream = SimulcastStream { rid: stream.rid.clone(), paused: false };
        media.simulcast.recv.push(vec![stream]);
    }
}
