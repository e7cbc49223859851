//! Keys of SRTP without DTLS.
use crate::flat::schema;

schema! {
    namespace "SrtpParameters";

    enum SrtpCryptoSuite {
        AeadAes256Gcm = 0,
        AeadAes128Gcm = 1,
        AesCm128HmacSha1_80 = 2,
        AesCm128HmacSha1_32 = 3,
    }

    table SrtpParameters {
        crypto_suite: SrtpCryptoSuite,
        key_base64: String,
    }
}
