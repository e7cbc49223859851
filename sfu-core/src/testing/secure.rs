//! How a test peer protects its media, and how it comes to its keys.
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::stun::{Answer, Check, answer, success};
use crate::control::{DtlsFingerprint, FingerprintAlgorithm, IceParameters};
use crate::transport::dtls::{
    AwsLcDtls, Certificate, Connected, Dtls, DtlsContext, DtlsTimers, HashAlgorithm, Output, Role,
    SrtpProfile,
};
use crate::transport::srtp::{MasterKey, OpenerLimits, Profile, SrtpOpener, SrtpSealer};

/// Between two checks until one is answered.
const CHECK: Duration = Duration::from_millis(50);

/// Between two checks that renew consent (RFC 7675).
const CONSENT: Duration = Duration::from_secs(5);

/// Certificate and settings of one side; made once per process, since keys are slow to make.
pub(super) struct Identity {
    pub(super) context: DtlsContext,
    pub(super) fingerprint: DtlsFingerprint,
}

impl Identity {
    fn new() -> Self {
        Self::with(&[SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmSha1_80])
    }

    /// With SRTP profiles of its own, preferred ones first.
    pub(super) fn with(profiles: &[SrtpProfile]) -> Self {
        let certificate = Certificate::generate().expect("testing: a certificate");
        let context = DtlsContext::new(&certificate, profiles, DtlsTimers::default(), 1200)
            .expect("testing: a DTLS context");
        let value = certificate.fingerprint(HashAlgorithm::Sha256).value();
        Identity { context, fingerprint: DtlsFingerprint { algorithm: FingerprintAlgorithm::Sha256, value } }
    }

    /// The workers'.
    pub(super) fn worker() -> &'static Self {
        static WORKER: OnceLock<Identity> = OnceLock::new();
        WORKER.get_or_init(Self::new)
    }

    /// The peers'.
    pub(super) fn peer() -> &'static Self {
        static PEER: OnceLock<Identity> = OnceLock::new();
        PEER.get_or_init(Self::new)
    }
}

/// SRTP in both directions.
pub(super) struct Keys {
    pub(super) sealer: SrtpSealer,
    pub(super) opener: SrtpOpener,
}

impl Keys {
    pub(super) fn new(profile: Profile, local: &MasterKey, remote: &MasterKey) -> Option<Self> {
        Some(Keys {
            sealer: SrtpSealer::new(profile, local).ok()?,
            opener: SrtpOpener::new(profile, remote, OpenerLimits::default()).ok()?,
        })
    }

    fn of(connected: &Connected) -> Option<Self> {
        let keys = connected.srtp.as_ref()?;
        let profile = Profile::from_id(keys.profile.id())?;
        let local = MasterKey::new(profile, &keys.local_key, &keys.local_salt).ok()?;
        let remote = MasterKey::new(profile, &keys.remote_key, &keys.remote_salt).ok()?;
        Self::new(profile, &local, &remote)
    }
}

/// How media of a peer is protected.
pub(super) enum Protection {
    /// Plain RTP.
    Clear,
    /// SRTP with given keys.
    Keyed(Box<Keys>),
    /// ICE, DTLS, SRTP.
    WebRtc(Box<Agent>),
}

impl Protection {
    pub(super) fn keys(&mut self) -> Option<&mut Keys> {
        match self {
            Protection::Clear => None,
            Protection::Keyed(keys) => Some(keys),
            Protection::WebRtc(agent) => agent.keys.as_mut(),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        match self {
            Protection::WebRtc(agent) => agent.keys.is_some(),
            _ => true,
        }
    }
}

/// The ICE and DTLS side of a peer: controlling, nominates at once.
pub(super) struct Agent {
    pub(super) remote: IceParameters,
    pub(super) local_ufrag: String,
    pub(super) dtls: Option<AwsLcDtls>,
    context: DtlsContext,
    role: Role,
    pub(super) keys: Option<Keys>,
    /// Whether checks go out.
    pub(super) checking: bool,
    next_check: Instant,
    transaction: u64,
    /// Where it only answers checks (ICE Lite): its password, and where they come from.
    answers: Option<(String, SocketAddr)>,
    /// A check was answered since ICE (re)started.
    pub(super) answered: bool,
    /// Error codes that checks were answered with.
    pub(super) refused: Vec<u16>,
    pub(super) closed: bool,
    pub(super) failed: bool,
    /// What came inside DTLS and nobody has looked at.
    pub(super) data: Vec<Vec<u8>>,
}

impl Agent {
    pub(super) fn new(now: Instant, remote: IceParameters, local_ufrag: String, client: bool) -> Self {
        Agent {
            remote,
            local_ufrag,
            dtls: None,
            context: Identity::peer().context.clone(),
            role: if client { Role::Client } else { Role::Server },
            keys: None,
            checking: true,
            next_check: now,
            transaction: 0,
            answers: None,
            answered: false,
            refused: Vec::new(),
            closed: false,
            failed: false,
            data: Vec::new(),
        }
    }

