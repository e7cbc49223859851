//! The SRTP protection profiles.

/// A protection profile of DTLS-SRTP (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Profile {
    /// AES-256 in Galois/counter mode, tag of 16 bytes.
    AeadAes256Gcm,
    /// AES-128 in Galois/counter mode, tag of 16 bytes.
    AeadAes128Gcm,
    /// AES-128 in counter mode, HMAC-SHA1 cut to 10 bytes.
    AesCm128HmacSha1_80,
    /// AES-128 in counter mode, HMAC-SHA1 cut to 4 bytes for RTP and 10 bytes for RTCP.
    AesCm128HmacSha1_32,
}

impl Profile {
    /// Every profile, the preferred one first.
    pub(crate) const ALL: [Profile; 4] =
        [Self::AeadAes256Gcm, Self::AeadAes128Gcm, Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];

    /// The profile's number in the DTLS `use_srtp` extension.
    pub(crate) const fn id(self) -> u16 {
        match self {
            Self::AesCm128HmacSha1_80 => 0x0001,
            Self::AesCm128HmacSha1_32 => 0x0002,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
        }
    }

    /// The profile with this number in the DTLS `use_srtp` extension.
    pub(crate) fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.id() == id)
    }

    /// The name in OpenSSL's profile lists.
    #[cfg(test)]
    pub(crate) const fn dtls_name(self) -> &'static str {
        match self {
            Self::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
            Self::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Self::AesCm128HmacSha1_80 => "SRTP_AES128_CM_SHA1_80",
            Self::AesCm128HmacSha1_32 => "SRTP_AES128_CM_SHA1_32",
        }
    }

    /// The profile with this name in OpenSSL's profile lists.
    #[cfg(test)]
    pub(crate) fn from_dtls_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.dtls_name() == name)
    }

    /// The name in mediasoup's `srtpParameters.cryptoSuite` and in SDES (RFC 4568 §6.2, RFC 7714 §14.2).
    pub(crate) const fn suite_name(self) -> &'static str {
        match self {
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// The profile with this name in mediasoup's `srtpParameters.cryptoSuite`.
    #[cfg(test)]
    pub(crate) fn from_suite_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.suite_name() == name)
    }

    /// Whether encryption and authentication are one operation, so that a nonce must never be used twice.
    pub(crate) const fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes256Gcm | Self::AeadAes128Gcm)
    }

    /// Bytes of the master key and of the session encryption key.
    pub(crate) const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 16,
        }
    }

    /// Bytes of the master salt and of the session salt.
    pub(crate) const fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Bytes that the DTLS exporter must give: both keys, then both salts (RFC 5764 §4.2).
    #[cfg(test)]
    pub(crate) const fn exported_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// Bytes of the authentication tag of an RTP packet.
    pub(crate) const fn rtp_tag_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16,
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
        }
    }

    /// Bytes of the authentication tag of an RTCP packet; never the short one (RFC 5764 §4.1.2).
    pub(crate) const fn rtcp_tag_len(self) -> usize {
        if self.is_aead() { 16 } else { 10 }
    }

    /// Bytes by which sealing makes an RTP packet longer.
    pub(crate) const fn rtp_overhead(self) -> usize {
        self.rtp_tag_len()
    }

    /// Bytes by which sealing makes an RTCP packet longer: tag and index word.
    pub(crate) const fn rtcp_overhead(self) -> usize {
        self.rtcp_tag_len() + super::RTCP_INDEX_LEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_found_by_each_of_its_names() {
        for profile in Profile::ALL {
            assert_eq!(Profile::from_id(profile.id()), Some(profile));
            assert_eq!(Profile::from_dtls_name(profile.dtls_name()), Some(profile));
            assert_eq!(Profile::from_suite_name(profile.suite_name()), Some(profile));
        }
        assert_eq!(Profile::from_id(0x0003), None);
        assert_eq!(Profile::from_suite_name("NULL_HMAC_SHA1_80"), None);
    }

    #[test]
    fn only_rtp_gets_the_short_tag() {
        assert_eq!(Profile::AesCm128HmacSha1_32.rtp_overhead(), 4);
        assert_eq!(Profile::AesCm128HmacSha1_32.rtcp_overhead(), 14);
        assert_eq!(Profile::AeadAes128Gcm.rtcp_overhead(), 20);
    }
}
