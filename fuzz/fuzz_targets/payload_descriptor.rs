//! A payload: what its frame means to receivers of each layer, and other numbers in its descriptor.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::payload_descriptor(data));
