//! A frame: what its bitstream says of itself, as one of every codec.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::bitstream(data));
