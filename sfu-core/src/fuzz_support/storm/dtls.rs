//! DTLS, damaged at every stage of handshakes in both roles, and data damaged before and after encryption.
use std::time::Duration;

use super::stun::{check, id};
use super::{Identity, Outcome, SHARED, Storm, udp};
use crate::control::{Command, DtlsRole};
use crate::fuzz_support::{mutate, peers};
use crate::net::Route;
use crate::plugin::PluginSet;
use crate::transport::dtls::{AwsLcDtls, Dtls, Output, Role};
use crate::transport::ice::forge;

/// Damaged copies per datagram of a handshake.
const COPIES: usize = 8;
/// Data after a handshake.
const DATA: usize = 24;

/// One handshake with its peer.
struct Call {
    route: Route,
    dtls: AwsLcDtls,
    connected: bool,
    waiting: Vec<Vec<u8>>,
}

impl Call {
    /// Takes out what the peer has to say.
    fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut out = [0; 20_000];
        loop {
            match self.dtls.poll(&mut out) {
                Output::Datagram(len) => self.waiting.push(out[..len].to_vec()),
                Output::Connected(_) => self.connected = true,
                Output::Idle => return std::mem::take(&mut self.waiting),
                _ => {}
            }
        }
    }
}

impl<S: PluginSet> Storm<S> {
    /// At least `count` damaged datagrams, in handshakes that go on between them as far as they can.
    pub fn dtls(&mut self, count: u64) -> Outcome {
        let before = self.counters();
        let mut outcome = Outcome::default();
        let mut seen: Vec<Vec<u8>> = vec![vec![22; 60]];
        while outcome.sent < count {
            let server = self.chance.one_in(2);
            let (role, own) =
                if server { (DtlsRole::Server, Role::Server) } else { (DtlsRole::Client, Role::Client) };
            let (transport, ice) = self.webrtc(role);
            let route = udp(SHARED, peers::address(40_000 + self.chance.below(1000)));
            let attributes = check(&mut self.chance, &ice.username_fragment, true);
            let plain = forge::message(0, 1, id(&mut self.chance), &attributes);
            let checked = forge::protect(plain, ice.password.as_bytes()).expect("fuzz: a check");
            self.receive(route, &checked);
            let dtls =
                AwsLcDtls::new(&Identity::peer().context, own, self.now).expect("fuzz: an association");
            let mut call = Call { route, dtls, connected: false, waiting: Vec::new() };
            // Some handshakes get less damage, so that they come to their end.
            let copies = if self.chance.one_in(2) { COPIES } else { 1 };
            for _ in 0..14 {
                for datagram in call.drain() {
                    self.fire(&mut outcome, route, &datagram, &seen, copies);
                    remember(&mut seen, datagram.clone(), self.chance.below(64));
                    if !self.chance.one_in(10) {
                        self.undamaged(&mut outcome, route, &datagram);
                    }
                }
                for datagram in self.answers(route) {
                    call.dtls.handle_datagram(self.now, &datagram);
                }
                call.dtls.handle_timeout(self.now);
                if call.connected {
                    break;
                }
            }
            if call.connected {
                self.data(&mut outcome, &mut call, &seen);
            }
            if self.chance.one_in(2) {
                call.dtls.close(self.now);
                for datagram in call.drain() {
                    self.undamaged(&mut outcome, route, &datagram);
                }
            }
            self.command(Command::CloseTransport(transport)).expect("fuzz: the transport is there");
        }
        let after = self.counters();
        // Undamaged ones were taken too, as far as they were not sent: the rest of what was taken was damaged.
        let taken = after.dtls_taken - before.dtls_taken;
        outcome.reached = taken.saturating_sub(outcome.details.get("undamaged").copied().unwrap_or_default());
        outcome.details.insert("dtls_dropped", after.dtls_dropped - before.dtls_dropped);
        outcome.details.insert("dtls_connected", after.dtls_connected - before.dtls_connected);
        outcome.details.insert("dtls_failed", after.dtls_failed - before.dtls_failed);
        outcome.details.insert("dtls_refused", after.dtls_refused - before.dtls_refused);
        outcome
            .details
            .insert("fingerprint_mismatch", after.fingerprint_mismatch - before.fingerprint_mismatch);
        outcome
    }

    /// Damaged copies of a datagram.
    fn fire(
        &mut self,
        outcome: &mut Outcome,
        route: Route,
        datagram: &[u8],
        seen: &[Vec<u8>],
        copies: usize,
    ) {
        for _ in 0..copies {
            let mut copy = datagram.to_vec();
            let other = self.chance.pick(seen).clone();
            mutate(&mut self.chance, &mut copy, &other, 1500);
            // What does not begin like DTLS is something else.
            if let Some(first) = copy.first_mut().filter(|first| !(20..=63).contains(*first)) {
                *first = 20 + *first % 5;
            }
            outcome.sent += 1;
            self.receive(route, &copy);
        }
    }

    /// A datagram as the peer made it, which carries on what damaged ones disturb.
    fn undamaged(&mut self, outcome: &mut Outcome, route: Route, datagram: &[u8]) {
        *outcome.details.entry("undamaged").or_default() += 1;
        self.receive(route, datagram);
    }

    /// Data that is damaged before it is encrypted, and records that are damaged after.
    fn data(&mut self, outcome: &mut Outcome, call: &mut Call, seen: &[Vec<u8>]) {
        for _ in 0..DATA {
            let len = 12 + self.chance.below(300);
            let data = self.chance.bytes(len);
            if call.dtls.send(self.now, &data).is_err() {
                return;
            }
            for record in call.drain() {
                self.fire(outcome, call.route, &record, seen, 1);
                // Damaged before it was encrypted: there is nothing in a session that random data would fit.
                self.undamaged(outcome, call.route, &record);
                *outcome.details.entry("encrypted data").or_default() += 1;
            }
        }
    }

    /// What the worker answers on a route.
    fn answers(&mut self, route: Route) -> Vec<Vec<u8>> {
        self.now += Duration::from_millis(20);
        self.shell.turn(self.now, &mut self.sockets);
        self.in_batch = 0;
        let to_peer = |(to, bytes): (Route, &[u8])| {
            (to == route && bytes.first().is_some_and(|first| (20..=63).contains(first)))
                .then(|| bytes.to_vec())
        };
        let answers = self.shell.outbox().iter().filter_map(to_peer).collect();
        self.shell.outbox().clear();
        answers
    }
}

/// Keeps some datagrams to splice others with.
fn remember(seen: &mut Vec<Vec<u8>>, datagram: Vec<u8>, place: usize) {
    match seen.get_mut(place) {
        Some(slot) => *slot = datagram,
        None => seen.push(datagram),
    }
}
