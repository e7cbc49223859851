//! Answering a peer that receives.
use super::bundle::shared_transport;
use super::section::{AnsweredSection, answer, is_offered_media, new_origin};
use super::{DataChannels, LocalTransport, NegotiationError, PeerTransport};
use crate::control::*;
use crate::signaling::ortc::{
    OrtcError, ProduceFilter, ProfileMatch, ReceiverOptions, RtpCapabilities, SsrcSource,
    consumer_parameters, offers_red_first, producer_from_section, with_red,
};
use crate::signaling::sdp::{Direction, MediaDescription, Origin, SessionDescription};

/// One producer that a viewer can be given.
#[derive(Debug, Clone, PartialEq)]
pub struct ProducerDescription {
    /// Audio or video.
    pub kind: MediaKind,
    /// Its parameters in the router's terms.
    pub consumable: RtpParameters,
}

/// What a viewer is given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ViewerPolicy {
    /// Which H.264 profiles it gets.
    pub profiles: ProfileMatch,
    /// Id of the one stream that all tracks belong to; without it, they keep the ids that their publisher gave them.
    pub stream_id: Option<String>,
    /// Takes data channels beside the media; otherwise their section is rejected.
    pub data_channels: bool,
    /// Whether sections that list RED before the Opus it carries get Opus with RED: for a router where something adds redundancy,
    /// such as the plugin `red`. A receiver of both gets what comes, so nothing is lost where nothing is added.
    pub red: bool,
}

/// One medium that a viewer receives.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumedMedia {
    /// Index of the producer in what was available.
    pub producer: usize,
    /// Index of its section in the offer.
    pub section: usize,
    /// MID of its section, if it has one.
    pub mid: Option<String>,
    /// Audio or video.
    pub kind: MediaKind,
    /// What is sent, for `ConsumerOptions`.
    pub rtp_parameters: RtpParameters,
}

/// An offer that can be answered: what to consume, and on what transport of the peer's.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewerPlan {
    /// The peer's transport.
    pub peer: PeerTransport,
    /// What to consume, in the offer's order; at least one.
    pub consume: Vec<ConsumedMedia>,
    /// Data channels, if they were offered and the policy takes them.
    pub data: Option<DataChannels>,
    /// `o=` of the answer.
    pub origin: Origin,
    /// Sections that are kept without media flowing.
    inactive: Vec<AnsweredSection>,
}

/// What comes out of answering a viewer.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewerAnswer {
    /// The answer.
    pub answer: SessionDescription,
    /// The peer's transport: `peer.dtls` for `ConnectWebRtcTransport`, `peer.ice` to detect restarts.
    pub peer: PeerTransport,
    /// What to consume, in the offer's order; at least one.
    pub consume: Vec<ConsumedMedia>,
}

