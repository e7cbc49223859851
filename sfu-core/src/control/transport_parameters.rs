//! Parameters of ICE, DTLS and SRTP.
use std::net::SocketAddr;

use super::Protocol;

/// Our ICE credentials. We are always ICE-lite.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IceParameters {
    /// Username fragment.
    pub username_fragment: String,
    /// Password.
    pub password: String,
    /// Always `true`.
    pub ice_lite: bool,
}

/// One of our host candidates.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    /// RFC 8445 §5.1.1.3.
    pub foundation: String,
    /// RFC 8445 §5.1.2.
    pub priority: u32,
    /// An IP address, or the host name that was announced.
    pub address: String,
    /// UDP or TCP (passive).
    pub protocol: Protocol,
    /// Port.
    pub port: u16,
}

/// State of ICE.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum IceState {
    /// Nothing was received.
    #[default]
    New,
    /// A check succeeded, none is nominated.
    Connected,
    /// A path is nominated.
    Completed,
    /// Consent (RFC 7675) is lost.
    Disconnected,
}

/// State of DTLS.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DtlsState {
    /// Not begun.
    #[default]
    New,
    /// The handshake runs.
    Connecting,
    /// Done, the peer's fingerprint is right.
    Connected,
    /// The handshake failed, or the fingerprint is wrong.
    Failed,
    /// The peer closed it.
    Closed,
}

/// Role in the DTLS handshake.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DtlsRole {
    /// Of the peer: it leaves the choice to us (`setup:actpass`); we become the server.
    #[default]
    Auto,
    /// Begins the handshake (`setup:active`).
    Client,
    /// Waits for it (`setup:passive`).
    Server,
}

/// Hash of a certificate fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub enum FingerprintAlgorithm {
    /// SHA-1.
    #[serde(rename = "sha-1")]
    Sha1,
    /// SHA-224.
    #[serde(rename = "sha-224")]
    Sha224,
    /// SHA-256.
    #[serde(rename = "sha-256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "sha-384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "sha-512")]
    Sha512,
}

impl FingerprintAlgorithm {
    /// The name as in `a=fingerprint` (RFC 8122).
    pub fn name(self) -> &'static str {
        match self {
            FingerprintAlgorithm::Sha1 => "sha-1",
            FingerprintAlgorithm::Sha224 => "sha-224",
            FingerprintAlgorithm::Sha256 => "sha-256",
            FingerprintAlgorithm::Sha384 => "sha-384",
            FingerprintAlgorithm::Sha512 => "sha-512",
        }
    }
    /// The algorithm of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|a| a.name().eq_ignore_ascii_case(name))
    }
}

/// Fingerprint of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct DtlsFingerprint {
    /// Hash.
    pub algorithm: FingerprintAlgorithm,
    /// Upper-case hexadecimal bytes with colons between them.
    pub value: String,
}

/// What one side says of its DTLS.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct DtlsParameters {
    /// Role of the side that says it.
    #[serde(default)]
    pub role: DtlsRole,
    /// At least one.
    pub fingerprints: Vec<DtlsFingerprint>,
}

/// SRTP crypto suite.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub enum SrtpCryptoSuite {
    /// RFC 7714, 256-bit key.
    #[serde(rename = "AEAD_AES_256_GCM")]
    AeadAes256Gcm,
    /// RFC 7714, 128-bit key.
    #[serde(rename = "AEAD_AES_128_GCM")]
    AeadAes128Gcm,
    /// RFC 3711, 80-bit tag.
    #[default]
    #[serde(rename = "AES_CM_128_HMAC_SHA1_80")]
    AesCm128HmacSha1_80,
    /// RFC 3711, 32-bit tag.
    #[serde(rename = "AES_CM_128_HMAC_SHA1_32")]
    AesCm128HmacSha1_32,
}

/// SRTP keys given by signaling (plain and pipe transports).
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SrtpParameters {
    /// Suite.
    pub crypto_suite: SrtpCryptoSuite,
    /// Master key followed by the master salt, in base64.
    pub key_base64: String,
}

impl std::fmt::Debug for SrtpParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SrtpParameters").field("crypto_suite", &self.crypto_suite).finish_non_exhaustive()
    }
}

/// The addresses of a path in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct TransportTuple {
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address, once known.
    pub remote: Option<SocketAddr>,
    /// UDP or TCP.
    pub protocol: Protocol,
}
