//! One association with one peer.
use std::ffi::{c_char, c_int, c_uint};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::error::{self, Error};
use crate::ffi;
use crate::profile::SrtpProfile;
use crate::retransmit::Retransmit;

/// Which side of the handshake we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We send the ClientHello (`a=setup:active`).
    Client,
    /// We wait for it (`a=setup:passive`).
    Server,
}

/// Settings of one connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionConfig {
    /// Largest handshake datagram we send, in bytes of UDP payload.
    pub mtu: u16,
    /// Time until a flight is first repeated; doubles with every repetition.
    pub retransmit_initial: Duration,
    /// Upper limit of that doubling.
    pub retransmit_max: Duration,
}

impl Default for ConnectionConfig {
    /// 1200 bytes; 50 ms as libwebrtc has it, doubling up to 3 s: with the library's limit of 12 repetitions a silent
    /// peer is given up after 24 s.
    fn default() -> Self {
        Self {
            mtu: 1200,
            retransmit_initial: Duration::from_millis(50),
            retransmit_max: Duration::from_secs(3),
        }
    }
}

/// Where a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No session yet.
    Handshaking,
    /// Keys can be exported, data can flow.
    Established,
    /// Closed by the peer's close_notify or by [`Connection::shutdown`].
    Closed,
    /// Failed for this reason.
    Failed(Error),
}

/// A DTLS association: datagrams and time in, datagrams, data and deadlines out.
///
/// After every call that takes `&mut self`, datagrams may wait in [`poll_datagram`](Self::poll_datagram).
pub struct Connection {
    raw: NonNull<ffi::Connection>,
    // Declared after `raw` for the reader alone: `Drop` frees `raw` before any field is dropped.
    _context: Context,
    retransmit: Retransmit,
    state: State,
    datagrams_refused: u64,
}

// SAFETY: libssl lets an SSL be used by one thread at a time, any thread; what the shim keeps per thread is set anew
// by each call. `Connection` is not `Sync`, for `NonNull` is not.
unsafe impl Send for Connection {}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: made by `sfukit_dtls_connection_new`, freed once; the context lives on in `_context`.
        unsafe { ffi::sfukit_dtls_connection_free(self.raw.as_ptr()) }
    }
}

impl Connection {
    /// A connection that has sent nothing yet. Errors: out of memory, or an MTU below 256 bytes.
    pub fn new(context: &Context, role: Role, config: &ConnectionConfig) -> Result<Self, Error> {
        let is_server = c_int::from(role == Role::Server);
        // SAFETY: the context is alive and kept so by the clone below.
        let raw =
            unsafe { ffi::sfukit_dtls_connection_new(context.as_ptr(), is_server, c_uint::from(config.mtu)) };
        let Some(raw) = NonNull::new(raw) else { return Err(error::take()) };
        Ok(Self {
            raw,
            _context: context.clone(),
            retransmit: Retransmit::new(config.retransmit_initial, config.retransmit_max),
            state: State::Handshaking,
            datagrams_refused: 0,
        })
    }

    /// Sends the ClientHello, as client. Does nothing as server.
    pub fn start(&mut self, now: Instant) {
        self.handle(now, None);
    }

