//! An SDP (RFC 8866) that lets an ordinary player receive one plain RTP stream.
use std::fmt::Write;
use std::net::SocketAddr;

use sfu_core::control::{MediaKind, RtpParameters, SrtpParameters};

use crate::codec::{is_parameter, prefix};

/// Describes a stream that is sent to `peer`; `None` if it has no codec.
pub(crate) fn describe(
    name: &str,
    peer: SocketAddr,
    rtcp_port: Option<u16>,
    kind: MediaKind,
    rtp: &RtpParameters,
    srtp: Option<&SrtpParameters>,
) -> Option<String> {
    let codec = rtp.codecs.first()?;
    let family = if peer.is_ipv4() { "IP4" } else { "IP6" };
    let (ip, port, payload_type) = (peer.ip(), peer.port(), codec.payload_type);
    let profile = if srtp.is_some() { "RTP/SAVP" } else { "RTP/AVP" };
    let mut sdp = format!(
        "v=0\r\no=- 0 0 IN {family} {ip}\r\ns={name}\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m={} {port} {profile} {payload_type}\r\n",
        prefix(kind)
    );
    // Writing to a String can't fail.
    let _ = match rtcp_port {
        Some(port) => write!(sdp, "a=rtcp:{port}\r\n"),
        None => write!(sdp, "a=rtcp-mux\r\n"),
    };
    let encoding = codec.mime_type.split_once('/').map_or(codec.mime_type.as_str(), |(_, name)| name);
    let channels = codec.channels.map(|channels| format!("/{channels}")).unwrap_or_default();
    let _ = write!(sdp, "a=rtpmap:{payload_type} {encoding}/{}{channels}\r\n", codec.clock_rate);
    // A peer may have said anything; what would end the line is left out.
    let fmtp = codec.parameters.iter().filter(|(name, value)| is_parameter(name, value));
    let pairs: Vec<String> = fmtp.map(|(name, value)| format!("{name}={value}")).collect();
    if !pairs.is_empty() {
        let _ = write!(sdp, "a=fmtp:{payload_type} {}\r\n", pairs.join(";"));
    }
    if let Some(ssrc) = rtp.encodings.first().and_then(|encoding| encoding.ssrc) {
        let cname = rtp.rtcp.cname.as_deref().unwrap_or("sfukit");
        let _ = write!(sdp, "a=ssrc:{ssrc} cname:{cname}\r\n");
    }
    if let Some(srtp) = srtp {
        // RFC 4568; the names of the suites are those of the control API.
        let suite = serde_json::to_value(srtp.crypto_suite).ok()?;
        let _ = write!(sdp, "a=crypto:1 {} inline:{}\r\n", suite.as_str()?, srtp.key_base64);
    }
    sdp.push_str("a=recvonly\r\n");
    Some(sdp)
}
