use std::net::IpAddr;

use sfu_core::control::{self, TransportTuple};

use crate::refusal::Refusal;
use crate::schema::v3_27::transport::{Protocol, Tuple};

pub(crate) fn protocol(protocol: control::Protocol) -> Protocol {
    match protocol {
        control::Protocol::Udp => Protocol::Udp,
        control::Protocol::Tcp => Protocol::Tcp,
    }
}

/// `announced` is what peers are told in place of the local address.
pub(crate) fn tuple(tuple: TransportTuple, announced: Option<&str>) -> Tuple {
    Tuple {
        local_address: announced.map_or_else(|| tuple.local.ip().to_string(), str::to_owned),
        local_port: tuple.local.port(),
        remote_ip: tuple.remote.map(|remote| remote.ip().to_string()),
        remote_port: tuple.remote.map_or(0, |remote| remote.port()),
        protocol: protocol(tuple.protocol),
    }
}

pub(crate) fn ip_address(text: &str) -> Result<IpAddr, Refusal> {
    text.parse().map_err(|_| {
        Refusal::type_error(format_args!(
            "signaling.mediasoup: {text:?} is no IP address; write one of IPv4 or IPv6"
        ))
    })
}
