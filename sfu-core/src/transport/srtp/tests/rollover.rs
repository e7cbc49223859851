//! Sequence numbers around the wrap, replays and repeats.

use proptest::prelude::*;

use super::*;

#[test]
fn streams_go_on_through_several_wraps() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        for step in 0..40u32 {
            let seq = (step * 9001) as u16;
            assert_eq!(open(&mut opener, &seal(&mut sealer, 7, seq)), Ok(payload(seq)), "step {step}");
        }
        assert_eq!(opener.counters(), OpenerCounters::default());
    }
}

#[test]
fn packets_reordered_around_the_wrap_open() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let mut packets: Vec<_> =
            (65530..65546u32).map(|seq| (seq as u16, seal(&mut sealer, 7, seq as u16))).collect();
        let (seq, first) = packets.remove(0);
        assert_eq!(open(&mut opener, &first), Ok(payload(seq)));
        packets.reverse();
        for (seq, packet) in packets {
            assert_eq!(open(&mut opener, &packet), Ok(payload(seq)), "seq {seq}");
        }
    }
}

#[test]
fn a_stream_may_start_high_and_older_packets_may_follow_its_first() {
    let (mut sealer, mut opener) = pair(Profile::AesCm128HmacSha1_80);
    let mut late =
        SrtpSealer::new(Profile::AesCm128HmacSha1_80, &master(Profile::AesCm128HmacSha1_80)).unwrap();
    for seq in [40_000, 39_990, 39_000, 65_535, 3, 65_500] {
        assert_eq!(open(&mut opener, &seal(&mut sealer, 7, seq)), Ok(payload(seq)), "seq {seq}");
    }
    // Before the very first round there is nothing: not an underflow, a refusal.
    open(&mut opener, &seal(&mut late, 8, 5)).unwrap();
    assert_eq!(
        open(&mut opener, &seal(&mut pair(Profile::AesCm128HmacSha1_80).0, 8, 65_000)),
        Err(SrtpError::Replayed)
    );
}

#[test]
fn a_replayed_packet_is_refused_and_counted() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let first = seal(&mut sealer, 7, 65_535);
        let second = seal(&mut sealer, 7, 0);
        open(&mut opener, &first).unwrap();
        open(&mut opener, &second).unwrap();
        for packet in [&first, &second] {
            assert_eq!(open(&mut opener, packet), Err(SrtpError::Replayed));
            assert_eq!(opener.open_rtp_in_place(&mut packet.clone(), 12), Err(SrtpError::Replayed));
        }
        assert_eq!(opener.counters().replays, 4);
    }
}

#[test]
fn a_packet_a_thousand_late_opens_and_one_beyond_the_window_does_not() {
    let (mut sealer, mut opener) = pair(Profile::AesCm128HmacSha1_80);
    let packets: Vec<_> = (0..1100).map(|seq| seal(&mut sealer, 7, seq)).collect();
    open(&mut opener, &packets[0]).unwrap();
    open(&mut opener, &packets[1099]).unwrap();
    assert_eq!(open(&mut opener, &packets[1099 - 1023]), Ok(payload(1099 - 1023)));
    assert_eq!(open(&mut opener, &packets[1099 - 1024]), Err(SrtpError::Replayed));
}

#[test]
fn replayed_rtcp_is_refused_and_late_rtcp_is_not() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let mut sealed = vec![vec![0; 100]; 200];
        for packet in &mut sealed {
            let len = sealer.seal_rtcp(&report(7, 20), packet).unwrap();
            packet.truncate(len);
        }
        let mut out = [0; 100];
        assert_eq!(opener.open_rtcp(&sealed[199], &mut out), Ok(28));
        assert_eq!(opener.open_rtcp(&sealed[199], &mut out), Err(SrtpError::Replayed));
        assert_eq!(opener.open_rtcp(&sealed[199 - 127], &mut out), Ok(28));
        assert_eq!(opener.open_rtcp(&sealed[199 - 128], &mut out), Err(SrtpError::Replayed));
        assert_eq!(opener.counters().replays, 2);
    }
}

