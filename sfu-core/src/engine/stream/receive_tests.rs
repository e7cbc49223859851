use super::*;
use proptest::prelude::*;

fn video() -> ReceiveConfig {
    ReceiveConfig {
        ssrc: 1111,
        rtx_ssrc: Some(2222),
        clock_rate: 90_000,
        window: 4096,
        inactive_after: Some(INACTIVE_AFTER),
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_report_block_tells_loss_jitter_and_the_echo_of_the_sender_report() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    assert_eq!(stream.report_block(start), None, "nothing to report before the first packet");
    for i in 0..100u16 {
        if i % 4 != 3 {
            stream.on_packet(
                start + ms(10 * u64::from(i)),
                65_500u16.wrapping_add(i),
                900 * u32::from(i),
                1000,
            );
        }
    }
    stream.on_packet(start + ms(1000), 65_500u16.wrapping_add(100), 90_000, 1000);
    stream.on_sender_report(start + ms(1000), 1111, 0x1234_5678_9abc_def0, 90_000);
    let block = stream.report_block(start + ms(1500)).unwrap();
    assert_eq!(block.ssrc, 1111);
    assert_eq!(block.cumulative_lost, 25);
    assert_eq!(block.fraction_lost, (25u32 * 256 / 101) as u8);
    assert_eq!(block.ext_highest_seq, 65_600);
    assert_eq!(block.jitter, 0, "packets on the beat have no jitter");
    assert_eq!(block.lsr, 0x5678_9abc);
    assert_eq!(block.dlsr, 0x8000);
    let next = stream.report_block(start + ms(1600)).unwrap();
    assert_eq!((next.fraction_lost, next.cumulative_lost), (0, 25));
}

#[test]
fn without_a_sender_report_nothing_is_echoed() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    stream.on_packet(start, 1, 0, 100);
    let block = stream.report_block(start + ms(500)).unwrap();
    assert_eq!((block.lsr, block.dlsr), (0, 0));
}

#[test]
fn a_restored_packet_is_new_once_and_stays_lost_in_reports() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    assert_eq!(stream.on_restored(start, 5), Arrival::Rejected, "nothing came yet");
    for seq in [10, 11, 13] {
        stream.on_packet(start, seq, 0, 100);
    }
    assert_eq!(stream.on_restored(start, 14), Arrival::Rejected, "nothing behind it came");
    assert!(!matches!(stream.on_restored(start, 13), Arrival::New { .. }));
    assert!(matches!(stream.on_restored(start, 12), Arrival::New { .. }));
    assert!(!matches!(stream.on_restored(start, 12), Arrival::New { .. }));
    assert!(!matches!(stream.on_packet(start, 12, 0, 100), Arrival::New { .. }), "it came after all");
    assert_eq!((stream.repaired(), stream.lost_for_good()), (1, 0));
    assert_eq!(stream.report_block(start).unwrap().cumulative_lost, 1);
}

#[test]
fn jitter_converges_to_the_deviation() {
    // Every other packet 10 ms late: consecutive transits differ by 900 ticks each time.
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    for i in 0..500u16 {
        let late = if i % 2 == 1 { 10 } else { 0 };
        stream.on_packet(start + ms(20 * u64::from(i) + late), i, 1800 * u32::from(i), 100);
    }
    assert!((880..=900).contains(&stream.jitter()), "{}", stream.jitter());
}

#[test]
fn a_jump_of_the_timestamp_is_no_jitter() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    stream.on_packet(start, 1, 0, 100);
    stream.on_packet(start + ms(20), 2, 0x8000_0000, 100);
    stream.on_packet(start + ms(40), 3, 0x8000_0000 + 1800, 100);
    assert_eq!(stream.jitter(), 0);
}

#[test]
fn a_restart_of_the_stream_is_no_jitter() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    stream.on_packet(start, 1, 0, 100);
    assert_eq!(stream.on_packet(start + ms(20), 30_000, 200_000, 100), Arrival::Rejected);
    let arrival = stream.on_packet(start + ms(40), 30_001, 201_800, 100);
    assert!(matches!(arrival, Arrival::New { restarted: true, .. }));
    stream.on_packet(start + ms(60), 30_002, 203_600, 100);
    assert_eq!(stream.jitter(), 0);
    let block = stream.report_block(start + ms(60)).unwrap();
    assert_eq!((block.cumulative_lost, block.ext_highest_seq), (0, 30_002));
}

