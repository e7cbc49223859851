use sfu_core::control;

use crate::schema::v3_27::srtp_parameters::{SrtpCryptoSuite, SrtpParameters};

pub(crate) fn crypto_suite(suite: SrtpCryptoSuite) -> control::SrtpCryptoSuite {
    match suite {
        SrtpCryptoSuite::AeadAes256Gcm => control::SrtpCryptoSuite::AeadAes256Gcm,
        SrtpCryptoSuite::AeadAes128Gcm => control::SrtpCryptoSuite::AeadAes128Gcm,
        SrtpCryptoSuite::AesCm128HmacSha1_80 => control::SrtpCryptoSuite::AesCm128HmacSha1_80,
        SrtpCryptoSuite::AesCm128HmacSha1_32 => control::SrtpCryptoSuite::AesCm128HmacSha1_32,
    }
}

/// Ours, for the library.
pub(crate) fn srtp_parameters(parameters: control::SrtpParameters) -> SrtpParameters {
    let crypto_suite = match parameters.crypto_suite {
        control::SrtpCryptoSuite::AeadAes256Gcm => SrtpCryptoSuite::AeadAes256Gcm,
        control::SrtpCryptoSuite::AeadAes128Gcm => SrtpCryptoSuite::AeadAes128Gcm,
        control::SrtpCryptoSuite::AesCm128HmacSha1_80 => SrtpCryptoSuite::AesCm128HmacSha1_80,
        control::SrtpCryptoSuite::AesCm128HmacSha1_32 => SrtpCryptoSuite::AesCm128HmacSha1_32,
    };
    SrtpParameters { crypto_suite, key_base64: parameters.key_base64 }
}

/// The peer's, as the library says them.
pub(crate) fn srtp_parameters_of(parameters: SrtpParameters) -> control::SrtpParameters {
    control::SrtpParameters {
        crypto_suite: crypto_suite(parameters.crypto_suite),
        key_base64: parameters.key_base64,
    }
}
