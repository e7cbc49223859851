//! Redundant audio (RED, RFC 2198): a codec whose packets carry packets of Opus.
use super::{RtpCapabilities, RtpCodecCapability};
use crate::control::{MediaKind, RtpCodecParameters, RtpParameters};

/// RED under the router's payload type, which is none of [`RtpCapabilities::router`]'s.
const PAYLOAD_TYPE: u8 = 119;

impl RtpCapabilities {
    /// These, and RED for Opus.
    ///
    /// Only for a router where something takes redundancy off for receivers that have Opus alone, such as the plugin `red`: the
    /// engine forwards nothing to a receiver whose codecs the packets are not of.
    pub fn with_red(mut self) -> Self {
        self.codecs.push(RtpCodecCapability {
            kind: MediaKind::Audio,
            mime_type: "audio/red".into(),
            preferred_payload_type: PAYLOAD_TYPE,
            clock_rate: 48_000,
            channels: Some(2),
            parameters: Default::default(),
            rtcp_feedback: Vec::new(),
        });
        self
    }
}

/// Whether a codec is RED.
pub(super) fn is_red(codec: &RtpCodecParameters) -> bool {
    codec.mime_type.eq_ignore_ascii_case("audio/red")
}

/// The payload type of what RED carries in each of its blocks, by its format parameter (`111/111`).
///
/// `None` where that is not Opus of the same list, or not the same in all blocks (RFC 2198 §5 allows it, browsers don't do it).
pub(super) fn carried(red: &RtpCodecParameters, listed: &[RtpCodecParameters]) -> Option<u8> {
    let blocks = red.parameters.keys().find(|name| name.contains('/'))?;
    let mut blocks = blocks.split('/').map(|block| block.parse::<u8>().ok());
    let first = blocks.next()??;
    let same = blocks.all(|block| block == Some(first));
    let is_opus = |codec: &RtpCodecParameters| {
        codec.payload_type == first && codec.mime_type.eq_ignore_ascii_case("audio/opus")
    };
    (same && listed.iter().any(is_opus)).then_some(first)
}

/// Whether a list of codecs, most wanted first, has RED before the Opus that it carries.
pub fn offers_red_first(listed: &[RtpCodecParameters]) -> bool {
    listed.iter().enumerate().any(|(at, codec)| {
        let carried = is_red(codec).then(|| carried(codec, listed)).flatten();
        let place = carried.and_then(|opus| listed.iter().position(|other| other.payload_type == opus));
        place.is_some_and(|place| at < place)
    })
}

/// A producer's parameters without RED: what is there for a receiver once redundancy is taken off.
pub fn without_red(mut parameters: RtpParameters) -> RtpParameters {
    parameters.codecs.retain(|codec| !is_red(codec));
    parameters
}

/// What can be consumed of a producer of Opus by a receiver that has RED, too; `None` if it is no Opus.
pub(crate) fn with_red(consumable: &RtpParameters) -> Option<RtpParameters> {
    let is_opus = |codec: &RtpCodecParameters| codec.mime_type.eq_ignore_ascii_case("audio/opus");
    if !consumable.codecs.iter().any(is_opus) || consumable.codecs.iter().any(is_red) {
        return None;
    }
    let router = RtpCapabilities::default().with_red();
    let mut parameters = consumable.clone();
    let red = router.codecs.iter().map(RtpCodecCapability::to_parameters);
    parameters.codecs.splice(0..0, red);
    Some(parameters)
}
