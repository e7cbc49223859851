//! The published vectors: RFC 3711 appendix B.3, RFC 7714 sections 16 and 17 (B.2 stands beside the counter mode).

use super::super::cipher::Cipher;
use super::super::derivation::{Kind, SessionKeys};
use super::*;

#[test]
fn counter_mode_session_keys_are_those_of_rfc_3711() {
    let profile = Profile::AesCm128HmacSha1_80;
    let master = MasterKey::new(
        profile,
        &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        &hex("0EC675AD498AFEEBB6960B3AABE6"),
    )
    .unwrap();
    let keys = SessionKeys::derive(profile, Kind::Rtp, &master).unwrap();
    assert_eq!(keys.key.as_slice(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(keys.salt.as_slice(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    // Appendix B.3 prints 94 bytes of authentication key; HMAC-SHA1 uses the first 20.
    assert_eq!(keys.auth.as_slice(), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

/// A cipher with the session key and salt of RFC 7714 §16, which are given without a derivation.
fn gcm(profile: Profile, kind: Kind) -> Cipher {
    let mut keys = SessionKeys::derive(profile, kind, &master(profile)).unwrap();
    let bytes: Vec<u8> = (0..32).collect();
    let len = keys.key.len();
    keys.key.copy_from_slice(&bytes[..len]);
    keys.salt.copy_from_slice(b"Quid pro quo");
    Cipher::new(&keys).unwrap()
}

fn gcm_pair(profile: Profile) -> (SrtpSealer, SrtpOpener) {
    let sealer = SrtpSealer::with_ciphers(profile, gcm(profile, Kind::Rtp), gcm(profile, Kind::Rtcp));
    let (rtp, rtcp) = (gcm(profile, Kind::Rtp), gcm(profile, Kind::Rtcp));
    (sealer, SrtpOpener::with_ciphers(profile, rtp, rtcp, OpenerLimits::default()))
}

const RTP_HEADER: &str = "8040f17b 8041f8d3 5501a0b2";
const RTP_PAYLOAD: &[u8] = b"Gallia est omnis divisa in partes tres";

fn check_rtp(profile: Profile, body: &str) {
    let sealed = hex(&[RTP_HEADER, body].concat());
    let (mut sealer, mut opener) = gcm_pair(profile);
    let mut out = [0; 100];
    let len = sealer.seal_rtp(&hex(RTP_HEADER), RTP_PAYLOAD, &mut out).unwrap();
    assert_eq!(&out[..len], sealed);
    let len = opener.open_rtp(&sealed, 12, &mut out).unwrap();
    assert_eq!(&out[12..len], RTP_PAYLOAD);
}

#[test]
fn gcm_128_rtp_is_that_of_rfc_7714() {
    check_rtp(
        Profile::AeadAes128Gcm,
        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
         899d7f27beb16a9152cf765ee4390cce",
    );
}

#[test]
fn gcm_256_rtp_is_that_of_rfc_7714() {
    check_rtp(
        Profile::AeadAes256Gcm,
        "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b\
         7aa3db36dfffd6b0f9bb7878d7a76c13",
    );
}

const RTCP_CLEAR: &str = "81c8000d 4d617273";
const RTCP_BODY: &str =
    "4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

fn check_rtcp(profile: Profile, body: &str) {
    let sealed = hex(&[RTCP_CLEAR, body, "800005d4"].concat());
    let plain = hex(&[RTCP_CLEAR, RTCP_BODY].concat());
    let (mut sealer, mut opener) = gcm_pair(profile);
    sealer.set_next_rtcp_index(0x5d4);
    let mut out = [0; 100];
    let len = sealer.seal_rtcp(&plain, &mut out).unwrap();
    assert_eq!(&out[..len], sealed);
    let len = opener.open_rtcp(&sealed, &mut out).unwrap();
    assert_eq!(&out[..len], plain);
}

#[test]
fn gcm_128_rtcp_is_that_of_rfc_7714() {
    check_rtcp(
        Profile::AeadAes128Gcm,
        "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b\
         c84aa45896cf4d2fc5abf87245d9eade",
    );
}

#[test]
fn gcm_256_rtcp_is_that_of_rfc_7714() {
    check_rtcp(
        Profile::AeadAes256Gcm,
        "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad\
         1d1eb30c4446839f57ff6f6cb26ac3be",
    );
}

#[test]
fn authenticated_but_unencrypted_rtcp_of_rfc_7714_is_refused() {
    let tagged = hex(&[RTCP_CLEAR, RTCP_BODY, "841dd9683dd78ec92ae58790125f62b3", "000005d4"].concat());
    let (_, mut opener) = gcm_pair(Profile::AeadAes128Gcm);
    assert_eq!(opener.open_rtcp(&tagged, &mut [0; 100]), Err(SrtpError::Unencrypted));
    assert_eq!(opener.counters().unencrypted, 1);
}
