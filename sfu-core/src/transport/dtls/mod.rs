//! DTLS 1.2 for SRTP keys and data channels (RFC 6347, RFC 5764, RFC 8827 section 6.5), behind one small trait.
//!
//! Sans-IO: the caller hands in datagrams whose first byte is 20..=63 (RFC 7983) and the time, and takes datagrams,
//! events and a deadline out. ICE has verified the peer's address before the first datagram gets here, so the server
//! asks for no cookie.
use std::fmt;
use std::time::Instant;

use arrayvec::ArrayVec;

mod awslc;
mod certificate;
mod fingerprint;
mod guard;
mod pem;
#[cfg(test)]
mod tests;

pub(crate) use awslc::{AwsLcDtls, DtlsContext, DtlsTimers};
pub(crate) use certificate::Certificate;
pub(crate) use fingerprint::{Fingerprint, HashAlgorithm};
pub(crate) use sfu_dtls_sys::{Role, SrtpProfile};

/// One DTLS association. After each call that takes `&mut self`, call [`poll`](Dtls::poll) until it says
/// [`Output::Idle`].
pub(crate) trait Dtls: Send {
    /// Handles one received datagram; false if nothing in it made sense and it was dropped whole.
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> bool;

    /// Does what is due at `now`: repeats a flight or gives the peer up.
    fn handle_timeout(&mut self, now: Instant);

    /// When [`handle_timeout`](Dtls::handle_timeout) wants to be called next.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Takes the next thing that has happened. `out` receives datagrams and data: give it 2048 bytes, or 64 more than
    /// the largest data sent or received.
    fn poll(&mut self, out: &mut [u8]) -> Output;

    /// Sends `data`, at most 16384 bytes, in one datagram. Errors: not connected.
    fn send(&mut self, now: Instant, data: &[u8]) -> Result<(), DtlsError>;

    /// Ends the association and tells the peer, if there is a session. The last datagram waits in
    /// [`poll`](Dtls::poll).
    fn close(&mut self, now: Instant);
}

/// What [`Dtls::poll`] yields.
#[derive(Debug)]
pub(crate) enum Output {
    /// Send this many bytes of `out` to the peer.
    Datagram(usize),
    /// The handshake is complete: check the peer's certificate before anything else. Comes once, ahead of all data.
    Connected(Box<Connected>),
    /// This many bytes of `out` are application data: one SCTP packet.
    Data(usize),
    /// The peer closed the association. Comes once.
    Closed,
    /// The association failed and is of no more use. Comes once.
    Failed(DtlsError),
    /// Nothing more until the next call.
    Idle,
}

/// Outcome of a handshake.
#[derive(Debug)]
pub(crate) struct Connected {
    /// Keys for SRTP; `None` if the peer offered no profile of ours, which leaves data channels.
    pub(crate) srtp: Option<SrtpKeys>,
    /// The peer's certificate in DER.
    pub(crate) peer_certificate: Vec<u8>,
}

impl Connected {
    /// The peer's certificate in PEM (RFC 7468).
    pub(crate) fn peer_certificate_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.peer_certificate)
    }

    /// Checks that the peer is who signaling said: its certificate must match one of `fingerprints` (RFC 8122
    /// section 5). On error, close the association.
    pub(crate) fn verify_peer(&self, fingerprints: &[Fingerprint]) -> Result<(), DtlsError> {
        if fingerprints.iter().any(|fingerprint| fingerprint.matches(&self.peer_certificate)) {
            Ok(())
        } else {
            Err(DtlsError::WrongFingerprint)
        }
    }
}

/// Master keys and salts of both directions (RFC 5764 section 4.2).
pub(crate) struct SrtpKeys {
    /// What both sides agreed on; says how long keys and salts are.
    pub(crate) profile: SrtpProfile,
    /// Protects what we send.
    pub(crate) local_key: ArrayVec<u8, 32>,
    /// Salt of what we send.
    pub(crate) local_salt: ArrayVec<u8, 14>,
    /// Opens what the peer sends.
    pub(crate) remote_key: ArrayVec<u8, 32>,
    /// Salt of what the peer sends.
    pub(crate) remote_salt: ArrayVec<u8, 14>,
}

impl fmt::Debug for SrtpKeys {
    /// Without the keys: logs are read by many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Why an association failed or refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DtlsError {
    /// The peer shows another certificate than signaling announced.
    #[error(
        "dtls: the peer's certificate has none of the fingerprints from signaling, check `a=fingerprint`"
    )]
    WrongFingerprint,
    /// Everything the library reports.
    #[error(transparent)]
    Library(#[from] sfu_dtls_sys::Error),
}
