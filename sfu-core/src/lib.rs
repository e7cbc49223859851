//! The engine and the plugin API of sfukit.
#![deny(unsafe_code)]

pub mod control;
mod engine;
pub mod http;
pub mod media;
mod net;
pub mod plugin;
mod rtcp;
mod rtp;
pub mod signaling;
pub mod testing;
mod transport;
