//! A datagram of a stranger to a worker with transports of every kind.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sfu_core::fuzz_support::datagram(data));
