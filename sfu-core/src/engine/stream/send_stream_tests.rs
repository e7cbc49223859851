use super::*;
use crate::engine::stream::remote_clock::RemoteClock;
use proptest::prelude::*;

const NTP: u64 = 3_900_000_000 << 32;

fn config() -> SendConfig {
    SendConfig {
        ssrc: 1,
        rtx_ssrc: Some(2),
        clock_rate: 90_000,
        first_seq: 65_534,
        first_rtx_seq: 65_535,
        timestamp_offset: 0,
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn ntp_after(ms: u64) -> u64 {
    NTP + (ms << 32) / 1000
}

#[test]
fn numbers_are_given_at_departure_without_gaps() {
    let now = Instant::now();
    let mut stream = SendStream::new(config());
    let numbers: Vec<u16> =
        (0..4).filter_map(|i| stream.depart(now, 7 + u64::from(i), i, 1000, 1012)).collect();
    assert_eq!(numbers, [65_534, 65_535, 0, 1]);
    assert_eq!(stream.depart_rtx(now, 1002, 1020, true), 65_535);
    assert_eq!(stream.depart_rtx_padding(now, 255), 0);
    assert_eq!(stream.depart_rtx(now, 1002, 1020, false), 1);
    assert_eq!((stream.resent(), stream.repaired()), (2, 1));
    assert_eq!((stream.rate().bytes(), stream.rtx_rate().packets()), (4 * 1012, 3));
}

#[test]
fn a_sender_report_goes_on_from_the_last_packet() {
    let start = Instant::now();
    let mut stream = SendStream::new(config());
    assert_eq!(stream.sender_report(start, NTP, None), None);
    stream.depart(start, 7, u32::MAX - 9, 1000, 1012);
    stream.depart(start, 8, u32::MAX - 9, 500, 512);
    let report = stream.sender_report(start + ms(100), ntp_after(100), None).unwrap();
    assert_eq!(
        report,
        SenderInfo {
            ssrc: 1,
            ntp: ntp_after(100),
            rtp_timestamp: 9_000 - 10,
            packet_count: 2,
            octet_count: 1500
        }
    );
    assert_eq!(stream.rtx_sender_report(start, NTP, None), None);
    stream.depart_rtx(start, 1002, 1020, true);
    let rtx = stream.rtx_sender_report(start + ms(100), ntp_after(100), None).unwrap();
    assert_eq!((rtx.ssrc, rtx.rtp_timestamp, rtx.packet_count, rtx.octet_count), (2, 8_990, 1, 1002));
}

#[test]
fn audio_and_video_of_one_source_stay_in_step() {
    // The source's clock is 1000 s ahead; video waits 200 ms longer in the network than audio.
    let start = Instant::now();
    let remote = |ms: u64| ntp_after(ms) + (1000 << 32);
    let mut clock = RemoteClock::default();
    clock.on_sender_report(start + ms(30), ntp_after(30), remote(0));
    clock.on_sender_report(start + ms(230), ntp_after(230), remote(0));
    let offset = clock.offset().unwrap();
    let mut audio = SendStream::new(SendConfig { clock_rate: 48_000, timestamp_offset: 111, ..config() });
    let mut video = SendStream::new(SendConfig { timestamp_offset: 222, ..config() });
    let audio_clock =
        SourceClock { mapping: ClockMapping { ntp: remote(0), rtp_timestamp: 480_000 }, offset };
    let video_clock =
        SourceClock { mapping: ClockMapping { ntp: remote(0), rtp_timestamp: 900_000 }, offset };
    // Both send what was captured at 1000 ms.
    let (sound, picture) =
        (audio.rewrite_timestamp(480_000 + 48_000), video.rewrite_timestamp(900_000 + 90_000));
    audio.depart(start + ms(1030), 7, sound, 100, 120);
    video.depart(start + ms(1230), 7, picture, 1000, 1020);
    let heard = audio.sender_report(start + ms(1300), ntp_after(1300), Some(&audio_clock)).unwrap();
    let seen = video.sender_report(start + ms(1300), ntp_after(1300), Some(&video_clock)).unwrap();
    // By the reports, sound and picture were captured at the same NTP moment, within 1 ms.
    let audio_age = f64::from(heard.rtp_timestamp.wrapping_sub(sound)) / 48_000.0;
    let video_age = f64::from(seen.rtp_timestamp.wrapping_sub(picture)) / 90_000.0;
    assert!((audio_age - video_age).abs() < 0.001, "{audio_age} {video_age}");
    assert!((audio_age - 0.270).abs() < 0.001, "{audio_age}");
}

#[test]
fn a_broken_source_clock_is_not_believed() {
    let start = Instant::now();
    let mut stream = SendStream::new(config());
    stream.depart(start, 7, 90_000, 1000, 1012);
    let broken = SourceClock { mapping: ClockMapping { ntp: 12345, rtp_timestamp: 5 }, offset: 77 };
    let report = stream.sender_report(start + ms(10), NTP, Some(&broken)).unwrap();
    assert_eq!(report.rtp_timestamp, 90_900);
}

#[test]
fn timestamps_continue_over_a_switch_of_source() {
    let start = Instant::now();
    let mut stream = SendStream::new(config());
    stream.depart(start, 7, stream.rewrite_timestamp(1000), 100, 120);
    stream.switch_source(start + ms(2000), 3_000_000_000, None, None);
    assert_eq!(stream.rewrite_timestamp(3_000_000_000), 1000 + 180_000);
    assert_eq!(stream.rewrite_timestamp(3_000_003_000), 1000 + 183_000);
    assert_eq!(stream.rewrite_timestamp(0), 181_000u32.wrapping_sub(3_000_000_000));
    let next = stream.depart(start + ms(2000), 3_000, 181_000, 100, 120);
    assert_eq!(next, Some(65_535), "the numbers simply go on");
}

#[test]
fn a_receiver_report_gives_the_round_trip() {
    let mut stream = SendStream::new(config());
    let block = ReportBlock { ssrc: 1, lsr: ntp::compact(NTP), dlsr: 0x8000, ..ReportBlock::default() };
    stream.on_report_block(ntp_after(620), &block);
    let rtt = stream.round_trip().smoothed().unwrap();
    assert!(rtt > ms(119) && rtt < ms(121), "{rtt:?}");
    stream.on_report_block(ntp_after(620), &ReportBlock { ssrc: 3, fraction_lost: 9, ..block });
    assert_eq!(stream.report().unwrap().fraction_lost, 0, "another stream's block is ignored");
}

#[test]
fn the_score_follows_what_the_receiver_reports() {
    let now = Instant::now();
    let mut stream = SendStream::new(config());
    let mut block = ReportBlock { ssrc: 1, ext_highest_seq: 1000, ..ReportBlock::default() };
    stream.on_report_block(NTP, &block);
    for _ in 0..5 {
        block.ext_highest_seq += 100;
        block.cumulative_lost += 30;
        stream.on_report_block(NTP, &block);
    }
    let unrepaired = stream.score();
    assert!(unrepaired < 5, "{unrepaired}");
    assert_eq!(stream.take_score_change(), Some(unrepaired));
    for _ in 0..24 {
        block.ext_highest_seq += 100;
        block.cumulative_lost += 20;
        for _ in 0..20 {
            stream.depart_rtx(now, 100, 120, true);
        }
        stream.on_report_block(NTP, &block);
    }
    assert!(stream.score() > unrepaired && stream.score() < 10, "{}", stream.score());
}

#[test]
fn a_report_with_made_up_numbers_does_not_count_for_the_score() {
    let mut stream = SendStream::new(config());
    let mut block = ReportBlock { ssrc: 1, ..ReportBlock::default() };
    stream.on_report_block(NTP, &block);
    block.ext_highest_seq += 10;
    block.cumulative_lost += 10;
    stream.on_report_block(NTP, &block);
    assert_eq!(stream.score(), 0);
    block.ext_highest_seq += 1 << 20;
    stream.on_report_block(NTP, &block);
    assert_eq!(stream.score(), 0);
}

#[test]
fn a_report_on_the_retransmissions_only_tells_the_round_trip() {
    let mut stream = SendStream::new(config());
    let block = ReportBlock { ssrc: 2, lsr: ntp::compact(NTP), fraction_lost: 99, ..ReportBlock::default() };
    stream.on_report_block(ntp_after(50), &block);
    assert!(stream.round_trip().smoothed().is_some());
    assert_eq!(stream.report(), None);
}

proptest! {
    #[test]
    fn hostile_reports_never_panic(
        blocks in proptest::collection::vec(any::<(u64, u8, i32, u32, u32, u32, bool)>(), 1..50),
    ) {
        let mut stream = SendStream::new(config());
        for (ntp, fraction_lost, cumulative_lost, ext_highest_seq, lsr, dlsr, rtx) in blocks {
            let ssrc = 1 + u32::from(rtx);
            let block = ReportBlock { ssrc, fraction_lost, cumulative_lost, ext_highest_seq, jitter: 0, lsr, dlsr };
            stream.on_report_block(ntp, &block);
            prop_assert!(stream.score() <= 10);
            prop_assert!(stream.round_trip().or_default() <= Duration::from_secs(10));
        }
    }

    #[test]
    fn hostile_source_clocks_never_panic(rate in any::<u32>(), ntp in any::<u64>(), offset in any::<i64>(), at in any::<(u64, u32)>()) {
        let now = Instant::now();
        let mut stream = SendStream::new(SendConfig { clock_rate: rate, ..config() });
        stream.depart(now, 7, at.1, 10, 20);
        let source = SourceClock { mapping: ClockMapping { ntp: at.0, rtp_timestamp: !at.1 }, offset };
        prop_assert!(stream.sender_report(now + ms(5), ntp, Some(&source)).is_some());
    }
}

#[test]
fn what_was_placed_and_never_left_gives_its_numbers_back() {
    let now = Instant::now();
    let mut stream = SendStream::new(config());
    let first = stream.depart(now, 100, 0, 10, 20).unwrap();
    let placed: Vec<u16> = (101..105).map(|n| stream.place(now, n, 0).unwrap()).collect();
    assert_eq!(placed, (1..5).map(|n| first.wrapping_add(n)).collect::<Vec<_>>());
    assert_eq!(stream.rate().packets(), 1, "what waits has not been sent");
    stream.left(now, placed[0], 10, 20);
    stream.left(now, placed[1], 10, 20);
    assert_eq!(stream.rate().packets(), 3);
    stream.forget_placed();
    assert_eq!(stream.depart(now, 200, 0, 10, 20), Some(placed[2]), "the first that never left");
    stream.forget_placed();
    assert_eq!(stream.depart(now, 201, 0, 10, 20), Some(placed[3]), "nothing waited");
}

#[test]
fn a_number_that_something_empty_took_is_not_given_again() {
    let now = Instant::now();
    let mut stream = SendStream::new(config());
    let first = stream.depart(now, 100, 0, 10, 20).unwrap();
    // 101 and 103 were lost, 102 and 104 wait. What comes late of them is dropped: its number is filled at once.
    assert_eq!(stream.place(now, 102, 0), Some(first.wrapping_add(2)));
    assert_eq!(stream.place(now, 104, 0), Some(first.wrapping_add(4)));
    assert_eq!(stream.skip(103), Some(first.wrapping_add(3)));
    assert_eq!(stream.skip(101), Some(first.wrapping_add(1)));
    stream.forget_placed();
    assert_eq!(stream.depart(now, 200, 0, 10, 20), Some(first.wrapping_add(4)));
}

proptest! {
    /// Whatever waits, leaves, is dropped, added or given up, no number leaves twice, and what is given up leaves no gap.
    #[test]
    fn no_number_leaves_twice(
        first in any::<u16>(),
        steps in proptest::collection::vec((0u8..12, 0u64..3), 1..300),
    ) {
        let now = Instant::now();
        let mut stream = SendStream::new(SendConfig { first_seq: first, ..config() });
        let mut left = std::collections::HashSet::new();
        let mut waiting = std::collections::VecDeque::new();
        let mut handled = std::collections::HashSet::new();
        let (mut next, mut highest) = (1000u64, None::<u16>);
        for (step, gap) in steps {
            next += 1 + gap * u64::from(step == 11);
            // Nothing comes twice.
            let source = match step { 1 => next - 3, 2 => next - 2, _ => next };
            if !handled.insert(source) {
                continue;
            }
            let mut leaves = |seq: u16| {
                prop_assert!(left.insert(seq), "{} twice", seq);
                if highest.is_none_or(|high| (seq.wrapping_sub(high) as i16) > 0) { highest = Some(seq) }
                Ok(())
            };
            match step {
                0 | 1 => stream.skip(source).into_iter().try_for_each(&mut leaves)?,
                2 => waiting.extend(stream.place(now, source, 0)),
                3 => waiting.push_back(stream.place_inserted(now, 0)),
                4 | 5 => if let Some(seq) = waiting.pop_front() {
                    stream.left(now, seq, 0, 0);
                    leaves(seq)?;
                },
                6 => {
                    let waited = !waiting.is_empty();
                    waiting.clear();
                    stream.forget_placed();
                    if let Some(seq) = stream.depart(now, source, 0, 0, 0) {
                        prop_assert!(left.insert(seq), "{} twice", seq);
                        prop_assert!(!waited || highest.is_none_or(|high| seq == high.wrapping_add(1)), "a gap");
                        highest = Some(seq);
                    }
                }
                _ if waiting.is_empty() && step < 9 => if let Some(seq) = stream.depart(now, next, 0, 0, 0) { leaves(seq)? },
                _ => waiting.extend(stream.place(now, next, 0)),
            }
        }
    }
}
