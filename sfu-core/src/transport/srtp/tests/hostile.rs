//! What is not from the peer is refused and leaves no trace.

use proptest::prelude::*;

use super::*;

#[test]
fn every_flipped_bit_is_noticed() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let packet = seal(&mut sealer, 7, 100);
        for bit in 0..packet.len() * 8 {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&mut opener, &forged).is_err(), "{profile:?} bit {bit}");
            assert!(opener.open_rtp_in_place(&mut forged, 12).is_err(), "{profile:?} bit {bit} in place");
        }
        assert_eq!(opener.rtp_stream_count(), 0);
        assert_eq!(open(&mut opener, &packet), Ok(payload(100)));
    }
}

#[test]
fn every_flipped_bit_of_rtcp_is_noticed() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let mut packet = vec![0; 28 + profile.rtcp_overhead()];
        sealer.seal_rtcp(&report(7, 20), &mut packet).unwrap();
        let mut out = vec![0; packet.len()];
        for bit in 0..packet.len() * 8 {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(opener.open_rtcp(&forged, &mut out).is_err(), "{profile:?} bit {bit}");
        }
        assert_eq!(opener.open_rtcp(&packet, &mut out), Ok(28));
    }
}

#[test]
fn a_packet_cut_at_any_length_is_refused() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let rtp = seal(&mut sealer, 7, 100);
        let mut rtcp = vec![0; 28 + profile.rtcp_overhead()];
        sealer.seal_rtcp(&report(7, 20), &mut rtcp).unwrap();
        for len in 0..rtp.len() {
            assert!(open(&mut opener, &rtp[..len]).is_err(), "{profile:?} {len}");
            assert!(opener.open_rtp_in_place(&mut rtp[..len].to_vec(), 12).is_err());
        }
        for len in 0..rtcp.len() {
            assert!(opener.open_rtcp(&rtcp[..len], &mut [0; 100]).is_err(), "{profile:?} {len}");
        }
        assert_eq!(opener.rtp_stream_count(), 0);
    }
}

#[test]
fn a_header_length_that_does_not_fit_is_malformed() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let packet = seal(&mut sealer, 7, 100);
        let plain_len = packet.len() - profile.rtp_overhead();
        for header_len in [0, 11, plain_len + 1, packet.len(), usize::MAX] {
            let refused = opener.open_rtp(&packet, header_len, &mut [0; 200]);
            assert_eq!(refused, Err(SrtpError::Malformed), "{header_len}");
            let refused = opener.open_rtp_in_place(&mut packet.clone(), header_len);
            assert_eq!(refused, Err(SrtpError::Malformed), "{header_len}");
            assert!(sealer.seal_rtp_in_place(&mut [0; 100], header_len, 23).is_err());
        }
        assert_eq!(opener.counters().malformed, 10);
    }
}

#[test]
fn forgeries_create_no_state_and_do_not_harm_the_stream() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    open(&mut opener, &seal(&mut sealer, 7, 100)).unwrap();
    for ssrc in 0..10_000u32 {
        let mut forged = header(ssrc, 60_000);
        forged.extend([0x55; 40]);
        assert!(open(&mut opener, &forged).is_err());
    }
    assert_eq!(opener.rtp_stream_count(), 1);
    assert_eq!(opener.counters().auth_failures, 10_000 - 1);
    assert_eq!(open(&mut opener, &seal(&mut sealer, 7, 101)), Ok(payload(101)));
}

#[test]
fn a_peer_with_too_many_ssrcs_keeps_those_it_has() {
    let profile = Profile::AesCm128HmacSha1_32;
    let limits = OpenerLimits { rtp_streams: 3, rtcp_senders: 2 };
    let mut sealer = pair(profile).0;
    let mut opener = SrtpOpener::new(profile, &master(profile), limits).unwrap();
    let opened =
        |opener: &mut SrtpOpener, sealer: &mut SrtpSealer, ssrc, seq| open(opener, &seal(sealer, ssrc, seq));
    for ssrc in 1..=3 {
        assert!(opened(&mut opener, &mut sealer, ssrc, 1).is_ok());
    }
    assert_eq!(opened(&mut opener, &mut sealer, 4, 1), Err(SrtpError::StreamLimit));
    assert!(opened(&mut opener, &mut sealer, 2, 2).is_ok());
    let (mut sealed, mut out) = ([0; 100], [0; 100]);
    for (ssrc, expected) in [(1, Ok(28)), (2, Ok(28)), (3, Err(SrtpError::StreamLimit)), (1, Ok(28))] {
        let len = sealer.seal_rtcp(&report(ssrc, 20), &mut sealed).unwrap();
        assert_eq!(opener.open_rtcp(&sealed[..len], &mut out), expected);
    }
    assert_eq!(opener.counters().over_limit, 2);
}

#[test]
fn unencrypted_rtcp_is_refused_even_when_it_is_authentic() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let mut packet = vec![0; 28 + profile.rtcp_overhead()];
        sealer.seal_rtcp(&report(7, 20), &mut packet).unwrap();
        let word_at = if profile.is_aead() { packet.len() - 4 } else { packet.len() - 14 };
        assert_eq!(packet[word_at] & 0x80, 0x80);
        packet[word_at] &= 0x7f;
        assert_eq!(opener.open_rtcp(&packet, &mut [0; 100]), Err(SrtpError::Unencrypted));
    }
}

#[test]
fn keys_of_the_two_directions_do_not_mix() {
    let profile = Profile::AeadAes128Gcm;
    let block: Vec<u8> = (0..profile.exported_len() as u8).collect();
    let keys = KeyingMaterial::from_exporter(profile, &block, true).unwrap();
    let mut sealer = SrtpSealer::new(profile, &keys.local).unwrap();
    let mut same_side = SrtpOpener::new(profile, &keys.remote, OpenerLimits::default()).unwrap();
    let mut peer = SrtpOpener::new(profile, &keys.local, OpenerLimits::default()).unwrap();
    let packet = seal(&mut sealer, 7, 1);
    assert_eq!(open(&mut same_side, &packet), Err(SrtpError::AuthFailed), "a reflected packet");
    assert!(open(&mut peer, &packet).is_ok());
    assert!(SrtpSealer::new(Profile::AesCm128HmacSha1_80, &keys.local).is_err(), "keys of another profile");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_never_open(
        profile in prop::sample::select(Profile::ALL.to_vec()),
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        header_len in 0usize..250,
        out_len in 0usize..250,
    ) {
        let (mut sealer, mut opener) = pair(profile);
        let mut out = vec![0; out_len];
        prop_assert!(opener.open_rtp(&bytes, header_len, &mut out).is_err());
        prop_assert!(opener.open_rtcp(&bytes, &mut out).is_err());
        let _ = sealer.seal_rtp(&bytes, &[], &mut out);
        let _ = sealer.seal_rtcp(&bytes, &mut out);
        let _ = sealer.seal_rtp_in_place(&mut out, header_len, out_len / 2);
        let _ = sealer.seal_rtcp_in_place(&mut out, header_len);
        prop_assert!(opener.open_rtp_in_place(&mut bytes.clone(), header_len).is_err());
        prop_assert!(opener.open_rtcp_in_place(&mut bytes).is_err());
        prop_assert_eq!(opener.rtp_stream_count(), 0);
    }
}
