//! A router in a worker that speaks mediasoup's protocol: transports, producers, consumers.
use std::io;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sfu_core::control::{IceParameters, SrtpCryptoSuite as Suite};
use sfu_mediasoup::schema::v3_27::call::Call;
use sfu_mediasoup::schema::v3_27::plain_transport::{ConnectRequest, PlainTransportOptions};
use sfu_mediasoup::schema::v3_27::response::Body;
use sfu_mediasoup::schema::v3_27::router::{CreatePlainTransportRequest, CreateWebRtcTransportRequest};
use sfu_mediasoup::schema::v3_27::rtp_parameters::{CodecMapping, EncodingMapping, RtpMapping, Type};
use sfu_mediasoup::schema::v3_27::srtp_parameters::{SrtpCryptoSuite, SrtpParameters};
use sfu_mediasoup::schema::v3_27::transport::{ConsumeRequest, ProduceRequest, Protocol};
use sfu_mediasoup::schema::v3_27::webrtc_transport::{
    self, DtlsParameters, DtlsRole, Fingerprint, FingerprintAlgorithm, Listen, ListenServer,
    WebRtcTransportOptions,
};
use sfu_mediasoup::schema::v3_27::worker::{CreateRouterRequest, CreateWebRtcServerRequest};

use crate::rtp_parameters::{encoding, kind, parameters, payload_type};
use crate::source::key;
use crate::transport_options::{listen_info, options};
use crate::worker::Worker;

/// The first SSRC of producers as consumers see it.
const MAPPED: u32 = 0x1000_0000;

/// The first SSRC that consumers send with.
const SENT: u32 = 0x2000_0000;

/// A router and what is in it.
pub struct Room<'a> {
    worker: &'a mut Worker,
    name: String,
    suite: Option<Suite>,
    transports: u32,
    consumers: u32,
    mapped: u32,
    producers: Vec<Producer>,
    has_server: bool,
}

/// What a peer sends to others.
#[derive(Debug, Clone)]
pub struct Producer {
    id: String,
    audio: bool,
    /// SSRCs of its encodings as consumers see them.
    mapped: Vec<u32>,
}

/// A plain transport: its id, where it is, and the key that it sends with.
#[derive(Debug, Clone)]
pub struct Plain {
    /// Its id.
    pub id: String,
    /// Where it is.
    pub address: SocketAddr,
    /// Key and salt of what it sends, where there is SRTP.
    pub key: Option<Vec<u8>>,
}

/// A WebRTC transport: its id, where it is, and what checks have to name.
#[derive(Debug, Clone)]
pub struct WebRtc {
    /// Its id.
    pub id: String,
    /// Its first UDP candidate.
    pub address: SocketAddr,
    /// Its ICE credentials.
    pub ice: IceParameters,
}

impl<'a> Room<'a> {
    /// Makes a router of this name; plain transports protect media with this suite, if one is given.
    pub fn new(worker: &'a mut Worker, name: &str, suite: Option<Suite>) -> io::Result<Self> {
        worker.ask("", Call::WorkerCreateRouter(CreateRouterRequest { router_id: name.into() }))?;
        let name = name.to_owned();
        let producers = Vec::new();
        Ok(Self { worker, name, suite, transports: 0, consumers: 0, mapped: 0, producers, has_server: false })
    }

    /// A publisher that sends video from this address with this SSRC; where it has to send to.
    pub fn publish(&mut self, from: SocketAddr, ssrc: u32) -> io::Result<SocketAddr> {
        let transport = self.plain(from)?;
        let producer = self.produce(&transport.id, false, &[ssrc])?;
        self.producers.push(producer);
        Ok(transport.address)
    }

    /// A viewer of the first publisher, at this address.
    pub fn view(&mut self, at: SocketAddr) -> io::Result<()> {
        let transport = self.plain(at)?;
        self.consume_first(&transport.id)
    }

    /// A consumer of the first publisher on a transport.
    pub fn consume_first(&mut self, transport: &str) -> io::Result<()> {
        let producer = self.producers.first().cloned();
        let producer = producer.ok_or_else(|| io::Error::other("room: nobody publishes"))?;
        self.consume(transport, &producer, false)
    }

