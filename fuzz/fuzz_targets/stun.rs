//! A STUN message and everything that can be asked of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::stun(data));
