//! SRTP and SRTCP (RFC 3711, RFC 7714), keyed by DTLS-SRTP (RFC 5764).
//!
//! A transport owns one [`SrtpSealer`] (what we send) and one [`SrtpOpener`] (what we receive). Both work without an
//! allocation per packet; sealing reads a payload that many receivers share and writes into the receiver's own slot.
//!
//! Not supported, and refused rather than guessed: MKI, unencrypted SRTP or SRTCP (E bit 0), encrypted header
//! extensions (RFC 6904, RFC 9335), a key derivation rate other than 0.

mod cipher;
mod cm;
mod derivation;
mod error;
mod gcm;
mod index;
mod keys;
mod open;
mod profile;
mod replay;
mod seal;
mod streams;
#[cfg(test)]
mod tests;

pub(crate) use error::SrtpError;
pub(crate) use keys::{KeyingMaterial, MasterKey};
#[cfg(test)]
pub(crate) use open::OpenerCounters;
pub(crate) use open::{OpenerLimits, SrtpOpener};
pub(crate) use profile::Profile;
pub(crate) use seal::{SEALING_WINDOW, SrtpSealer};

/// Bytes of an RTP header without CSRCs and extension (RFC 3550 §5.1).
const RTP_FIXED_HEADER_LEN: usize = 12;
/// Bytes of an SRTCP packet that stay in the clear: the first RTCP header and the sender's SSRC (RFC 3711 §3.4).
const RTCP_CLEAR_LEN: usize = 8;
/// Bytes of the word with the E bit and the SRTCP index.
const RTCP_INDEX_LEN: usize = 4;
/// The E bit: this SRTCP packet is encrypted.
const RTCP_ENCRYPTED: u32 = 1 << 31;
/// The highest SRTCP index: it has 31 bits, and a key must not see any of them twice.
const RTCP_LAST_INDEX: u32 = RTCP_ENCRYPTED - 1;

/// Sequence number and SSRC of the RTP packet that starts with `header`; `None` when it is cut short.
#[inline]
fn rtp_ids(header: &[u8]) -> Option<(u16, u32)> {
    let fixed: &[u8; RTP_FIXED_HEADER_LEN] = header.first_chunk()?;
    let seq = u16::from_be_bytes([fixed[2], fixed[3]]);
    let ssrc = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
    Some((seq, ssrc))
}

/// SSRC of the sender of the RTCP packet that starts with `packet`; `None` when it is cut short.
#[inline]
fn rtcp_sender(packet: &[u8]) -> Option<u32> {
    let clear: &[u8; RTCP_CLEAR_LEN] = packet.first_chunk()?;
    Some(u32::from_be_bytes([clear[4], clear[5], clear[6], clear[7]]))
}
