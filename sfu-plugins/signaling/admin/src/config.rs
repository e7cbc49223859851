//! The table `[signaling.admin]`.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A text that never reaches a log.
#[derive(Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Configuration of the admin API.
#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Token that every request must bring as `Authorization: Bearer`; at least 16 characters. Without one the API
    /// answers this machine only, and refuses to start when the HTTP server listens beyond loopback.
    pub token: Option<Secret>,
    /// Networks (CIDR) or addresses that plain RTP, and RTCP to plain RTP senders, may be sent to.
    pub rtp_out_allow: Vec<String>,
    /// Address that plain RTP is received on. A request may choose another loopback address, or, if this is
    /// `0.0.0.0` or `::`, any address.
    pub rtp_in_listen_ip: IpAddr,
    /// Requests to `/api/events` at the same time at the most.
    pub max_event_streams: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            token: None,
            rtp_out_allow: vec!["127.0.0.0/8".into(), "::1/128".into()],
            rtp_in_listen_ip: Ipv4Addr::LOCALHOST.into(),
            max_event_streams: 32,
        }
    }
}
