//! A plain RTP packet: header, extensions, and its payload as that of every codec.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::rtp(data));