    /// Handles one datagram. Read all application data before giving the next: one that comes too early is lost.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        // An empty datagram would mean "end of file" to the library.
        if !datagram.is_empty() {
            self.handle(now, Some(datagram));
        }
    }

    fn handle(&mut self, now: Instant, datagram: Option<&[u8]>) {
        if matches!(self.state, State::Closed | State::Failed(_)) {
            return;
        }
        let (data, len) = datagram.map_or((std::ptr::null(), 0), |d| (d.as_ptr(), d.len()));
        let before = self.written();
        let mut taken = 0;
        // SAFETY: `raw` is alive and ours alone; `data` is readable for `len` bytes during the call and forgotten after.
        let status = unsafe { ffi::sfukit_dtls_handle(self.raw.as_ptr(), data, len, &mut taken) };
        if datagram.is_some() && taken == 0 {
            self.datagrams_refused += 1;
        }
        self.update(status);
        if !self.timer_runs() {
            self.retransmit.stop();
        } else if self.written() != before {
            self.retransmit.start(now);
        }
    }

    fn update(&mut self, status: c_int) {
        match status {
            ffi::FAILED => self.state = State::Failed(error::take()),
            ffi::CLOSED => self.state = State::Closed,
            // SAFETY: `raw` is alive.
            _ if unsafe { ffi::sfukit_dtls_is_established(self.raw.as_ptr()) } != 0 => {
                self.state = State::Established;
            }
            _ => {}
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.retransmit.deadline()
    }

    /// Repeats the last flight if its time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.retransmit.is_due(now) {
            return;
        }
        if !matches!(self.state, State::Handshaking | State::Established) || !self.timer_runs() {
            self.retransmit.stop();
            return;
        }
        // SAFETY: `raw` is alive and ours alone.
        let status = unsafe { ffi::sfukit_dtls_retransmit(self.raw.as_ptr()) };
        self.update(status);
        match self.state {
            State::Failed(_) => self.retransmit.stop(),
            _ => self.retransmit.back_off(now),
        }
    }

    /// Copies the next datagram to send into `out` and returns its length. One that does not fit is lost: let `out`
    /// hold the MTU and the largest data written plus 64 bytes.
    pub fn poll_datagram(&mut self, out: &mut [u8]) -> Option<usize> {
        loop {
            // SAFETY: `raw` is alive and ours alone; `out` is writable for its length.
            let len =
                unsafe { ffi::sfukit_dtls_next_datagram(self.raw.as_ptr(), out.as_mut_ptr(), out.len()) };
            if len == 0 {
                return None;
            }
            if len <= out.len() {
                return Some(len);
            }
        }
    }

    /// Copies the next piece of application data into `out` and returns its length. One record is one piece; of a
    /// record longer than `out` the next call returns the rest.
    pub fn read_application_data(&mut self, out: &mut [u8]) -> Option<usize> {
        if self.state != State::Established || out.is_empty() {
            return None;
        }
        let mut len = 0;
        // SAFETY: `raw` is alive and ours alone; `out` is writable for its length.
        let status =
            unsafe { ffi::sfukit_dtls_read(self.raw.as_ptr(), out.as_mut_ptr(), out.len(), &mut len) };
        if status == ffi::DATA && len > 0 {
            return Some(len);
        }
        self.update(status);
        None
    }

    /// Sends `data` as one record. Errors: no session, or `data` empty or above 16384 bytes.
    pub fn write_application_data(&mut self, data: &[u8]) -> Result<(), Error> {
        if self.state != State::Established {
            return Err(Error::NotConnected);
        }
        // SAFETY: `raw` is alive and ours alone; `data` is readable for its length during the call.
        match unsafe { ffi::sfukit_dtls_write(self.raw.as_ptr(), data.as_ptr(), data.len()) } {
            1 => Ok(()),
            _ => Err(error::take()),
        }
    }

    /// Sends close_notify if there is a session. Nothing is accepted or sent after.
    pub fn shutdown(&mut self) {
        if matches!(self.state, State::Closed | State::Failed(_)) {
            return;
        }
        // SAFETY: `raw` is alive and ours alone.
        unsafe { ffi::sfukit_dtls_shutdown(self.raw.as_ptr()) };
        self.state = State::Closed;
        self.retransmit.stop();
    }

    /// Where the connection stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Fills `out` with keying material for `label` (RFC 5705, without context).
    pub fn export_keying_material(&mut self, label: &str, out: &mut [u8]) -> Result<(), Error> {
        let name = label.as_ptr().cast::<c_char>();
        // SAFETY: `raw` is alive and ours alone; `label` is read and `out` written for their lengths.
        match unsafe {
            ffi::sfukit_dtls_export(self.raw.as_ptr(), name, label.len(), out.as_mut_ptr(), out.len())
        } {
            1 => Ok(()),
            _ => Err(Error::NotConnected),
        }
    }

    /// The SRTP profile agreed on, if the peer offered one we have.
    pub fn selected_srtp_profile(&self) -> Option<SrtpProfile> {
        // SAFETY: `raw` is alive.
        let id = unsafe { ffi::sfukit_dtls_srtp_profile(self.raw.as_ptr()) };
        SrtpProfile::from_id(u16::try_from(id).ok()?)
    }

    /// The peer's certificate in DER. Its key has signed the handshake; whose it is, the caller finds out by its
    /// fingerprint.
    pub fn peer_certificate_der(&self) -> Option<&[u8]> {
        // SAFETY: `raw` is alive.
        let der = unsafe { ffi::sfukit_dtls_peer_certificate(self.raw.as_ptr()) };
        if der.data.is_null() {
            return None;
        }
        // SAFETY: the bytes belong to the session, which only calls with `&mut self` can change.
        Some(unsafe { std::slice::from_raw_parts(der.data, der.len) })
    }

    /// Datagrams lost inside: to send ones that nobody fetched (above 64 kB) or that did not fit the caller's buffer,
    /// and received ones given before the application data ahead of them was read.
    pub fn datagrams_lost(&self) -> u64 {
        // SAFETY: `raw` is alive.
        self.datagrams_refused + unsafe { ffi::sfukit_dtls_datagrams_lost(self.raw.as_ptr()) }
    }

    fn written(&self) -> u64 {
        // SAFETY: `raw` is alive.
        unsafe { ffi::sfukit_dtls_datagrams_written(self.raw.as_ptr()) }
    }

    fn timer_runs(&self) -> bool {
        // SAFETY: `raw` is alive.
        unsafe { ffi::sfukit_dtls_timer_runs(self.raw.as_ptr()) != 0 }
    }
}
