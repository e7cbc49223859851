//! The counter mode profiles: AES-CM with HMAC-SHA1 (RFC 3711 §4.1.1 and §4.2.1).

use aes::Aes128Enc;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper, generic_array::GenericArray};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::derivation::SessionKeys;
use super::index::rollover;
use super::{RTCP_CLEAR_LEN, SrtpError};

type Keystream<'a> = StreamCipherCoreWrapper<CtrCore<&'a Aes128Enc, flavors::Ctr128BE>>;

/// AES-CM and HMAC-SHA1 under one pair of session keys, for RTP or for RTCP.
pub(super) struct CounterMode {
    aes: Aes128Enc,
    /// The session salt times 2^16 (RFC 3711 §4.1.1).
    salt: [u8; 16],
    /// Keyed once; a clone of it starts each packet.
    hmac: Hmac<Sha1>,
    /// Bytes of the HMAC that travel: 4 or 10.
    tag_len: usize,
}

impl CounterMode {
    pub(super) fn new(keys: &SessionKeys, tag_len: usize) -> Result<Self, SrtpError> {
        let mut salt = [0; 16];
        for (byte, from) in salt.iter_mut().zip(&keys.salt) {
            *byte = *from;
        }
        Ok(Self {
            aes: Aes128Enc::new_from_slice(&keys.key).map_err(|_| SrtpError::KeyLength)?,
            salt,
            hmac: <Hmac<Sha1> as Mac>::new_from_slice(&keys.auth).map_err(|_| SrtpError::KeyLength)?,
            tag_len,
        })
    }

    #[inline]
    fn keystream(&self, ssrc: u32, index: u64) -> Keystream<'_> {
        let ids = u128::from(ssrc) << 64 | u128::from(index) << 16;
        let iv = (u128::from_be_bytes(self.salt) ^ ids).to_be_bytes();
        StreamCipherCoreWrapper::from_core(CtrCore::inner_iv_init(&self.aes, &GenericArray::from(iv)))
    }

    /// The HMAC over `data` and `trailer`, not yet cut.
    #[inline]
    fn mac(&self, data: &[u8], trailer: &[u8]) -> Hmac<Sha1> {
        let mut hmac = self.hmac.clone();
        hmac.update(data);
        hmac.update(trailer);
        hmac
    }

    #[inline]
    fn write_tag(&self, data: &[u8], trailer: &[u8], tag: &mut [u8]) -> Result<(), SrtpError> {
        let mac = self.mac(data, trailer).finalize().into_bytes();
        tag.copy_from_slice(mac.get(..tag.len()).ok_or(SrtpError::BufferTooSmall)?);
        Ok(())
    }

    /// Compares in constant time.
    #[inline]
    fn verify(&self, data: &[u8], trailer: &[u8], tag: &[u8]) -> Result<(), SrtpError> {
        self.mac(data, trailer).verify_truncated_left(tag).map_err(|_| SrtpError::AuthFailed)
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
        let plain_len = header.len() + prefix.len() + payload.len();
        let (packet, tag) = out.split_at_mut_checked(plain_len).ok_or(SrtpError::BufferTooSmall)?;
        let (out_header, body) = packet.split_at_mut(header.len());
        out_header.copy_from_slice(header);
        let (out_prefix, out_payload) = body.split_at_mut(prefix.len());
        let mut keystream = self.keystream(ssrc, index);
        keystream.apply_keystream_b2b(prefix, out_prefix).map_err(|_| SrtpError::Cipher)?;
        keystream.apply_keystream_b2b(payload, out_payload).map_err(|_| SrtpError::Cipher)?;
        self.write_tag(packet, &rollover(index).to_be_bytes(), tag)
    }

    /// Seals the packet in `buf`, whose last `tag_len` bytes are room for the tag.
    #[cfg(test)]
    #[inline]
    pub(super) fn seal_rtp_in_place(
        &self,
        (ssrc, index): (u32, u64),
        buf: &mut [u8],
        header_len: usize,
    ) -> Result<(), SrtpError> {
        let at = buf.len().checked_sub(self.tag_len).ok_or(SrtpError::BufferTooSmall)?;
        let (packet, tag) = buf.split_at_mut(at);
        let body = packet.get_mut(header_len..).ok_or(SrtpError::Malformed)?;
        self.keystream(ssrc, index).try_apply_keystream(body).map_err(|_| SrtpError::Cipher)?;
        self.write_tag(packet, &rollover(index).to_be_bytes(), tag)
    }

    /// Opens `packet` into `out`, which is exactly the packet without its tag; `out` is untouched by a forged packet.
    #[inline]
    pub(super) fn open_rtp(
        &self,
        (ssrc, index): (u32, u64),
        packet: &[u8],
        header_len: usize,
        out: &mut [u8],
    ) -> Result<(), SrtpError> {
        let at = packet.len().checked_sub(self.tag_len).ok_or(SrtpError::Malformed)?;
        let (sealed, tag) = packet.split_at(at);
        let (header, body) = sealed.split_at_checked(header_len).ok_or(SrtpError::Malformed)?;
        let (out_header, out_body) = out.split_at_mut_checked(header_len).ok_or(SrtpError::BufferTooSmall)?;
        self.verify(sealed, &rollover(index).to_be_bytes(), tag)?;
        out_header.copy_from_slice(header);
        self.keystream(ssrc, index).apply_keystream_b2b(body, out_body).map_err(|_| SrtpError::Cipher)
    }

    /// Opens `packet` where it lies; a forged packet stays as it is.
    #[cfg(test)]
    #[inline]
    pub(super) fn open_rtp_in_place(
        &self,
        (ssrc, index): (u32, u64),
        packet: &mut [u8],
        header_len: usize,
    ) -> Result<(), SrtpError> {
        let at = packet.len().checked_sub(self.tag_len).ok_or(SrtpError::Malformed)?;
        let (sealed, tag) = packet.split_at_mut(at);
        self.verify(sealed, &rollover(index).to_be_bytes(), tag)?;
        let body = sealed.get_mut(header_len..).ok_or(SrtpError::Malformed)?;
        self.keystream(ssrc, index).try_apply_keystream(body).map_err(|_| SrtpError::Cipher)
    }

    /// Seals an RTCP packet in `buf`: plain packet, index word (already written), room for the tag.
    pub(super) fn seal_rtcp_in_place(&self, ssrc: u32, word: u32, buf: &mut [u8]) -> Result<(), SrtpError> {
        let at = buf.len().checked_sub(self.tag_len).ok_or(SrtpError::BufferTooSmall)?;
        let (packet, tag) = buf.split_at_mut(at);
        self.crypt_rtcp(ssrc, word, packet)?;
        self.write_tag(packet, &[], tag)
    }

    /// Opens the RTCP packet in `buf` where it lies; a forged packet stays as it is.
    pub(super) fn open_rtcp_in_place(&self, ssrc: u32, word: u32, buf: &mut [u8]) -> Result<(), SrtpError> {
        let at = buf.len().checked_sub(self.tag_len).ok_or(SrtpError::Malformed)?;
        let (packet, tag) = buf.split_at_mut(at);
        self.verify(packet, &[], tag)?;
        self.crypt_rtcp(ssrc, word, packet)
    }

    /// Encrypts or decrypts what lies between the clear start and the index word.
    fn crypt_rtcp(&self, ssrc: u32, word: u32, packet: &mut [u8]) -> Result<(), SrtpError> {
        let end = packet.len().checked_sub(super::RTCP_INDEX_LEN).ok_or(SrtpError::Malformed)?;
        let body = packet.get_mut(RTCP_CLEAR_LEN..end).ok_or(SrtpError::Malformed)?;
        let index = u64::from(word & super::RTCP_LAST_INDEX);
        self.keystream(ssrc, index).try_apply_keystream(body).map_err(|_| SrtpError::Cipher)
    }
}

