//! How much redundancy is added.
use sfu_core::plugin::{config, request};

/// How much redundancy is added: the options of `enable`, and of `[plugins.red.options]`.
#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Earlier packets that each packet carries again, 0 to 4, for receivers that negotiated RED.
    pub packets: u8,
    /// Bytes of a payload with all of that at the most: what goes beyond is left out, oldest first.
    pub max_bytes: u16,
}

impl Default for Options {
    fn default() -> Self {
        Options { packets: 1, max_bytes: 1000 }
    }
}

/// Requests.
#[request]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Whether it is on at a router: signaling that negotiates RED asks this.
    Status {},
}
