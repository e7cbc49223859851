use super::*;
use ::rtcp as oracle;
use bytes::Bytes;
use oracle::extended_report::{
    DLRRReport, DLRRReportBlock, ExtendedReport, ReceiverReferenceTimeReportBlock,
};
use oracle::goodbye::Goodbye;
use oracle::packet::Packet;
use oracle::payload_feedbacks::full_intra_request as fir;
use oracle::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use oracle::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use oracle::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};
use oracle::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use oracle::transport_feedbacks::transport_layer_nack::{
    TransportLayerNack, nack_pairs_from_sequence_numbers,
};
use proptest::prelude::*;

fn blocks() -> impl Strategy<Value = Vec<ReportBlock>> {
    let block = (any::<[u32; 5]>(), any::<u8>(), -0x80_0000..=0x7F_FFFF_i32).prop_map(
        |([ssrc, highest_sequence, jitter, last_sr, delay_since_last_sr], fraction_lost, cumulative_lost)| {
            ReportBlock {
                ssrc,
                fraction_lost,
                cumulative_lost,
                highest_sequence,
                jitter,
                last_sr,
                delay_since_last_sr,
            }
        },
    );
    prop::collection::vec(block, 0..32)
}

fn oracle_block(block: &ReportBlock) -> oracle::reception_report::ReceptionReport {
    oracle::reception_report::ReceptionReport {
        ssrc: block.ssrc,
        fraction_lost: block.fraction_lost,
        total_lost: block.cumulative_lost as u32 & 0xFF_FFFF,
        last_sequence_number: block.highest_sequence,
        jitter: block.jitter,
        last_sender_report: block.last_sr,
        delay: block.delay_since_last_sr,
    }
}

/// What the oracle reads in `bytes`, and the bytes it writes for that again.
fn oracle_reads(bytes: &[u8]) -> Vec<Box<dyn Packet>> {
    oracle::packet::unmarshal(&mut &bytes[..]).unwrap_or_else(|error| panic!("{error}: {bytes:x?}"))
}

fn oracle_writes(packet: impl Packet + 'static) -> Vec<u8> {
    let packet: Box<dyn Packet> = Box::new(packet);
    oracle::packet::marshal(&[packet]).unwrap().to_vec()
}