#[test]
fn an_ssrc_has_its_own_rollover_counter() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    for seq in [65_535, 0] {
        open(&mut opener, &seal(&mut sealer, 1, seq)).unwrap();
    }
    for seq in [0, 1] {
        assert_eq!(open(&mut opener, &seal(&mut sealer, 2, seq)), Ok(payload(seq)));
    }
    assert_eq!(opener.rtp_stream_count(), 2);
}

#[test]
fn gcm_never_seals_a_sequence_number_twice() {
    for profile in [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm] {
        let (mut sealer, _) = pair(profile);
        let mut out = [0; 100];
        for seq in [100, 1300, 400, 1200] {
            seal(&mut sealer, 7, seq);
        }
        // Sealed, or so old that nobody knows.
        for seq in [100, 1200, 1300, 400, 1300 - 1024] {
            assert_eq!(
                sealer.seal_rtp(&header(7, seq), b"other", &mut out),
                Err(SrtpError::NonceReuse),
                "{seq}"
            );
        }
        for seq in [1201, 1300 - 1000, 1300 - 1023] {
            assert!(sealer.seal_rtp(&header(7, seq), b"new", &mut out).is_ok(), "{seq}");
        }
        sealer.allow_nonce_reuse(true);
        assert!(sealer.seal_rtp(&header(7, 1200), &payload(1200), &mut out).is_ok());
    }
}

#[test]
fn counter_mode_resends_an_old_packet_as_it_was() {
    let (mut sealer, _) = pair(Profile::AesCm128HmacSha1_80);
    let first = seal(&mut sealer, 7, 65_000);
    for seq in [65_500, 100, 1000] {
        seal(&mut sealer, 7, seq);
    }
    assert_eq!(seal(&mut sealer, 7, 65_000), first, "the rollover counter of the first sending");
    assert_eq!(
        open(&mut pair(Profile::AesCm128HmacSha1_80).1, &seal(&mut sealer, 7, 1001)),
        Err(SrtpError::AuthFailed)
    );
}

#[test]
fn a_packet_from_before_the_start_of_a_stream_is_not_sealed() {
    for profile in Profile::ALL {
        let (mut sealer, _) = pair(profile);
        seal(&mut sealer, 7, 3);
        assert_eq!(sealer.seal_rtp(&header(7, 65_000), b"early", &mut [0; 100]), Err(SrtpError::BeforeStart));
        assert!(sealer.seal_rtp(&header(7, 4), b"next", &mut [0; 100]).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Loss, duplicates and reordering of less than the window, in two streams that wrap: each packet opens once.
    #[test]
    fn every_packet_that_arrives_opens_exactly_once(
        profile in prop::sample::select(Profile::ALL.to_vec()),
        start in 64_000u32..65_536,
        step in 1u32..300,
        fates in prop::collection::vec((0u32..400, 0u8..4), 2..150),
    ) {
        let (mut sealer, mut opener) = pair(profile);
        // (when it arrives, ssrc, sequence number, packet); the first packet of each stream arrives first.
        let mut arrivals = Vec::new();
        for (at, (delay, fate)) in fates.iter().enumerate() {
            let seq = (start + at as u32 / 2 * step) as u16;
            let ssrc = at as u32 % 2;
            let packet = seal(&mut sealer, ssrc, seq);
            let delay = if at < 2 { 0 } else { 1 + at as u32 * step / 2 + delay };
            let copies = if at < 2 { 1 } else { *fate };
            for _ in 0..copies {
                arrivals.push((delay, ssrc, seq, packet.clone()));
            }
        }
        arrivals.sort_by_key(|(delay, ..)| *delay);
        let mut seen = std::collections::HashSet::new();
        for (_, ssrc, seq, packet) in arrivals {
            let expected = if seen.insert((ssrc, seq)) { Ok(payload(seq)) } else { Err(SrtpError::Replayed) };
            prop_assert_eq!(open(&mut opener, &packet), expected, "ssrc {} seq {}", ssrc, seq);
        }
    }
}