#[test]
fn a_stream_goes_inactive_in_silence_and_comes_back() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    assert!(!stream.is_active());
    assert_eq!(stream.next_deadline(), None);
    stream.on_packet(start, 1, 0, 100);
    assert!(stream.is_active());
    assert_eq!(stream.next_deadline(), Some(start + INACTIVE_AFTER));
    assert!(!stream.poll(start + ms(1499)));
    assert!(stream.poll(start + ms(1500)));
    assert!(!stream.poll(start + ms(9000)), "told once");
    assert_eq!(stream.take_score_change(), Some(0));
    stream.report_block(start + ms(9000));
    assert_eq!(stream.score(), 0, "silence stays 0");
    stream.on_packet(start + ms(9001), 2, 9000, 100);
    assert!(stream.is_active());
    assert_eq!(stream.take_score_change(), Some(10));
}

#[test]
fn a_dropped_packet_does_not_keep_a_stream_active() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    stream.on_packet(start, 1, 0, 100);
    assert_eq!(stream.on_packet(start + ms(1000), 1, 0, 100), Arrival::Duplicate);
    assert_eq!(stream.next_deadline(), Some(start + INACTIVE_AFTER));
    assert_eq!(stream.rate().packets(), 1);
    assert_eq!(stream.discarded(), 1);
}

#[test]
fn rtx_repairs_gaps_and_keeps_its_own_books() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    stream.on_packet(start, 10, 0, 100);
    stream.on_packet(start, 13, 0, 100);
    assert!(matches!(stream.on_rtx_packet(start, 500, 11, 100), Arrival::New { in_order: false, .. }));
    assert_eq!(stream.on_rtx_packet(start, 500, 12, 100), Arrival::Duplicate, "the same RTX packet again");
    assert_eq!(stream.on_rtx_packet(start, 502, 11, 100), Arrival::Duplicate, "already repaired");
    stream.on_rtx_padding(start, 504, 255);
    assert_eq!((stream.repaired(), stream.retransmitted()), (1, 2));
    let block = stream.report_block(start).unwrap();
    assert_eq!(block.cumulative_lost, 2, "repair does not hide the loss from the sender");
    let rtx = stream.rtx_report_block(start).unwrap();
    assert_eq!((rtx.ssrc, rtx.cumulative_lost, rtx.ext_highest_seq), (2222, 2, 504));
    assert_eq!(stream.rtx_rate().unwrap().packets(), 3);
    assert_eq!(stream.rtx_discarded(), 1);
}

#[test]
fn rtx_without_such_a_stream_is_dropped() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(ReceiveConfig { rtx_ssrc: None, ..video() });
    stream.on_packet(start, 10, 0, 100);
    stream.on_packet(start, 12, 0, 100);
    assert_eq!(stream.on_rtx_packet(start, 1, 11, 100), Arrival::Rejected);
    assert_eq!(stream.rtx_report_block(start), None);
}

#[test]
fn the_score_falls_with_loss_and_less_with_repaired_loss() {
    let start = Instant::now();
    let mut plain = ReceiveStream::new(video());
    let mut repaired = ReceiveStream::new(video());
    for i in 0..1000u16 {
        let now = start + ms(10 * u64::from(i));
        let lost = i % 5 == 4;
        for stream in [&mut plain, &mut repaired] {
            if !lost {
                stream.on_packet(now, i, 900 * u32::from(i), 100);
            }
        }
        if i % 5 == 0 && i > 0 {
            repaired.on_rtx_packet(now, i / 5, i - 1, 100);
        }
        if i % 100 == 99 {
            plain.report_block(now);
            repaired.report_block(now);
        }
    }
    assert!(plain.score() < repaired.score(), "{} {}", plain.score(), repaired.score());
    assert!(repaired.score() < 10);
}