/// Writes one packet and checks that the oracle reads `expected` from it, and that the oracle's bytes for it read the same to us.
fn agrees(
    write: impl FnOnce(&mut RtcpWriter<'_>) -> Result<(), NoRoom>,
    expected: impl Packet + 'static,
) -> Result<Vec<u8>, TestCaseError> {
    let mut buf = [0xEE; 2048];
    let mut writer = RtcpWriter::new(&mut buf);
    write(&mut writer).unwrap();
    let ours = writer.as_bytes().to_vec();
    let read = oracle_reads(&ours);
    prop_assert_eq!(read.len(), 1);
    prop_assert!(expected.equal(&*read[0]), "{:?}", read);
    let theirs = oracle_writes(expected);
    // It fills up source descriptions and goodbyes in a way of its own, so these are compared by what they tell.
    match RtcpItem::parse(&ours) {
        Ok(RtcpItem::Sdes(ours)) => {
            let Ok(RtcpItem::Sdes(theirs)) = RtcpItem::parse(&theirs) else { panic!() };
            prop_assert!(ours.chunks().eq(theirs.chunks()));
        }
        ours => prop_assert_eq!(ours, RtcpItem::parse(&theirs)),
    }
    Ok(ours)
}

proptest! {
    #[test]
    fn sender_reports_agree_with_the_oracle(ssrc: u32, ntp: u64, numbers: [u32; 3], blocks in blocks()) {
        let [rtp_timestamp, packet_count, octet_count] = numbers;
        let info = SenderInfo { ntp: NtpTime::from_bits(ntp), rtp_timestamp, packet_count, octet_count };
        let expected = oracle::sender_report::SenderReport {
            ssrc,
            ntp_time: ntp,
            rtp_time: rtp_timestamp,
            packet_count,
            octet_count,
            reports: blocks.iter().map(oracle_block).collect(),
            profile_extensions: Bytes::new(),
        };
        let bytes = agrees(|writer| writer.sender_report(ssrc, &info, &blocks), expected)?;
        let Ok(RtcpItem::SenderReport(report)) = RtcpItem::parse(&bytes) else { panic!() };
        prop_assert_eq!((report.ssrc, report.info), (ssrc, info));
        prop_assert!(report.blocks().eq(blocks));
    }

    #[test]
    fn receiver_reports_agree_with_the_oracle(ssrc: u32, blocks in blocks()) {
        let expected = oracle::receiver_report::ReceiverReport {
            ssrc,
            reports: blocks.iter().map(oracle_block).collect(),
            profile_extensions: Bytes::new(),
        };
        let bytes = agrees(|writer| writer.receiver_report(ssrc, &blocks), expected)?;
        let Ok(RtcpItem::ReceiverReport(report)) = RtcpItem::parse(&bytes) else { panic!() };
        prop_assert!(report.blocks().eq(blocks));
    }

    #[test]
    fn cnames_agree_with_the_oracle(ssrc: u32, cname in prop::collection::vec(any::<u8>(), 1..256)) {
        let items = vec![SourceDescriptionItem { sdes_type: SdesType::SdesCname, text: Bytes::from(cname.clone()) }];
        let expected = SourceDescription { chunks: vec![SourceDescriptionChunk { source: ssrc, items }] };
        let bytes = agrees(|writer| writer.sdes_cname(ssrc, &cname), expected)?;
        let Ok(RtcpItem::Sdes(sdes)) = RtcpItem::parse(&bytes) else { panic!() };
        let chunks: Vec<_> = sdes.chunks().map(|chunk| (chunk.ssrc, chunk.cname())).collect();
        prop_assert_eq!(chunks, [(ssrc, Some(&cname[..]))]);
    }

    #[test]
    fn goodbyes_agree_with_the_oracle(sources in prop::collection::vec(any::<u32>(), 0..32), reason in prop::collection::vec(any::<u8>(), 1..20)) {
        let plain = Goodbye { sources: sources.clone(), reason: Bytes::new() };
        let bytes = agrees(|writer| writer.bye(&sources), plain)?;
        let Ok(RtcpItem::Bye(bye)) = RtcpItem::parse(&bytes) else { panic!() };
        prop_assert_eq!((bye.sources().collect::<Vec<_>>(), bye.reason), (sources.clone(), None));
        let bytes = oracle_writes(Goodbye { sources, reason: Bytes::from(reason.clone()) });
        let Ok(RtcpItem::Bye(bye)) = RtcpItem::parse(&bytes) else { panic!() };
        prop_assert_eq!(bye.reason, Some(&reason[..]));
    }

    #[test]
    fn nacks_agree_with_the_oracle(ssrcs: (u32, u32), first: u16, gaps in prop::collection::vec(1..40u16, 0..60)) {
        let mut lost = vec![first];
        for gap in gaps {
            lost.push(lost.last().unwrap().wrapping_add(gap));
        }
        // The oracle's pairs don't go over the wrap.
        prop_assume!(lost.is_sorted());
        let expected = TransportLayerNack {
            sender_ssrc: ssrcs.0,
            media_ssrc: ssrcs.1,
            nacks: nack_pairs_from_sequence_numbers(&lost),
        };
        let bytes = agrees(|writer| writer.nack(ssrcs.0, ssrcs.1, &lost).map(|n| assert_eq!(n, lost.len())), expected)?;
        let Ok(RtcpItem::Nack(nack)) = RtcpItem::parse(&bytes) else { panic!() };
        prop_assert!(nack.lost().eq(lost));
    }

    #[test]
    fn key_frame_requests_agree_with_the_oracle(sender_ssrc: u32, media_ssrc: u32, entries in prop::collection::vec(any::<(u32, u8)>(), 1..9)) {
        agrees(|writer| writer.pli(sender_ssrc, media_ssrc), PictureLossIndication { sender_ssrc, media_ssrc })?;
        let ours: Vec<_> = entries.iter().map(|&(ssrc, sequence_number)| FirEntry { ssrc, sequence_number }).collect();
        let theirs = entries.iter().map(|&(ssrc, sequence_number)| fir::FirEntry { ssrc, sequence_number }).collect();
        let expected = fir::FullIntraRequest { sender_ssrc, media_ssrc: 0, fir: theirs };
        let bytes = agrees(|writer| writer.fir(sender_ssrc, &ours), expected)?;
        let Ok(RtcpItem::Fir(fir)) = RtcpItem::parse(&bytes) else { panic!() };
        prop_assert!(fir.entries().eq(ours));
    }

    #[test]
    fn remb_agrees_with_the_oracle(sender_ssrc: u32, mantissa in 0x2_0000..0x4_0000u64, exponent in 0..40u32, ssrcs in prop::collection::vec(any::<u32>(), 0..9)) {
        let bitrate = mantissa << exponent;
        let expected = ReceiverEstimatedMaximumBitrate { sender_ssrc, bitrate: bitrate as f32, ssrcs: ssrcs.clone() };
        let bytes = agrees(|writer| writer.remb(sender_ssrc, bitrate, &ssrcs), expected)?;
        let Ok(RtcpItem::Remb(remb)) = RtcpItem::parse(&bytes) else { panic!() };
        prop_assert_eq!((remb.bitrate, remb.ssrcs().collect::<Vec<_>>()), (bitrate, ssrcs));
    }

    #[test]
    fn extended_reports_agree_with_the_oracle(ssrc: u32, ntp: u64, blocks in prop::collection::vec(any::<[u32; 3]>(), 1..9)) {
        let expected = ExtendedReport {
            sender_ssrc: ssrc,
            reports: vec![Box::new(ReceiverReferenceTimeReportBlock { ntp_timestamp: ntp })],
        };
        let now = NtpTime::from_bits(ntp);
        let bytes = agrees(|writer| writer.xr_receiver_reference_time(ssrc, now), expected)?;
        let Ok(RtcpItem::Xr(xr)) = RtcpItem::parse(&bytes) else { panic!() };
        prop_assert!(xr.blocks().eq([XrBlock::ReceiverReferenceTime(now)]));

        let theirs = blocks.iter().map(|&[ssrc, last_rr, dlrr]| DLRRReport { ssrc, last_rr, dlrr }).collect();
        let expected = ExtendedReport { sender_ssrc: ssrc, reports: vec![Box::new(DLRRReportBlock { reports: theirs })] };
        let ours: Vec<_> = blocks
            .iter()
            .map(|&[ssrc, last_rr, delay_since_last_rr]| DlrrBlock { ssrc, last_rr, delay_since_last_rr })
            .collect();
        let bytes = agrees(|writer| writer.xr_dlrr(ssrc, &ours), expected)?;
        let Ok(RtcpItem::Xr(xr)) = RtcpItem::parse(&bytes) else { panic!() };
        prop_assert!(xr.blocks().flat_map(|block| block.dlrr()).eq(ours));
    }
}

/// Arrivals with gaps, reordering in time, and pauses; sequence numbers from 65000 to cross the wrap.
fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let gap = prop_oneof![8 => Just(1u64), 2 => 2..20u64, 1 => 20..20_000u64];
    let delay = prop_oneof![6 => 0..200i64, 2 => -300..2000i64, 1 => 0..40_000i64];
    prop::collection::vec((gap, delay), 1..400).prop_map(|steps| {
        let (mut sequence, mut ticks) = (65_000, 1 << 20);
        steps
            .into_iter()
            .map(|(gap, delay)| {
                sequence += gap;
                ticks += delay;
                Arrival { sequence, ticks: ticks as u64 }
            })
            .collect()
    })
}

