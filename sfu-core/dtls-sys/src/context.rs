//! What all connections of one certificate share.
use std::ffi::CString;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::error::{self, ContextError};
use crate::ffi;
use crate::profile::SrtpProfile;

/// Certificate and preferences for a [`Context`].
#[derive(Clone)]
pub struct ContextConfig {
    /// The certificate and its issuers, each in DER, the own one first.
    pub certificate_chain: Vec<Vec<u8>>,
    /// The private key in DER: PKCS#8, PKCS#1 (RSA) or SEC1 (EC).
    pub private_key: Vec<u8>,
    /// SRTP profiles, the preferred first. As server ours is the order that counts.
    pub srtp_profiles: Vec<SrtpProfile>,
}

/// Shared by all connections that show the same certificate. A clone is a second handle.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner(NonNull<ffi::Context>);

// SAFETY: the context is not changed after creation but for reference counts and caches, which libssl locks
// ("An SSL_CTX may be shared by several threads").
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: made by `sfukit_dtls_context_new`, freed once; connections hold the `Arc` until they are gone.
        unsafe { ffi::sfukit_dtls_context_free(self.0.as_ptr()) }
    }
}

impl Context {
    /// Takes certificate and key over. Errors: [`ContextError`], before any connection is made.
    pub fn new(config: &ContextConfig) -> Result<Self, ContextError> {
        let chain: Vec<ffi::Bytes> = config.certificate_chain.iter().map(|der| ffi::Bytes::of(der)).collect();
        let names: Vec<&str> = config.srtp_profiles.iter().map(|profile| profile.name()).collect();
        let profiles = CString::new(names.join(":")).unwrap_or_default();
        let mut out = std::ptr::null_mut();
        // SAFETY: every pointer is to memory borrowed for the call, with its own length or zero-terminated; the shim
        // copies what it keeps.
        let result = unsafe {
            ffi::sfukit_dtls_context_new(
                chain.as_ptr(),
                chain.len(),
                ffi::Bytes::of(&config.private_key),
                profiles.as_ptr(),
                &mut out,
            )
        };
        if let (1, Some(context)) = (result, NonNull::new(out)) {
            return Ok(Self(Arc::new(Inner(context))));
        }
        let (_, reason) = error::take_reason();
        Err(match result {
            -2 => ContextError::ChainLength(config.certificate_chain.len()),
            -3 => ContextError::PrivateKey(reason),
            -4 => ContextError::Mismatch(reason),
            -5 => ContextError::SrtpProfiles(reason),
            _ => ContextError::Library(reason),
        })
    }

    pub(crate) fn as_ptr(&self) -> *const ffi::Context {
        self.0.0.as_ptr()
    }
}
