//! A plain compound RTCP packet and everything that its packets say.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::rtcp(data));
