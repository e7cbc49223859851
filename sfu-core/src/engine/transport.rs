//! A network path to one peer, and what it carries.
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use foldhash::fast::RandomState;

use super::ingress_streams::IngressStreams;
use super::pacer::Pacer;
use super::sctp::SctpLink;
use super::send_queue::SendQueue;
use super::stream::bandwidth::Bandwidth;
use super::stream::loss_average::LossAverage;
use super::stream::rate::RateCounter;
use super::stream::remb::Remb;
use super::stream::remote_clock::RemoteClock;
use super::stream::round_trip::RoundTrip;
use super::stream::transport_cc_receiver::TransportCcReceiver;
use crate::control::{
    ConsumerId, DataConsumerId, DataProducerId, DtlsState, IceState, Labels, ProducerId, RouterId, SessionId,
    SrtpCryptoSuite, TransportId, TransportTuple, WebRtcServerId,
};
use crate::net::{Protocol, Route, RunHint, SocketId};
use crate::transport::direct::DirectLink;
use crate::transport::plain::PlainLink;
use crate::transport::srtp::{SrtpOpener, SrtpSealer};
use crate::transport::webrtc::WebRtcLink;

/// How a transport reaches its peer.
pub(crate) enum Link {
    /// ICE, DTLS and SRTP.
    WebRtc(Box<WebRtcLink>),
    /// An address, of another worker perhaps.
    Plain(Box<PlainLink>),
    /// Signaling itself.
    Direct(DirectLink),
}

/// How media is protected.
pub(crate) enum Protection {
    /// Not at all (plain RTP).
    Clear,
    /// It will be; until there are keys nothing is taken and nothing is sent.
    Pending,
    /// With these keys.
    Srtp {
        /// What we send.
        sealer: Box<SrtpSealer>,
        /// What we receive.
        opener: Box<SrtpOpener>,
    },
}

/// Which SSRC of ours a peer speaks of in RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EgressRef {
    /// The consumer.
    pub(crate) consumer: ConsumerId,
    /// Index of its stream; not 0 only for a pipe.
    pub(crate) stream: u8,
    /// It is its RTX stream.
    pub(crate) rtx: bool,
}

/// A transport.
pub(crate) struct Transport {
    /// Its id.
    pub(crate) id: TransportId,
    /// Its router.
    pub(crate) router: RouterId,
    /// Its session.
    pub(crate) session: Option<SessionId>,
    /// Its labels.
    pub(crate) labels: Labels,
    /// How it reaches its peer.
    pub(crate) link: Link,
    /// How media is protected.
    pub(crate) protection: Protection,
    /// What arrives on it.
    pub(crate) producers: Vec<ProducerId>,
    /// What leaves by it.
    pub(crate) consumers: Vec<ConsumerId>,
    /// Whose messages arrive on it.
    pub(crate) data_producers: Vec<DataProducerId>,
    /// Whose messages leave by it.
    pub(crate) data_consumers: Vec<DataConsumerId>,
    /// What carries messages, with SCTP.
    pub(crate) sctp: Option<Box<SctpLink>>,
    /// Which producer a packet belongs to.
    pub(crate) ingress: IngressStreams,
    /// Which consumer an SSRC of ours belongs to.
    pub(crate) egress: HashMap<u32, EgressRef, RandomState>,
    /// What may leave at once.
    pub(crate) pacer: Pacer,
    /// What waits to leave.
    pub(crate) queue: SendQueue,
    /// Where what leaves this turn lies.
    pub(crate) run: RunHint,
    /// Next transport-wide sequence number.
    pub(crate) transport_sequence: u16,
    /// Transport-wide feedback to the peer, where it was negotiated.
    pub(crate) transport_cc: Option<TransportCcReceiver>,
    /// REMB to the peer, where only that was negotiated.
    pub(crate) remb: Option<Remb>,
    /// How the peer's wall clock stands to ours.
    pub(crate) remote_clock: RemoteClock,
    /// Round trip by the peer's answers to our extended reports; NACKs are repeated by it.
    pub(crate) round_trip: RoundTrip,
    /// SSRC that our feedback comes from while nothing is sent.
    pub(crate) feedback_ssrc: u32,
    /// The deadline that it is armed for.
    pub(crate) armed: Option<Instant>,
    /// When the next reports are due.
    pub(crate) reports_due: Option<Instant>,
    /// What the peer may send, bit/s; 0: no limit.
    pub(crate) max_incoming_bitrate: u32,
    /// What may be sent to the peer, bit/s; 0: no limit.
    pub(crate) max_outgoing_bitrate: u32,
    /// What is sent at the least, whatever is estimated, bit/s; 0: no bound.
    pub(crate) min_outgoing_bitrate: u32,
    /// What the path is taken to carry before anybody said something about it, bit/s; none: anything.
    pub(crate) initial_outgoing_bitrate: Option<u32>,
    /// What the path carries, where the peer gives feedback to video.
    pub(crate) bandwidth: Option<Box<Bandwidth>>,
    /// What all its consumers would like to have, bit/s, as far as that is known.
    pub(crate) desired_bitrate: u32,
    /// When its consumers' layers are chosen anew.
    pub(crate) layers_due: Option<Instant>,
    /// The peer's own estimate (REMB), bit/s.
    pub(crate) peer_estimate: Option<u32>,
    /// What it traces.
    pub(crate) trace: crate::control::TraceEvents,
    /// What it counts.
    pub(crate) counters: TransportCounters,
}

