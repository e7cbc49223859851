//! Making sessions, routers and transports, and connecting transports.
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::not_found;
use crate::control::{
    ConnectPlainTransport, ControlError, CreateSession, DtlsParameters, DtlsRole, IceCandidate,
    IceParameters, Labels, ListenInfo, PlainTransportCreated, PlainTransportOptions, Protocol, RouterId,
    SessionId, SrtpCryptoSuite, SrtpParameters, TransportId, TransportListen, WebRtcTransportCreated,
    WebRtcTransportOptions,
};
use crate::engine::dtls::session as srtp_session;
use crate::engine::router::{Router, Session};
use crate::engine::sockets::ListenCandidate;
use crate::engine::transport::{Link, Protection, Transport, tuple};
use crate::engine::{Engine, SocketFactory};
use crate::net::{Listening, SocketId};
use crate::transport::dtls::Fingerprint;
use crate::transport::ice::{Candidate, ConsentTimeout, Credentials, IceAgent, Preference};
use crate::transport::plain::PlainLink;
use crate::transport::profile_of;
use crate::transport::srtp::{KeyingMaterial, MasterKey, Profile};
use crate::transport::webrtc::WebRtcLink;

impl Engine {
    pub(super) fn create_session(&mut self, options: CreateSession) -> SessionId {
        let CreateSession { signaling, labels } = options;
        self.sessions.insert_with(|_| Session { signaling, labels, transports: Vec::new() })
    }

    pub(super) fn create_router(&mut self, labels: Labels) -> RouterId {
        self.routers.insert_with(|_| Router {
            labels,
            transports: Vec::new(),
            relayed: Vec::new(),
            observers: Vec::new(),
        })
    }

    pub(super) fn create_webrtc_transport(
        &mut self,
        router: RouterId,
        options: WebRtcTransportOptions,
        sockets: &mut dyn SocketFactory,
    ) -> Result<WebRtcTransportCreated, ControlError> {
        let labels = self.transport_labels(router, options.session, &options.labels)?;
        let (listen, addresses, own) = match &options.listen {
            TransportListen::Shared => {
                (self.config.shared.sockets.clone(), self.config.shared.candidates.clone(), Vec::new())
            }
            TransportListen::Server(_) => {
                return Err(ControlError::unsupported(
                    "control.create_webrtc_transport: there are no servers yet",
                ));
            }
            TransportListen::Individual(infos) => open_all(infos, sockets)?,
        };
        let preference = |order| Preference { order, udp: options.prefer_udp, tcp: options.prefer_tcp };
        let ice_candidates: Vec<IceCandidate> = addresses
            .iter()
            .filter(|candidate| match candidate.protocol {
                Protocol::Udp => options.enable_udp,
                Protocol::Tcp => options.enable_tcp,
            })
            .enumerate()
            .map(|(order, candidate)| ice_candidate(candidate, preference(order.min(255) as u8)))
            .collect();
        if ice_candidates.is_empty() {
            close_all(&own, sockets);
            return Err(ControlError::invalid(
                "control.create_webrtc_transport: no address is left to listen on; enable UDP or TCP, and listen with it",
            ));
        }
        let credentials = match self.fresh_credentials() {
            Ok(credentials) => credentials,
            Err(error) => {
                close_all(&own, sockets);
                return Err(error);
            }
        };
        let consent = ConsentTimeout::from_duration(options.ice_consent_timeout);
        let link = WebRtcLink {
            ice: IceAgent::new(credentials, consent),
            dtls: None,
            dtls_state: Default::default(),
            role: None,
            fingerprints: Vec::new(),
            own_sockets: own,
            listen,
        };
        let feedback_ssrc = self.config.random.u32();
        let session = options.session;
        let id = self.transports.insert_with(|id| {
            let link = Link::WebRtc(Box::new(link));
            Transport::new(id, router, session, labels, link, Protection::Pending, feedback_ssrc)
        });
        self.demux.add_ufrag(credentials.ufrag(), id);
        self.adopt(router, session, id);
        Ok(WebRtcTransportCreated {
            id,
            ice_parameters: ice_parameters(&credentials),
            ice_candidates,
            dtls_parameters: DtlsParameters {
                role: DtlsRole::Auto,
                fingerprints: self.config.fingerprints.clone(),
            },
        })
    }

