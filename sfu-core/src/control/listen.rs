//! Where a transport listens.
use std::net::{IpAddr, Ipv4Addr};

use super::{Protocol, WebRtcServerId};

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenInfo {
    /// UDP or TCP.
    pub protocol: Protocol,
    /// Address to bind.
    pub ip: IpAddr,
    /// Address or host name that peers are told instead.
    #[serde(default)]
    pub announced_address: Option<String>,
    /// Tell peers the address that is bound as well.
    #[serde(default)]
    pub expose_internal_ip: bool,
    /// Port; 0 takes a free one of `port_range`, or of the system without a range.
    #[serde(default)]
    pub port: u16,
    /// First and last port to choose from.
    #[serde(default)]
    pub port_range: Option<(u16, u16)>,
    /// IPv6 alone, where the address is one of IPv6 (`IPV6_V6ONLY`); else both arrive where the system allows it.
    #[serde(default)]
    pub ipv6_only: bool,
    /// Other sockets may be bound to the same address, if they all say so (`SO_REUSEPORT`); UDP only.
    #[serde(default)]
    pub udp_reuse_port: bool,
    /// `SO_SNDBUF` in bytes.
    #[serde(default)]
    pub send_buffer_size: Option<u32>,
    /// `SO_RCVBUF` in bytes.
    #[serde(default)]
    pub recv_buffer_size: Option<u32>,
}

impl ListenInfo {
    /// UDP on an address, on any free port.
    pub fn udp(ip: impl Into<IpAddr>) -> Self {
        ListenInfo {
            protocol: Protocol::Udp,
            ip: ip.into(),
            announced_address: None,
            expose_internal_ip: false,
            port: 0,
            port_range: None,
            ipv6_only: false,
            udp_reuse_port: false,
            send_buffer_size: None,
            recv_buffer_size: None,
        }
    }
}

/// UDP on all addresses of IPv4, on any free port.
impl Default for ListenInfo {
    fn default() -> Self {
        Self::udp(Ipv4Addr::UNSPECIFIED)
    }
}

/// Which sockets a WebRTC transport uses.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TransportListen {
    /// The shared port of its media thread.
    #[default]
    Shared,
    /// The ports of a server of the same media thread.
    Server(WebRtcServerId),
    /// Sockets of its own.
    Individual(Vec<ListenInfo>),
}
