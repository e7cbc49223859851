//! What goes wrong.
use std::ffi::{CStr, c_char};

use crate::ffi;

/// Why a [`Context`](crate::Context) could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// The chain is empty or longer than 8.
    #[error("dtls certificate: the chain has {0} certificates, give 1 to 8")]
    ChainLength(usize),
    /// The key is neither PKCS#8, PKCS#1 nor SEC1, or is damaged.
    #[error("dtls private key: cannot be read ({0}), give an unencrypted EC or RSA key")]
    PrivateKey(String),
    /// Key and certificate do not belong together, or the certificate cannot be read.
    #[error(
        "dtls certificate: does not fit the private key ({0}), give the key the certificate was made with"
    )]
    Mismatch(String),
    /// No SRTP profile was given, or one twice.
    #[error("dtls srtp profiles: {0}, name each profile at most once and at least one")]
    SrtpProfiles(String),
    /// The library refused.
    #[error("dtls: the library cannot be set up ({0}), is there memory left?")]
    Library(String),
}

/// Why a connection failed. It cannot be used after.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The peer did not answer the last flight, repeated 12 times.
    #[error("dtls: the peer stopped answering during the handshake, check that its datagrams reach us")]
    Timeout,
    /// The peer refused with a fatal alert (RFC 5246 section 7.2).
    #[error("dtls: the peer refused with alert {0}, its log tells why")]
    PeerAlert(u8),
    /// The peer broke the protocol, or has no parameters in common with us.
    #[error("dtls: protocol error ({0}), compare cipher suites, certificates and versions with the peer's")]
    Protocol(String),
    /// There is no session yet, or none any more.
    #[error("dtls: not connected, wait for the handshake to complete")]
    NotConnected,
}

/// Takes the library's reason for the failure of the call just made on this thread.
pub(crate) fn take_reason() -> (i32, String) {
    let mut text = [0 as c_char; 128];
    // SAFETY: `text` is writable for its length; the shim always terminates it with a zero.
    let reason = unsafe { ffi::sfukit_dtls_error(text.as_mut_ptr(), text.len()) };
    // SAFETY: terminated as just said, and alive for the borrow.
    let text = unsafe { CStr::from_ptr(text.as_ptr()) };
    (reason, text.to_string_lossy().to_lowercase().replace('_', " "))
}

pub(crate) fn take() -> Error {
    let (reason, text) = take_reason();
    if ffi::sfukit_dtls_is_timeout(reason) != 0 {
        return Error::Timeout;
    }
    match u8::try_from(ffi::sfukit_dtls_peer_alert(reason)) {
        Ok(alert) => Error::PeerAlert(alert),
        Err(_) => Error::Protocol(text),
    }
}
