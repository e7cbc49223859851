//! How a peer of a bench joins.
use std::time::Duration;

use super::path::Conditions;
use crate::control::{Labels, ListenInfo, SrtpCryptoSuite, TransportListen, WebRtcServerId};

/// What a peer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Plain,
    Srtp(SrtpCryptoSuite),
    WebRtc,
}

/// How a peer joins. By default plain RTP over a perfect path.
#[derive(Debug, Clone)]
pub struct PeerOptions {
    pub(super) speech: Speech,
    pub(super) worker: u8,
    pub(super) is_placed: bool,
    pub(super) labels: Labels,
    pub(super) to_worker: Conditions,
    pub(super) to_peer: Conditions,
    pub(super) tcp: bool,
    pub(super) comedia: bool,
    pub(super) separate_rtcp: bool,
    pub(super) connect: bool,
    pub(super) dtls_server: bool,
    pub(super) wrong_fingerprint: bool,
    pub(super) clock_ahead: Duration,
    pub(super) reports: bool,
    pub(super) consent_timeout: Duration,
    pub(super) listen: TransportListen,
    pub(super) data: bool,
}

impl PeerOptions {
    fn new(speech: Speech) -> Self {
        PeerOptions {
            speech,
            worker: 0,
            is_placed: false,
            labels: Labels::new(),
            to_worker: Conditions::perfect(),
            to_peer: Conditions::perfect(),
            tcp: false,
            comedia: false,
            separate_rtcp: false,
            connect: true,
            dtls_server: false,
            wrong_fingerprint: false,
            clock_ahead: Duration::ZERO,
            reports: true,
            consent_timeout: Duration::from_secs(30),
            listen: TransportListen::Shared,
            data: false,
        }
    }

    /// RTP without protection.
    pub fn plain() -> Self {
        Self::new(Speech::Plain)
    }

    /// SRTP with keys from signaling.
    pub fn srtp(suite: SrtpCryptoSuite) -> Self {
        Self::new(Speech::Srtp(suite))
    }

    /// ICE, DTLS and SRTP, as a browser.
    pub fn webrtc() -> Self {
        Self::new(Speech::WebRtc)
    }

    /// With data channels: SCTP inside DTLS (WebRTC), or beside plain RTP.
    #[must_use]
    pub fn data(mut self) -> Self {
        self.data = true;
        self
    }

    /// Where the worker places it in the room of the first media thread, which spreads once it is large.
    #[must_use]
    pub fn placed(mut self) -> Self {
        self.is_placed = true;
        self
    }

    /// On this media thread.
    #[must_use]
    pub fn worker(mut self, worker: u8) -> Self {
        self.worker = worker;
        self
    }

    /// With labels on its session, which its transport takes over.
    #[must_use]
    pub fn labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// The same conditions in both directions.
    #[must_use]
    pub fn path(self, conditions: Conditions) -> Self {
        self.to_worker(conditions).to_peer(conditions)
    }

    /// Conditions from the peer to the worker.
    #[must_use]
    pub fn to_worker(mut self, conditions: Conditions) -> Self {
        self.to_worker = conditions;
        self
    }

    /// Conditions from the worker to the peer.
    #[must_use]
    pub fn to_peer(mut self, conditions: Conditions) -> Self {
        self.to_peer = conditions;
        self
    }

    /// WebRTC over a TCP connection.
    #[must_use]
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// WebRTC on sockets of the transport's own; an unspecified address is the worker's.
    #[must_use]
    pub fn own_ports(mut self, listen: Vec<ListenInfo>) -> Self {
        self.listen = TransportListen::Individual(listen);
        self
    }

    /// WebRTC on the ports of a server of its media thread.
    #[must_use]
    pub fn server(mut self, server: WebRtcServerId) -> Self {
        self.listen = TransportListen::Server(server);
        self
    }

    /// Plain RTP whose RTCP has a port of its own on both sides (without `rtcp_mux`): the peer's is the one above its RTP port.
    #[must_use]
    pub fn separate_rtcp(mut self) -> Self {
        self.separate_rtcp = true;
        self
    }

    /// Plain RTP whose address the worker learns from the first packet.
    #[must_use]
    pub fn comedia(mut self) -> Self {
        self.comedia = true;
        self
    }

    /// Signaling is done, but the peer sends nothing yet (WebRTC): see [`Bench::begin_checks`].
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.connect = false;
        self
    }

    /// The peer waits for the DTLS handshake (`setup:passive`); otherwise it begins it.
    #[must_use]
    pub fn dtls_server(mut self) -> Self {
        self.dtls_server = true;
        self
    }

    /// Signaling told another fingerprint than the peer's certificate has. It never connects.
    #[must_use]
    pub fn wrong_fingerprint(mut self) -> Self {
        self.wrong_fingerprint = true;
        self
    }

    /// The peer's wall clock is ahead of the worker's.
    #[must_use]
    pub fn clock_ahead(mut self, ahead: Duration) -> Self {
        self.clock_ahead = ahead;
        self
    }

    /// The peer sends no reports.
    #[must_use]
    pub fn without_reports(mut self) -> Self {
        self.reports = false;
        self
    }

    /// How long the worker waits for checks (WebRTC); 10–60 s, zero for ever.
    #[must_use]
    pub fn consent_timeout(mut self, timeout: Duration) -> Self {
        self.consent_timeout = timeout;
        self
    }
}

impl Default for PeerOptions {
    fn default() -> Self {
        Self::plain()
    }
}