/// Arrival times as a reader works them out: sequence number and ticks.
fn read_back(feedback: &TransportCc<'_>) -> Vec<(u16, u64)> {
    let mut ticks = i64::from(feedback.reference_time) * 256;
    feedback
        .received()
        .map(|(sequence, delta)| {
            ticks += i64::from(delta);
            (sequence, ticks as u64)
        })
        .collect()
}

proptest! {
    #[test]
    fn transport_feedback_tells_every_arrival_and_every_gap(arrivals in arrivals(), room in 32usize..400, lead in 0..30u64) {
        let mut rest = &arrivals[..];
        let mut base = rest[0].sequence - lead;
        let (mut told, mut lost) = (vec![], 0);
        let mut feedback_count = 0u8;
        while !rest.is_empty() {
            let mut buf = vec![0xEE; room];
            let mut writer = RtcpWriter::new(&mut buf);
            let Ok(written) = writer.transport_cc(1, 2, feedback_count, base, rest) else {
                // Only too long a run of lost packets, or too little room for one, may stop it.
                prop_assert!(rest[0].sequence - base > 8191);
                base = rest[0].sequence;
                continue;
            };
            prop_assert_eq!(writer.len(), written.len);
            let bytes = writer.as_bytes();
            let Ok(RtcpItem::TransportCc(feedback)) = RtcpItem::parse(bytes) else { panic!("{bytes:?}") };
            prop_assert_eq!(feedback.base_sequence, base as u16);
            prop_assert_eq!(feedback.feedback_count, feedback_count);
            prop_assert_eq!(u64::from(feedback.status_count), written.next_base - base);
            let statuses: Vec<_> = feedback.statuses().collect();
            lost += statuses.iter().filter(|status| status.1.is_none()).count() as u64;
            told.extend(read_back(&feedback));

            let theirs = oracle_reads(bytes);
            let theirs = theirs[0].as_any().downcast_ref::<TransportLayerCc>().unwrap();
            let deltas: Vec<_> = feedback.received().map(|(_, delta)| i64::from(delta) * 250).collect();
            prop_assert_eq!(theirs.recv_deltas.iter().map(|d| d.delta).collect::<Vec<_>>(), deltas);
            prop_assert_eq!(theirs.reference_time as i32, feedback.reference_time);
            let again = oracle_writes(theirs.clone());
            prop_assert_eq!(RtcpItem::parse(&again), Ok(RtcpItem::TransportCc(feedback)));

            base = written.next_base;
            rest = &rest[written.consumed..];
            feedback_count = feedback_count.wrapping_add(1);
        }
        let expected: Vec<_> = arrivals.iter().map(|a| (a.sequence as u16, a.ticks)).collect();
        prop_assert_eq!(told, expected);
        if arrivals.windows(2).all(|pair| pair[1].sequence - pair[0].sequence < 8000) {
            let span = arrivals.last().unwrap().sequence + 1 - (arrivals[0].sequence - lead);
            prop_assert_eq!(lost, span - arrivals.len() as u64);
        }
    }

    #[test]
    fn hostile_compounds_never_panic(datagram in datagrams()) {
        let mut compound = Compound::new(&datagram);
        let mut bytes = 0;
        while let Some(packet) = compound.next_packet() {
            let Ok(packet) = packet else { continue };
            bytes += packet.as_bytes().len();
            walk(packet.item())?;
        }
        prop_assert!(bytes <= datagram.len());
        prop_assert!(Compound::new(&datagram).count() <= datagram.len() / 4 + 1);
    }
}

