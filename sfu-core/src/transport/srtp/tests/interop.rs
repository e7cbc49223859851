//! Against another implementation, on another crypto library: key derivation, both packet kinds, both directions.

use rtc_srtp::context::Context;
use rtc_srtp::crypto::{RTCCryptoProvider, providers::RingProvider};
use rtc_srtp::protection_profile::ProtectionProfile;

use super::*;

fn other(profile: Profile) -> Context {
    let theirs = match profile {
        Profile::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
        Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Profile::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
    };
    let key = master(profile);
    Context::new(key.key(), key.salt(), theirs, None, None, RingProvider::new().crypto()).unwrap()
}

/// Sequence numbers of a stream that wraps and comes out of order.
const SEQS: [u16; 8] = [65_000, 65_534, 65_533, 0, 65_535, 2, 1, 40];

#[test]
fn it_opens_what_we_seal() {
    for profile in Profile::ALL {
        let (mut sealer, mut theirs) = (pair(profile).0, other(profile));
        for seq in SEQS {
            let plain = [header(9, seq), payload(seq)].concat();
            assert_eq!(theirs.decrypt_rtp(&seal(&mut sealer, 9, seq)).unwrap(), plain, "{profile:?} {seq}");
        }
        let mut sealed = [0; 100];
        for extra in [0, 4, 20, 60] {
            let len = sealer.seal_rtcp(&report(9, extra), &mut sealed).unwrap();
            assert_eq!(theirs.decrypt_rtcp(&sealed[..len]).unwrap(), report(9, extra), "{profile:?} {extra}");
        }
    }
}

#[test]
fn we_open_what_it_seals() {
    for profile in Profile::ALL {
        let (mut opener, mut theirs) = (pair(profile).1, other(profile));
        for seq in SEQS {
            let sealed = theirs.encrypt_rtp(&[header(9, seq), payload(seq)].concat()).unwrap();
            assert_eq!(open(&mut opener, &sealed), Ok(payload(seq)), "{profile:?} {seq}");
        }
        let mut out = [0; 100];
        for extra in [0, 4, 20, 60] {
            let sealed = theirs.encrypt_rtcp(&report(9, extra)).unwrap();
            let len = opener.open_rtcp(&sealed, &mut out).unwrap();
            assert_eq!(&out[..len], report(9, extra), "{profile:?} {extra}");
        }
    }
}
