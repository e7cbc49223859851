//! What SRTP has to do, seen from outside one sealer and one opener.

mod hostile;
mod interop;
mod rollover;
mod round_trip;
mod vectors;

use super::*;

/// Bytes of a string of hexadecimal digits; spaces are skipped.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A master key made of counting bytes.
fn master(profile: Profile) -> MasterKey {
    let bytes: Vec<u8> = (1..=46).collect();
    MasterKey::new(profile, &bytes[..profile.key_len()], &bytes[32..32 + profile.salt_len()]).unwrap()
}

/// Both ends of a session.
fn pair(profile: Profile) -> (SrtpSealer, SrtpOpener) {
    let key = master(profile);
    let opener = SrtpOpener::new(profile, &key, OpenerLimits::default()).unwrap();
    (SrtpSealer::new(profile, &key).unwrap(), opener)
}

/// An RTP header of 12 bytes.
fn header(ssrc: u32, seq: u16) -> Vec<u8> {
    let mut header = vec![0x80, 96];
    header.extend(seq.to_be_bytes());
    header.extend(0x1234_5678u32.to_be_bytes());
    header.extend(ssrc.to_be_bytes());
    header
}

/// A receiver report of `ssrc` with `extra` bytes behind it.
fn report(ssrc: u32, extra: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..extra).map(|i| i as u8));
    packet
}

/// Seals one packet with a payload that names its sequence number.
fn seal(sealer: &mut SrtpSealer, ssrc: u32, seq: u16) -> Vec<u8> {
    let mut out = vec![0xee; 200];
    let len = sealer.seal_rtp(&header(ssrc, seq), &payload(seq), &mut out).unwrap();
    out.truncate(len);
    out
}

/// The payload of [`seal`].
fn payload(seq: u16) -> Vec<u8> {
    format!("payload of {seq}").into_bytes()
}

/// Opens a packet with a header of 12 bytes and returns its payload.
fn open(opener: &mut SrtpOpener, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut out = vec![0xdd; packet.len()];
    let len = opener.open_rtp(packet, 12, &mut out)?;
    Ok(out[12..len].to_vec())
}