    /// A producer on a transport: its encodings have these SSRCs, the smallest one first.
    pub fn produce(&mut self, transport: &str, audio: bool, ssrcs: &[u32]) -> io::Result<Producer> {
        let mapped: Vec<u32> = (self.mapped..).take(ssrcs.len()).map(|number| MAPPED + number).collect();
        self.mapped += ssrcs.len() as u32;
        let payload_type = payload_type(audio);
        let encodings = ssrcs.iter().zip(&mapped);
        let rtp_mapping = RtpMapping {
            codecs: vec![CodecMapping { payload_type, mapped_payload_type: payload_type }],
            encodings: encodings
                .map(|(ssrc, mapped)| EncodingMapping { rid: None, ssrc: Some(*ssrc), mapped_ssrc: *mapped })
                .collect(),
        };
        let id = format!("{transport}-producer-{}", self.mapped);
        let request = ProduceRequest {
            producer_id: id.clone(),
            kind: kind(audio),
            rtp_parameters: parameters(audio, ssrcs, false),
            rtp_mapping,
            paused: false,
            key_frame_request_delay: 0,
            enable_mediasoup_packet_id_header_extension: false,
        };
        self.worker.ask(transport, Call::TransportProduce(request))?;
        Ok(Producer { id, audio, mapped })
    }

    /// A consumer on a transport; with `feedback` its packets have transport-wide numbers.
    pub fn consume(&mut self, transport: &str, producer: &Producer, feedback: bool) -> io::Result<()> {
        self.consumers += 1;
        let several = producer.mapped.len() > 1;
        let request = ConsumeRequest {
            consumer_id: format!("{transport}-consumer-{}", self.consumers),
            producer_id: producer.id.clone(),
            kind: kind(producer.audio),
            rtp_parameters: parameters(producer.audio, &[SENT + self.consumers], feedback),
            r#type: if several { Type::Simulcast } else { Type::Simple },
            consumable_rtp_encodings: producer.mapped.iter().map(|ssrc| encoding(*ssrc)).collect(),
            paused: false,
            preferred_layers: None,
            ignore_dtx: false,
        };
        self.worker.ask(transport, Call::TransportConsume(request))?;
        Ok(())
    }

    /// A WebRTC transport whose peer never comes; its id.
    pub fn waiting(&mut self) -> io::Result<String> {
        Ok(self.create_webrtc()?.0)
    }

    /// A WebRTC transport for a peer whose certificate has this SHA-256 fingerprint and that begins the handshake.
    pub fn webrtc(&mut self, fingerprint: &str) -> io::Result<WebRtc> {
        let (id, dump) = self.create_webrtc()?;
        let fingerprint =
            Fingerprint { algorithm: FingerprintAlgorithm::Sha256, value: fingerprint.to_owned() };
        let dtls_parameters = DtlsParameters { fingerprints: vec![fingerprint], role: DtlsRole::Client };
        let request = webrtc_transport::ConnectRequest { dtls_parameters };
        self.worker.ask(&id, Call::WebRtcTransportConnect(request))?;
        let mut candidates = dump.ice_candidates.iter();
        let candidate = candidates.find(|candidate| candidate.protocol == Protocol::Udp);
        let candidate = candidate.ok_or_else(|| io::Error::other("worker: a transport without UDP"))?;
        let ip = candidate.address.parse().map_err(io::Error::other)?;
        let ice = IceParameters {
            username_fragment: dump.ice_parameters.username_fragment,
            password: dump.ice_parameters.password,
            ice_lite: true,
        };
        Ok(WebRtc { id, address: SocketAddr::new(ip, candidate.port), ice })
    }

    /// On the ports of the room's server.
    fn create_webrtc(&mut self) -> io::Result<(String, webrtc_transport::DumpResponse)> {
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
        let answer = self.worker.ask(&self.name, Call::RouterCreateWebRtcTransportWithServer(request))?;
        match answer {
            Some(Body::WebRtcTransportDumpResponse(dump)) => Ok((id, dump)),
            _ => Err(io::Error::other("worker: an answer of another kind")),
        }
    }

    /// The worker, to be measured.
    pub fn worker(&self) -> &Worker {
        self.worker
    }

    /// A transport to a peer at this address.
    pub fn plain(&mut self, peer: SocketAddr) -> io::Result<Plain> {
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
        let key = answer.srtp_parameters.map(|srtp| STANDARD.decode(srtp.key_base64)).transpose();
        let key = key.map_err(|error| io::Error::other(format!("worker: unreadable SRTP key: {error}")))?;
        Ok(Plain { id, address: SocketAddr::new(ip, tuple.local_port), key })
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
