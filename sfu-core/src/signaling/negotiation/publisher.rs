//! Answering a peer that sends.
use super::bundle::shared_transport;
use super::section::{AnsweredSection, answer, is_offered_media, new_origin};
use super::{DataChannels, LocalTransport, NegotiationError, PeerTransport};
use crate::control::*;
use crate::signaling::ortc::{
    OrtcError, ProduceFilter, RtpCapabilities, SsrcSource, consumable_parameters, producer_from_section,
};
use crate::signaling::sdp::{Direction, Origin, SessionDescription};

/// What a publisher may send.
#[derive(Debug, Clone, PartialEq)]
pub struct PublisherPolicy {
    /// Codecs; of those the offer's first is taken.
    pub filter: ProduceFilter,
    /// Audio sections that are accepted at the most.
    pub max_audio: usize,
    /// Video sections that are accepted at the most.
    pub max_video: usize,
    /// Takes what can be taken and rejects the other sections. By default an offer is refused if the peer would send
    /// audio or video that cannot be taken: half a session misleads its user (RFC 9725 §4.4.3).
    pub partial: bool,
    /// Takes data channels beside the media; otherwise their section is rejected.
    pub data_channels: bool,
}

impl Default for PublisherPolicy {
    fn default() -> Self {
        let filter = ProduceFilter::default();
        PublisherPolicy { filter, max_audio: 4, max_video: 4, partial: false, data_channels: false }
    }
}

/// One medium that a publisher sends.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedMedia {
    /// Index of its section in the offer.
    pub section: usize,
    /// MID of its section, if it has one.
    pub mid: Option<String>,
    /// Audio or video.
    pub kind: MediaKind,
    /// What the peer sends, for `ProducerOptions`.
    pub rtp_parameters: RtpParameters,
    /// How that maps to the router, for `ProducerOptions`.
    pub rtp_mapping: RtpMapping,
    /// What viewers can be given of it.
    pub consumable: RtpParameters,
}

/// An offer that can be answered: what to produce, and on what transport of the peer's.
#[derive(Debug, Clone, PartialEq)]
pub struct PublisherPlan {
    /// The peer's transport.
    pub peer: PeerTransport,
    /// What to produce, in the offer's order; at least one.
    pub produce: Vec<PublishedMedia>,
    /// Data channels, if they were offered and the policy takes them.
    pub data: Option<DataChannels>,
    /// `o=` of the answer.
    pub origin: Origin,
    /// Sections that are kept without media flowing.
    inactive: Vec<AnsweredSection>,
}

/// What comes out of answering a publisher.
#[derive(Debug, Clone, PartialEq)]
pub struct PublisherAnswer {
    /// The answer.
    pub answer: SessionDescription,
    /// The peer's transport: `peer.dtls` for `ConnectWebRtcTransport`, `peer.ice` to detect restarts.
    pub peer: PeerTransport,
    /// What to produce, in the offer's order; at least one.
    pub produce: Vec<PublishedMedia>,
}

impl PublisherPlan {
    /// Takes from an offer what the router carries and the policy allows.
    ///
    /// Sections of another kind will be rejected, and with `partial` also those without a codec in common or beyond the
    /// limits; sections that the peer does not send in become inactive. Errors where nothing is left or no transport can
    /// be made of it.
    pub fn new(
        offer: &SessionDescription,
        router: &RtpCapabilities,
        policy: &PublisherPolicy,
        ssrcs: &mut SsrcSource<'_>,
    ) -> Result<Self, NegotiationError> {
        let (mut produce, mut inactive) = (Vec::<PublishedMedia>::new(), Vec::new());
        let mut refused: Option<OrtcError> = None;
        offer.media.iter().flat_map(|m| &m.ssrcs).for_each(|s| ssrcs.reserve(s.ssrc));
        for (section, offered) in offer.media.iter().enumerate().filter(|(_, m)| is_offered_media(m)) {
            let made = match producer_from_section(offered, router, &policy.filter, ssrcs) {
                Ok(made) => made,
                Err(_) if !offered.direction.sends() => continue,
                Err(error) if !policy.partial => return Err(error.into()),
                Err(error) => {
                    refused.get_or_insert(error);
                    continue;
                }
            };
            if !offered.direction.sends() {
                let (direction, rtp_parameters) = (Direction::Inactive, made.rtp_parameters);
                inactive.push(AnsweredSection { index: section, direction, rtp_parameters });
                continue;
            }
            let limit = match made.kind {
                MediaKind::Audio => policy.max_audio,
                MediaKind::Video => policy.max_video,
            };
            if produce.iter().filter(|media| media.kind == made.kind).count() >= limit {
                if !policy.partial {
                    return Err(NegotiationError::TooManySections { section, kind: made.kind, limit });
                }
                continue;
            }
            let consumable =
                consumable_parameters(made.kind, &made.rtp_parameters, &made.rtp_mapping, router)?;
            produce.push(PublishedMedia {
                section,
                mid: offered.mid.clone(),
                kind: made.kind,
                rtp_parameters: made.rtp_parameters,
                rtp_mapping: made.rtp_mapping,
                consumable,
            });
        }
        if produce.is_empty() {
            return Err(refused.map_or(NegotiationError::NothingToReceive, NegotiationError::Codecs));
        }
        share_cname(&mut produce);
        let data = policy.data_channels.then(|| DataChannels::offered(offer)).flatten();
        let accepted = produce.iter().map(|m| m.section).chain(inactive.iter().map(|s| s.index));
        let mut accepted: Vec<usize> = accepted.collect();
        accepted.sort_unstable();
        let peer = shared_transport(offer, &accepted)?;
        Ok(PublisherPlan { peer, produce, data, origin: new_origin(ssrcs), inactive })
    }

    /// The answer to the offer that the plan was made of.
    pub fn answer(&self, offer: &SessionDescription, local: &LocalTransport<'_>) -> SessionDescription {
        let received = self.produce.iter().map(|media| AnsweredSection {
            index: media.section,
            direction: Direction::Recvonly,
            rtp_parameters: media.rtp_parameters.clone(),
        });
        let sections: Vec<_> = received.chain(self.inactive.iter().cloned()).collect();
        answer(offer, &sections, self.data.as_ref(), &self.origin, &self.peer, local)
    }
}

/// Simulcast sections of browsers say no CNAME; it is that of the others (RFC 8834 §4.9), and without it audio and
/// video would not be played in time with each other.
fn share_cname(produce: &mut [PublishedMedia]) {
    let Some(cname) = produce.iter().find_map(|media| media.rtp_parameters.rtcp.cname.clone()) else {
        return;
    };
    for media in produce {
        media.rtp_parameters.rtcp.cname.get_or_insert_with(|| cname.clone());
        media.consumable.rtcp.cname.get_or_insert_with(|| cname.clone());
    }
}

/// Plan and answer in one step, for a transport that is there already.
pub fn answer_publisher(
    offer: &SessionDescription,
    router: &RtpCapabilities,
    policy: &PublisherPolicy,
    local: &LocalTransport<'_>,
    ssrcs: &mut SsrcSource<'_>,
) -> Result<PublisherAnswer, NegotiationError> {
    let plan = PublisherPlan::new(offer, router, policy, ssrcs)?;
    let answer = plan.answer(offer, local);
    Ok(PublisherAnswer { answer, peer: plan.peer, produce: plan.produce })
}
