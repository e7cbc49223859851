//! The ICE-lite agent of one transport.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use super::message::{BINDING, Class};
use super::refusal::Refusal;
use super::tuples::{MAX_TUPLES, Tuples};
use super::writer::MessageWriter;
use super::{Credentials, IceCounters, Message, Ufrag};

/// Bytes that the output of [`IceAgent::on_stun`] must have so that every reply fits.
pub(crate) const MAX_REPLY_LEN: usize = 128;

/// How far ICE has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IceState {
    /// No authentic check yet.
    New,
    /// A route is validated and used, none nominated.
    Connected,
    /// The peer nominated a route.
    Completed,
    /// Consent ran out or the last route went away; a new check brings the agent back.
    Disconnected,
}

/// What the owner of the agent has to act upon, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IceEvent<R> {
    /// The old fragment is no longer accepted: stop routing it to this agent.
    UfragRetired(Ufrag),
    /// The route is no longer validated: close it if it is a TCP connection.
    RouteRemoved(R),
    /// Send on this route from now on.
    Selected(R),
    /// The agent's state changed.
    StateChanged(IceState),
}

/// The events of one call: at most every route removed, and one of each other kind.
pub(crate) type IceEvents<R> = ArrayVec<IceEvent<R>, { MAX_TUPLES + 3 }>;

/// What came of a STUN message.
#[derive(Debug, Clone)]
pub(crate) struct IceOutcome<R> {
    /// Bytes of the reply in the output, to be sent back where the message came from; `None`: send nothing.
    pub(crate) reply_len: Option<usize>,
    /// What changed.
    pub(crate) events: IceEvents<R>,
}

/// How long the peer may stay silent: 10 to 60 seconds, or for ever (RFC 7675 §5.1 says 30 seconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConsentTimeout(Option<Duration>);

impl ConsentTimeout {
    /// Never disconnect for silence.
    pub(crate) const OFF: Self = Self(None);

    /// `timeout`, brought into 10 to 60 seconds; zero is [`ConsentTimeout::OFF`].
    pub(crate) fn from_duration(timeout: Duration) -> Self {
        if timeout.is_zero() {
            return Self::OFF;
        }
        Self(Some(timeout.clamp(Duration::from_secs(10), Duration::from_secs(60))))
    }

    /// `seconds`, brought into 10 to 60; 0 is [`ConsentTimeout::OFF`].
    pub(crate) fn from_seconds(seconds: u8) -> Self {
        match seconds {
            0 => Self::OFF,
            _ => Self(Some(Duration::from_secs(u64::from(seconds.clamp(10, 60))))),
        }
    }
}

impl Default for ConsentTimeout {
    fn default() -> Self {
        Self::from_seconds(30)
    }
}

/// Answers the checks of one peer and knows its validated routes.
///
/// `R` is the caller's key of a path (socket, remote address, local address). Only an authentic Binding request
/// changes anything but counters, so forged or replayed-with-damage messages cost no memory. A route that sent one is
/// validated: media from it may be read, and media may be sent to it.
#[derive(Debug)]
pub(crate) struct IceAgent<R> {
    current: Credentials,
    /// Accepted until the peer uses `current` for the first time after a restart.
    previous: Option<Credentials>,
    state: IceState,
    tuples: Tuples<R>,
    /// The highest NOMINATION since the last restart or disconnection.
    nomination: Option<u32>,
    consent: ConsentTimeout,
    /// When the last authentic request came.
    last_request: Option<Instant>,
    counters: IceCounters,
}

impl<R: Copy + Eq> IceAgent<R> {
    /// A new agent that accepts checks made with `credentials`.
    pub(crate) fn new(credentials: Credentials, consent: ConsentTimeout) -> Self {
        Self {
            current: credentials,
            previous: None,
            state: IceState::New,
            tuples: Tuples::new(),
            nomination: None,
            consent,
            last_request: None,
            counters: IceCounters::default(),
        }
    }

    /// How far ICE has come.
    pub(crate) fn state(&self) -> IceState {
        self.state
    }

    /// The route to send on.
    #[inline]
    pub(crate) fn selected(&self) -> Option<R> {
        self.tuples.selected()
    }

    /// Whether packets from this route may be looked at: an authentic check came from there.
    #[inline]
    pub(crate) fn is_validated(&self, route: R) -> bool {
        self.tuples.contains(route)
    }

    /// All validated routes, oldest first; at most eight.
    pub(crate) fn routes(&self) -> &[R] {
        self.tuples.routes()
    }

