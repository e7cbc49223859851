//! Sealing what we send.

use super::cipher::Cipher;
use super::derivation::Kind;
use super::index::{nearest, rollover};
use super::replay::ReplayWindow;
use super::streams::StreamTable;
use super::{
    MasterKey, Profile, RTCP_CLEAR_LEN, RTCP_ENCRYPTED, RTCP_LAST_INDEX, SrtpError, rtcp_sender, rtp_ids,
};

/// SSRCs that one sealer sends; ours to choose, so this only catches a mistake.
const MAX_STREAMS: usize = 65_536;
/// How far out of order first transmissions may be sealed under AES-GCM.
type SentWindow = ReplayWindow<16>;

/// A packet may be sealed for the first time if its sequence number is less than this behind the highest.
pub(crate) const SEALING_WINDOW: u64 = SentWindow::LEN;

/// Seals the RTP and RTCP of one transport under the local master key.
///
/// The rollover counter of each SSRC starts at 0 with its first packet and follows the sequence numbers, which may go
/// back for a retransmission. Under AES-GCM one sequence number is sealed only once: its nonce with a changed header
/// (a new transport-wide number, say) would give the authentication key away (RFC 7714 §8). Retransmit as RTX there,
/// or opt out with [`SrtpSealer::allow_nonce_reuse`] for byte-identical resends. SSRCs are never forgotten.
pub(crate) struct SrtpSealer {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    streams: StreamTable<SentWindow>,
    /// Shared by all RTCP senders: one counter can never repeat, and a nonce has the SSRC besides.
    next_rtcp_index: u32,
    refuse_repeats: bool,
}

impl SrtpSealer {
    /// A sealer with the session keys of `local`; [`SrtpError::KeyLength`] when they belong to another profile.
    pub(crate) fn new(profile: Profile, local: &MasterKey) -> Result<Self, SrtpError> {
        let rtp = Cipher::derive(profile, Kind::Rtp, local)?;
        let rtcp = Cipher::derive(profile, Kind::Rtcp, local)?;
        Ok(Self::with_ciphers(profile, rtp, rtcp))
    }

    pub(super) fn with_ciphers(profile: Profile, rtp: Cipher, rtcp: Cipher) -> Self {
        let streams = StreamTable::new(MAX_STREAMS);
        Self { profile, rtp, rtcp, streams, next_rtcp_index: 1, refuse_repeats: profile.is_aead() }
    }

    /// The profile of the session.
    pub(crate) fn profile(&self) -> Profile {
        self.profile
    }

    /// Lets AES-GCM seal a sequence number again; only sound when the packet is the same to the last byte.
    pub(crate) fn allow_nonce_reuse(&mut self, allow: bool) {
        self.refuse_repeats = self.profile.is_aead() && !allow;
    }

