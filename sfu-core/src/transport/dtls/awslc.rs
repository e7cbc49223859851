//! [`Dtls`] with the libssl of AWS-LC.
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use sfu_dtls_sys::{
    Connection, ConnectionConfig, Context, ContextConfig, ContextError, Error, Role, SrtpProfile, State,
};

use super::certificate::Certificate;
use super::guard::Guard;
use super::{Connected, Dtls, DtlsError, Output, SrtpKeys};

/// How long a handshake may still succeed after a fatal alert in plaintext, which anyone can forge.
const ALERT_GRACE: Duration = Duration::from_secs(5);

/// The label of RFC 5764 section 4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// When flights are repeated (RFC 6347 section 4.2.4.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct DtlsTimers {
    /// Time until the first repetition; doubles with each.
    pub(crate) initial: Duration,
    /// Where the doubling ends. After 12 repetitions the peer is given up.
    pub(crate) max: Duration,
}

impl Default for DtlsTimers {
    /// 50 ms, like libwebrtc, up to 3 s: given up after 24 s.
    fn default() -> Self {
        Self { initial: Duration::from_millis(50), max: Duration::from_secs(3) }
    }
}

/// What the associations of one worker share: certificate, preferences, timers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DtlsContext {
    context: Context,
    config: ConnectionConfig,
}

impl DtlsContext {
    /// `srtp_profiles` has the preferred profile first; `mtu` is the largest handshake datagram in bytes of UDP
    /// payload, 1200 by custom. Errors: key and certificate do not fit, or a profile is named twice.
    pub(crate) fn new(
        certificate: &Certificate,
        srtp_profiles: &[SrtpProfile],
        timers: DtlsTimers,
        mtu: u16,
    ) -> Result<Self, ContextError> {
        let context = Context::new(&ContextConfig {
            certificate_chain: certificate.chain().to_vec(),
            private_key: certificate.private_key().to_vec(),
            srtp_profiles: srtp_profiles.to_vec(),
        })?;
        let config = ConnectionConfig { mtu, retransmit_initial: timers.initial, retransmit_max: timers.max };
        Ok(Self { context, config })
    }
}

/// A [`Dtls`] association on libssl. A client sends its first flight when made.
pub(crate) struct AwsLcDtls {
    connection: Connection,
    role: Role,
    /// Until the session is established; afterwards plaintext is dropped by the library.
    guard: Option<Box<Guard>>,
    filtered: Vec<u8>,
    connected: bool,
    ended: bool,
    closed_by_us: bool,
    alert: Option<(u8, Instant)>,
    failure: Option<DtlsError>,
}

impl AwsLcDtls {
    /// A new association. Errors: out of memory, or the context's MTU below 256 bytes.
    pub(crate) fn new(context: &DtlsContext, role: Role, now: Instant) -> Result<Self, DtlsError> {
        let mut connection = Connection::new(&context.context, role, &context.config)?;
        if role == Role::Client {
            connection.start(now);
        }
        Ok(Self {
            connection,
            role,
            guard: Some(Box::new(Guard::new(role))),
            filtered: Vec::new(),
            connected: false,
            ended: false,
            closed_by_us: false,
            alert: None,
            failure: None,
        })
    }

    fn after(&mut self) {
        if *self.connection.state() != State::Handshaking {
            self.guard = None;
            self.filtered = Vec::new();
            self.alert = None;
        }
    }

    fn connected(&mut self) -> Result<Connected, DtlsError> {
        let srtp = match self.connection.selected_srtp_profile() {
            Some(profile) => Some(self.srtp_keys(profile)?),
            None => None,
        };
        // Both roles demand a certificate, so a session without one does not exist.
        let peer_certificate = self.connection.peer_certificate_der().ok_or(Error::NotConnected)?.to_vec();
        Ok(Connected { srtp, peer_certificate })
    }

    fn srtp_keys(&mut self, profile: SrtpProfile) -> Result<SrtpKeys, DtlsError> {
        let (key_len, salt_len) = (profile.key_len(), profile.salt_len());
        let mut material = [0; 2 * (32 + 14)];
        let material = material.get_mut(..2 * (key_len + salt_len)).ok_or(Error::NotConnected)?;
        self.connection.export_keying_material(EXPORTER_LABEL, material)?;
        let (keys, salts) = material.split_at(2 * key_len);
        let ((client_key, server_key), (client_salt, server_salt)) =
            (keys.split_at(key_len), salts.split_at(salt_len));
        let (client, server) = ((client_key, client_salt), (server_key, server_salt));
        let (local, remote) = match self.role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        let key = |bytes: &[u8]| bytes.iter().copied().collect::<ArrayVec<u8, 32>>();
        let salt = |bytes: &[u8]| bytes.iter().copied().collect::<ArrayVec<u8, 14>>();
        Ok(SrtpKeys {
            profile,
            local_key: key(local.0),
            local_salt: salt(local.1),
            remote_key: key(remote.0),
            remote_salt: salt(remote.1),
        })
    }
}

impl Dtls for AwsLcDtls {
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Some(guard) = &mut self.guard else {
            self.connection.handle_datagram(now, datagram);
            return true;
        };
        guard.filter(datagram, &mut self.filtered);
        if let (Some(alert), None) = (guard.take_alert(), &self.alert) {
            self.alert = now.checked_add(ALERT_GRACE).map(|deadline| (alert, deadline));
        }
        self.connection.handle_datagram(now, &self.filtered);
        let is_sense = !self.filtered.is_empty();
        self.after();
        is_sense
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some((alert, _)) = self.alert.take_if(|(_, deadline)| *deadline <= now) {
            self.failure = Some(Error::PeerAlert(alert).into());
            self.connection.shutdown();
            return self.after();
        }
        self.connection.handle_timeout(now);
        self.after();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let alert = self.alert.map(|(_, deadline)| deadline);
        self.connection.next_timeout().into_iter().chain(alert).min()
    }

    fn poll(&mut self, out: &mut [u8]) -> Output {
        if let Some(len) = self.connection.poll_datagram(out) {
            return Output::Datagram(len);
        }
        if self.ended {
            return Output::Idle;
        }
        if *self.connection.state() == State::Established {
            if !self.connected {
                self.connected = true;
                return match self.connected() {
                    Ok(connected) => Output::Connected(Box::new(connected)),
                    Err(error) => {
                        self.ended = true;
                        self.connection.shutdown();
                        Output::Failed(error)
                    }
                };
            }
            if let Some(len) = self.connection.read_application_data(out) {
                return Output::Data(len);
            }
            // Reading may have made the library answer, a repeated Finished for one.
            if let Some(len) = self.connection.poll_datagram(out) {
                return Output::Datagram(len);
            }
        }
        let output = match self.connection.state() {
            State::Failed(error) => Output::Failed(error.clone().into()),
            State::Closed => match self.failure.take() {
                Some(failure) => Output::Failed(failure),
                None if self.closed_by_us => Output::Idle,
                None => Output::Closed,
            },
            State::Handshaking | State::Established => return Output::Idle,
        };
        self.ended = true;
        output
    }

    fn send(&mut self, _now: Instant, data: &[u8]) -> Result<(), DtlsError> {
        Ok(self.connection.write_application_data(data)?)
    }

    fn close(&mut self, _now: Instant) {
        if matches!(self.connection.state(), State::Handshaking | State::Established) {
            self.closed_by_us = true;
        }
        self.connection.shutdown();
        self.after();
    }
}
