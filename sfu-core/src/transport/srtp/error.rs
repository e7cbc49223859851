//! Why a packet was neither sealed nor opened.

/// Why SRTP refused a packet or a key; never says more about a forged packet than that it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SrtpError {
    /// The packet is shorter than its header, tag and index, or the stated header length does not fit.
    #[error("srtp: packet is cut short; drop it")]
    Malformed,
    /// The output has no room for the packet and its overhead.
    #[error("srtp: output buffer is too small; give it the packet plus the profile's overhead")]
    BufferTooSmall,
    /// The authentication tag is wrong: forged, damaged, or sealed with another key or rollover counter.
    #[error("srtp: authentication failed; drop the packet")]
    AuthFailed,
    /// The packet was opened before, or is older than the replay window (RFC 3711 §3.3.2).
    #[error("srtp: packet is a replay or too old; drop it")]
    Replayed,
    /// An SRTCP packet without the E bit: DTLS-SRTP profiles always encrypt.
    #[error("srtp: unencrypted rtcp is refused; drop the packet")]
    Unencrypted,
    /// The peer already uses as many SSRCs as the opener keeps replay windows for.
    #[error("srtp: too many streams under one key; drop the packet or renegotiate the keys")]
    StreamLimit,
    /// An AES-GCM nonce would be used twice (RFC 7714 §8): the same SSRC and sequence number were sealed before.
    #[error("srtp: this sequence number was sealed before; send it as RTX instead")]
    NonceReuse,
    /// The sequence number lies before the first one that was sealed for its SSRC; no receiver could open it.
    #[error("srtp: sequence number is older than the start of the stream; drop the packet")]
    BeforeStart,
    /// All 2^48 RTP or 2^31 RTCP indexes of this key are used up (RFC 3711 §9.2).
    #[error("srtp: the key is worn out; renegotiate the keys")]
    KeyExhausted,
    /// The key, the salt or the exported block does not have the length of the profile.
    #[error("srtp: key or salt length does not fit the profile; pass what the dtls exporter gave")]
    KeyLength,
    /// The crypto library refused to encrypt; does not happen with packets of less than 64 kB.
    #[error("srtp: the cipher failed; drop the packet")]
    Cipher,
}
