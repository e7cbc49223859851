//! Making sessions, routers and WebRTC transports, and connecting these.
use std::time::Instant;

use super::listen::{Opened, close_all, open_all};
use super::not_found;
use crate::control::{
    ControlError, CreateSession, DtlsParameters, DtlsRole, IceCandidate, IceParameters, Labels, Protocol,
    RouterId, SessionId, TransportId, TransportListen, WebRtcTransportCreated, WebRtcTransportOptions,
};
use crate::engine::router::{Router, Session};
use crate::engine::sctp::SctpLink;
use crate::engine::sockets::{ListenCandidate, SharedListen};
use crate::engine::transport::{Link, Protection, Transport};
use crate::engine::{Engine, SocketFactory};
use crate::transport::dtls::Fingerprint;
use crate::transport::ice::{Candidate, ConsentTimeout, Credentials, IceAgent, Preference};
use crate::transport::webrtc::WebRtcLink;

impl Engine {
    pub(super) fn create_session(&mut self, options: CreateSession) -> SessionId {
        let CreateSession { signaling, labels } = options;
        self.sessions.insert_with(|_| Session { signaling, labels, transports: Vec::new() })
    }

    pub(super) fn create_router(&mut self, labels: Labels) -> RouterId {
        self.routers.insert_with(|_| Router::new(labels))
    }

    pub(super) fn create_webrtc_transport(
        &mut self,
        router: RouterId,
        options: WebRtcTransportOptions,
        sockets: &mut dyn SocketFactory,
    ) -> Result<WebRtcTransportCreated, ControlError> {
        let labels = self.transport_labels(router, options.session, &options.labels)?;
        let (Opened { listen, candidates, own }, server) = match &options.listen {
            TransportListen::Shared => {
                let SharedListen { sockets, candidates } = self.config.shared.clone();
                (Opened { listen: sockets, candidates, own: Vec::new() }, None)
            }
            TransportListen::Server(id) => {
                if id.worker() != self.config.worker {
                    return Err(ControlError::invalid(format!(
                        "control.create_webrtc_transport: server {id} is of another media thread than router {router}"
                    )));
                }
                let server = self.webrtc_servers.get(*id).ok_or_else(|| not_found((*id).into()))?;
                let (listen, candidates) = (server.listen.clone(), server.candidates.clone());
                (Opened { listen, candidates, own: Vec::new() }, Some(*id))
            }
            TransportListen::Individual(infos) => {
                if infos.is_empty() || infos.len() > 16 {
                    return Err(ControlError::invalid(
                        "control.create_webrtc_transport: 1 to 16 addresses to listen on are needed",
                    ));
                }
                (open_all(infos, sockets)?, None)
            }
        };
        let ice_candidates: Vec<IceCandidate> = candidates
            .iter()
            .filter(|candidate| match candidate.protocol {
                Protocol::Udp => options.enable_udp,
                Protocol::Tcp => options.enable_tcp,
            })
            .map(|candidate| {
                let preference = Preference {
                    order: candidate.order,
                    udp: options.prefer_udp,
                    tcp: options.prefer_tcp,
                    is_internal: candidate.is_internal,
                };
                ice_candidate(candidate, preference)
            })
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
            server,
            candidates: ice_candidates.clone(),
        };
        let feedback_ssrc = self.config.random.u32();
        let session = options.session;
        let id = self.transports.insert_with(|id| {
            let link = Link::WebRtc(Box::new(link));
            let sctp = options.sctp.map(|options| Box::new(SctpLink::new(options, true, false)));
            let protection = Protection::Pending;
            Transport { sctp, ..Transport::new(id, router, session, labels, link, protection, feedback_ssrc) }
        });
        if let Some(transport) = self.transports.get_mut(id) {
            transport.initial_outgoing_bitrate = Some(options.initial_outgoing_bitrate);
        }
        self.demux.add_ufrag(credentials.ufrag(), id);
        self.adopt(router, session, id);
        if let Some(server) = server.and_then(|id| self.webrtc_servers.get_mut(id)) {
            server.transports.push(id);
        }
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
    pub(super) fn transport_labels(
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

    pub(super) fn adopt(&mut self, router: RouterId, session: Option<SessionId>, transport: TransportId) {
        if let Some(router) = self.routers.get_mut(router) {
            router.transports.push(transport);
        }
        if let Some(session) = session.and_then(|id| self.sessions.get_mut(id)) {
            session.transports.push(transport);
        }
        self.begin_pacing(transport);
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

pub(super) fn ice_parameters(credentials: &Credentials) -> IceParameters {
    IceParameters {
        username_fragment: credentials.ufrag().to_owned(),
        password: credentials.password().to_owned(),
        ice_lite: true,
    }
}
