//! Valid RTCP: a compound of one to six packets of every type.
use std::collections::BTreeMap;

use super::Chance;
use crate::rtcp::{Arrival, DlrrBlock, FirEntry, NtpTime, ReportBlock, RtcpWriter, SenderInfo};

/// What RTCP can speak of.
pub(super) struct Subjects {
    /// SSRCs that the peer sends RTCP with.
    pub(crate) own: Vec<u32>,
    /// SSRCs that the worker sends, RTX too.
    pub(crate) received: Vec<u32>,
    /// Sequence numbers that they had lately.
    pub(crate) lately: BTreeMap<u32, u16>,
}

/// One compound packet.
pub(super) fn compound(chance: &mut Chance, subjects: &Subjects) -> Vec<u8> {
    let mut buf = [0; 1200];
    let mut writer = RtcpWriter::new(&mut buf);
    for _ in 0..=chance.below(6) {
        write(chance, subjects, &mut writer);
    }
    writer.as_bytes().to_vec()
}

fn block(chance: &mut Chance, ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: chance.byte(),
        cumulative_lost: (chance.bits() as i32) >> 9,
        highest_sequence: chance.bits() as u32,
        jitter: chance.bits() as u32 >> chance.below(32),
        last_sr: chance.bits() as u32,
        delay_since_last_sr: chance.bits() as u32 >> chance.below(32),
    }
}

fn write(chance: &mut Chance, subjects: &Subjects, writer: &mut RtcpWriter<'_>) {
    let own = *chance.pick(&subjects.own);
    let media = *chance.pick(&subjects.received);
    let blocks: Vec<ReportBlock> = (0..chance.below(5))
        .map(|_| {
            let ssrc = *chance.pick(&subjects.received);
            block(chance, ssrc)
        })
        .collect();
    // What no longer fits is left out.
    let _ = match chance.below(13) {
        0 | 1 => {
            let info = SenderInfo {
                ntp: NtpTime::from_bits(chance.bits() >> chance.below(64)),
                rtp_timestamp: chance.bits() as u32,
                packet_count: chance.bits() as u32,
                octet_count: chance.bits() as u32,
            };
            writer.sender_report(own, &info, &blocks)
        }
        2 => writer.receiver_report(own, &blocks),
        3 => writer.sdes_cname(own, &b"cname of somebody"[..chance.below(17)]),
        4 => writer.bye(&[own, media]),
        5 | 6 => {
            let first =
                subjects.lately.get(&media).map_or(0, |last| last.wrapping_sub(chance.below(300) as u16));
            let lost: Vec<u16> =
                (0..1 + chance.below(40) as u16).map(|n| first.wrapping_add(n * (1 + n % 3))).collect();
            writer.nack(own, media, &lost).map(|_| ())
        }
        7 => writer.pli(own, media),
        8 => {
            let entry = |ssrc, sequence_number| FirEntry { ssrc, sequence_number };
            writer.fir(own, &[entry(media, chance.byte()), entry(own, chance.byte())])
        }
        9 => {
            let bitrate = chance.bits() >> chance.below(64);
            writer.remb(own, bitrate, &subjects.received)
        }
        10 => {
            let base = chance.bits() >> 32;
            let mut ticks = 0;
            let arrivals: Vec<Arrival> = (0..1 + chance.below(60) as u64)
                .map(|n| {
                    ticks += chance.bits() % 300;
                    Arrival { sequence: base + n * (1 + n % 4), ticks }
                })
                .collect();
            writer.transport_cc(own, media, chance.byte(), base, &arrivals).map(|_| ())
        }
        11 => writer.xr_receiver_reference_time(own, NtpTime::from_bits(chance.bits())),
        _ if chance.one_in(2) => {
            let last_rr = chance.bits() as u32;
            writer.xr_dlrr(own, &[DlrrBlock { ssrc: media, last_rr, delay_since_last_rr: 9 }])
        }
        // APP, and feedback of a format that nobody knows.
        _ => writer.raw(&[
            0x81, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e', 0x87, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2,
        ]),
    };
}