/// Goes through everything an item has to iterate.
fn walk(item: &RtcpItem<'_>) -> Result<(), TestCaseError> {
    match item {
        RtcpItem::SenderReport(report) => prop_assert!(report.blocks().len() < 32),
        RtcpItem::ReceiverReport(report) => prop_assert!(report.blocks().len() < 32),
        RtcpItem::Sdes(sdes) => {
            for chunk in sdes.chunks() {
                prop_assert!(chunk.cname().is_none() || chunk.items().count() > 0);
            }
        }
        RtcpItem::Bye(bye) => prop_assert!(bye.sources().count() < 32),
        RtcpItem::Nack(nack) => {
            let _ = nack.lost().count();
        }
        RtcpItem::Fir(fir) => {
            let _ = fir.entries().count();
        }
        RtcpItem::Remb(remb) => prop_assert!(remb.ssrcs().count() < 256),
        RtcpItem::TransportCc(feedback) => {
            let statuses: Vec<_> = feedback.statuses().collect();
            prop_assert_eq!(statuses.len(), usize::from(feedback.status_count));
            let received = statuses.into_iter().filter_map(|(sequence, delta)| Some((sequence, delta?)));
            prop_assert!(received.eq(feedback.received()));
        }
        RtcpItem::Xr(xr) => {
            let _ = xr.blocks().flat_map(|block| block.dlrr()).count();
        }
        RtcpItem::Pli(_) | RtcpItem::Unknown(_) => {}
    }
    Ok(())
}

