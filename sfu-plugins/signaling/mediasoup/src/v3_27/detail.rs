use std::net::IpAddr;

use sfu_core::control::{ListenInfo, Protocol, TransportTuple};

use super::limits::Limits;
use crate::schema::v3_27::producer::Score;
use crate::schema::v3_27::rtp_parameters::{RtpEncodingParameters, RtpMapping, RtpParameters};

/// What is remembered of an entity, because the engine does not know it, or not as the library said it.
#[derive(Debug, Default)]
pub(super) enum Detail {
    #[default]
    Nothing,
    Transport(Box<TransportDetail>),
    WebRtcServer(Announced),
    Producer(Box<ProducerDetail>),
    Consumer(Box<ConsumerDetail>),
    PluginDoor(Box<PluginEnd>),
    PluginListener(Box<PluginEnd>),
}

#[derive(Debug, Default)]
pub(super) struct TransportDetail {
    /// The peer's certificate, until DTLS is connected.
    pub(super) certificate: Option<String>,
    pub(super) announced: Announced,
    /// Of a socket for RTCP alone.
    pub(super) announced_rtcp: Announced,
    pub(super) limits: Limits,
}

/// What peers are told in place of addresses that are listened on; the engine's addresses are the real ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Announced(Vec<(Protocol, IpAddr, String)>);

impl Announced {
    pub(super) fn of<'a>(listen: impl IntoIterator<Item = &'a ListenInfo>) -> Self {
        let announced = |info: &ListenInfo| Some((info.protocol, info.ip, info.announced_address.clone()?));
        Self(listen.into_iter().filter_map(announced).collect())
    }

    /// What is told in place of a local address, if anything is.
    pub(super) fn address(&self, tuple: &TransportTuple) -> Option<&str> {
        let fits = |(protocol, ip, _): &&(Protocol, IpAddr, String)| {
            *protocol == tuple.protocol && (*ip == tuple.local.ip() || ip.is_unspecified())
        };
        self.0.iter().find(fits).map(|(_, _, address)| address.as_str())
    }
}

#[derive(Debug)]
pub(super) struct ProducerDetail {
    pub(super) rtp_parameters: RtpParameters,
    pub(super) rtp_mapping: RtpMapping,
    /// Of encodings that have sent something.
    pub(super) scores: Vec<Score>,
}

#[derive(Debug)]
pub(super) struct ConsumerDetail {
    pub(super) rtp_parameters: RtpParameters,
    pub(super) consumable_rtp_encodings: Vec<RtpEncodingParameters>,
}

/// One end of the way to a plugin: the engine has no data producer or consumer for it.
#[derive(Debug, Default)]
pub(super) struct PluginEnd {
    pub(super) label: String,
    pub(super) protocol: String,
    pub(super) is_paused: bool,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) subchannels: Vec<u16>,
}

impl Detail {
    pub(super) fn transport(&self) -> Option<&TransportDetail> {
        if let Detail::Transport(detail) = self { Some(detail) } else { None }
    }

    pub(super) fn transport_mut(&mut self) -> Option<&mut TransportDetail> {
        if let Detail::Transport(detail) = self { Some(detail) } else { None }
    }

    pub(super) fn producer(&mut self) -> Option<&mut ProducerDetail> {
        if let Detail::Producer(detail) = self { Some(detail) } else { None }
    }

    /// Either end of the way to a plugin.
    pub(super) fn plugin_end(&self) -> Option<&PluginEnd> {
        match self {
            Detail::PluginDoor(end) | Detail::PluginListener(end) => Some(end),
            _ => None,
        }
    }

    pub(super) fn plugin_end_mut(&mut self) -> Option<&mut PluginEnd> {
        match self {
            Detail::PluginDoor(end) | Detail::PluginListener(end) => Some(end),
            _ => None,
        }
    }
}