    /// What checks are made with.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.current
    }

    /// The fragment that checks carry first in USERNAME.
    pub(crate) fn local_ufrag(&self) -> &str {
        self.current.ufrag()
    }

    /// The fragment of before a restart, while it is still accepted.
    pub(crate) fn previous_ufrag(&self) -> Option<&str> {
        self.previous.as_ref().map(Credentials::ufrag)
    }

    /// What was seen and refused.
    pub(crate) fn counters(&self) -> IceCounters {
        self.counters
    }

    /// Starts an ICE restart: the old credentials stay good until the peer uses the new ones.
    ///
    /// State, routes and selection stay, so media flows on. Returns the fragment that stops being accepted at once:
    /// the one of an earlier restart that the peer never followed.
    pub(crate) fn restart(&mut self, credentials: Credentials) -> Option<Ufrag> {
        let dropped = self.previous.replace(self.current);
        self.current = credentials;
        self.nomination = None;
        dropped.map(|old| old.owned_ufrag())
    }

    /// Takes a STUN message that came on `route` from `source` and writes the reply to `out`.
    ///
    /// `out` needs [`MAX_REPLY_LEN`] bytes; with less, a reply may be left out. On TCP the caller adds and removes
    /// the framing.
    #[cfg(test)]
    pub(crate) fn on_stun(
        &mut self,
        now: Instant,
        route: R,
        source: SocketAddr,
        message: &[u8],
        out: &mut [u8],
    ) -> IceOutcome<R> {
        match Message::parse(message) {
            Ok(message) => self.on_message(now, route, source, &message, out),
            Err(_) => {
                self.counters.malformed += 1;
                IceOutcome { reply_len: None, events: IceEvents::new() }
            }
        }
    }

    /// As [`IceAgent::on_stun`] for a message that was parsed already.
    pub(crate) fn on_message(
        &mut self,
        now: Instant,
        route: R,
        source: SocketAddr,
        message: &Message<'_>,
        out: &mut [u8],
    ) -> IceOutcome<R> {
        let mut events = IceEvents::new();
        match message.class() {
            Class::Request => {}
            Class::Indication => {
                self.counters.indications += 1;
                return IceOutcome { reply_len: None, events };
            }
            Class::Success | Class::Error => {
                self.counters.responses += 1;
                return IceOutcome { reply_len: None, events };
            }
        }
        let reply_len = match self.authenticate(message) {
            Err(refusal) => self.refuse(refusal, message, None, out),
            Ok(credentials) => match refusal_of_authentic(message) {
                Some(refusal) => self.refuse(refusal, message, Some(&credentials), out),
                None => {
                    self.accept(now, route, message, &credentials, &mut events);
                    reply_success(message, source, &credentials, out)
                }
            },
        };
        IceOutcome { reply_len, events }
    }

    /// When [`IceAgent::handle_timeout`] wants to be called; `None`: nothing to wait for.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            IceState::Connected | IceState::Completed => self.last_request?.checked_add(self.consent.0?),
            IceState::New | IceState::Disconnected => None,
        }
    }

    /// Something that the peer authenticated came at `at`: it lives and wants the session, which is what consent is about.
    ///
    /// Peers that send media may check no more once they are connected (libnice, and with it GStreamer).
    pub(crate) fn heard(&mut self, at: Instant) {
        if matches!(self.state, IceState::Connected | IceState::Completed) {
            self.last_request = self.last_request.max(Some(at));
        }
    }

    /// Disconnects when the peer's consent has run out (RFC 7675): no route is validated any more.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> IceEvents<R> {
        let mut events = IceEvents::new();
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            events.extend(self.tuples.clear().into_iter().map(IceEvent::RouteRemoved));
            self.disconnect(&mut events);
        }
        events
    }

    /// Forgets a route, because its TCP connection closed; another validated route is selected if it was selected.
    pub(crate) fn remove_route(&mut self, route: R) -> IceEvents<R> {
        let mut events = IceEvents::new();
        let before = self.tuples.selected();
        if !self.tuples.remove(route) {
            return events;
        }
        events.push(IceEvent::RouteRemoved(route));
        match self.tuples.selected() {
            None => self.disconnect(&mut events),
            Some(selected) if before != Some(selected) => events.push(IceEvent::Selected(selected)),
            Some(_) => {}
        }
        events
    }

    /// Changes how long the peer may stay silent, counted from its last check.
    #[cfg(test)]
    pub(crate) fn set_consent_timeout(&mut self, consent: ConsentTimeout) {
        self.consent = consent;
    }

    fn disconnect(&mut self, events: &mut IceEvents<R>) {
        self.nomination = None;
        self.last_request = None;
        self.set_state(IceState::Disconnected, events);
    }

    fn set_state(&mut self, state: IceState, events: &mut IceEvents<R>) {
        if self.state != state {
            self.state = state;
            events.push(IceEvent::StateChanged(state));
        }
    }

    /// Everything that is cheap first, the HMAC last.
    fn authenticate(&self, message: &Message<'_>) -> Result<Credentials, Refusal> {
        if message.method() != BINDING {
            return Err(Refusal::UnknownMethod);
        }
        let complete = message.has_fingerprint() && message.has_integrity() && message.priority().is_some();
        let (true, Some(_)) = (complete, message.username()) else { return Err(Refusal::Incomplete) };
        let Some((local, _remote)) = message.ufrags() else { return Err(Refusal::WrongUsername) };
        let named = |credentials: &&Credentials| credentials.ufrag().as_bytes() == local;
        let candidate = std::iter::once(&self.current).chain(&self.previous).find(named);
        let credentials = *candidate.ok_or(Refusal::WrongUsername)?;
        if message.is_authentic(credentials.password().as_bytes()) {
            Ok(credentials)
        } else {
            Err(Refusal::WrongPassword)
        }
    }

    /// Records an authentic check.
    fn accept(
        &mut self,
        now: Instant,
        route: R,
        message: &Message<'_>,
        credentials: &Credentials,
        events: &mut IceEvents<R>,
    ) {
        self.counters.accepted += 1;
        self.last_request = Some(now);
        if *credentials == self.current
            && let Some(old) = self.previous.take()
        {
            events.push(IceEvent::UfragRetired(old.owned_ufrag()));
        }
        if let Some(evicted) = self.tuples.add(route) {
            self.counters.evicted_routes += 1;
            events.push(IceEvent::RouteRemoved(evicted));
        }
        let nominated = self.nominates(message);
        if (nominated || self.tuples.selected().is_none()) && self.tuples.select(route) {
            events.push(IceEvent::Selected(route));
        }
        match self.state {
            _ if nominated => self.set_state(IceState::Completed, events),
            IceState::New | IceState::Disconnected => self.set_state(IceState::Connected, events),
            IceState::Connected | IceState::Completed => {}
        }
    }

    /// Whether a check nominates its route: by a NOMINATION above all before, or without one by USE-CANDIDATE.
    fn nominates(&mut self, message: &Message<'_>) -> bool {
        match message.nomination() {
            Some(nomination) if self.nomination.is_none_or(|highest| nomination > highest) => {
                self.nomination = Some(nomination);
                true
            }
            Some(_) => false,
            None => message.use_candidate(),
        }
    }

    /// Counts a refusal and writes the error reply, signed when the request was authentic.
    fn refuse(
        &mut self,
        refusal: Refusal,
        message: &Message<'_>,
        credentials: Option<&Credentials>,
        out: &mut [u8],
    ) -> Option<usize> {
        refusal.count(&mut self.counters);
        let (code, reason) = refusal.error_code();
        let mut writer = MessageWriter::new(out, Class::Error, message.method(), message.transaction_id());
        writer.error_code(code, reason);
        if refusal == Refusal::UnknownAttributes {
            writer.unknown_attributes(message.unknown_required());
        }
        if let Some(credentials) = credentials {
            writer.message_integrity(credentials.password().as_bytes());
        }
        writer.fingerprint();
        writer.finish()
    }
}

/// Why an authentic request is refused all the same; the peer trusts these answers only when they are signed.
fn refusal_of_authentic(message: &Message<'_>) -> Option<Refusal> {
    if message.unknown_required().next().is_some() {
        Some(Refusal::UnknownAttributes)
    } else if message.is_from_controlled() {
        Some(Refusal::RoleConflict)
    } else {
        None
    }
}

/// Writes the answer to a good check (RFC 8445 §7.3.1.2).
fn reply_success(
    message: &Message<'_>,
    source: SocketAddr,
    credentials: &Credentials,
    out: &mut [u8],
) -> Option<usize> {
    let mut writer = MessageWriter::new(out, Class::Success, BINDING, message.transaction_id());
    writer.xor_mapped_address(source);
    writer.message_integrity(credentials.password().as_bytes());
    writer.fingerprint();
    writer.finish()
}