#[cfg(test)]
mod tests {
    use super::super::derivation::Kind;
    use super::super::{MasterKey, Profile};
    use super::*;

    /// RFC 3711 appendix B.2.
    #[test]
    fn the_keystream_is_that_of_the_rfc() {
        let profile = Profile::AesCm128HmacSha1_80;
        let master = MasterKey::new(profile, &[0; 16], &[0; 14]).unwrap();
        let mut keys = SessionKeys::derive(profile, Kind::Rtp, &master).unwrap();
        keys.key.copy_from_slice(&0x2B7E151628AED2A6ABF7158809CF4F3Cu128.to_be_bytes());
        keys.salt.copy_from_slice(&0xF0F1F2F3F4F5F6F7F8F9FAFBFCFDu128.to_be_bytes()[2..]);
        let cm = CounterMode::new(&keys, 10).unwrap();
        let mut stream = vec![0u8; 16 * 0xff02];
        cm.keystream(0, 0).apply_keystream(&mut stream);
        for (block, expected) in [
            (0x0000, 0xE03EAD0935C95E80E166B16DD92B4EB4u128),
            (0x0001, 0xD23513162B02D0F72A43A2FE4A5F97AB),
            (0x0002, 0x41E95B3BB0A2E8DD477901E4FCA894C0),
            (0xfeff, 0xEC8CDF7398607CB0F2D21675EA9EA1E4),
            (0xff00, 0x362B7C3C6773516318A077D7FC5073AE),
            (0xff01, 0x6A2CC3787889374FBEB4C81B17BA6C44),
        ] {
            assert_eq!(stream[block * 16..][..16], expected.to_be_bytes(), "block {block:#x}");
        }
    }
}
