//! Valid inputs, as beginnings for fuzzers.
use std::time::{Duration, Instant, SystemTime};

use super::Chance;
use super::rtcp_seeds::{Subjects, compound};
use super::rtp_seeds::{PAYLOADS, SeedStream, packet};
use super::storm::check;
use crate::media::mjr::{MjrHeader, MjrMedia, MjrWriter};
use crate::transport::ice::forge;

/// So many valid inputs of a kind: `rtp`, `rtcp`, `stun`, `mjr`, `payload_descriptor` or `dependency_descriptor`; none of any other.
pub fn seeds(kind: &str, count: usize) -> Vec<Vec<u8>> {
    let mut chance = Chance::new(5);
    (0..count).filter_map(|index| seed(&mut chance, kind, index)).collect()
}

/// A Dependency Descriptor with the structure of L1T3: four templates, three decode targets, one chain.
const DESCRIPTOR: &[u8] =
    &[0xc0, 0x00, 0x00, 0x80, 0x02, 0x17, 0xaa, 0xa1, 0x81, 0x4d, 0x14, 0x08, 0x21, 0x08];

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
        "mjr" => recording(chance, 1 + 10 * index).ok(),
        _ => None,
    }
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
