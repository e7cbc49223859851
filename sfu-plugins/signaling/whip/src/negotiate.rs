//! Offers and answers: where HTTP meets the negotiation of the core.
use std::time::Duration;

use axum::http::StatusCode;
use sfu_core::control::{
    self, ConsumerOptions, ConsumerType, Labels, MediaKind, ProducerOptions, RtpCodecParameters, RtpMapping,
    RtpMappingCodec, RtpParameters, WebRtcTransportCreated,
};
use sfu_core::signaling::negotiation::{
    LocalTransport, NegotiationError, ProducerDescription, PublishedMedia, PublisherPlan, PublisherPolicy,
    Refusal, ViewerPlan, ViewerPolicy,
};
use sfu_core::signaling::ortc::{
    OrtcError, RtpCapabilities, SsrcSource, can_consume, consumable_parameters, offers_red_first, same_codec,
    without_red,
};
use sfu_core::signaling::sdp::SessionDescription;

use crate::problem::Problem;
use crate::resource::{Consumed, Produced, Role, random};

/// Least time between two key frame requests to a publisher.
const KEY_FRAME_REQUEST_DELAY: Duration = Duration::from_millis(500);

/// An offer that can be answered as far as it alone can say.
pub(crate) enum Offer {
    /// Of a publisher.
    Publish {
        /// As it was sent.
        description: SessionDescription,
        /// What it leads to.
        plan: Box<PublisherPlan>,
    },
    /// Of a viewer; what it leads to depends on the stream.
    Watch {
        /// As it was sent.
        description: SessionDescription,
    },
}

impl Offer {
    /// Reads an offer. A publisher's is taken whole or not at all.
    pub(crate) fn parse(text: &str, role: Role) -> Result<Self, Problem> {
        let description = SessionDescription::parse(text.as_bytes()).map_err(NegotiationError::from)?;
        if role == Role::Viewer {
            return Ok(Offer::Watch { description });
        }
        let mut bits = random_bits;
        let router = RtpCapabilities::router();
        let policy = PublisherPolicy { data_channels: true, ..PublisherPolicy::default() };
        let plan = PublisherPlan::new(&description, &router, &policy, &mut SsrcSource::new(&mut bits))?;
        Ok(Offer::Publish { description, plan: Box::new(plan) })
    }
}

/// The plan for an offer that would rather send RED, where the router takes redundancy off for those who have Opus alone.
///
/// `None` for other offers. What is published is Opus all the same: viewers get RED by their own wish.
pub(crate) fn plan_with_red(offer: &SessionDescription) -> Option<PublisherPlan> {
    if !wants_red(offer) {
        return None;
    }
    let mut bits = random_bits;
    let router = RtpCapabilities::router().with_red();
    let policy = PublisherPolicy { data_channels: true, ..PublisherPolicy::default() };
    let mut plan = PublisherPlan::new(offer, &router, &policy, &mut SsrcSource::new(&mut bits)).ok()?;
    for media in &mut plan.produce {
        media.consumable = without_red(std::mem::take(&mut media.consumable));
    }
    Some(plan)
}

/// Whether a section of an offer lists RED before the Opus that it carries.
pub(crate) fn wants_red(offer: &SessionDescription) -> bool {
    offer.media.iter().any(|media| offers_red_first(&media.codecs))
}

/// What to produce for a publisher.
pub(crate) fn producer_options(media: &PublishedMedia, labels: Labels) -> ProducerOptions {
    ProducerOptions {
        rtp_mapping: media.rtp_mapping.clone(),
        key_frame_request_delay: KEY_FRAME_REQUEST_DELAY,
        labels,
        ..ProducerOptions::new(media.kind, media.rtp_parameters.clone())
    }
}

/// What a viewer's offer leads to, given what is published.
///
/// With `red`, redundancy is added for who asks for it.
pub(crate) fn viewer_plan(
    offer: &SessionDescription,
    published: &[Produced],
    red: bool,
) -> Result<ViewerPlan, Problem> {
    let available: Vec<ProducerDescription> = published
        .iter()
        .map(|producer| ProducerDescription { kind: producer.kind, consumable: producer.consumable.clone() })
        .collect();
    // WHEP has one MediaStream; audio and video may have had different ones at their publisher.
    let stream_id = Some("stream".into());
    let policy = ViewerPolicy { stream_id, data_channels: true, red, ..ViewerPolicy::default() };
    let mut bits = random_bits;
    let mut ssrcs = SsrcSource::new(&mut bits);
    Ok(ViewerPlan::new(offer, &available, &RtpCapabilities::router(), &policy, &mut ssrcs)?)
}

