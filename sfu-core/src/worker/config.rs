//! Settings of a worker: the file, the command line and the environment make one of these.
use std::net::IpAddr;
use std::path::PathBuf;

use crate::http::HttpConfig;
use crate::plugin::PluginSettings;

/// Settings of a worker.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkerConfig {
    /// Media threads; 0 takes the number of cores.
    pub workers: u8,
    /// Transports and consumers that a room has on a media thread before it takes another one; 0 takes 192: a hundred viewers of
    /// one stream, or a conference of ten.
    pub spread_at: usize,
    /// HTTP server of signaling.
    pub http: HttpConfig,
    /// Media over the network.
    pub rtc: RtcConfig,
    /// Plugins.
    pub plugins: PluginSettings,
    /// Let everybody publish and watch, also beyond this machine: becomes `open` of every signaling table that has it.
    pub open: bool,
    /// `[signaling.<id>]` tables, as JSON.
    pub signaling: serde_json::Map<String, serde_json::Value>,
}

/// Settings of media over the network.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RtcConfig {
    /// Address that media sockets are bound to; `::` takes all of both IP versions (of IPv4 alone where the system has no
    /// IPv6), `0.0.0.0` all of IPv4.
    pub listen_ip: IpAddr,
    /// UDP port that all WebRTC transports of the first media thread share, each further thread takes the next one; 0 takes any free ones.
    pub udp_port: u16,
    /// TCP port for peers that have no UDP, likewise; 0 takes any free ones.
    pub tcp_port: u16,
    /// Offer TCP.
    pub tcp: bool,
    /// Addresses or host names that peers are told instead of this machine's own.
    pub announce: Vec<String>,
    /// PEM file with a certificate for DTLS; without one, one is made at every start.
    pub dtls_cert: Option<PathBuf>,
    /// PEM file with the key of `dtls_cert`.
    pub dtls_key: Option<PathBuf>,
    /// SRTP suites, preferred ones first.
    pub srtp: Vec<crate::control::SrtpCryptoSuite>,
    /// Size of the receive buffer of the UDP socket that WebRTC transports share, in bytes: what may come while the media thread has no
    /// processor. The system may cap it (`net.core.rmem_max`), and the worker says so at its start.
    pub recv_buffer: usize,
    /// Size of its send buffer in bytes: what may wait for the network device. The system may cap it (`net.core.wmem_max`).
    pub send_buffer: usize,
    /// Spread bursts of video over up to 40 ms, so that receivers with shallow queues lose nothing of large pictures. Audio never waits.
    pub pacing: bool,
}

impl Default for RtcConfig {
    fn default() -> Self {
        use crate::control::SrtpCryptoSuite as Suite;
        RtcConfig {
            listen_ip: std::net::Ipv6Addr::UNSPECIFIED.into(),
            udp_port: 0,
            tcp_port: 0,
            tcp: true,
            announce: Vec::new(),
            dtls_cert: None,
            dtls_key: None,
            srtp: vec![
                Suite::AeadAes128Gcm,
                Suite::AeadAes256Gcm,
                Suite::AesCm128HmacSha1_80,
                Suite::AesCm128HmacSha1_32,
            ],
            recv_buffer: 4 << 20,
            send_buffer: 4 << 20,
            pacing: true,
        }
    }
}
