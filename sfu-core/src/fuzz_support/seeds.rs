//! Valid inputs, as beginnings for fuzzers.
use std::time::{Duration, Instant, SystemTime};

use super::Chance;
use super::OFFERS;
use super::rtcp_seeds::{Subjects, compound};
use super::rtp_seeds::{PAYLOADS, SeedStream, packet};
use super::storm::check;
use crate::media::mjr::{MjrHeader, MjrMedia, MjrWriter};
use crate::transport::ice::forge;

/// So many valid inputs for a fuzz target, by its name; none for any other name.
pub fn seeds(kind: &str, count: usize) -> Vec<Vec<u8>> {
    let mut chance = Chance::new(5);
    (0..count).filter_map(|index| seed(&mut chance, kind, index)).collect()
}

/// A Dependency Descriptor with the structure of L1T3: four templates, three decode targets, one chain.
const DESCRIPTOR: &[u8] =
    &[0xc0, 0x00, 0x00, 0x80, 0x02, 0x17, 0xaa, 0xa1, 0x81, 0x4d, 0x14, 0x08, 0x21, 0x08];

/// Beginnings of key frames: VP8, VP9, H.264 with two parameter sets and a slice, H.264 in 4:4:4, AV1.
const FRAMES: [&[u8]; 5] = [
    &[0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xe0, 0x01],
    &[0x82, 0x49, 0x83, 0x42, 0x20, 0x27, 0xf0, 0x16, 0x70],
    &[
        0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05, 0x06, 0x7e, 0x7c, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00,
        0x40, 0x00, 0x00, 0x0f, 0x03, 0xc5, 0x0a, 0xa8, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0, 1, 0x65,
        0xb8, 0x00,
    ],
    &[
        0x67, 0xf4, 0x00, 0x0d, 0x91, 0x9b, 0x28, 0x2a, 0x33, 0xc7, 0xc5, 0xe0, 0x22, 0x00, 0x00, 0x03, 0x00,
        0x02, 0x00, 0x00, 0x03, 0x00, 0x78, 0x1e, 0x28, 0x53, 0x2c,
    ],
    &[0x12, 0x00, 0x0a, 0x0b, 0x00, 0x00, 0x00, 0x04, 0x3c, 0xfe, 0xcc, 0xda, 0xf9, 0x00, 0x40],
];

fn seed(chance: &mut Chance, kind: &str, index: usize) -> Option<Vec<u8>> {
    match kind {
        "rtp" => {
            let (mid, rid, audio) = (Some(&b"v"[..]), Some(&b"h"[..]), index.is_multiple_of(5));
            let repairs = (index.is_multiple_of(4) && !audio).then_some(8);
            Some(packet(chance, &SeedStream { mid, rid, ssrc: 7, repairs, audio }, 99))
        }
        "rtcp" => {
            let lately = [(3, 700), (4, 7)].into();
            Some(compound(chance, &Subjects { own: vec![1, 2], received: vec![3, 4], lately }))
        }
        "stun" => {
            let attributes = check(chance, "ours", index.is_multiple_of(2));
            let id = std::array::from_fn(|_| chance.byte());
            forge::protect(forge::message(0, 1, id, &attributes), b"password")
        }
        "payload_descriptor" => {
            let (_, payload) = PAYLOADS.get(index % PAYLOADS.len())?;
            let numbers = [chance.byte(), chance.byte(), chance.byte()];
            Some([&numbers, *payload].concat())
        }
        "dependency_descriptor" => {
            let delta = [3, 0x80 | (1 + index as u8 % 3), 0, index as u8];
            Some([&[DESCRIPTOR.len() as u8], DESCRIPTOR, &delta, &delta].concat())
        }
        "mjr" => recording(chance, 1 + 10 * (index % 5)).ok(),
        "sdp" => OFFERS.get(index % OFFERS.len()).map(|offer| offer.as_bytes().to_vec()),
        "bitstream" => FRAMES.get(index % FRAMES.len()).map(|frame| frame.to_vec()),
        "reorder" => Some(disorder(chance)),
        "datagram" => seed(chance, ["rtp", "rtcp", "stun"].get(index % 3)?, index),
        _ => None,
    }
}

/// Packets in order but for some that are lost, late or there twice, around the end of the sequence numbers.
fn disorder(chance: &mut Chance) -> Vec<u8> {
    let mut number = 0xffe0_u16;
    let mut steps = Vec::new();
    for _ in 0..60 {
        number = number.wrapping_add(if chance.one_in(8) { 3 } else { 1 });
        let late = if chance.one_in(6) { chance.below(6) as u16 } else { 0 };
        let [high, low] = number.wrapping_sub(late).to_be_bytes();
        steps.extend([20, 2 + chance.below(14) as u8, high, low]);
    }
    steps
}

fn recording(chance: &mut Chance, packets: usize) -> Result<Vec<u8>, crate::media::mjr::MjrError> {
    let now = Instant::now();
    let header = MjrHeader::new(MjrMedia::Video, "vp8");
    let mut writer = MjrWriter::create(Vec::new(), header, now, SystemTime::UNIX_EPOCH)?;
    for index in 0..packets {
        let stream = SeedStream { mid: None, rid: None, ssrc: 7, repairs: None, audio: false };
        writer.write_rtp(&packet(chance, &stream, 0), now + Duration::from_millis(index as u64))?;
    }
    writer.finish()
}
