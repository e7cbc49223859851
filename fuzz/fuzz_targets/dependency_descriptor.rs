//! Dependency Descriptors, each with its length before it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::dependency_descriptor(data));
