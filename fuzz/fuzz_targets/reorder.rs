//! Packets to be put in order: when they come, and with which numbers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::reorder(data));
