//! Peers of a storm: a transport with SRTP under given keys, so that what they send passes authentication.
use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Chance;
use super::rtp_seeds::{self as seeds, SeedStream, id};
use crate::control::*;
use crate::net::Route;
use crate::rtp::ExtensionKind;
use crate::transport::profile_of;
use crate::transport::srtp::{MasterKey, SrtpSealer};

/// SSRCs that a peer may send from at most; the opener's own limit is 1024 of RTP and of RTCP.
const SSRCS: usize = 1000;

/// One peer.
pub(super) struct Peer {
    pub(crate) transport: TransportId,
    pub(crate) route: Route,
    pub(crate) sealer: SrtpSealer,
    /// What it sends.
    pub(crate) streams: Vec<SeedStream>,
    /// SSRCs that it receives, RTX too.
    pub(crate) received: Vec<u32>,
    numbers: HashMap<u32, u16>,
    rtcp_ssrcs: HashSet<u32>,
}

/// How our side of a plain transport is protected.
pub(super) fn key(suite: SrtpCryptoSuite, chance: &mut Chance) -> (SrtpParameters, SrtpSealer) {
    let profile = profile_of(suite);
    let bytes = chance.bytes(profile.key_len() + profile.salt_len());
    let key = MasterKey::from_key_and_salt(profile, &bytes).expect("fuzz: a key of the profile's length");
    let sealer = SrtpSealer::new(profile, &key).expect("fuzz: a sealer");
    (SrtpParameters { crypto_suite: suite, key_base64: BASE64.encode(&bytes) }, sealer)
}

impl Peer {
    pub(super) fn new(transport: TransportId, route: Route, sealer: SrtpSealer) -> Self {
        Peer {
            transport,
            route,
            sealer,
            streams: Vec::new(),
            received: Vec::new(),
            numbers: HashMap::new(),
            rtcp_ssrcs: HashSet::new(),
        }
    }

    /// A valid packet of one of its streams: the packet and its SSRC.
    pub(super) fn packet(&self, chance: &mut Chance) -> (Vec<u8>, u32) {
        let stream = chance.pick(&self.streams);
        let next = stream.repairs.and_then(|media| self.numbers.get(&media)).copied().unwrap_or(0);
        let lost = next.wrapping_sub(chance.below(200) as u16);
        (seeds::packet(chance, stream, lost), stream.ssrc)
    }

    /// Protects RTP, after giving it an SSRC and a number that the opener can take; `None` if its header reaches beyond it.
    pub(super) fn seal_rtp(&mut self, chance: &mut Chance, plain: &mut [u8], ssrc: u32) -> Option<Vec<u8>> {
        let fixed = plain.first_chunk_mut::<12>()?;
        fixed[0] = fixed[0] & 0x3f | 0x80;
        if (192..=223).contains(&fixed[1]) {
            // Else it is taken for RTCP.
            fixed[1] &= 0x9f;
        }
        let own = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
        let keep = chance.one_in(20) && (self.numbers.contains_key(&own) || self.numbers.len() < SSRCS);
        let ssrc = if keep { own } else { ssrc };
        fixed[8..].copy_from_slice(&ssrc.to_be_bytes());
        let start = chance.below(1000) as u16;
        let next = self.numbers.entry(ssrc).or_insert(start);
        let number = *next;
        let gap = match chance.below(40) {
            0 => 2 + chance.below(30),
            1 if chance.one_in(100) => chance.below(20_000),
            _ => 1,
        };
        fixed[2..4].copy_from_slice(&number.to_be_bytes());
        let header_len = header_len(plain)?;
        *next = number.wrapping_add(gap.max(1) as u16);
        // A retransmission of something far ahead makes all that follows look old: mostly it is of something recent.
        let repairs =
            self.streams.iter().find(|stream| stream.ssrc == ssrc).and_then(|stream| stream.repairs);
        if let Some(media) =
            repairs.and_then(|media| self.numbers.get(&media)).filter(|_| !chance.one_in(500))
            && let Some(lost) = plain.get_mut(header_len..header_len + 2)
        {
            lost.copy_from_slice(&media.wrapping_sub(1 + chance.below(100) as u16).to_be_bytes());
        }
        let (header, payload) = plain.split_at_checked(header_len)?;
        let mut out = vec![0; 2048];
        let len = self.sealer.seal_rtp(header, payload, &mut out).expect("fuzz: a packet that can be sealed");
        out.truncate(len);
        Some(out)
    }

    /// Protects RTCP, after making it look like RTCP of a sender that the opener can take; `None` if it is too short.
    pub(super) fn seal_rtcp(&mut self, chance: &mut Chance, plain: &mut [u8], ssrc: u32) -> Option<Vec<u8>> {
        let fixed = plain.first_chunk_mut::<8>()?;
        fixed[0] = fixed[0] & 0x3f | 0x80;
        if !(192..=223).contains(&fixed[1]) {
            fixed[1] = 192 | fixed[1] & 0x0f;
        }
        let own = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
        let keep = chance.one_in(10) && (self.rtcp_ssrcs.contains(&own) || self.rtcp_ssrcs.len() < SSRCS);
        let ssrc = if keep { own } else { ssrc };
        self.rtcp_ssrcs.insert(ssrc);
        fixed[4..].copy_from_slice(&ssrc.to_be_bytes());
        let mut out = vec![0; 2048];
        let len = self.sealer.seal_rtcp(plain, &mut out).expect("fuzz: a packet that can be sealed");
        out.truncate(len);
        Some(out)
    }
}

