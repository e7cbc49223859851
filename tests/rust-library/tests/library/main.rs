//! The crate mediasoup of crates.io, unmodified, on the stand-in for mediasoup-sys.
mod data;
mod estimate;
mod journal;
mod layers;
mod media;
mod observers;
mod peer;
mod pipes;
mod plugins;
mod refusals;
mod rig;
mod rtcp;
mod rtp;
mod transports;
mod webrtc;
mod workers;
