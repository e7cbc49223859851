//! A room in a worker: one publisher, many viewers.
use std::io;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sfu_core::control::SrtpCryptoSuite as Suite;
use sfu_mediasoup::schema::v3_27::call::Call;
use sfu_mediasoup::schema::v3_27::plain_transport::{ConnectRequest, PlainTransportOptions};
use sfu_mediasoup::schema::v3_27::response::Body;
use sfu_mediasoup::schema::v3_27::router::{CreatePlainTransportRequest, CreateWebRtcTransportRequest};
use sfu_mediasoup::schema::v3_27::rtp_parameters::{
    CodecMapping, EncodingMapping, MediaKind, RtcpParameters, RtpCodecParameters, RtpEncodingParameters,
    RtpMapping, RtpParameters, Type,
};
use sfu_mediasoup::schema::v3_27::srtp_parameters::{SrtpCryptoSuite, SrtpParameters};
use sfu_mediasoup::schema::v3_27::transport::{
    ConsumeRequest, ListenInfo, Options, PortRange, ProduceRequest, Protocol, SocketFlags,
};
use sfu_mediasoup::schema::v3_27::webrtc_transport::{Listen, ListenServer, WebRtcTransportOptions};
use sfu_mediasoup::schema::v3_27::worker::{CreateRouterRequest, CreateWebRtcServerRequest};

use crate::source::{PAYLOAD_TYPE, key};
use crate::worker::Worker;

/// The SSRC of the first publisher as consumers see it.
const MAPPED: u32 = 0x1000_0000;

/// A router and what is in it.
pub struct Room<'a> {
    worker: &'a mut Worker,
    name: String,
    suite: Option<Suite>,
    transports: u32,
    has_server: bool,
}

impl<'a> Room<'a> {
    /// Makes a router of this name.
    pub fn new(worker: &'a mut Worker, name: &str, suite: Option<Suite>) -> io::Result<Self> {
        worker.ask("", Call::WorkerCreateRouter(CreateRouterRequest { router_id: name.into() }))?;
        Ok(Self { worker, name: name.into(), suite, transports: 0, has_server: false })
    }

    /// A publisher that sends from this address with this SSRC; where it has to send to.
    pub fn publish(&mut self, from: SocketAddr, ssrc: u32) -> io::Result<SocketAddr> {
        let (transport, to) = self.transport(from)?;
        let codec = codec();
        let rtp_mapping = RtpMapping {
            codecs: vec![CodecMapping { payload_type: PAYLOAD_TYPE, mapped_payload_type: PAYLOAD_TYPE }],
            encodings: vec![EncodingMapping { rid: None, ssrc: Some(ssrc), mapped_ssrc: MAPPED }],
        };
        let request = ProduceRequest {
            producer_id: self.producer(),
            kind: MediaKind::Video,
            rtp_parameters: parameters(codec, ssrc),
            rtp_mapping,
            paused: false,
            key_frame_request_delay: 0,
            enable_mediasoup_packet_id_header_extension: false,
        };
        self.worker.ask(&transport, Call::TransportProduce(request))?;
        Ok(to)
    }

    /// A viewer of the publisher, at this address.
    pub fn view(&mut self, at: SocketAddr) -> io::Result<()> {
        let (transport, _) = self.transport(at)?;
        self.consume(&transport)
    }

    /// A consumer on a transport.
    pub fn consume(&mut self, transport: &str) -> io::Result<()> {
        let ssrc = 0x2000_0000 + self.transports;
        let request = ConsumeRequest {
            consumer_id: format!("{transport}-consumer"),
            producer_id: self.producer(),
            kind: MediaKind::Video,
            rtp_parameters: parameters(codec(), ssrc),
            r#type: Type::Simple,
            consumable_rtp_encodings: vec![encoding(MAPPED)],
            paused: false,
            preferred_layers: None,
            ignore_dtx: false,
        };
        self.worker.ask(transport, Call::TransportConsume(request))?;
        Ok(())
    }

    /// A WebRTC transport whose peer never comes, on the ports of the room's server; its id.
    pub fn waiting(&mut self) -> io::Result<String> {
        let server = format!("{}-server", self.name);
        if !self.has_server {
            let request = CreateWebRtcServerRequest {
                web_rtc_server_id: server.clone(),
                listen_infos: Some(vec![listen_info()]),
            };
            self.worker.ask("", Call::WorkerCreateWebRtcServer(request))?;
            self.has_server = true;
        }
        self.transports += 1;
        let id = format!("{}-{}", self.name, self.transports);
        let options = WebRtcTransportOptions {
            base: options(),
            listen: Listen::ListenServer(ListenServer { web_rtc_server_id: server }),
            enable_udp: true,
            enable_tcp: true,
            prefer_udp: false,
            prefer_tcp: false,
            ice_consent_timeout: 30,
        };
        let request = CreateWebRtcTransportRequest { transport_id: id.clone(), options };
        self.worker.ask(&self.name, Call::RouterCreateWebRtcTransportWithServer(request))?;
        Ok(id)
    }

