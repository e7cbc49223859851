//! The AEAD profiles: AES-GCM (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::derivation::SessionKeys;
use super::{RTCP_CLEAR_LEN, RTCP_INDEX_LEN, SrtpError};

/// Bytes of the tag.
const TAG_LEN: usize = 16;
const NONCE_LEN: usize = 12;

/// AES-GCM under one session key, for RTP or for RTCP.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; NONCE_LEN],
}

impl Gcm {
    pub(super) fn new(keys: &SessionKeys) -> Result<Self, SrtpError> {
        let algorithm = if keys.key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = UnboundKey::new(algorithm, &keys.key).map_err(|_| SrtpError::KeyLength)?;
        let salt = *keys.salt.first_chunk().ok_or(SrtpError::KeyLength)?;
        Ok(Self { key: LessSafeKey::new(key), salt })
    }

    /// Two zero bytes, SSRC, 48-bit index, all XOR the salt (RFC 7714 §8.1 and §9.1).
    #[inline]
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let ids = (u128::from(ssrc) << 48 | u128::from(index)).to_be_bytes();
        let mut nonce = self.salt;
        for (byte, id) in nonce.iter_mut().zip(ids.iter().skip(4)) {
            *byte ^= id;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// Writes header, ciphertext of `prefix` and `payload`, and tag to `out`, which has exactly that length.
    #[inline]
    pub(super) fn seal_rtp(
        &self,
        (ssrc, index): (u32, u64),
        header: &[u8],
        prefix: &[u8],
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<(), SrtpError> {
        let (out_header, rest) = out.split_at_mut_checked(header.len()).ok_or(SrtpError::BufferTooSmall)?;
        out_header.copy_from_slice(header);
        let (body, tag) =
            rest.split_at_mut_checked(prefix.len() + payload.len()).ok_or(SrtpError::BufferTooSmall)?;
        if prefix.is_empty() {
            self.key
                .seal_out_of_place_scatter(
                    self.nonce(ssrc, index),
                    Aad::from(header),
                    payload,
                    body,
                    &[],
                    tag,
                )
                .map_err(|_| SrtpError::Cipher)
        } else {
            let (out_prefix, out_payload) = body.split_at_mut(prefix.len());
            out_prefix.copy_from_slice(prefix);
            out_payload.copy_from_slice(payload);
            self.seal_body(self.nonce(ssrc, index), header, body, tag)
        }
    }

    /// Seals the packet in `buf`, whose last [`TAG_LEN`] bytes are room for the tag.
    #[cfg(test)]
    #[inline]
    pub(super) fn seal_rtp_in_place(
        &self,
        (ssrc, index): (u32, u64),
        buf: &mut [u8],
        header_len: usize,
    ) -> Result<(), SrtpError> {
        let (header, rest) = buf.split_at_mut_checked(header_len).ok_or(SrtpError::Malformed)?;
        let (body, tag) = rest.split_last_chunk_mut::<TAG_LEN>().ok_or(SrtpError::BufferTooSmall)?;
        self.seal_body(self.nonce(ssrc, index), header, body, tag)
    }

    /// Opens `packet` into `out`, which is exactly the packet without its tag.
    #[inline]
    pub(super) fn open_rtp(
        &self,
        (ssrc, index): (u32, u64),
        packet: &[u8],
        header_len: usize,
        out: &mut [u8],
    ) -> Result<(), SrtpError> {
        let (header, rest) = packet.split_at_checked(header_len).ok_or(SrtpError::Malformed)?;
        let (body, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(SrtpError::Malformed)?;
        let (out_header, out_body) = out.split_at_mut_checked(header_len).ok_or(SrtpError::BufferTooSmall)?;
        self.key
            .open_separate_gather(self.nonce(ssrc, index), Aad::from(header), body, tag, out_body)
            .map_err(|_| SrtpError::AuthFailed)?;
        out_header.copy_from_slice(header);
        Ok(())
    }

    /// Opens `packet` where it lies.
    #[cfg(test)]
    #[inline]
    pub(super) fn open_rtp_in_place(
        &self,
        (ssrc, index): (u32, u64),
        packet: &mut [u8],
        header_len: usize,
    ) -> Result<(), SrtpError> {
        let (header, rest) = packet.split_at_mut_checked(header_len).ok_or(SrtpError::Malformed)?;
        let (body, tag) = rest.split_last_chunk_mut::<TAG_LEN>().ok_or(SrtpError::Malformed)?;
        self.open_body(self.nonce(ssrc, index), header, body, tag)
    }

    /// Seals an RTCP packet in `buf`: plain packet, room for the tag, index word (already written).
    pub(super) fn seal_rtcp_in_place(&self, ssrc: u32, word: u32, buf: &mut [u8]) -> Result<(), SrtpError> {
        let (clear, body, tag) = split_rtcp(buf)?;
        let (nonce, aad) = self.rtcp_nonce_and_aad(ssrc, word, clear);
        self.seal_body(nonce, &aad, body, tag)
    }

    /// Opens the RTCP packet in `buf` where it lies.
    pub(super) fn open_rtcp_in_place(&self, ssrc: u32, word: u32, buf: &mut [u8]) -> Result<(), SrtpError> {
        let (clear, body, tag) = split_rtcp(buf)?;
        let (nonce, aad) = self.rtcp_nonce_and_aad(ssrc, word, clear);
        self.open_body(nonce, &aad, body, tag)
    }

    /// The associated data of an encrypted RTCP packet is its clear start and the index word (RFC 7714 §9.2).
    fn rtcp_nonce_and_aad(
        &self,
        ssrc: u32,
        word: u32,
        clear: &[u8; RTCP_CLEAR_LEN],
    ) -> (Nonce, [u8; RTCP_CLEAR_LEN + RTCP_INDEX_LEN]) {
        let mut aad = [0; RTCP_CLEAR_LEN + RTCP_INDEX_LEN];
        aad[..RTCP_CLEAR_LEN].copy_from_slice(clear);
        aad[RTCP_CLEAR_LEN..].copy_from_slice(&word.to_be_bytes());
        (self.nonce(ssrc, u64::from(word & super::RTCP_LAST_INDEX)), aad)
    }

    #[inline]
    fn seal_body(&self, nonce: Nonce, aad: &[u8], body: &mut [u8], tag: &mut [u8]) -> Result<(), SrtpError> {
        // The scattered form writes the tag where it belongs; the other ones return it to be copied.
        self.key.seal_in_place_scatter(nonce, Aad::from(aad), body, &[], tag).map_err(|_| SrtpError::Cipher)
    }

    #[inline]
    fn open_body(&self, nonce: Nonce, aad: &[u8], body: &mut [u8], tag: &[u8]) -> Result<(), SrtpError> {
        self.key
            .open_in_place_separate_tag(nonce, Aad::from(aad), tag, body)
            .map(|_| ())
            .map_err(|_| SrtpError::AuthFailed)
    }
}

/// Clear start, encrypted part and tag of an RTCP packet.
type RtcpParts<'a> = (&'a mut [u8; RTCP_CLEAR_LEN], &'a mut [u8], &'a mut [u8; TAG_LEN]);

/// Splits an RTCP packet whose index word comes last (RFC 7714 §9, figure 3).
fn split_rtcp(buf: &mut [u8]) -> Result<RtcpParts<'_>, SrtpError> {
    let (clear, rest) = buf.split_first_chunk_mut::<RTCP_CLEAR_LEN>().ok_or(SrtpError::Malformed)?;
    let (rest, _word) = rest.split_last_chunk_mut::<RTCP_INDEX_LEN>().ok_or(SrtpError::Malformed)?;
    let (body, tag) = rest.split_last_chunk_mut::<TAG_LEN>().ok_or(SrtpError::Malformed)?;
    Ok((clear, body, tag))
}