impl ViewerPlan {
    /// Gives each section that receives the first producer of its kind that it can decode and that no earlier one took.
    ///
    /// Sections that are left over become inactive, or are rejected where the router has none of their codecs. Errors
    /// where no section gets anything or no transport can be made of the offer.
    pub fn new(
        offer: &SessionDescription,
        available: &[ProducerDescription],
        router: &RtpCapabilities,
        policy: &ViewerPolicy,
        ssrcs: &mut SsrcSource<'_>,
    ) -> Result<Self, NegotiationError> {
        let (mut consume, mut inactive) = (Vec::<ConsumedMedia>::new(), Vec::new());
        let mut refused: Option<OrtcError> = None;
        let reserved = offer.media.iter().flat_map(|m| &m.ssrcs).map(|s| s.ssrc);
        let mapped = available.iter().flat_map(|p| &p.consumable.encodings).filter_map(|e| e.ssrc);
        reserved.chain(mapped).for_each(|ssrc| ssrcs.reserve(ssrc));
        for (section, offered) in offer.media.iter().enumerate().filter(|(_, m)| is_offered_media(m)) {
            let mut taken = None;
            let receiver = RtpCapabilities::of_section(offered);
            for (index, producer) in available.iter().enumerate() {
                let free = !consume.iter().any(|media| media.producer == index);
                if !offered.direction.receives() || Some(producer.kind) != offered.kind.media() || !free {
                    continue;
                }
                match parameters(offered, &receiver, producer, policy, ssrcs) {
                    Ok(rtp_parameters) => {
                        taken = Some((index, producer.kind, rtp_parameters));
                        break;
                    }
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
            if let Some((producer, kind, rtp_parameters)) = taken {
                let mid = offered.mid.clone();
                consume.push(ConsumedMedia { producer, section, mid, kind, rtp_parameters });
            } else if let Ok(idle) = producer_from_section(offered, router, &ProduceFilter::default(), ssrcs)
            {
                let (direction, rtp_parameters) = (Direction::Inactive, idle.rtp_parameters);
                inactive.push(AnsweredSection { index: section, direction, rtp_parameters });
            }
        }
        if consume.is_empty() {
            return Err(refused.map_or(NegotiationError::NothingToSend, NegotiationError::Codecs));
        }
        share_names(&mut consume, policy, ssrcs);
        let data = policy.data_channels.then(|| DataChannels::offered(offer)).flatten();
        let accepted = consume.iter().map(|m| m.section).chain(inactive.iter().map(|s| s.index));
        let mut accepted: Vec<usize> = accepted.collect();
        accepted.sort_unstable();
        let peer = shared_transport(offer, &accepted)?;
        Ok(ViewerPlan { peer, consume, data, origin: new_origin(ssrcs), inactive })
    }

    /// The answer to the offer that the plan was made of.
    pub fn answer(&self, offer: &SessionDescription, local: &LocalTransport<'_>) -> SessionDescription {
        let sent = self.consume.iter().map(|media| AnsweredSection {
            index: media.section,
            direction: Direction::Sendonly,
            rtp_parameters: media.rtp_parameters.clone(),
        });
        let sections: Vec<_> = sent.chain(self.inactive.iter().cloned()).collect();
        answer(offer, &sections, self.data.as_ref(), &self.origin, &self.peer, local)
    }
}

fn parameters(
    offered: &MediaDescription,
    receiver: &RtpCapabilities,
    producer: &ProducerDescription,
    policy: &ViewerPolicy,
    ssrcs: &mut SsrcSource<'_>,
) -> Result<RtpParameters, OrtcError> {
    let options = ReceiverOptions {
        mid: offered.mid.clone(),
        reduced_size: offered.rtcp_rsize,
        profiles: policy.profiles,
    };
    let wanted = policy.red && offers_red_first(&offered.codecs);
    let redundant = wanted.then(|| with_red(&producer.consumable)).flatten();
    consumer_parameters(redundant.as_ref().unwrap_or(&producer.consumable), receiver, &options, ssrcs)
}

/// Every track gets a CNAME and an msid: without a CNAME in common audio and video are not played in time with each
/// other, without an msid some receivers show no track.
fn share_names(consume: &mut [ConsumedMedia], policy: &ViewerPolicy, ssrcs: &mut SsrcSource<'_>) {
    let known = consume.iter().find_map(|media| media.rtp_parameters.rtcp.cname.clone());
    let made = format!("{:08x}{:08x}", ssrcs.random(), ssrcs.random());
    let cname = known.unwrap_or_else(|| made.clone());
    for media in consume {
        media.rtp_parameters.rtcp.cname.get_or_insert_with(|| cname.clone());
        let track = format!("{}-{}", media.kind_name(), media.section);
        let (stream, track) = match media.rtp_parameters.msid.as_deref().map(|msid| msid.split_once(' ')) {
            // `-` is a track that belongs to no stream (RFC 8830 §2).
            Some(Some((stream, given))) if stream != "-" => (stream.to_string(), given.to_string()),
            Some(Some((_, given))) => (made.clone(), given.to_string()),
            _ => (made.clone(), track),
        };
        let stream = policy.stream_id.clone().unwrap_or(stream);
        media.rtp_parameters.msid = Some(format!("{stream} {track}"));
    }
}

impl ConsumedMedia {
    fn kind_name(&self) -> &'static str {
        match self.kind {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        }
    }
}

/// Plan and answer in one step, for a transport that is there already.
pub fn answer_viewer(
    offer: &SessionDescription,
    available: &[ProducerDescription],
    router: &RtpCapabilities,
    policy: &ViewerPolicy,
    local: &LocalTransport<'_>,
    ssrcs: &mut SsrcSource<'_>,
) -> Result<ViewerAnswer, NegotiationError> {
    let plan = ViewerPlan::new(offer, available, router, policy, ssrcs)?;
    let answer = plan.answer(offer, local);
    Ok(ViewerAnswer { answer, peer: plan.peer, consume: plan.consume })
}
