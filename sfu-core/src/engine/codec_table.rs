//! What the payload types of a producer mean.
use arrayvec::ArrayVec;

use crate::control::{ControlError, MediaKind, RtpParameters};
use crate::rtp::Codec;

/// Payload types that one producer or consumer may use.
pub(crate) const MAX_CODECS: usize = 32;

/// One payload type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PayloadType {
    /// The number on the wire.
    pub(crate) number: u8,
    /// The codec; of an RTX companion, the codec that it repairs.
    pub(crate) codec: Codec,
    /// RTP clock rate in Hz.
    pub(crate) clock_rate: u32,
    /// Of an RTX companion: the payload type that it repairs.
    pub(crate) repairs: Option<u8>,
    /// Feedback that the codec supports.
    pub(crate) feedback: Feedback,
}

/// RTCP feedback of a payload type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Feedback {
    /// Generic NACK.
    pub(crate) nack: bool,
    /// Picture loss indication.
    pub(crate) pli: bool,
    /// Full intra request.
    pub(crate) fir: bool,
    /// Receiver estimated maximum bitrate.
    pub(crate) remb: bool,
    /// Transport-wide congestion control.
    pub(crate) transport_cc: bool,
}

/// The payload types of one producer or consumer.
#[derive(Debug, Clone, Default)]
pub(crate) struct CodecTable(ArrayVec<PayloadType, MAX_CODECS>);

impl CodecTable {
    /// Reads the codecs of RTP parameters. Fails on too many, on a payload type used twice, on RTX without partner.
    pub(crate) fn new(parameters: &RtpParameters, kind: MediaKind) -> Result<Self, ControlError> {
        let mut table = CodecTable::default();
        for codec in &parameters.codecs {
            if codec.payload_type > 127 {
                return Err(ControlError::invalid("control.rtp_parameters: payload types are 0 to 127"));
            }
            if codec.clock_rate == 0 {
                return Err(ControlError::invalid("control.rtp_parameters: a codec has clock rate 0"));
            }
            if table.get(codec.payload_type).is_some() {
                return Err(ControlError::invalid(format!(
                    "control.rtp_parameters: payload type {} is used twice",
                    codec.payload_type
                )));
            }
            let (codec_kind, repairs) = if codec.is_rtx() {
                let apt = codec.apt().ok_or_else(|| {
                    ControlError::invalid("control.rtp_parameters: an rtx codec lacks its `apt` parameter")
                })?;
                let partner =
                    parameters.codecs.iter().find(|c| c.payload_type == apt && !c.is_rtx()).ok_or_else(
                        || {
                            ControlError::invalid(format!(
                                "control.rtp_parameters: rtx repairs payload type {apt}, which is none"
                            ))
                        },
                    )?;
                (known_codec(&partner.mime_type, kind)?, Some(apt))
            } else {
                (known_codec(&codec.mime_type, kind)?, None)
            };
            let entry = PayloadType {
                number: codec.payload_type,
                codec: codec_kind,
                clock_rate: codec.clock_rate,
                repairs,
                feedback: Feedback {
                    nack: codec.has_feedback("nack", ""),
                    pli: codec.has_feedback("nack", "pli"),
                    fir: codec.has_feedback("ccm", "fir"),
                    remb: codec.has_feedback("goog-remb", ""),
                    transport_cc: codec.has_feedback("transport-cc", ""),
                },
            };
            table.0.try_push(entry).map_err(|_| {
                ControlError::limit(format!("control.rtp_parameters: more than {MAX_CODECS} codecs"))
            })?;
        }
        if table.media().next().is_none() {
            return Err(ControlError::invalid("control.rtp_parameters: there is no media codec"));
        }
        Ok(table)
    }

    /// What a payload type means.
    #[inline]
    pub(crate) fn get(&self, payload_type: u8) -> Option<&PayloadType> {
        self.0.iter().find(|entry| entry.number == payload_type)
    }

    /// Those that carry media.
    pub(crate) fn media(&self) -> impl Iterator<Item = &PayloadType> {
        self.0.iter().filter(|entry| entry.repairs.is_none())
    }

    /// The RTX companion of a payload type.
    pub(crate) fn rtx_of(&self, payload_type: u8) -> Option<&PayloadType> {
        self.0.iter().find(|entry| entry.repairs == Some(payload_type))
    }
}

fn known_codec(mime_type: &str, kind: MediaKind) -> Result<Codec, ControlError> {
    let codec = Codec::from_mime(mime_type).ok_or_else(|| {
        ControlError::invalid(format!("control.rtp_parameters: `{mime_type}` is no audio or video codec"))
    })?;
    let video = mime_type.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("video"));
    if video != (kind == MediaKind::Video) {
        return Err(ControlError::invalid(format!("control.rtp_parameters: `{mime_type}` is not {kind:?}")));
    }
    Ok(codec)
}
