//! A data channel message that says itself whom it is for, in each of its forms.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_data_router::fuzz_support::message(data));
