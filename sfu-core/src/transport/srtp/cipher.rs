//! The transform of a session, whichever profile it has.

use super::cm::CounterMode;
use super::derivation::{Kind, SessionKeys};
use super::gcm::Gcm;
use super::{MasterKey, Profile, SrtpError};

/// Encryption and authentication of one direction and one kind (RTP or RTCP).
///
/// An enum instead of a trait object: two variants, decided per session, predicted per packet, stored inline.
#[allow(clippy::large_enum_variant)] // boxing the larger one would put a pointer chase on the packet path
pub(super) enum Cipher {
    Gcm(Gcm),
    CounterMode(CounterMode),
}

/// Calls the same method on whichever transform there is.
macro_rules! either {
    ($cipher:expr, $transform:ident => $call:expr) => {
        match $cipher {
            Cipher::Gcm($transform) => $call,
            Cipher::CounterMode($transform) => $call,
        }
    };
}

impl Cipher {
    /// The transform with the session keys that RFC 3711 §4.3 derives from `master`.
    pub(super) fn derive(profile: Profile, kind: Kind, master: &MasterKey) -> Result<Self, SrtpError> {
        Self::new(&SessionKeys::derive(profile, kind, master)?)
    }

    /// The transform with given session keys.
    pub(super) fn new(keys: &SessionKeys) -> Result<Self, SrtpError> {
        if keys.profile.is_aead() {
            return Gcm::new(keys).map(Self::Gcm);
        }
        let tag_len = match keys.kind {
            Kind::Rtp => keys.profile.rtp_tag_len(),
            Kind::Rtcp => keys.profile.rtcp_tag_len(),
        };
        CounterMode::new(keys, tag_len).map(Self::CounterMode)
    }

    /// Writes header, ciphertext of `prefix` and `payload`, and tag to `out`, which has exactly that length.
    #[inline]
    pub(super) fn seal_rtp(
        &self,
        ids: (u32, u64),
        header: &[u8],
        prefix: &[u8],
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<(), SrtpError> {
        either!(self, transform => transform.seal_rtp(ids, header, prefix, payload, out))
    }

    /// Seals the packet in `buf`, which ends with room for the tag.
    #[cfg(test)]
    #[inline]
    pub(super) fn seal_rtp_in_place(
        &self,
        ids: (u32, u64),
        buf: &mut [u8],
        header_len: usize,
    ) -> Result<(), SrtpError> {
        either!(self, transform => transform.seal_rtp_in_place(ids, buf, header_len))
    }

    /// Opens `packet` into `out`, which is exactly the packet without its tag.
    #[inline]
    pub(super) fn open_rtp(
        &self,
        ids: (u32, u64),
        packet: &[u8],
        header_len: usize,
        out: &mut [u8],
    ) -> Result<(), SrtpError> {
        either!(self, transform => transform.open_rtp(ids, packet, header_len, out))
    }

    /// Opens `packet` where it lies.
    #[cfg(test)]
    #[inline]
    pub(super) fn open_rtp_in_place(
        &self,
        ids: (u32, u64),
        packet: &mut [u8],
        header_len: usize,
    ) -> Result<(), SrtpError> {
        either!(self, transform => transform.open_rtp_in_place(ids, packet, header_len))
    }

    /// Seals the RTCP packet of `plain_len` bytes that `buf` starts with; `buf` is as long as the sealed packet.
    pub(super) fn seal_rtcp_in_place(
        &self,
        ssrc: u32,
        word: u32,
        buf: &mut [u8],
        plain_len: usize,
    ) -> Result<(), SrtpError> {
        let word_at = match self {
            Self::Gcm(_) => buf.len().checked_sub(super::RTCP_INDEX_LEN).ok_or(SrtpError::BufferTooSmall)?,
            Self::CounterMode(_) => plain_len,
        };
        buf.get_mut(word_at..)
            .and_then(|rest| rest.first_chunk_mut())
            .map(|place| *place = word.to_be_bytes())
            .ok_or(SrtpError::BufferTooSmall)?;
        either!(self, transform => transform.seal_rtcp_in_place(ssrc, word, buf))
    }

    /// Opens the RTCP packet in `buf` where it lies.
    pub(super) fn open_rtcp_in_place(&self, ssrc: u32, word: u32, buf: &mut [u8]) -> Result<(), SrtpError> {
        either!(self, transform => transform.open_rtcp_in_place(ssrc, word, buf))
    }

    /// The index word of a sealed RTCP packet with tags of `tag_len` bytes.
    pub(super) fn rtcp_word(&self, packet: &[u8], tag_len: usize) -> Option<u32> {
        let before_end = match self {
            Self::Gcm(_) => 0,
            Self::CounterMode(_) => tag_len,
        };
        let end = packet.len().checked_sub(before_end)?;
        packet.get(..end)?.last_chunk().map(|word| u32::from_be_bytes(*word))
    }
}