/// What SRTP leaves readable: fixed header, CSRCs, extension. Written anew here, not to test the engine with itself.
fn header_len(packet: &[u8]) -> Option<usize> {
    let mut len = 12 + 4 * usize::from(packet.first()? & 15);
    if packet.first()? & 0x10 != 0 {
        let words = packet.get(len + 2..len + 4)?;
        len += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    (len <= packet.len()).then_some(len)
}

/// The address of the peer with that number.
pub(super) fn address(number: usize) -> SocketAddr {
    let [_, high, middle, low] = (number as u32).to_be_bytes();
    SocketAddr::new(Ipv4Addr::new(10, high, middle, low).into(), 5004)
}

fn codec(
    mime_type: &str,
    payload_type: u8,
    clock_rate: u32,
    feedback: &[(&str, &str)],
) -> RtpCodecParameters {
    RtpCodecParameters {
        mime_type: mime_type.into(),
        payload_type,
        clock_rate,
        channels: mime_type.contains("opus").then_some(2),
        parameters: Default::default(),
        rtcp_feedback: feedback.iter().map(|(kind, parameter)| RtcpFeedback::new(kind, parameter)).collect(),
    }
}

/// Parameters of audio, or of video in every codec with RTX, with header extension ids shifted by `shift`.
pub(super) fn parameters(kind: MediaKind, mid: Option<&str>, shift: u8, transport_cc: bool) -> RtpParameters {
    let mut feedback = vec![("nack", ""), ("nack", "pli"), ("ccm", "fir"), ("goog-remb", "")];
    if transport_cc {
        feedback.push(("transport-cc", ""));
    }
    let codecs = match kind {
        MediaKind::Audio => vec![
            codec("audio/opus", seeds::OPUS, 48_000, &feedback),
            codec("audio/PCMU", seeds::PCMU, 8_000, &[]),
        ],
        MediaKind::Video => [
            ("video/VP8", seeds::VP8),
            ("video/VP9", seeds::VP9),
            ("video/H264", seeds::H264),
            ("video/H265", seeds::H265),
            ("video/AV1", seeds::AV1),
        ]
        .into_iter()
        .flat_map(|(name, number)| {
            let mut rtx = codec("video/rtx", number + 1, 90_000, &[]);
            rtx.parameters.insert("apt".into(), number.to_string());
            [codec(name, number, 90_000, &feedback), rtx]
        })
        .collect(),
    };
    let extensions = [
        (ExtensionKind::Mid, id::MID),
        (ExtensionKind::Rid, id::RID),
        (ExtensionKind::RepairedRid, id::REPAIRED_RID),
        (ExtensionKind::AbsSendTime, id::ABS_SEND_TIME),
        (ExtensionKind::TransportCc, id::TRANSPORT_CC),
        (ExtensionKind::AudioLevel, id::AUDIO_LEVEL),
        (ExtensionKind::VideoOrientation, id::VIDEO_ORIENTATION),
        (ExtensionKind::DependencyDescriptor, id::DEPENDENCY_DESCRIPTOR),
        (ExtensionKind::TransmissionOffset, id::TRANSMISSION_OFFSET),
        (ExtensionKind::AbsCaptureTime, id::ABS_CAPTURE_TIME),
        (ExtensionKind::PlayoutDelay, id::PLAYOUT_DELAY),
    ];
    let header_extensions = extensions
        .into_iter()
        .filter(|(kind, _)| transport_cc || *kind != ExtensionKind::TransportCc)
        .map(|(kind, id)| RtpHeaderExtensionParameters { uri: kind.uri().into(), id: id + shift })
        .collect();
    RtpParameters {
        mid: mid.map(str::to_owned),
        codecs,
        header_extensions,
        encodings: Vec::new(),
        rtcp: RtcpParameters { cname: Some("storm".into()), reduced_size: true },
        msid: None,
    }
}

/// One encoding under an SSRC, with RTX under the next one for video.
pub(super) fn encoding(ssrc: u32, rtx: bool) -> RtpEncodingParameters {
    RtpEncodingParameters {
        ssrc: Some(ssrc),
        rtx: rtx.then_some(RtxParameters { ssrc: ssrc + 1 }),
        ..RtpEncodingParameters::default()
    }
}

/// Options of a producer whose payload types keep their numbers.
pub(super) fn producer(kind: MediaKind, rtp_parameters: RtpParameters, mapped_ssrc: u32) -> ProducerOptions {
    let same = |codec: &RtpCodecParameters| RtpMappingCodec {
        payload_type: codec.payload_type,
        mapped_payload_type: codec.payload_type,
    };
    let mapped = |(index, encoding): (usize, &RtpEncodingParameters)| RtpMappingEncoding {
        rid: encoding.rid.clone(),
        ssrc: encoding.ssrc,
        scalability_mode: None,
        mapped_ssrc: mapped_ssrc + index as u32,
    };
    let rtp_mapping = RtpMapping {
        codecs: rtp_parameters.codecs.iter().map(same).collect(),
        encodings: rtp_parameters.encodings.iter().enumerate().map(mapped).collect(),
    };
    ProducerOptions { rtp_mapping, ..ProducerOptions::new(kind, rtp_parameters) }
}