/// Arbitrary bytes, packets of known types with arbitrary bodies, and compounds of ours with some bytes overwritten.
fn datagrams() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..160);
    let typed = (0..32u8, 200..208u8, any::<bool>(), bytes()).prop_map(|(count, kind, padding, mut body)| {
        body.truncate(body.len() & !3);
        let mut packet = vec![0x80 | count | u8::from(padding) << 5, kind, 0, (body.len() / 4) as u8];
        packet.append(&mut body);
        packet
    });
    let mutated = (arrivals(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6))
        .prop_map(|(arrivals, changes)| {
            let mut bytes = compound(&arrivals);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        });
    prop_oneof![bytes(), typed, mutated]
}

fn compound(arrivals: &[Arrival]) -> Vec<u8> {
    let mut buf = [0; 1200];
    let mut writer = RtcpWriter::new(&mut buf);
    writer.sender_report(1, &SenderInfo::default(), &[ReportBlock::default()]).unwrap();
    writer.sdes_cname(1, b"cname").unwrap();
    writer.nack(1, 2, &[5, 6, 9, 100]).unwrap();
    writer.fir(1, &[FirEntry { ssrc: 2, sequence_number: 3 }]).unwrap();
    writer.remb(1, 1_000_000, &[2, 3]).unwrap();
    writer.xr_dlrr(1, &[DlrrBlock::default()]).unwrap();
    writer.bye(&[1]).unwrap();
    let _ = writer.transport_cc(1, 2, 0, arrivals[0].sequence, arrivals);
    writer.as_bytes().to_vec()
}

#[test]
fn a_compound_is_read_packet_by_packet() {
    let bytes = compound(&[Arrival { sequence: 7, ticks: 1000 }]);
    assert!(is_rtcp(&bytes) && !is_rtcp(&[0x80, 96]) && !is_rtcp(&[0x16, 200]));
    let items: Vec<_> = Compound::new(&bytes).map(Result::unwrap).collect();
    assert!(matches!(
        items[..],
        [
            RtcpItem::SenderReport(_),
            RtcpItem::Sdes(_),
            RtcpItem::Nack(_),
            RtcpItem::Fir(_),
            RtcpItem::Remb(_),
            RtcpItem::Xr(_),
            RtcpItem::Bye(_),
            RtcpItem::TransportCc(_)
        ]
    ));
}