/// Figures of a transport.
#[derive(Debug, Default)]
pub(crate) struct TransportCounters {
    /// Everything received.
    pub(crate) received: RateCounter,
    /// Everything sent.
    pub(crate) sent: RateCounter,
    /// Of that, what is no RTP, or none that was taken. RTP is the rest: counting it as such would be paid for by each packet.
    pub(crate) other_received: RateCounter,
    /// Of what was sent, what is neither RTP nor RTX.
    pub(crate) other_sent: RateCounter,
    /// RTX received.
    pub(crate) rtx_received: RateCounter,
    /// RTX sent.
    pub(crate) rtx_sent: RateCounter,
    /// Padding sent to probe the path.
    pub(crate) probation_sent: RateCounter,
    /// Loss of what the peer sends, as our transport-wide feedback tells it.
    pub(crate) loss_received: LossAverage,
    /// Loss of what we send, as the peer's transport-wide feedback tells it.
    pub(crate) loss_sent: LossAverage,
    /// RTP packets received and authenticated.
    pub(crate) rtp_received: u64,
    /// When the last authenticated RTP or RTCP came.
    pub(crate) heard: Option<Instant>,
    /// RTP packets sent.
    pub(crate) rtp_sent: u64,
    /// Packets that waited for their turn, or do.
    pub(crate) paced: u64,
    /// How long one of them waited at the most, µs.
    pub(crate) longest_wait: u32,
    /// Packets that failed authentication.
    pub(crate) srtp_failed: u64,
    /// Packets seen before.
    pub(crate) srtp_replayed: u64,
    /// RTP packets that fit no producer.
    pub(crate) unknown_streams: u64,
}

impl Transport {
    /// A transport that carries nothing yet.
    pub(crate) fn new(
        id: TransportId,
        router: RouterId,
        session: Option<SessionId>,
        labels: Labels,
        link: Link,
        protection: Protection,
        feedback_ssrc: u32,
    ) -> Self {
        Transport {
            id,
            router,
            session,
            labels,
            link,
            protection,
            producers: Vec::new(),
            consumers: Vec::new(),
            data_producers: Vec::new(),
            data_consumers: Vec::new(),
            sctp: None,
            ingress: IngressStreams::default(),
            egress: HashMap::default(),
            pacer: Pacer::default(),
            queue: SendQueue::default(),
            run: RunHint::default(),
            transport_sequence: 0,
            transport_cc: None,
            remb: None,
            remote_clock: RemoteClock::default(),
            round_trip: RoundTrip::default(),
            feedback_ssrc,
            armed: None,
            reports_due: None,
            max_incoming_bitrate: 0,
            max_outgoing_bitrate: 0,
            min_outgoing_bitrate: 0,
            initial_outgoing_bitrate: None,
            bandwidth: None,
            desired_bitrate: 0,
            layers_due: None,
            peer_estimate: None,
            trace: crate::control::TraceEvents::NONE,
            counters: TransportCounters::default(),
        }
    }

    /// Where RTP goes, once the path is known.
    #[inline]
    pub(crate) fn route(&self) -> Option<Route> {
        match &self.link {
            Link::WebRtc(link) => link.ice.selected(),
            Link::Plain(link) => link.rtp_route(),
            Link::Direct(_) => None,
        }
    }

    /// Where RTCP goes, once the path is known.
    #[inline]
    pub(crate) fn rtcp_route(&self) -> Option<Route> {
        match &self.link {
            Link::WebRtc(link) => link.ice.selected(),
            Link::Plain(link) => link.rtcp_route(),
            Link::Direct(_) => None,
        }
    }

    /// Whether packets can leave: there is a path, and keys where keys are needed.
    #[inline]
    pub(crate) fn is_connected(&self) -> bool {
        self.is_direct() || (!matches!(self.protection, Protection::Pending) && self.route().is_some())
    }

    /// Whether signaling itself is the peer.
    #[inline]
    pub(crate) fn is_direct(&self) -> bool {
        matches!(self.link, Link::Direct(_))
    }

    /// Whether another worker is the peer.
    pub(crate) fn is_pipe(&self) -> bool {
        matches!(&self.link, Link::Plain(link) if link.pipe.is_some())
    }

