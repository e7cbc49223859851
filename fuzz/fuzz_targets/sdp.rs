//! An offer, to publish and to watch: its answer must be readable; and the bytes as a trickle fragment.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::sdp(data));
