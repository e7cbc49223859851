//! Master keys, as the DTLS exporter or the signaling gives them.

use arrayvec::ArrayVec;
use zeroize::Zeroize;

use super::{Profile, SrtpError};

const MAX_KEY_LEN: usize = 32;
const MAX_SALT_LEN: usize = 14;

/// The master key and master salt of one direction; wiped from memory on drop.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MasterKey {
    key: ArrayVec<u8, MAX_KEY_LEN>,
    salt: ArrayVec<u8, MAX_SALT_LEN>,
}

impl MasterKey {
    /// Takes a master key and salt; [`SrtpError::KeyLength`] unless both have the lengths of `profile`.
    pub(crate) fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        if key.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return Err(SrtpError::KeyLength);
        }
        let key = ArrayVec::try_from(key).map_err(|_| SrtpError::KeyLength)?;
        let salt = ArrayVec::try_from(salt).map_err(|_| SrtpError::KeyLength)?;
        Ok(Self { key, salt })
    }

    /// Takes key and salt in one piece, key first, as SDES and mediasoup's `keyBase64` carry them (decoded).
    pub(crate) fn from_key_and_salt(profile: Profile, key_and_salt: &[u8]) -> Result<Self, SrtpError> {
        let (key, salt) = key_and_salt.split_at_checked(profile.key_len()).ok_or(SrtpError::KeyLength)?;
        Self::new(profile, key, salt)
    }

    /// The master key: 16 or 32 bytes.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The master salt: 12 or 14 bytes.
    pub(crate) fn salt(&self) -> &[u8] {
        &self.salt
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.key.as_mut_slice().zeroize();
        self.salt.as_mut_slice().zeroize();
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}

/// The keys of both directions of one SRTP session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyingMaterial {
    /// The profile that both directions use.
    pub(crate) profile: Profile,
    /// What we seal with.
    pub(crate) local: MasterKey,
    /// What we open with.
    pub(crate) remote: MasterKey,
}

impl KeyingMaterial {
    /// Splits the DTLS exporter's block (RFC 5764 §4.2: client key, server key, client salt, server salt).
    ///
    /// `block` must be [`Profile::exported_len`] bytes, otherwise [`SrtpError::KeyLength`].
    #[cfg(test)]
    pub(crate) fn from_exporter(
        profile: Profile,
        block: &[u8],
        we_are_client: bool,
    ) -> Result<Self, SrtpError> {
        if block.len() != profile.exported_len() {
            return Err(SrtpError::KeyLength);
        }
        let (keys, salts) = block.split_at(2 * profile.key_len());
        let (client_key, server_key) = keys.split_at(profile.key_len());
        let (client_salt, server_salt) = salts.split_at(profile.salt_len());
        let client = MasterKey::new(profile, client_key, client_salt)?;
        let server = MasterKey::new(profile, server_key, server_salt)?;
        let (local, remote) = if we_are_client { (client, server) } else { (server, client) };
        Ok(Self { profile, local, remote })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exporter_block_is_split_by_role() {
        let block: Vec<u8> = (0..60).collect();
        let profile = Profile::AesCm128HmacSha1_80;
        let client = KeyingMaterial::from_exporter(profile, &block, true).unwrap();
        assert_eq!(client.local.key(), &block[0..16]);
        assert_eq!(client.remote.key(), &block[16..32]);
        assert_eq!(client.local.salt(), &block[32..46]);
        assert_eq!(client.remote.salt(), &block[46..60]);
        let server = KeyingMaterial::from_exporter(profile, &block, false).unwrap();
        assert_eq!((server.local, server.remote), (client.remote, client.local));
    }

    #[test]
    fn keys_of_a_wrong_length_are_refused() {
        for profile in Profile::ALL {
            for len in 0..100 {
                let block = vec![7u8; len];
                let exported = KeyingMaterial::from_exporter(profile, &block, true);
                assert_eq!(exported.is_ok(), len == profile.exported_len());
                let inline = MasterKey::from_key_and_salt(profile, &block);
                assert_eq!(inline.is_ok(), len == profile.key_len() + profile.salt_len());
            }
        }
    }

    #[test]
    fn debug_output_hides_the_key() {
        let key = MasterKey::new(Profile::AeadAes128Gcm, &[0xab; 16], &[0xcd; 12]).unwrap();
        assert_eq!(format!("{key:?}"), "MasterKey(hidden)");
    }
}
