//! The functions of `shim.cc`.
use std::ffi::{c_char, c_int, c_uint};
use std::marker::{PhantomData, PhantomPinned};

/// `sfukit_dtls_context`, opaque.
#[repr(C)]
pub(crate) struct Context {
    _opaque: [u8; 0],
    _not_send: PhantomData<(*mut u8, PhantomPinned)>,
}

/// `sfukit_dtls_connection`, opaque.
#[repr(C)]
pub(crate) struct Connection {
    _opaque: [u8; 0],
    _not_send: PhantomData<(*mut u8, PhantomPinned)>,
}

/// `sfukit_dtls_bytes`: borrowed.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Bytes {
    pub(crate) data: *const u8,
    pub(crate) len: usize,
}

impl Bytes {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), len: bytes.len() }
    }
}

pub(crate) const DATA: c_int = 1;
pub(crate) const CLOSED: c_int = 2;
pub(crate) const FAILED: c_int = 3;

unsafe extern "C" {
    pub(crate) fn sfukit_dtls_context_new(
        chain: *const Bytes,
        chain_len: usize,
        key: Bytes,
        srtp_profiles: *const c_char,
        out: *mut *mut Context,
    ) -> c_int;
    pub(crate) fn sfukit_dtls_context_free(context: *mut Context);

    pub(crate) fn sfukit_dtls_connection_new(
        context: *const Context,
        is_server: c_int,
        mtu: c_uint,
    ) -> *mut Connection;
    pub(crate) fn sfukit_dtls_connection_free(conn: *mut Connection);

    pub(crate) fn sfukit_dtls_handle(
        conn: *mut Connection,
        data: *const u8,
        len: usize,
        taken: *mut c_int,
    ) -> c_int;
    pub(crate) fn sfukit_dtls_next_datagram(conn: *mut Connection, out: *mut u8, cap: usize) -> usize;
    pub(crate) fn sfukit_dtls_read(
        conn: *mut Connection,
        out: *mut u8,
        cap: usize,
        out_len: *mut usize,
    ) -> c_int;
    pub(crate) fn sfukit_dtls_write(conn: *mut Connection, data: *const u8, len: usize) -> c_int;
    pub(crate) fn sfukit_dtls_is_established(conn: *const Connection) -> c_int;
    pub(crate) fn sfukit_dtls_timer_runs(conn: *const Connection) -> c_int;
    pub(crate) fn sfukit_dtls_retransmit(conn: *mut Connection) -> c_int;
    pub(crate) fn sfukit_dtls_shutdown(conn: *mut Connection);
    pub(crate) fn sfukit_dtls_datagrams_written(conn: *const Connection) -> u64;
    pub(crate) fn sfukit_dtls_datagrams_lost(conn: *const Connection) -> u64;
    pub(crate) fn sfukit_dtls_srtp_profile(conn: *const Connection) -> c_uint;
    pub(crate) fn sfukit_dtls_export(
        conn: *mut Connection,
        label: *const c_char,
        label_len: usize,
        out: *mut u8,
        len: usize,
    ) -> c_int;
    pub(crate) fn sfukit_dtls_peer_certificate(conn: *const Connection) -> Bytes;
    pub(crate) fn sfukit_dtls_error(text: *mut c_char, cap: usize) -> c_int;
    pub(crate) safe fn sfukit_dtls_is_timeout(reason: c_int) -> c_int;
    pub(crate) safe fn sfukit_dtls_peer_alert(reason: c_int) -> c_int;
}
