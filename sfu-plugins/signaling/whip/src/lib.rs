//! WHIP (RFC 9725), WHEP and a web page: streaming in and out of a worker without a signaling server of one's own.
#![forbid(unsafe_code)]
mod config;
mod data_channel;
mod events;
mod exposure;
mod foreign;
mod handover;
mod http;
mod hub;
mod negotiate;
mod problem;
mod resource;
mod set_up;
mod signaling;
mod stream;
mod stream_name;
mod tokens;

pub use config::{Config, IceServerConfig, Permission, SecondPublisher, Secret, TokenConfig};
pub use signaling::Whip;
