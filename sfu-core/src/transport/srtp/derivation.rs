//! Session keys from a master key (RFC 3711 §4.3, key derivation rate 0).

use aes::cipher::{BlockEncrypt, KeyInit, generic_array::GenericArray};
use aes::{Aes128Enc, Aes256Enc};
use arrayvec::ArrayVec;
use zeroize::Zeroize;

use super::{MasterKey, Profile, SrtpError};

/// Bytes of the HMAC-SHA1 key of the counter mode profiles.
const AUTH_KEY_LEN: usize = 20;

/// What a session key is for: the label of RFC 3711 §4.3.1.
#[derive(Clone, Copy)]
enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// Whether session keys protect RTP or RTCP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Rtp,
    Rtcp,
}

/// The session keys of one direction and one kind; wiped from memory on drop.
pub(super) struct SessionKeys {
    pub(super) profile: Profile,
    pub(super) kind: Kind,
    /// Encryption key, as long as the master key.
    pub(super) key: ArrayVec<u8, 32>,
    /// Salt, as long as the master salt.
    pub(super) salt: ArrayVec<u8, 14>,
    /// HMAC-SHA1 key; not used by the AEAD profiles.
    pub(super) auth: [u8; AUTH_KEY_LEN],
}

impl SessionKeys {
    /// Derives the session keys of `kind`; [`SrtpError::KeyLength`] when `master` belongs to another profile.
    pub(super) fn derive(profile: Profile, kind: Kind, master: &MasterKey) -> Result<Self, SrtpError> {
        let (encryption, authentication, salting) = match kind {
            Kind::Rtp => (Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt),
            Kind::Rtcp => (Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt),
        };
        if master.key().len() != profile.key_len() || master.salt().len() != profile.salt_len() {
            return Err(SrtpError::KeyLength);
        }
        let mut keys = Self {
            profile,
            kind,
            key: ArrayVec::from_iter(std::iter::repeat_n(0, profile.key_len())),
            salt: ArrayVec::from_iter(std::iter::repeat_n(0, profile.salt_len())),
            auth: [0; AUTH_KEY_LEN],
        };
        generate(master, encryption, &mut keys.key)?;
        generate(master, salting, &mut keys.salt)?;
        if !profile.is_aead() {
            generate(master, authentication, &mut keys.auth)?;
        }
        Ok(keys)
    }
}

impl Drop for SessionKeys {
    fn drop(&mut self) {
        self.key.as_mut_slice().zeroize();
        self.salt.as_mut_slice().zeroize();
        self.auth.zeroize();
    }
}

/// Fills `out` with the AES-CM pseudorandom function's output for `label` (RFC 3711 §4.3.3, RFC 6188 for 256 bits).
fn generate(master: &MasterKey, label: Label, out: &mut [u8]) -> Result<(), SrtpError> {
    match master.key().len() {
        16 => fill(
            &Aes128Enc::new_from_slice(master.key()).map_err(|_| SrtpError::KeyLength)?,
            master,
            label,
            out,
        ),
        _ => fill(
            &Aes256Enc::new_from_slice(master.key()).map_err(|_| SrtpError::KeyLength)?,
            master,
            label,
            out,
        ),
    }
    Ok(())
}

fn fill<C>(aes: &C, master: &MasterKey, label: Label, out: &mut [u8])
where
    C: BlockEncrypt<BlockSize = aes::cipher::consts::U16>,
{
    // A salt of 12 bytes fills the left of the 14 (RFC 7714 §11), so both lengths land in the same place.
    let mut input = [0u8; 16];
    for (byte, salt) in input.iter_mut().zip(master.salt()) {
        *byte = *salt;
    }
    // The label sits above the 48-bit packet index, which a derivation rate of 0 keeps zero.
    input[7] ^= label as u8;
    for (counter, chunk) in out.chunks_mut(16).enumerate() {
        input[15] = counter as u8;
        let mut block = GenericArray::from(input);
        aes.encrypt_block(&mut block);
        for (byte, keystream) in chunk.iter_mut().zip(block.iter()) {
            *byte = *keystream;
        }
        block.as_mut_slice().zeroize();
    }
}
