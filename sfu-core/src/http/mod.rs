//! The HTTP server that all signaling crates share: plain or TLS, behind a proxy or not.
mod client;
mod config;
mod server;
mod tls;

pub use client::Client;
pub use config::HttpConfig;
pub(crate) use server::HttpServer;
