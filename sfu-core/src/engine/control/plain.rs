//! Making and connecting plain transports, and those to another worker.
use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::not_found;
use crate::control::{
    ConnectPlainTransport, ControlError, Labels, ListenInfo, PipeTransportOptions, PlainTransportCreated,
    PlainTransportOptions, Protocol, RouterId, SctpOptions, SessionId, SrtpCryptoSuite, SrtpParameters,
    TransportId,
};
use crate::engine::dtls::session as srtp_session;
use crate::engine::sctp::SctpLink;
use crate::engine::transport::{Link, Protection, Transport};
use crate::engine::{Engine, SocketFactory};
use crate::transport::plain::{Pipe, PlainLink};
use crate::transport::profile_of;
use crate::transport::srtp::{KeyingMaterial, MasterKey, Profile};

/// What a new plain link begins with.
struct NewLink {
    rtp_socket: crate::net::SocketId,
    rtp_local: SocketAddr,
    rtcp_socket: Option<(crate::net::SocketId, SocketAddr)>,
    comedia: bool,
    srtp: Option<SrtpCryptoSuite>,
    sctp: Option<SctpOptions>,
    pipe: Option<Pipe>,
}

impl Engine {
    pub(super) fn create_plain_transport(
        &mut self,
        router: RouterId,
        options: PlainTransportOptions,
        sockets: &mut dyn SocketFactory,
    ) -> Result<PlainTransportCreated, ControlError> {
        let labels = self.transport_labels(router, options.session, &options.labels)?;
        let rtcp_listen = (!options.rtcp_mux).then(|| {
            options.rtcp_listen.clone().unwrap_or_else(|| ListenInfo { port: 0, ..options.listen.clone() })
        });
        if [Some(&options.listen), rtcp_listen.as_ref()]
            .into_iter()
            .flatten()
            .any(|listen| listen.protocol != Protocol::Udp)
        {
            return Err(ControlError::invalid("control.create_plain_transport: plain RTP goes over UDP"));
        }
        let (rtp_socket, rtp_local) = sockets.open(&options.listen)?;
        let rtcp_socket = match rtcp_listen.map(|listen| sockets.open(&listen)).transpose() {
            Ok(opened) => opened,
            Err(error) => {
                sockets.close(rtp_socket);
                return Err(error);
            }
        };
        let link = NewLink {
            rtp_socket,
            rtp_local,
            rtcp_socket,
            comedia: options.comedia,
            srtp: options.srtp,
            sctp: options.sctp,
            pipe: None,
        };
        let id = self.add_plain_transport(router, options.session, labels, link);
        if let Some(transport) = self.transports.get_mut(id) {
            transport.initial_outgoing_bitrate = options.initial_outgoing_bitrate;
        }
        self.plain_created(id)
    }

    pub(super) fn create_pipe_transport(
        &mut self,
        router: RouterId,
        options: PipeTransportOptions,
        sockets: &mut dyn SocketFactory,
    ) -> Result<PlainTransportCreated, ControlError> {
        let labels = self.transport_labels(router, options.session, &options.labels)?;
        if options.listen.protocol != Protocol::Udp {
            return Err(ControlError::invalid("control.create_pipe_transport: pipes go over UDP"));
        }
        let (rtp_socket, rtp_local) = sockets.open(&options.listen)?;
        let link = NewLink {
            rtp_socket,
            rtp_local,
            rtcp_socket: None,
            comedia: false,
            srtp: options.enable_srtp.then_some(SrtpCryptoSuite::AeadAes256Gcm),
            sctp: options.sctp,
            pipe: Some(Pipe { rtx: options.enable_rtx }),
        };
        let id = self.add_plain_transport(router, options.session, labels, link);
        self.plain_created(id)
    }

    fn add_plain_transport(
        &mut self,
        router: RouterId,
        session: Option<SessionId>,
        labels: Labels,
        new: NewLink,
    ) -> TransportId {
        let NewLink { rtp_socket, rtp_local, rtcp_socket, comedia, srtp, sctp, pipe } = new;
        let sctp = sctp.map(|options| Box::new(SctpLink::new(options, false, pipe.is_some())));
        let protection = if srtp.is_some() { Protection::Pending } else { Protection::Clear };
        let link = PlainLink {
            rtp_socket,
            rtp_local,
            rtcp_socket,
            comedia,
            connected: false,
            rtp_remote: None,
            rtcp_remote: None,
            // Our key is made now; the peer's comes with `connect`.
            srtp: srtp.map(|suite| self.fresh_srtp_key(suite)),
            pipe,
        };
        let feedback_ssrc = self.config.random.u32();
        let id = self.transports.insert_with(|id| {
            let link = Link::Plain(Box::new(link));
            Transport { sctp, ..Transport::new(id, router, session, labels, link, protection, feedback_ssrc) }
        });
        for socket in std::iter::once(rtp_socket).chain(rtcp_socket.map(|(socket, _)| socket)) {
            self.demux.add_socket(socket, id);
        }
        self.adopt(router, session, id);
        id
    }

