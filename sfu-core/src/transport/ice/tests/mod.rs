//! What the agent has to do, seen by a peer that sends checks.

mod hostile;
mod scenarios;
mod vectors;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::message::{Class, attribute};
use super::writer::MessageWriter;
use super::*;

/// A path, as the agent's owner would name it.
type Route = u8;

const PRIORITY: u32 = 0x6e00_01ff;

fn ours() -> Credentials {
    Credentials::new("ours", "our-password-".replace('-', "+").repeat(2).as_str()).unwrap()
}

fn renewed() -> Credentials {
    Credentials::new("renewed", &"newpassword".repeat(2)).unwrap()
}

/// The source address of everything that comes on `route`.
fn source(route: Route) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, route], 5000))
}

/// A check to be built.
#[derive(Clone, Copy)]
struct Check {
    credentials: Credentials,
    remote_ufrag: &'static str,
    use_candidate: bool,
    nomination: Option<(u16, u32)>,
    controlled: bool,
    priority: bool,
    fingerprint: bool,
    integrity: bool,
    method: u16,
    extra: Option<u16>,
}

/// A check as a browser sends it before nominating.
fn check() -> Check {
    Check {
        credentials: ours(),
        remote_ufrag: "peer",
        use_candidate: false,
        nomination: None,
        controlled: false,
        priority: true,
        fingerprint: true,
        integrity: true,
        method: 1,
        extra: None,
    }
}

/// A check with USE-CANDIDATE.
fn nominating() -> Check {
    Check { use_candidate: true, ..check() }
}

impl Check {
    fn bytes(self) -> Vec<u8> {
        let mut out = vec![0; 300];
        let mut writer = MessageWriter::new(&mut out, Class::Request, self.method, *b"transaction!");
        let username = format!("{}:{}", self.credentials.ufrag(), self.remote_ufrag);
        writer.attribute(attribute::USERNAME, username.as_bytes());
        writer.attribute(0xC057, &[0, 1, 0, 10]); // GOOG-NETWORK-INFO: optional, unknown to us
        let role = if self.controlled { attribute::ICE_CONTROLLED } else { attribute::ICE_CONTROLLING };
        writer.attribute(role, &[7; 8]);
        if self.use_candidate {
            writer.attribute(attribute::USE_CANDIDATE, &[]);
        }
        if let Some((kind, value)) = self.nomination {
            writer.attribute(kind, &value.to_be_bytes());
        }
        if self.priority {
            writer.attribute(attribute::PRIORITY, &PRIORITY.to_be_bytes());
        }
        if let Some(kind) = self.extra {
            writer.attribute(kind, b"?");
        }
        if self.integrity {
            writer.message_integrity(self.credentials.password().as_bytes());
        }
        if self.fingerprint {
            writer.fingerprint();
        }
        let len = writer.finish().unwrap();
        out.truncate(len);
        out
    }
}

/// An agent and its clock.
struct World {
    agent: IceAgent<Route>,
    now: Instant,
    reply: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let agent = IceAgent::new(ours(), ConsentTimeout::default());
        Self { agent, now: Instant::now(), reply: Vec::new() }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Sends bytes; returns the events and keeps the reply.
    fn send(&mut self, route: Route, bytes: &[u8]) -> Vec<IceEvent<Route>> {
        let mut out = [0; MAX_REPLY_LEN];
        let outcome = self.agent.on_stun(self.now, route, source(route), bytes, &mut out);
        self.reply = outcome.reply_len.map(|len| out[..len].to_vec()).unwrap_or_default();
        outcome.events.to_vec()
    }

    /// Sends a check that must be answered with success.
    fn accepted(&mut self, route: Route, check: Check) -> Vec<IceEvent<Route>> {
        let events = self.send(route, &check.bytes());
        let reply = Message::parse(&self.reply).unwrap();
        assert_eq!((reply.class(), reply.method()), (Class::Success, 1));
        assert_eq!(reply.transaction_id(), *b"transaction!");
        assert_eq!(reply.xor_mapped_address(), Some(source(route)));
        assert!(reply.has_fingerprint() && reply.is_authentic(check.credentials.password().as_bytes()));
        events
    }

    /// Sends bytes that must change nothing; returns the error code of the reply.
    fn refused(&mut self, route: Route, bytes: &[u8]) -> Option<u16> {
        let before = (
            self.agent.state(),
            self.agent.routes().to_vec(),
            self.agent.selected(),
            self.agent.poll_timeout(),
        );
        let events = self.send(route, bytes);
        assert_eq!(events, []);
        let agent = &self.agent;
        assert_eq!(before, (agent.state(), agent.routes().to_vec(), agent.selected(), agent.poll_timeout()));
        if self.reply.is_empty() {
            return None;
        }
        let reply = Message::parse(&self.reply).unwrap();
        assert_eq!(reply.class(), Class::Error);
        assert!(reply.has_fingerprint());
        assert_eq!(reply.transaction_id(), *b"transaction!");
        reply.error_code()
    }
}
