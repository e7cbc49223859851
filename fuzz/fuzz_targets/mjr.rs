//! An MJR recording: its header and all its records.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::mjr(data));
