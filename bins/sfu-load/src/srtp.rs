//! How media is protected, as the command line says it.
use clap::ValueEnum;
use serde::Serialize;
use sfu_core::control::SrtpCryptoSuite;

/// How media is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Srtp {
    /// Not at all.
    Off,
    /// AES-128-GCM.
    Gcm128,
    /// AES-256-GCM.
    Gcm256,
    /// AES-128-CM with 80 bits of HMAC-SHA1.
    Cm80,
}

impl Srtp {
    /// The suite, if there is one.
    pub fn suite(self) -> Option<SrtpCryptoSuite> {
        match self {
            Srtp::Off => None,
            Srtp::Gcm128 => Some(SrtpCryptoSuite::AeadAes128Gcm),
            Srtp::Gcm256 => Some(SrtpCryptoSuite::AeadAes256Gcm),
            Srtp::Cm80 => Some(SrtpCryptoSuite::AesCm128HmacSha1_80),
        }
    }
}