#[test]
fn a_malformed_packet_does_not_hide_the_next() {
    let mut bytes = vec![0x82, 201, 0, 1, 0, 0, 0, 1]; // announces two blocks
    bytes.extend([0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
    bytes.extend([0xA0, 204, 0, 1, 0, 0, 0, 5]); // padding longer than the packet
    bytes.extend([0x80, 200, 0, 9, 1]);
    let items: Vec<_> = Compound::new(&bytes).collect();
    let pli = RtcpItem::Pli(Pli { sender_ssrc: 1, media_ssrc: 2 });
    let errors = [RtcpError::Malformed(201), RtcpError::Padding(204), RtcpError::Truncated(5)];
    assert_eq!(items, [Err(errors[0]), Ok(pli), Err(errors[1]), Err(errors[2])]);
    assert_eq!(Compound::new(&[0x40; 8]).collect::<Vec<_>>(), [Err(RtcpError::Version(1))]);
}

#[test]
fn a_packet_that_does_not_fit_leaves_the_others() {
    let mut buf = [0; 20];
    let mut writer = RtcpWriter::new(&mut buf);
    writer.pli(1, 2).unwrap();
    let before = writer.as_bytes().to_vec();
    assert_eq!(writer.receiver_report(1, &[ReportBlock::default()]), Err(NoRoom));
    assert_eq!(writer.nack(1, 2, &[1]), Err(NoRoom));
    assert_eq!(writer.transport_cc(1, 2, 0, 1, &[Arrival { sequence: 1, ticks: 0 }]), Err(NoRoom));
    assert_eq!(writer.sdes_cname(1, b"c"), Err(NoRoom));
    assert_eq!(writer.as_bytes(), before);
    assert_eq!((writer.len(), writer.room()), (12, 8));
    let mut large = [0; 4096];
    assert_eq!(RtcpWriter::new(&mut large).receiver_report(1, &[ReportBlock::default(); 32]), Err(NoRoom));
    assert_eq!(RtcpWriter::new(&mut large).sdes_cname(1, &[b'c'; 256]), Err(NoRoom));
}

#[test]
fn a_nack_takes_as_many_as_there_is_room_for_and_crosses_the_wrap() {
    let mut buf = [0; 16];
    let mut writer = RtcpWriter::new(&mut buf);
    assert_eq!(writer.nack(1, 2, &[65530, 65530, 65535, 0, 10, 11]), Ok(5));
    let Ok(RtcpItem::Nack(nack)) = RtcpItem::parse(writer.as_bytes()) else { panic!() };
    assert_eq!(nack.lost().collect::<Vec<_>>(), [65530, 65535, 0, 10]);
}

#[test]
fn every_chunk_of_a_source_description_is_found() {
    // The items of the first chunk end on a word, so a whole word of zeroes follows them.
    let mut packet = vec![0x82, 202, 0, 6, 0, 0, 0, 1, 1, 2, b'a', b'b', 0, 0, 0, 0];
    packet.extend([0, 0, 0, 2, 8, 1, b'x', 1, 1, b'c', 0, 0]);
    let Ok(RtcpItem::Sdes(sdes)) = RtcpItem::parse(&packet) else { panic!() };
    let cnames: Vec<_> = sdes.chunks().map(|chunk| (chunk.ssrc, chunk.cname())).collect();
    assert_eq!(cnames, [(1, Some(&b"ab"[..])), (2, Some(&b"c"[..]))]);
    // A third chunk is announced but isn't there.
    packet[0] = 0x83;
    assert_eq!(RtcpItem::parse(&packet), Err(RtcpError::Malformed(202)));
}

#[test]
fn hostile_run_lengths_are_bounded_by_the_status_count() {
    // 65535 packets announced, eight runs of 8191 lost ones and a last run that would go on.
    let mut packet =
        vec![0x8F, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0xFF, 0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 9];
    packet.extend([0x1F, 0xFF].repeat(10));
    packet[3] = (packet.len() / 4 - 1) as u8;
    let Ok(RtcpItem::TransportCc(feedback)) = RtcpItem::parse(&packet) else { panic!() };
    assert_eq!((feedback.reference_time, feedback.feedback_count), (-1, 9));
    assert_eq!(feedback.statuses().count(), 65535);
    assert_eq!(feedback.received().count(), 0);
    // The same as received ones lack their deltas, and the reserved symbol means nothing.
    for first in [0x3F, 0x7F] {
        packet[20] = first;
        assert_eq!(RtcpItem::parse(&packet), Err(RtcpError::Malformed(205)));
    }
}

#[test]
fn remb_beyond_64_bits_saturates() {
    let packet = [0x8F, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 0, 0xFF, 0xFF, 0xFF];
    let Ok(RtcpItem::Remb(remb)) = RtcpItem::parse(&packet) else { panic!() };
    assert_eq!(remb.bitrate, u64::MAX);
    let mut buf = [0; 64];
    let mut writer = RtcpWriter::new(&mut buf);
    writer.remb(1, u64::MAX, &[]).unwrap();
    let Ok(RtcpItem::Remb(remb)) = RtcpItem::parse(writer.as_bytes()) else { panic!() };
    assert_eq!(remb.bitrate, 0x3_FFFF << 46);
}