    pub(super) fn connect_webrtc_transport(
        &mut self,
        now: Instant,
        id: TransportId,
        parameters: DtlsParameters,
    ) -> Result<DtlsRole, ControlError> {
        let transport = self.transports.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        let Link::WebRtc(link) = &mut transport.link else {
            return Err(ControlError::invalid(format!("control.connect: transport {id} has no DTLS")));
        };
        if link.role.is_some() {
            return Err(ControlError::state(format!("control.connect: transport {id} is connected already")));
        }
        if parameters.fingerprints.is_empty() || parameters.fingerprints.len() > 16 {
            return Err(ControlError::invalid(
                "control.connect: 1 to 16 fingerprints of the peer's certificate are needed",
            ));
        }
        let fingerprints = parameters
            .fingerprints
            .iter()
            .map(|fingerprint| Fingerprint::parse(fingerprint.algorithm.name(), &fingerprint.value))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| ControlError::invalid(format!("control.connect: {error}")))?;
        link.fingerprints = fingerprints;
        let role = match parameters.role {
            DtlsRole::Server => DtlsRole::Client,
            DtlsRole::Client | DtlsRole::Auto => DtlsRole::Server,
        };
        link.role = Some(role);
        self.start_dtls(now, id);
        Ok(role)
    }

    pub(super) fn restart_ice(&mut self, id: TransportId) -> Result<IceParameters, ControlError> {
        self.transports.get(id).ok_or_else(|| not_found(id.into()))?;
        let credentials = self.fresh_credentials()?;
        let transport = self.transports.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        let Link::WebRtc(link) = &mut transport.link else {
            return Err(ControlError::invalid(format!("control.restart_ice: transport {id} has no ICE")));
        };
        if let Some(retired) = link.ice.restart(credentials) {
            self.demux.remove_ufrag(retired.as_str());
        }
        self.demux.add_ufrag(credentials.ufrag(), id);
        Ok(ice_parameters(&credentials))
    }

    pub(super) fn create_plain_transport(
        &mut self,
        router: RouterId,
        options: PlainTransportOptions,
        sockets: &mut dyn SocketFactory,
    ) -> Result<PlainTransportCreated, ControlError> {
        let labels = self.transport_labels(router, options.session, &options.labels)?;
        if options.listen.protocol != Protocol::Udp {
            return Err(ControlError::invalid("control.create_plain_transport: plain RTP goes over UDP"));
        }
        let (rtp_socket, rtp_local) = sockets.open(&options.listen)?;
        let rtcp_socket = if options.rtcp_mux {
            None
        } else {
            let listen = options
                .rtcp_listen
                .clone()
                .unwrap_or_else(|| ListenInfo { port: 0, ..options.listen.clone() });
            match sockets.open(&listen) {
                Ok(opened) => Some(opened),
                Err(error) => {
                    sockets.close(rtp_socket);
                    return Err(error);
                }
            }
        };
        // Our key is made now; the peer's comes with `connect`.
        let key = options.srtp.map(|suite| self.fresh_srtp_key(suite));
        let link = PlainLink {
            rtp_socket,
            rtp_local,
            rtcp_socket,
            comedia: options.comedia,
            connected: false,
            rtp_remote: None,
            rtcp_remote: None,
            srtp: key,
        };
        let protection = if options.srtp.is_some() { Protection::Pending } else { Protection::Clear };
        let feedback_ssrc = self.config.random.u32();
        let session = options.session;
        let id = self.transports.insert_with(|id| {
            let link = Link::Plain(Box::new(link));
            Transport::new(id, router, session, labels, link, protection, feedback_ssrc)
        });
        self.demux.add_socket(rtp_socket, id);
        if let Some((socket, _)) = rtcp_socket {
            self.demux.add_socket(socket, id);
        }
        self.adopt(router, session, id);
        self.plain_created(id)
    }

    pub(super) fn connect_plain_transport(
        &mut self,
        now: Instant,
        id: TransportId,
        peer: ConnectPlainTransport,
    ) -> Result<PlainTransportCreated, ControlError> {
        let invalid = |text: &str| Err(ControlError::invalid(format!("control.connect: {text}")));
        let transport = self.transports.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        let Link::Plain(link) = &mut transport.link else {
            return invalid("the transport is no plain transport");
        };
        if link.connected {
            return Err(ControlError::state(format!("control.connect: transport {id} is connected already")));
        }
        let keys = match (&link.srtp, &peer.srtp) {
            (None, None) => None,
            (None, Some(_)) => return invalid("the transport was made without SRTP; leave the key out"),
            (Some(_), None) => return invalid("the transport was made with SRTP; the peer's key is missing"),
            (Some(own), Some(given)) => Some(keying(own, given)?),
        };
        let addresses = match (link.comedia, peer.ip, peer.port) {
            (true, None, None) if peer.rtcp_port.is_none() => None,
            (true, ..) => {
                return invalid("the peer's address is learnt (comedia); leave address and ports out");
            }
            (false, Some(ip), Some(port)) if port != 0 => Some((ip, port)),
            (false, ..) => return invalid("address and port of the peer are needed"),
        };
        if let Some((ip, port)) = addresses {
            let matches = ip.is_ipv4() == link.rtp_local.is_ipv4();
            if !matches {
                return invalid("the peer's address is of another IP version than ours");
            }
            let rtcp = match (link.rtcp_socket, peer.rtcp_port) {
                (Some((socket, _)), Some(port)) if port != 0 => {
                    Some(PlainLink::route_to(socket, SocketAddr::new(ip, port)))
                }
                (Some(_), _) => return invalid("the peer's RTCP port is needed without rtcp_mux"),
                (None, Some(_)) => return invalid("with rtcp_mux there is no RTCP port of its own"),
                (None, None) => None,
            };
            link.rtp_remote = Some(PlainLink::route_to(link.rtp_socket, SocketAddr::new(ip, port)));
            link.rtcp_remote = rtcp;
        }
        link.connected = true;
        if let Some(keys) = keys {
            let (sealer, opener) = srtp_session(&keys)
                .map_err(|error| ControlError::invalid(format!("control.connect: {error}")))?;
            transport.protection = Protection::Srtp { sealer: Box::new(sealer), opener: Box::new(opener) };
        }
        if addresses.is_some() {
            self.transport_connected(now, id);
        }
        self.plain_created(id)
    }

    fn plain_created(&self, id: TransportId) -> Result<PlainTransportCreated, ControlError> {
        let transport = self.transports.get(id).ok_or_else(|| not_found(id.into()))?;
        let Link::Plain(link) = &transport.link else { return Err(not_found(id.into())) };
        Ok(PlainTransportCreated {
            id,
            tuple: tuple(link.rtp_remote, link.rtp_local),
            rtcp_tuple: link.rtcp_socket.map(|(_, local)| tuple(link.rtcp_remote, local)),
            srtp_parameters: link.srtp.as_ref().map(|key| SrtpParameters {
                crypto_suite: crate::transport::suite_of(key.0),
                key_base64: BASE64.encode([key.1.key(), key.1.salt()].concat()),
            }),
        })
    }

    fn fresh_srtp_key(&mut self, suite: SrtpCryptoSuite) -> (Profile, MasterKey) {
        let profile = profile_of(suite);
        let mut bytes = [0; 46];
        self.config.random.fill(&mut bytes);
        let len = profile.key_len() + profile.salt_len();
        // The lengths are the profile's own, so there is a key.
        let key = bytes.get(..len).and_then(|bytes| MasterKey::from_key_and_salt(profile, bytes).ok());
        (profile, key.expect("engine: a key of the profile's own length"))
    }

    fn fresh_credentials(&mut self) -> Result<Credentials, ControlError> {
        loop {
            let credentials = Credentials::random()
                .map_err(|error| ControlError::internal(format!("control.ice: {error}")))?;
            if !self.demux.has_ufrag(credentials.ufrag()) {
                return Ok(credentials);
            }
        }
    }

    /// Labels of a new transport: its own, then its session's, then its router's.
    fn transport_labels(
        &self,
        router: RouterId,
        session: Option<SessionId>,
        own: &Labels,
    ) -> Result<Labels, ControlError> {
        let router = self.routers.get(router).ok_or_else(|| not_found(router.into()))?;
        let labels = match session {
            Some(id) => own.inherit(&self.sessions.get(id).ok_or_else(|| not_found(id.into()))?.labels),
            None => own.clone(),
        };
        Ok(labels.inherit(&router.labels))
    }

    fn adopt(&mut self, router: RouterId, session: Option<SessionId>, transport: TransportId) {
        if let Some(router) = self.routers.get_mut(router) {
            router.transports.push(transport);
        }
        if let Some(session) = session.and_then(|id| self.sessions.get_mut(id)) {
            session.transports.push(transport);
        }
    }
}

