//! Valid RTP: every codec's descriptors, both forms of header extensions, CSRCs, padding, RTX.
use super::Chance;

/// Extension ids that the peers of a storm use; see [`super::peers`].
pub(super) mod id {
    pub(crate) const MID: u8 = 1;
    pub(crate) const RID: u8 = 2;
    pub(crate) const REPAIRED_RID: u8 = 3;
    pub(crate) const ABS_SEND_TIME: u8 = 4;
    pub(crate) const TRANSPORT_CC: u8 = 5;
    pub(crate) const AUDIO_LEVEL: u8 = 6;
    pub(crate) const VIDEO_ORIENTATION: u8 = 7;
    pub(crate) const DEPENDENCY_DESCRIPTOR: u8 = 8;
    pub(crate) const TRANSMISSION_OFFSET: u8 = 9;
    pub(crate) const ABS_CAPTURE_TIME: u8 = 10;
    pub(crate) const PLAYOUT_DELAY: u8 = 11;
}

/// Payload types of the video codecs and of audio; an RTX payload type is one more than what it repairs.
pub(super) const VP8: u8 = 96;
pub(super) const VP9: u8 = 98;
pub(super) const H264: u8 = 100;
pub(super) const H265: u8 = 102;
pub(super) const AV1: u8 = 104;
pub(super) const OPUS: u8 = 111;
pub(super) const PCMU: u8 = 0;

/// Payloads with their payload types: beginnings, key frames, layers, aggregates, fragments, parameter sets.
pub(super) const PAYLOADS: &[(u8, &[u8])] = &[
    // VP8: a key frame with its size, without extension.
    (VP8, &[0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01, 1, 2, 3]),
    // VP8: 15-bit picture id, TL0PICIDX, TID and KEYIDX; a key frame, then an inter frame, then a 7-bit picture id.
    (
        VP8,
        &[0x90, 0xf0, 0x81, 0x23, 0x45, 0x60, 0x50, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00, 9],
    ),
    (VP8, &[0x90, 0xf0, 0x81, 0x24, 0x46, 0x41, 0x51, 0x02, 0x00, 1, 2, 3, 4]),
    (VP8, &[0x80, 0x80, 0x17, 0x11, 0x22, 0x33]),
    (VP8, &[0x00, 1, 2, 3, 4, 5, 6, 7]),
    // VP9: flexible mode with references; non-flexible with a scalability structure of two layers and a picture group.
    (VP9, &[0x98, 0x92, 0x34, 0x02, 0x01, 1, 2, 3]),
    (VP9, &[0xf8, 0x92, 0x35, 0x22, 0x03, 0x05, 1, 2, 3]),
    (
        VP9,
        &[
            0xaa, 0x92, 0x36, 0x00, 0x07, 0x38, 2, 0x80, 1, 0xe0, 5, 0, 3, 0xc0, 2, 0x04, 0x01, 0x15, 0x01,
            0x02, 9,
        ],
    ),
    (VP9, &[0x08, 1, 2, 3]),
    // H.264: SPS and PPS and IDR in one aggregate; an IDR's first and last fragment; single units.
    (
        H264,
        &[
            0x78, 0, 12, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0xd0, 0x0f, 0x08, 0, 4, 0x68,
            0xce, 0x3c, 0x80, 0, 5, 0x65, 0xb8, 0, 1, 2,
        ],
    ),
    (H264, &[0x7c, 0x85, 0xb8, 0x00, 0x04, 1, 2, 3]),
    (H264, &[0x7c, 0x45, 1, 2, 3]),
    (H264, &[0x67, 0x42, 0xe0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe8, 0x06, 0xd0, 0xa1, 0x35]),
    (H264, &[0x41, 0x9a, 0x24, 0x6c]),
    (H264, &[0x09, 0x10]),
    // H.265: parameter sets in an aggregate, an IDR's fragment, single units.
    (H265, &[0x60, 0x01, 0, 4, 0x40, 0x01, 1, 2, 0, 4, 0x42, 0x01, 1, 2, 0, 3, 0x44, 0x01, 1]),
    (H265, &[0x62, 0x01, 0x93, 1, 2, 3, 4]),
    (H265, &[0x26, 0x01, 0xaf, 1, 2, 3]),
    (H265, &[0x02, 0x01, 0xd0, 1, 2]),
    // AV1: a new coded sequence with a sequence header; two elements with lengths; a continuation.
    (AV1, &[0x18, 0x0a, 0x0b, 0, 0, 0, 0x24, 0xcf, 0x7f, 0x0d, 0xbf, 0xff, 0x30, 0x08]),
    (AV1, &[0x28, 0x0a, 0x0b, 0, 0, 0, 0x24, 0xcf, 0x7f, 0x0d, 0xbf, 0xff, 0x30, 0x08, 0x32, 1, 2]),
    (AV1, &[0x00, 0x03, 0x32, 1, 2, 0x80, 0x01, 5]),
    (AV1, &[0xd0, 0x32, 1, 2, 3]),
    // Opus: one frame, two frames, code 3 with padding, discontinuous transmission.
    (OPUS, &[0x78, 1, 2, 3, 4, 5, 6]),
    (OPUS, &[0x79, 1, 2, 3, 4]),
    (OPUS, &[0x7b, 0xc3, 0x02, 1, 2, 3, 4, 5, 6, 0, 0]),
    (OPUS, &[0xf8]),
    (OPUS, &[0xf8, 0xff, 0xfe]),
    (PCMU, &[0xff; 160]),
];

