//! SRTP for load tools: what a light peer seals and opens with.
use crate::control::SrtpCryptoSuite;
use crate::transport::srtp::{MasterKey, OpenerLimits, Profile, SrtpOpener, SrtpSealer};

pub(super) fn profile(suite: SrtpCryptoSuite) -> Profile {
    match suite {
        SrtpCryptoSuite::AeadAes256Gcm => Profile::AeadAes256Gcm,
        SrtpCryptoSuite::AeadAes128Gcm => Profile::AeadAes128Gcm,
        SrtpCryptoSuite::AesCm128HmacSha1_80 => Profile::AesCm128HmacSha1_80,
        SrtpCryptoSuite::AesCm128HmacSha1_32 => Profile::AesCm128HmacSha1_32,
    }
}

/// Bytes of key and salt of a suite, one after the other.
pub fn key_len(suite: SrtpCryptoSuite) -> usize {
    let profile = profile(suite);
    profile.key_len() + profile.salt_len()
}

/// Bytes that sealing adds to an RTP packet under a suite; none without.
pub fn overhead(suite: Option<SrtpCryptoSuite>) -> usize {
    suite.map_or(0, |suite| profile(suite).rtp_overhead())
}

/// Seals RTP under one key.
pub struct Seal(SrtpSealer);

impl Seal {
    /// With key and salt one after the other; panics when they are not [`key_len`] bytes.
    pub fn new(suite: SrtpCryptoSuite, key_and_salt: &[u8]) -> Self {
        let profile = profile(suite);
        let key = MasterKey::from_key_and_salt(profile, key_and_salt).expect("a key of the suite");
        Seal(SrtpSealer::new(profile, &key).expect("a key of the suite"))
    }

    /// Writes the sealed packet to `out`, which needs [`overhead`] more bytes than header and payload; returns its length, or `None` when it
    /// can't be sealed (a number twice, a buffer that is too small).
    #[inline]
    pub fn rtp(&mut self, header: &[u8], payload: &[u8], out: &mut [u8]) -> Option<usize> {
        self.0.seal_rtp_prefixed(header, &[], payload, out).ok()
    }
}

/// Opens RTP under one key.
pub struct Open(SrtpOpener);

impl Open {
    /// With key and salt one after the other; panics when they are not [`key_len`] bytes.
    pub fn new(suite: SrtpCryptoSuite, key_and_salt: &[u8]) -> Self {
        let profile = profile(suite);
        let key = MasterKey::from_key_and_salt(profile, key_and_salt).expect("a key of the suite");
        Open(SrtpOpener::new(profile, &key, OpenerLimits::default()).expect("a key of the suite"))
    }

    /// Whether a packet whose header is so long is authentic and new; `out` gets its plaintext.
    #[inline]
    pub fn rtp(&mut self, packet: &[u8], header_len: usize, out: &mut [u8]) -> bool {
        self.0.open_rtp(packet, header_len, out).is_ok()
    }
}
