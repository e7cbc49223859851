//! Nothing but tests: the crate mediasoup of crates.io on the stand-in for mediasoup-sys.
