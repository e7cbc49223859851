//! The section of an offer that carries data channels (RFC 8841).
use crate::control::SctpOptions;
use crate::signaling::sdp::{Direction, MediaDescription, SectionKind, SessionDescription};

/// The SCTP port of everybody: associations are told apart by their DTLS transport.
const PORT: u16 = 5000;
/// Bytes of the longest message to a peer that does not say how much it takes (RFC 8841 §6).
const UNSAID: u64 = 64 * 1024;

/// A section for data channels that was taken: the transport needs an SCTP association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataChannels {
    /// Index of its section in the offer.
    pub section: usize,
    /// What the transport is made with; no message is longer than what the peer takes.
    pub sctp: SctpOptions,
}

impl DataChannels {
    /// The first section for data channels that rides on the transport of the media: it is in the BUNDLE group.
    pub(super) fn offered(offer: &SessionDescription) -> Option<Self> {
        let group = offer.bundle.as_deref()?;
        let taken = |media: &MediaDescription| {
            media.kind == SectionKind::Application
                && !media.rejected()
                && media.protocol.ends_with("/DTLS/SCTP")
                && media.formats.first().is_some_and(|format| format == "webrtc-datachannel")
                && media.sctp_port == Some(PORT)
                && media.mid.as_ref().is_some_and(|mid| group.contains(mid))
        };
        let section = offer.media.iter().position(taken)?;
        let ours = SctpOptions::default();
        let theirs = offer.media.get(section)?.max_message_size.unwrap_or(UNSAID);
        // 0 is a message of any size.
        let theirs = if theirs == 0 { u32::MAX } else { u32::try_from(theirs).unwrap_or(u32::MAX) };
        let max_send_message_size = ours.max_send_message_size.min(theirs);
        Some(DataChannels { section, sctp: SctpOptions { max_send_message_size, ..ours } })
    }

    /// Its section of the answer, without what all sections share.
    pub(super) fn accept(&self, offered: &MediaDescription) -> MediaDescription {
        MediaDescription {
            kind: SectionKind::Application,
            port: 9,
            protocol: offered.protocol.clone(),
            formats: offered.formats.clone(),
            mid: offered.mid.clone(),
            direction: Direction::Sendrecv,
            sctp_port: Some(PORT),
            max_message_size: Some(u64::from(self.sctp.max_receive_message_size)),
            ..MediaDescription::default()
        }
    }
}