    /// What messages may be, where signaling itself is the peer.
    pub(crate) fn direct_link(&self) -> Option<&DirectLink> {
        match &self.link {
            Link::Direct(link) => Some(link),
            Link::WebRtc(_) | Link::Plain(_) => None,
        }
    }

    /// The server whose ports it is reached on, if it is one's.
    pub(crate) fn server(&self) -> Option<WebRtcServerId> {
        match &self.link {
            Link::WebRtc(link) => link.server,
            Link::Plain(_) | Link::Direct(_) => None,
        }
    }

    /// What may be sent, bit/s: the estimate within its limits. `None` if nothing limits it.
    pub(crate) fn available_outgoing(&self, now: Instant) -> Option<u32> {
        let estimate = self.bandwidth.as_ref().and_then(|bandwidth| bandwidth.estimate(now));
        let start = self.bandwidth.as_ref().and(self.initial_outgoing_bitrate);
        let max = Some(self.max_outgoing_bitrate).filter(|max| *max > 0);
        let limited = match (estimate.or(start), max) {
            (Some(estimate), Some(max)) => Some(estimate.min(max)),
            (estimate, max) => estimate.or(max),
        };
        limited.map(|bitrate| bitrate.max(self.min_outgoing_bitrate))
    }

    /// State of ICE; `None` without ICE.
    pub(crate) fn ice_state(&self) -> Option<IceState> {
        match &self.link {
            Link::WebRtc(link) => Some(link.ice_state()),
            Link::Plain(_) | Link::Direct(_) => None,
        }
    }

    /// State of DTLS; `None` without DTLS.
    pub(crate) fn dtls_state(&self) -> Option<DtlsState> {
        match &self.link {
            Link::WebRtc(link) => Some(link.dtls_state),
            Link::Plain(_) | Link::Direct(_) => None,
        }
    }

    /// The suite in use.
    pub(crate) fn suite(&self) -> Option<SrtpCryptoSuite> {
        match &self.protection {
            Protection::Srtp { sealer, .. } => Some(crate::transport::suite_of(sealer.profile())),
            _ => None,
        }
    }

    /// Bytes by which RTP of the peer is longer than it would be unprotected.
    pub(crate) fn rtp_tag_len(&self) -> u64 {
        match &self.protection {
            Protection::Srtp { sealer, .. } => sealer.profile().rtp_tag_len() as u64,
            Protection::Clear | Protection::Pending => 0,
        }
    }

    /// The addresses in use.
    pub(crate) fn tuple(&self) -> Option<TransportTuple> {
        let (route, local) = match &self.link {
            Link::WebRtc(link) => {
                let route = link.ice.selected()?;
                (Some(route), link.local_address(&route)?)
            }
            Link::Plain(link) => (link.rtp_route(), link.rtp_local),
            Link::Direct(_) => return None,
        };
        Some(tuple(route, local))
    }

    /// The addresses in use for RTCP, where it has ports of its own.
    pub(crate) fn rtcp_tuple(&self) -> Option<TransportTuple> {
        match &self.link {
            Link::Plain(link) => link.rtcp_socket.map(|(_, local)| tuple(link.rtcp_remote, local)),
            Link::WebRtc(_) | Link::Direct(_) => None,
        }
    }

    /// Its own sockets, to be closed with it.
    pub(crate) fn own_sockets(&self) -> Vec<SocketId> {
        match &self.link {
            Link::WebRtc(link) => link.own_sockets.clone(),
            Link::Plain(link) => link.sockets(),
            Link::Direct(_) => Vec::new(),
        }
    }

    /// TCP connections of its peer, to be closed with it: once ICE confirmed them, nobody else would.
    pub(crate) fn connections(&self) -> Vec<SocketId> {
        match &self.link {
            Link::WebRtc(link) => {
                let routes = link.ice.routes().iter();
                routes.filter(|route| route.protocol == Protocol::Tcp).map(|route| route.socket).collect()
            }
            Link::Plain(_) | Link::Direct(_) => Vec::new(),
        }
    }

    /// Lets a packet leave again under its old number; only sound when it is the same to the last byte.
    pub(crate) fn allow_nonce_reuse(&mut self, allow: bool) {
        if let Protection::Srtp { sealer, .. } = &mut self.protection {
            sealer.allow_nonce_reuse(allow);
        }
    }

    /// The SSRC that our RTCP comes from.
    pub(crate) fn sender_ssrc(&self) -> u32 {
        self.feedback_ssrc
    }
}

/// A tuple for people: the local address is the one that was hit, where it is known.
pub(crate) fn tuple(route: Option<Route>, bound: SocketAddr) -> TransportTuple {
    let mut local = bound;
    if let Some(ip) = route.and_then(|route| route.local) {
        local.set_ip(ip);
    }
    TransportTuple {
        local,
        remote: route.map(|route| route.remote),
        protocol: route.map_or(crate::control::Protocol::Udp, |route| route.protocol),
    }
}