    /// With a certificate and SRTP profiles of its own.
    #[cfg(feature = "bench")]
    pub(super) fn with(mut self, identity: &Identity) -> Self {
        self.context = identity.context.clone();
        self
    }

    /// Makes it one that sends no checks and answers those that come from `from` (ICE Lite).
    #[cfg(feature = "bench")]
    pub(super) fn lite(mut self, password: &str, from: SocketAddr) -> Self {
        (self.checking, self.answers) = (false, Some((password.to_owned(), from)));
        self
    }

    /// The next check.
    pub(super) fn check(&mut self, nominate: bool) -> Vec<u8> {
        self.transaction += 1;
        let mut transaction = *b"test\0\0\0\0\0\0\0\0";
        transaction[4..].copy_from_slice(&self.transaction.to_be_bytes());
        let check = Check {
            remote_ufrag: self.remote.username_fragment.clone(),
            remote_password: self.remote.password.clone(),
            local_ufrag: self.local_ufrag.clone(),
            nominate,
            transaction,
        };
        check.bytes()
    }

    /// New credentials of the worker's side.
    pub(super) fn restart(&mut self, now: Instant, remote: IceParameters) {
        self.remote = remote;
        self.answered = false;
        self.next_check = now;
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let check = self.checking.then_some(self.next_check);
        [check, self.dtls.as_ref().and_then(|dtls| dtls.poll_timeout())].into_iter().flatten().min()
    }

    /// Begins, and goes on with what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if self.checking && self.next_check <= now {
            out.push(self.check(true));
            self.next_check = now + if self.answered { CONSENT } else { CHECK };
        }
        if let Some(dtls) = &mut self.dtls
            && dtls.poll_timeout().is_some_and(|at| at <= now)
        {
            dtls.handle_timeout(now);
            self.drive(out);
        }
    }

    pub(super) fn stun(&mut self, now: Instant, message: &[u8], out: &mut Vec<Vec<u8>>) {
        match answer(message) {
            Answer::Success(_) => {
                if !std::mem::replace(&mut self.answered, true) {
                    self.next_check = now + CONSENT;
                }
                self.begin(now, out);
            }
            Answer::Refused(code) => self.refused.push(code),
            Answer::Other => {
                let answers = self.answers.as_ref();
                if let Some((reply, nominates)) =
                    answers.and_then(|(password, from)| success(message, *from, password))
                {
                    out.push(reply);
                    if nominates {
                        self.begin(now, out);
                    }
                }
            }
        }
    }

    /// There is a way: the handshake begins, unless it has.
    fn begin(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if self.dtls.is_none() && !self.failed {
            self.dtls = AwsLcDtls::new(&self.context, self.role, now).ok();
            self.drive(out);
        }
    }

    pub(super) fn datagram(&mut self, now: Instant, datagram: &[u8], out: &mut Vec<Vec<u8>>) {
        if let Some(dtls) = &mut self.dtls {
            dtls.handle_datagram(now, datagram);
            self.drive(out);
        }
    }

    /// Sends something inside DTLS.
    pub(super) fn send(&mut self, now: Instant, data: &[u8], out: &mut Vec<Vec<u8>>) {
        if let Some(dtls) = &mut self.dtls {
            let _ = dtls.send(now, data);
            self.drive(out);
        }
    }

    pub(super) fn close(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close(now);
            self.drive(out);
        }
    }

    fn drive(&mut self, out: &mut Vec<Vec<u8>>) {
        let mut buffer = [0; 2048];
        let Some(dtls) = &mut self.dtls else { return };
        loop {
            match dtls.poll(&mut buffer) {
                Output::Datagram(len) => out.push(buffer.get(..len).unwrap_or_default().to_vec()),
                Output::Connected(connected) => self.keys = Keys::of(&connected),
                Output::Data(len) => self.data.push(buffer.get(..len).unwrap_or_default().to_vec()),
                Output::Closed => self.closed = true,
                Output::Failed(_) => self.failed = true,
                Output::Idle => return,
            }
        }
    }
}