type Opened = (Vec<Listening>, Vec<ListenCandidate>, Vec<SocketId>);

/// Opens all, or none.
fn open_all(infos: &[ListenInfo], sockets: &mut dyn SocketFactory) -> Result<Opened, ControlError> {
    if infos.is_empty() || infos.len() > 16 {
        return Err(ControlError::invalid(
            "control.create_webrtc_transport: 1 to 16 addresses to listen on are needed",
        ));
    }
    let (mut listen, mut candidates, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for info in infos {
        match sockets.open(info) {
            Ok((id, address)) => {
                listen.push(Listening { socket: id, protocol: info.protocol, address });
                own.push(id);
                candidates.extend(listen_candidates(info, address));
            }
            Err(error) => {
                close_all(&own, sockets);
                return Err(error);
            }
        }
    }
    Ok((listen, candidates, own))
}

fn close_all(own: &[SocketId], sockets: &mut dyn SocketFactory) {
    for socket in own {
        sockets.close(*socket);
    }
}

/// What peers are told of a socket: the announced address, or the one it is bound to, or every address of the machine.
pub(crate) fn listen_candidates(info: &ListenInfo, bound: SocketAddr) -> Vec<ListenCandidate> {
    let candidate =
        |address: String| ListenCandidate { protocol: info.protocol, address, port: bound.port() };
    match &info.announced_address {
        Some(address) => vec![candidate(address.clone())],
        None if bound.ip().is_unspecified() => {
            let same_family = |ip: &IpAddr| bound.is_ipv6() || ip.is_ipv4();
            let all = crate::net::local_addresses();
            all.into_iter().filter(same_family).map(|ip| candidate(ip.to_string())).collect()
        }
        None => vec![candidate(bound.ip().to_string())],
    }
}

fn ice_candidate(candidate: &ListenCandidate, preference: Preference) -> IceCandidate {
    let protocol = match candidate.protocol {
        Protocol::Udp => crate::transport::ice::Protocol::Udp,
        Protocol::Tcp => crate::transport::ice::Protocol::Tcp,
    };
    let host = Candidate::host(protocol, &candidate.address, candidate.port, preference);
    IceCandidate {
        foundation: host.foundation.to_string(),
        priority: host.priority,
        address: host.address,
        protocol: candidate.protocol,
        port: host.port,
    }
}

fn ice_parameters(credentials: &Credentials) -> IceParameters {
    IceParameters {
        username_fragment: credentials.ufrag().to_owned(),
        password: credentials.password().to_owned(),
        ice_lite: true,
    }
}

/// Keys of both directions from ours and the peer's.
fn keying(own: &(Profile, MasterKey), given: &SrtpParameters) -> Result<KeyingMaterial, ControlError> {
    let profile = profile_of(given.crypto_suite);
    if profile != own.0 {
        return Err(ControlError::invalid(format!(
            "control.connect: the peer's SRTP suite is {}, ours {}; both must be the same",
            profile.suite_name(),
            own.0.suite_name()
        )));
    }
    let bytes = BASE64.decode(&given.key_base64).map_err(|error| {
        ControlError::invalid(format!("control.connect: the SRTP key is no base64: {error}"))
    })?;
    let remote = MasterKey::from_key_and_salt(profile, &bytes)
        .map_err(|error| ControlError::invalid(format!("control.connect: {error}")))?;
    Ok(KeyingMaterial { profile, local: own.1.clone(), remote })
}