    /// The worker, to be measured.
    pub fn worker(&self) -> &Worker {
        self.worker
    }

    fn producer(&self) -> String {
        format!("{}-producer", self.name)
    }

    /// A transport to a peer at this address: its id, and its own address.
    fn transport(&mut self, peer: SocketAddr) -> io::Result<(String, SocketAddr)> {
        self.transports += 1;
        let id = format!("{}-{}", self.name, self.transports);
        let options = PlainTransportOptions {
            base: options(),
            listen_info: listen_info(),
            rtcp_listen_info: None,
            rtcp_mux: true,
            comedia: false,
            enable_srtp: self.suite.is_some(),
            srtp_crypto_suite: self.suite.map(suite),
        };
        let request = CreatePlainTransportRequest { transport_id: id.clone(), options };
        self.worker.ask(&self.name, Call::RouterCreatePlainTransport(request))?;
        let request = ConnectRequest {
            ip: Some(peer.ip().to_string()),
            port: Some(peer.port()),
            rtcp_port: None,
            srtp_parameters: self.suite.map(|given| SrtpParameters {
                crypto_suite: suite(given),
                key_base64: STANDARD.encode(key(given)),
            }),
        };
        let answer = self.worker.ask(&id, Call::PlainTransportConnect(request))?;
        let Some(Body::PlainTransportConnectResponse(answer)) = answer else {
            return Err(io::Error::other("worker: an answer of another kind"));
        };
        let tuple = answer.tuple.ok_or_else(|| io::Error::other("worker: no address of the transport"))?;
        let ip = tuple.local_address.parse().map_err(io::Error::other)?;
        Ok((id, SocketAddr::new(ip, tuple.local_port)))
    }
}

/// Any port on loopback.
fn listen_info() -> ListenInfo {
    ListenInfo {
        protocol: Protocol::Udp,
        ip: "127.0.0.1".into(),
        announced_address: None,
        expose_internal_ip: false,
        port: 0,
        port_range: PortRange { min: 0, max: 0 },
        flags: SocketFlags { ipv6_only: false, udp_reuse_port: false },
        send_buffer_size: 0,
        recv_buffer_size: 0,
    }
}

fn options() -> Options {
    Options {
        direct: false,
        max_send_message_size: 262_144,
        max_receive_message_size: 262_144,
        initial_available_outgoing_bitrate: None,
        enable_sctp: false,
        sctp_send_buffer_size: 0,
        sctp_per_stream_send_queue_limit: 0,
        sctp_max_receiver_window_buffer_size: 0,
        sctp_default_stream_buffered_amount_low_threshold: 0,
        is_data_channel: false,
        enable_bwe: true,
        max_incoming_bitrate: None,
        max_outgoing_bitrate: None,
        min_outgoing_bitrate: None,
    }
}

fn codec() -> RtpCodecParameters {
    RtpCodecParameters {
        mime_type: "video/VP8".into(),
        payload_type: PAYLOAD_TYPE,
        clock_rate: 90_000,
        channels: None,
        parameters: None,
        rtcp_feedback: None,
    }
}

fn encoding(ssrc: u32) -> RtpEncodingParameters {
    RtpEncodingParameters {
        ssrc: Some(ssrc),
        rid: None,
        codec_payload_type: None,
        rtx: None,
        dtx: false,
        scalability_mode: None,
        max_bitrate: None,
    }
}

fn parameters(codec: RtpCodecParameters, ssrc: u32) -> RtpParameters {
    RtpParameters {
        mid: None,
        codecs: vec![codec],
        header_extensions: Vec::new(),
        encodings: vec![encoding(ssrc)],
        rtcp: RtcpParameters { cname: Some("load".into()), reduced_size: true },
        msid: None,
    }
}

fn suite(given: Suite) -> SrtpCryptoSuite {
    match given {
        Suite::AeadAes256Gcm => SrtpCryptoSuite::AeadAes256Gcm,
        Suite::AeadAes128Gcm => SrtpCryptoSuite::AeadAes128Gcm,
        Suite::AesCm128HmacSha1_80 => SrtpCryptoSuite::AesCm128HmacSha1_80,
        Suite::AesCm128HmacSha1_32 => SrtpCryptoSuite::AesCm128HmacSha1_32,
    }
}
