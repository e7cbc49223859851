//! The secure half of a light peer: nothing, SRTP under given keys, or ICE, DTLS and SRTP.
use std::net::SocketAddr;
use std::time::Instant;

use super::srtp::profile;
use crate::control::{IceParameters, SrtpCryptoSuite};
use crate::testing::secure::{Agent, Identity, Keys, Protection};
use crate::transport::dtls::SrtpProfile;
use crate::transport::srtp::MasterKey;

/// A certificate that any number of light peers show, and the SRTP suites that they offer.
pub struct PeerIdentity(Identity);

impl PeerIdentity {
    /// Makes a certificate; preferred suites come first.
    pub fn new(suites: &[SrtpCryptoSuite]) -> Self {
        let of = |suite: &SrtpCryptoSuite| match suite {
            SrtpCryptoSuite::AeadAes256Gcm => SrtpProfile::AeadAes256Gcm,
            SrtpCryptoSuite::AeadAes128Gcm => SrtpProfile::AeadAes128Gcm,
            SrtpCryptoSuite::AesCm128HmacSha1_80 => SrtpProfile::Aes128CmSha1_80,
            SrtpCryptoSuite::AesCm128HmacSha1_32 => SrtpProfile::Aes128CmSha1_32,
        };
        let profiles: Vec<SrtpProfile> = suites.iter().map(of).collect();
        Self(Identity::with(&profiles))
    }

    /// SHA-256 of the certificate, as `a=fingerprint` has it behind the algorithm.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint.value
    }
}

/// How a light peer protects what it sends, and reads what it gets. Sans-IO. It takes the other side's certificate as it is.
pub struct SecurePeer(Protection);

impl SecurePeer {
    /// Plain RTP.
    pub fn clear() -> Self {
        Self(Protection::Clear)
    }

    /// SRTP under given keys, each with its salt behind it; `None` when they are not of the suite.
    pub fn keyed(suite: SrtpCryptoSuite, local: &[u8], remote: &[u8]) -> Option<Self> {
        let profile = profile(suite);
        let local = MasterKey::from_key_and_salt(profile, local).ok()?;
        let remote = MasterKey::from_key_and_salt(profile, remote).ok()?;
        Some(Self(Protection::Keyed(Box::new(Keys::new(profile, &local, &remote)?))))
    }

    /// A full ICE agent that controls and nominates at once, and the client of the DTLS handshake (`setup:active`).
    pub fn webrtc(identity: &PeerIdentity, now: Instant, remote: IceParameters, local_ufrag: String) -> Self {
        Self(Protection::WebRtc(Box::new(Agent::new(now, remote, local_ufrag, true).with(&identity.0))))
    }

    /// An ICE Lite agent that answers the checks of a full one at `remote`, and the client of the DTLS handshake.
    pub fn webrtc_lite(
        identity: &PeerIdentity,
        now: Instant,
        remote: SocketAddr,
        local: IceParameters,
    ) -> Self {
        let unused =
            IceParameters { username_fragment: String::new(), password: String::new(), ice_lite: false };
        let agent = Agent::new(now, unused, local.username_fragment, true);
        Self(Protection::WebRtc(Box::new(agent.with(&identity.0).lite(&local.password, remote))))
    }

    /// Whether media can be sent and read.
    pub fn is_ready(&self) -> bool {
        self.0.is_ready() && !self.has_ended()
    }

    /// Whether the DTLS session failed, or the other side closed it.
    pub fn has_ended(&self) -> bool {
        matches!(&self.0, Protection::WebRtc(agent) if agent.failed || agent.closed)
    }

    /// When [`SecurePeer::handle_timeout`] wants to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.0 {
            Protection::WebRtc(agent) if !self.has_ended() => agent.next_deadline(),
            _ => None,
        }
    }

    /// Does what is due: checks (RFC 8445), consent (RFC 7675), flights that were not answered. Datagrams go to `out`.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if let Protection::WebRtc(agent) = &mut self.0 {
            agent.handle_timeout(now, out);
        }
    }

    /// Takes a datagram that is neither RTP nor RTCP; answers go to `out`.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8], out: &mut Vec<Vec<u8>>) {
        let Protection::WebRtc(agent) = &mut self.0 else { return };
        match datagram.first() {
            Some(0..=3) => agent.stun(now, datagram, out),
            Some(20..=63) => agent.datagram(now, datagram, out),
            _ => {}
        }
    }

    /// Ends the DTLS session.
    pub fn close(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if let Protection::WebRtc(agent) = &mut self.0 {
            agent.close(now, out);
        }
    }

    /// Writes a packet as it goes out; returns its length, or `None` where it can't be sealed (no keys yet, no room).
    #[inline]
    pub fn seal_rtp(&mut self, header: &[u8], payload: &[u8], out: &mut [u8]) -> Option<usize> {
        if matches!(self.0, Protection::Clear) {
            let len = header.len() + payload.len();
            out.get_mut(..header.len())?.copy_from_slice(header);
            out.get_mut(header.len()..len)?.copy_from_slice(payload);
            return Some(len);
        }
        self.0.keys()?.sealer.seal_rtp_prefixed(header, &[], payload, out).ok()
    }

    /// Reads a packet whose header is so long; returns the length of its plaintext in `out`, or `None` where it is not authentic or came before.
    #[inline]
    pub fn open_rtp(&mut self, packet: &[u8], header_len: usize, out: &mut [u8]) -> Option<usize> {
        if matches!(self.0, Protection::Clear) {
            out.get_mut(..packet.len())?.copy_from_slice(packet);
            return Some(packet.len());
        }
        self.0.keys()?.opener.open_rtp(packet, header_len, out).ok()
    }

    /// Writes RTCP as it goes out, as [`SecurePeer::seal_rtp`].
    pub fn seal_rtcp(&mut self, plain: &[u8], out: &mut [u8]) -> Option<usize> {
        if matches!(self.0, Protection::Clear) {
            out.get_mut(..plain.len())?.copy_from_slice(plain);
            return Some(plain.len());
        }
        self.0.keys()?.sealer.seal_rtcp(plain, out).ok()
    }

    /// Reads RTCP, as [`SecurePeer::open_rtp`].
    pub fn open_rtcp(&mut self, packet: &[u8], out: &mut [u8]) -> Option<usize> {
        if matches!(self.0, Protection::Clear) {
            out.get_mut(..packet.len())?.copy_from_slice(packet);
            return Some(packet.len());
        }
        self.0.keys()?.opener.open_rtcp(packet, out).ok()
    }
}
