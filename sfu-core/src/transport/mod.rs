//! How a peer reaches us: ICE, DTLS, SRTP and the kinds of transport built of them.
pub(crate) mod direct;
pub(crate) mod dtls;
pub(crate) mod ice;
pub(crate) mod plain;
pub(crate) mod sctp;
pub(crate) mod srtp;
pub(crate) mod webrtc;

use crate::control::SrtpCryptoSuite;
use srtp::Profile;

/// A profile in the control API's terms.
pub(crate) fn suite_of(profile: Profile) -> SrtpCryptoSuite {
    match profile {
        Profile::AeadAes256Gcm => SrtpCryptoSuite::AeadAes256Gcm,
        Profile::AeadAes128Gcm => SrtpCryptoSuite::AeadAes128Gcm,
        Profile::AesCm128HmacSha1_80 => SrtpCryptoSuite::AesCm128HmacSha1_80,
        Profile::AesCm128HmacSha1_32 => SrtpCryptoSuite::AesCm128HmacSha1_32,
    }
}

/// A suite of the control API as a profile.
pub(crate) fn profile_of(suite: SrtpCryptoSuite) -> Profile {
    match suite {
        SrtpCryptoSuite::AeadAes256Gcm => Profile::AeadAes256Gcm,
        SrtpCryptoSuite::AeadAes128Gcm => Profile::AeadAes128Gcm,
        SrtpCryptoSuite::AesCm128HmacSha1_80 => Profile::AesCm128HmacSha1_80,
        SrtpCryptoSuite::AesCm128HmacSha1_32 => Profile::AesCm128HmacSha1_32,
    }
}