    /// Seals `header` and the shared plaintext `payload` into `out`; returns the bytes written.
    ///
    /// `header` is the whole RTP header with CSRCs and extension. `out` needs header, payload and
    /// [`Profile::rtp_overhead`] bytes and must not overlap them; what it held is overwritten without being read.
    #[cfg(any(test, feature = "fuzzing"))]
    #[inline]
    pub(crate) fn seal_rtp(
        &mut self,
        header: &[u8],
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SrtpError> {
        self.seal_rtp_prefixed(header, &[], payload, out)
    }

    /// As [`SrtpSealer::seal_rtp`], with `prefix` before the shared payload: RTX's original sequence number, or a
    /// descriptor of the receiver's own. AES-GCM pays a copy of the payload for a prefix that is not empty.
    #[inline]
    pub(crate) fn seal_rtp_prefixed(
        &mut self,
        header: &[u8],
        prefix: &[u8],
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SrtpError> {
        let (seq, ssrc) = rtp_ids(header).ok_or(SrtpError::Malformed)?;
        let total = header.len() + prefix.len() + payload.len() + self.profile.rtp_overhead();
        let out = out.get_mut(..total).ok_or(SrtpError::BufferTooSmall)?;
        let index = self.take_index(ssrc, seq)?;
        self.rtp.seal_rtp((ssrc, index), header, prefix, payload, out)?;
        Ok(total)
    }

    /// Seals the RTP packet of `plain_len` bytes that `buf` starts with; returns the sealed length.
    ///
    /// `header_len` counts CSRCs and extension; `buf` needs `plain_len` plus [`Profile::rtp_overhead`] bytes.
    #[cfg(test)]
    #[inline]
    pub(crate) fn seal_rtp_in_place(
        &mut self,
        buf: &mut [u8],
        header_len: usize,
        plain_len: usize,
    ) -> Result<usize, SrtpError> {
        if header_len < super::RTP_FIXED_HEADER_LEN || header_len > plain_len {
            return Err(SrtpError::Malformed);
        }
        let total = plain_len.saturating_add(self.profile.rtp_overhead());
        let buf = buf.get_mut(..total).ok_or(SrtpError::BufferTooSmall)?;
        let (seq, ssrc) = rtp_ids(buf).ok_or(SrtpError::Malformed)?;
        let index = self.take_index(ssrc, seq)?;
        self.rtp.seal_rtp_in_place((ssrc, index), buf, header_len)?;
        Ok(total)
    }

    /// Seals the compound RTCP packet `plain` into `out`; returns the bytes written.
    ///
    /// `out` needs [`Profile::rtcp_overhead`] bytes more than `plain`.
    pub(crate) fn seal_rtcp(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, SrtpError> {
        out.get_mut(..plain.len()).ok_or(SrtpError::BufferTooSmall)?.copy_from_slice(plain);
        self.seal_rtcp_in_place(out, plain.len())
    }

    /// Seals the compound RTCP packet of `plain_len` bytes that `buf` starts with; returns the sealed length.
    pub(crate) fn seal_rtcp_in_place(
        &mut self,
        buf: &mut [u8],
        plain_len: usize,
    ) -> Result<usize, SrtpError> {
        if plain_len < RTCP_CLEAR_LEN {
            return Err(SrtpError::Malformed);
        }
        let total = plain_len.saturating_add(self.profile.rtcp_overhead());
        let buf = buf.get_mut(..total).ok_or(SrtpError::BufferTooSmall)?;
        let ssrc = rtcp_sender(buf).ok_or(SrtpError::Malformed)?;
        let index = self.next_rtcp_index;
        if index > RTCP_LAST_INDEX {
            return Err(SrtpError::KeyExhausted);
        }
        self.next_rtcp_index += 1;
        self.rtcp.seal_rtcp_in_place(ssrc, index | RTCP_ENCRYPTED, buf, plain_len)?;
        Ok(total)
    }

    /// Works out and records the index of the packet before it is used, so that an error can never free a nonce.
    #[inline]
    fn take_index(&mut self, ssrc: u32, seq: u16) -> Result<u64, SrtpError> {
        let Some(sent) = self.streams.get_mut(ssrc) else {
            let first = u64::from(seq);
            let added = self.streams.insert(ssrc, SentWindow::starting_at(first));
            return if added { Ok(first) } else { Err(SrtpError::StreamLimit) };
        };
        let index = nearest(sent.highest(), seq).ok_or_else(|| unreachable_index(sent.highest()))?;
        if self.refuse_repeats && !sent.is_fresh(index) {
            return Err(SrtpError::NonceReuse);
        }
        sent.record(index);
        Ok(index)
    }

    /// For tests: pretends that `next` - 1 RTCP packets were sealed.
    #[cfg(test)]
    pub(super) fn set_next_rtcp_index(&mut self, next: u32) {
        self.next_rtcp_index = next;
    }
}

/// Why there is no index near `highest` for a sequence number: the key's range ends on one side or the other.
#[cold]
fn unreachable_index(highest: u64) -> SrtpError {
    if rollover(highest) == 0 { SrtpError::BeforeStart } else { SrtpError::KeyExhausted }
}