    /// Gives a plain transport, or a pipe, its peer. What is refused changes nothing.
    pub(super) fn connect_plain_transport(
        &mut self,
        now: Instant,
        id: TransportId,
        peer: ConnectPlainTransport,
        is_pipe: bool,
    ) -> Result<PlainTransportCreated, ControlError> {
        let invalid = |text: &str| Err(ControlError::invalid(format!("control.connect: {text}")));
        let transport = self.transports.get(id).ok_or_else(|| not_found(id.into()))?;
        let link = match &transport.link {
            Link::Plain(link) if link.pipe.is_some() == is_pipe => link,
            _ if is_pipe => return invalid("the transport is no pipe transport"),
            _ => return invalid("the transport is no plain transport"),
        };
        if link.connected {
            return Err(ControlError::state(format!("control.connect: transport {id} is connected already")));
        }
        let addresses = match (link.comedia, peer.ip, peer.port) {
            (true, None, None) if peer.rtcp_port.is_none() => None,
            (true, ..) => {
                return invalid("the peer's address is learnt (comedia); leave address and ports out");
            }
            (false, Some(ip), Some(port)) if port != 0 => Some((ip, port)),
            (false, ..) => return invalid("address and port of the peer are needed"),
        };
        let (mut rtp_remote, mut rtcp_remote) = (None, None);
        if let Some((ip, port)) = addresses {
            if ip.is_ipv4() != link.rtp_local.is_ipv4() {
                return invalid("the peer's address is of another IP version than ours");
            }
            rtcp_remote = match (link.rtcp_socket, peer.rtcp_port) {
                (Some((socket, _)), Some(port)) if port != 0 => {
                    Some(PlainLink::route_to(socket, SocketAddr::new(ip, port)))
                }
                (Some(_), _) => return invalid("the peer's RTCP port is needed without rtcp_mux"),
                (None, Some(_)) => return invalid("with rtcp_mux there is no RTCP port of its own"),
                (None, None) => None,
            };
            rtp_remote = Some(PlainLink::route_to(link.rtp_socket, SocketAddr::new(ip, port)));
        }
        let keys = match (link.srtp.clone(), peer.srtp) {
            (None, None) => None,
            (None, Some(_)) => return invalid("the transport was made without SRTP; leave the key out"),
            (Some(_), None) => return invalid("the transport was made with SRTP; the peer's key is missing"),
            (Some(_), Some(given)) if is_pipe && given.crypto_suite != SrtpCryptoSuite::AeadAes256Gcm => {
                return invalid("pipes are protected by AEAD_AES_256_GCM alone; give a key of that suite");
            }
            (Some(own), Some(given)) => {
                let (profile, remote) = peer_key(&given)?;
                // The suite is the peer's to choose; ours was a proposal.
                let own = if own.0 == profile { own } else { self.fresh_srtp_key(given.crypto_suite) };
                let keys = KeyingMaterial { profile, local: own.1.clone(), remote };
                let session = srtp_session(&keys)
                    .map_err(|error| ControlError::invalid(format!("control.connect: {error}")))?;
                Some((own, session))
            }
        };
        let transport = self.transports.get_mut(id).ok_or_else(|| not_found(id.into()))?;
        let Link::Plain(link) = &mut transport.link else { return Err(not_found(id.into())) };
        if addresses.is_some() {
            (link.rtp_remote, link.rtcp_remote) = (rtp_remote, rtcp_remote);
        }
        link.connected = true;
        if let Some((own, (sealer, opener))) = keys {
            link.srtp = Some(own);
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
            tuple: transport.tuple().ok_or_else(|| not_found(id.into()))?,
            rtcp_tuple: transport.rtcp_tuple(),
            srtp_parameters: srtp_parameters(link),
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
}

/// Our key as the peer is told it.
pub(super) fn srtp_parameters(link: &PlainLink) -> Option<SrtpParameters> {
    let (profile, key) = link.srtp.as_ref()?;
    Some(SrtpParameters {
        crypto_suite: crate::transport::suite_of(*profile),
        key_base64: BASE64.encode([key.key(), key.salt()].concat()),
    })
}

/// The key that the peer protects with.
fn peer_key(given: &SrtpParameters) -> Result<(Profile, MasterKey), ControlError> {
    let profile = profile_of(given.crypto_suite);
    let bytes = BASE64.decode(&given.key_base64).map_err(|error| {
        ControlError::invalid(format!("control.connect: the SRTP key is no base64: {error}"))
    })?;
    let key = MasterKey::from_key_and_salt(profile, &bytes).map_err(|error| {
        ControlError::invalid(format!("control.connect: the {} key: {error}", profile.suite_name()))
    })?;
    Ok((profile, key))
}