/// What viewers can be given of a producer that was not made here.
///
/// Its payload types need not be the router's: its codecs are looked up by what they are. One that the router does not
/// list is offered as it is, for receivers that know it; then without RTX. RED is left out: its packets name payload types of their
/// sender, which are not a receiver's, so nobody is given what was not taken apart.
pub(crate) fn described(description: &control::ProducerDescription) -> Result<Produced, OrtcError> {
    let (kind, given) = (description.kind, &without_red(description.rtp_parameters.clone()));
    let router = RtpCapabilities::router();
    let (mut known, mut strange, mut mapped) = (Vec::new(), Vec::new(), Vec::new());
    for codec in given.codecs.iter().filter(|codec| !codec.is_rtx()) {
        match router.media_codecs(kind).find(|other| same_codec(codec, &other.to_parameters())) {
            Some(of_router) => {
                let mapped_payload_type = of_router.preferred_payload_type;
                mapped.push(RtpMappingCodec { payload_type: codec.payload_type, mapped_payload_type });
                known.push(codec.clone());
            }
            None => {
                let feedback = router.media_codecs(kind).next().map(|codec| codec.rtcp_feedback.clone());
                strange.push(RtpCodecParameters {
                    rtcp_feedback: feedback.unwrap_or_default(),
                    ..codec.clone()
                });
            }
        }
    }
    let parameters = RtpParameters { codecs: known, ..given.clone() };
    let mapping = RtpMapping { codecs: mapped, encodings: description.rtp_mapping.encodings.clone() };
    let mut consumable = consumable_parameters(kind, &parameters, &mapping, &router)?;
    consumable.codecs.extend(strange);
    let consumer_type =
        if given.encodings.len() > 1 { ConsumerType::Simulcast } else { ConsumerType::Simple };
    Ok(Produced { id: description.id, kind, consumer_type, consumable })
}

/// The sections of a viewer's offer that receive and are given nothing.
pub(crate) fn unused(offer: &SessionDescription, plan: &ViewerPlan) -> Vec<RtpCapabilities> {
    let used = |section: usize| plan.consume.iter().any(|media| media.section == section);
    let idle = offer.media.iter().enumerate().filter(|(section, media)| {
        media.direction.receives() && media.kind.media().is_some() && !used(*section)
    });
    idle.map(|(_, media)| RtpCapabilities::of_section(media)).collect()
}

/// Whether something is published that could fill a section that was given nothing.
pub(crate) fn would_get_more(unused: &[RtpCapabilities], published: &[Produced], has: &[Consumed]) -> bool {
    let profiles = ViewerPolicy::default().profiles;
    published
        .iter()
        .filter(|producer| has.iter().all(|consumer| consumer.kind != producer.kind))
        .any(|producer| unused.iter().any(|receiver| can_consume(&producer.consumable, receiver, profiles)))
}

/// What to consume for a viewer.
pub(crate) fn consumer_options(
    producer: &Produced,
    rtp_parameters: RtpParameters,
    labels: Labels,
) -> ConsumerOptions {
    ConsumerOptions {
        producer: producer.id,
        kind: producer.consumer_type,
        rtp_parameters,
        paused: false,
        ignore_dtx: false,
        // A publisher that comes back finds its viewers where it left them.
        outlives_producer: true,
        labels,
        preferred_layers: None,
        consumable_encodings: Vec::new(),
    }
}

/// What an answer says of a transport.
pub(crate) fn local(created: &WebRtcTransportCreated) -> LocalTransport<'_> {
    created.into()
}

/// The codecs that a consumer can carry without a new answer: those that its receiver agreed to, and the one that it
/// was made for (which the receiver may know under a compatible profile).
pub(crate) fn accepted_codecs(producer: &Produced, consumer: &RtpParameters) -> Vec<RtpCodecParameters> {
    let made_for = producer.consumable.codecs.iter().find(|codec| !codec.is_rtx());
    made_for.into_iter().chain(consumer.codecs.iter().filter(|codec| !codec.is_rtx())).cloned().collect()
}

/// The producer of that kind that a consumer with these codecs can go over to.
pub(crate) fn successor<'a>(
    producers: &'a [Produced],
    kind: MediaKind,
    accepted: &[RtpCodecParameters],
) -> Option<&'a Produced> {
    producers.iter().filter(|producer| producer.kind == kind).find(|producer| {
        let sent = producer.consumable.codecs.iter().find(|codec| !codec.is_rtx());
        sent.is_some_and(|sent| accepted.iter().any(|codec| same_codec(sent, codec)))
    })
}

impl From<NegotiationError> for Problem {
    fn from(error: NegotiationError) -> Self {
        // RFC 9725 §4.4 knows 400 and 422; 406 is about the header field Accept.
        let status = match error.refusal() {
            Refusal::Malformed => StatusCode::BAD_REQUEST,
            Refusal::NotAcceptable | Refusal::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Problem::new(status, error.to_string())
    }
}

/// 32 random bits. Should the system give none, the source of SSRCs still keeps them distinct.
fn random_bits() -> u32 {
    random().map(u32::from_be_bytes).unwrap_or_default()
}