#[test]
fn the_clock_mapping_of_a_sender_without_a_clock_is_not_used() {
    let start = Instant::now();
    let mut stream = ReceiveStream::new(video());
    stream.on_sender_report(start, 1111, 0, 77);
    assert_eq!(stream.mapping(), None);
    stream.on_sender_report(start, 2222, 5 << 32, 77);
    assert_eq!(stream.mapping(), None, "the retransmission stream's report is not the media's");
    stream.on_sender_report(start, 1111, 5 << 32, 77);
    assert_eq!(stream.mapping(), Some(ClockMapping { ntp: 5 << 32, rtp_timestamp: 77 }));
}

#[test]
fn cumulative_loss_saturates_at_24_bits() {
    assert_eq!(clamp_24(0x80_0000), 0x7f_ffff);
    assert_eq!(clamp_24(u64::MAX), 0x7f_ffff);
    assert_eq!(clamp_24(5), 5);
}

proptest! {
    #[test]
    fn hostile_input_never_panics(
        rate in any::<u32>(),
        packets in proptest::collection::vec(any::<(u8, u16, u16, u32, u16)>(), 1..300),
    ) {
        let start = Instant::now();
        let mut stream = ReceiveStream::new(ReceiveConfig { clock_rate: rate, ..video() });
        let mut now = start;
        for (kind, seq, other, timestamp, step) in packets {
            now += ms(u64::from(step));
            match kind % 5 {
                0 | 1 => { stream.on_packet(now, seq, timestamp, usize::from(other)); }
                2 => { stream.on_rtx_packet(now, seq, other, 100); }
                3 => stream.on_sender_report(now, 1111, u64::from(timestamp) << 20, timestamp),
                _ => { stream.report_block(now); stream.rtx_report_block(now); }
            }
            stream.poll(now);
            let totals = stream.totals();
            prop_assert_eq!(totals.expected, totals.received + totals.lost);
            prop_assert!(stream.score() <= 10);
        }
    }
}

#[test]
fn a_sender_that_is_started_again_is_heard_wherever_its_numbers_begin() {
    for first in [10_000u16 - 700, 10_000 - 1, 10_000, 10_000 + 1200, 40_000] {
        let start = Instant::now();
        let mut stream = ReceiveStream::new(video());
        for i in 0..=10u16 {
            stream.on_packet(start + ms(20 * u64::from(i)), 9_990 + i, 1800 * u32::from(i), 1000);
        }
        let again = start + ms(3000);
        // Another clock, by more than anything that jitter or a pause explains.
        let arrivals: Vec<Arrival> = (0..20u16)
            .map(|i| {
                let timestamp = 0x7000_0000 + 1800 * u32::from(i);
                stream.on_packet(again + ms(20 * u64::from(i)), first.wrapping_add(i), timestamp, 1000)
            })
            .collect();
        assert_eq!(arrivals[0], Arrival::Rejected, "{first}");
        assert!(matches!(arrivals[1], Arrival::New { restarted: true, .. }), "{first}: {:?}", arrivals[1]);
        let rest = arrivals.iter().skip(2);
        let went_on =
            |arrival: &Arrival| matches!(arrival, Arrival::New { in_order: true, restarted: false, .. });
        assert!(rest.clone().all(went_on), "{first}: {arrivals:?}");
        assert_eq!(stream.report_block(again + ms(500)).unwrap().cumulative_lost, 0, "{first}");
    }
}

#[test]
fn a_sender_that_paused_goes_on_whether_or_not_its_clock_did() {
    for timestamp in [1800 * 11, 1800 * 11 + 90_000 * 30] {
        let start = Instant::now();
        let mut stream = ReceiveStream::new(video());
        for i in 0..=10u16 {
            stream.on_packet(start + ms(20 * u64::from(i)), 100 + i, 1800 * u32::from(i), 1000);
        }
        let arrival = stream.on_packet(start + ms(30_220), 111, timestamp, 1000);
        assert!(matches!(arrival, Arrival::New { in_order: true, restarted: false, .. }), "{arrival:?}");
    }
}
