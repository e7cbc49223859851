//! What the sender of a transport is told.
use sfu_core::control::MediaKind;
use sfu_core::plugin::ProducerId;

use crate::settings::Options;

/// What audio without a limit is taken for, bit/s.
const UNLIMITED_AUDIO: u32 = 128_000;

/// What the producers of a transport may send together.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    shares: Vec<(ProducerId, u32)>,
    /// The transport's bound as it was last seen, if it was ours: what is asked for holds only after the turn.
    seen: u32,
}

impl Bound {
    /// Whether the bound that a transport has is this one, or none. One that somebody else set is theirs.
    pub(crate) fn is_ours(&mut self, of_transport: u32) -> bool {
        let ours = of_transport == self.seen || of_transport == self.bitrate();
        if ours {
            self.seen = of_transport;
        }
        ours
    }

    /// Adds a producer's share.
    pub(crate) fn add(&mut self, producer: ProducerId, kind: MediaKind, options: &Options) {
        let share = match kind {
            MediaKind::Audio if options.audio_bitrate == 0 => UNLIMITED_AUDIO,
            MediaKind::Audio => options.audio_bitrate,
            MediaKind::Video => options.video_bitrate,
        };
        self.shares.push((producer, share));
    }

    /// Takes a producer's share away, if it has one.
    pub(crate) fn remove(&mut self, producer: ProducerId) -> bool {
        let before = self.shares.len();
        self.shares.retain(|(id, _)| *id != producer);
        self.shares.len() < before
    }

    /// Bit/s; 0, which is no bound, without producers.
    pub(crate) fn bitrate(&self) -> u32 {
        self.shares.iter().fold(0, |sum, (_, share)| sum.saturating_add(*share))
    }
}