/// A stream that seeds belong to.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeedStream {
    /// MID, if it is to be said.
    pub(crate) mid: Option<&'static [u8]>,
    /// RID, if it has one.
    pub(crate) rid: Option<&'static [u8]>,
    /// SSRC.
    pub(crate) ssrc: u32,
    /// It is the RTX stream of this SSRC.
    pub(crate) repairs: Option<u32>,
    /// It is audio.
    pub(crate) audio: bool,
}

/// A valid packet of a stream, sequence number 0; of an RTX stream, it repairs number `lost`.
pub(super) fn packet(chance: &mut Chance, stream: &SeedStream, lost: u16) -> Vec<u8> {
    let (payload_type, payload) = loop {
        let seed = chance.pick(PAYLOADS);
        if stream.audio == (seed.0 == OPUS || seed.0 == PCMU) {
            break *seed;
        }
    };
    let marker = u8::from(chance.one_in(2)) << 7;
    let csrcs = if chance.one_in(6) { chance.below(16) } else { 0 };
    let padding = if chance.one_in(6) { 1 + chance.below(32) } else { 0 };
    let block = extensions(chance, stream);
    let mut out = vec![
        0x80 | u8::from(padding > 0) << 5 | u8::from(block.is_some()) << 4 | csrcs as u8,
        marker | (payload_type + u8::from(stream.repairs.is_some())),
        0,
        0,
    ];
    let timestamp = chance.bits() as u32 >> chance.below(32);
    out.extend(timestamp.to_be_bytes());
    out.extend(stream.ssrc.to_be_bytes());
    out.extend(chance.bytes(4 * csrcs));
    out.extend(block.unwrap_or_default());
    if stream.repairs.is_some() {
        out.extend(lost.to_be_bytes());
    }
    out.extend_from_slice(payload);
    let more = [0, 0, 20, 600, 1100][chance.below(5)];
    out.extend(chance.bytes(more));
    if padding > 0 {
        out.extend(std::iter::repeat_n(0, padding - 1));
        out.push(padding as u8);
    }
    out
}

/// A block of header extensions with its header.
fn extensions(chance: &mut Chance, stream: &SeedStream) -> Option<Vec<u8>> {
    let mut elements: Vec<(u8, Vec<u8>)> = Vec::new();
    // A stream without a signaled SSRC is found by these, at the beginning.
    if chance.one_in(3) || stream.rid.is_some() {
        elements.extend(stream.mid.map(|mid| (id::MID, mid.to_vec())));
        let kind = if stream.repairs.is_some() { id::REPAIRED_RID } else { id::RID };
        elements.extend(stream.rid.map(|rid| (kind, rid.to_vec())));
    }
    for (kind, len) in [
        (id::ABS_SEND_TIME, 3),
        (id::TRANSPORT_CC, 2),
        (id::AUDIO_LEVEL, 1),
        (id::VIDEO_ORIENTATION, 1),
        (id::DEPENDENCY_DESCRIPTOR, 3),
        (id::TRANSMISSION_OFFSET, 3),
        (id::ABS_CAPTURE_TIME, 16),
        (id::PLAYOUT_DELAY, 3),
        (13, 5),
    ] {
        if chance.one_in(3) {
            elements.push((kind, chance.bytes(len)));
        }
    }
    if elements.is_empty() && chance.one_in(2) {
        return None;
    }
    let two_byte = chance.one_in(3);
    let mut body = Vec::new();
    for (kind, value) in elements {
        if two_byte {
            body.extend([kind, value.len() as u8]);
        } else if value.len() <= 16 {
            body.push(kind << 4 | (value.len() as u8 - 1));
        } else {
            continue;
        }
        body.extend(value);
        if chance.one_in(8) {
            body.push(0);
        }
    }
    body.resize(body.len().next_multiple_of(4), 0);
    let profile: u16 = match (two_byte, chance.below(40)) {
        (_, 0) => 0x4321,
        (true, low) => 0x1000 | (low as u16 & 0x0f),
        (false, _) => 0xbede,
    };
    let mut out = profile.to_be_bytes().to_vec();
    out.extend((body.len() as u16 / 4).to_be_bytes());
    out.extend(body);
    Some(out)
}
