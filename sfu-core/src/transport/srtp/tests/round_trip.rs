//! Whatever is sealed opens to the same bytes, whichever way it was sealed and opened.

use proptest::prelude::*;

use super::*;

/// A header of `csrcs` CSRCs and an extension of `extension` words.
fn header_of(csrcs: usize, extension: Option<usize>, seq: u16, ssrc: u32) -> Vec<u8> {
    let mut bytes = header(ssrc, seq);
    bytes[0] |= csrcs as u8;
    bytes.extend((0..csrcs * 4).map(|i| i as u8));
    if let Some(words) = extension {
        bytes[0] |= 0x10;
        bytes.extend([0xbe, 0xde, 0, words as u8]);
        bytes.extend((0..words * 4).map(|i| 0x80 | i as u8));
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn rtp_comes_back_from_every_way_of_sealing_and_opening(
        profile in prop::sample::select(Profile::ALL.to_vec()),
        csrcs in 0usize..16,
        extension in prop::option::of(0usize..20),
        payload in prop::collection::vec(any::<u8>(), 0..1500),
        cut in any::<prop::sample::Index>(),
        seq: u16,
        ssrc: u32,
    ) {
        let header = header_of(csrcs, extension, seq, ssrc);
        let plain = [header.as_slice(), &payload].concat();
        let total = plain.len() + profile.rtp_overhead();

        let mut shared = vec![0xee; total + 7];
        prop_assert_eq!(pair(profile).0.seal_rtp(&header, &payload, &mut shared), Ok(total));
        prop_assert_eq!(&shared[total..], &[0xee; 7], "sealing stays inside the packet");
        shared.truncate(total);

        let mut assembled = plain.clone();
        assembled.resize(total, 0xee);
        prop_assert_eq!(pair(profile).0.seal_rtp_in_place(&mut assembled, header.len(), plain.len()), Ok(total));
        prop_assert_eq!(&assembled, &shared);

        let (prefix, rest) = payload.split_at(cut.index(payload.len() + 1));
        let mut prefixed = vec![0xee; total];
        prop_assert_eq!(pair(profile).0.seal_rtp_prefixed(&header, prefix, rest, &mut prefixed), Ok(total));
        prop_assert_eq!(&prefixed, &shared);

        let mut out = vec![0; plain.len()];
        prop_assert_eq!(pair(profile).1.open_rtp(&shared, header.len(), &mut out), Ok(plain.len()));
        prop_assert_eq!(&out, &plain);

        prop_assert_eq!(pair(profile).1.open_rtp_in_place(&mut shared, header.len()), Ok(plain.len()));
        prop_assert_eq!(&shared[..plain.len()], &plain);
    }

    #[test]
    fn rtcp_comes_back(
        profile in prop::sample::select(Profile::ALL.to_vec()),
        extra in 0usize..1400,
        ssrc: u32,
    ) {
        let plain = report(ssrc, extra);
        let (mut sealer, mut opener) = pair(profile);
        let mut sealed = vec![0; plain.len() + profile.rtcp_overhead()];
        for _ in 0..3 {
            let total = sealed.len();
            prop_assert_eq!(sealer.seal_rtcp(&plain, &mut sealed), Ok(total));
            let mut out = vec![0; total];
            prop_assert_eq!(opener.open_rtcp(&sealed, &mut out), Ok(plain.len()));
            prop_assert_eq!(&out[..plain.len()], &plain);
        }
    }
}

#[test]
fn the_same_payload_is_sealed_for_many_receivers_and_stays_plain() {
    let payload = vec![0x42; 1000];
    let mut seen = Vec::new();
    for receiver in 0..3u8 {
        let key = MasterKey::new(Profile::AeadAes128Gcm, &[receiver; 16], &[9; 12]).unwrap();
        let mut sealer = SrtpSealer::new(Profile::AeadAes128Gcm, &key).unwrap();
        let mut out = vec![0; 1100];
        sealer.seal_rtp(&header(1, 1), &payload, &mut out).unwrap();
        assert!(!seen.contains(&out));
        seen.push(out);
    }
    assert_eq!(payload, vec![0x42; 1000]);
}

#[test]
fn an_output_that_is_one_byte_too_small_is_refused_and_uses_up_nothing() {
    for profile in Profile::ALL {
        let (mut sealer, mut opener) = pair(profile);
        let total = 12 + 50 + profile.rtp_overhead();
        let mut small = vec![0; total - 1];
        assert_eq!(sealer.seal_rtp(&header(1, 1), &[0; 50], &mut small), Err(SrtpError::BufferTooSmall));
        assert_eq!(sealer.seal_rtp_in_place(&mut small, 12, 62), Err(SrtpError::BufferTooSmall));
        let mut out = vec![0; total];
        assert_eq!(sealer.seal_rtp(&header(1, 1), &[0; 50], &mut out), Ok(total));
        assert_eq!(opener.open_rtp(&out, 12, &mut [0; 61]), Err(SrtpError::BufferTooSmall));
        assert_eq!(opener.open_rtp(&out, 12, &mut [0; 62]), Ok(62));
    }
}

#[test]
fn rtcp_ends_with_the_last_index_of_the_key() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes256Gcm);
    let (mut sealed, mut out) = ([0; 100], [0; 100]);
    sealer.set_next_rtcp_index((1 << 31) - 1);
    let len = sealer.seal_rtcp(&report(7, 20), &mut sealed).unwrap();
    assert_eq!(opener.open_rtcp(&sealed[..len], &mut out), Ok(28));
    assert_eq!(sealer.seal_rtcp(&report(7, 20), &mut sealed), Err(SrtpError::KeyExhausted));
}
