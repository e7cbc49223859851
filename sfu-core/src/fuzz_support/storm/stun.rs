//! STUN, damaged before and after integrity.
use std::time::Duration;

use super::{Outcome, SHARED, Storm, udp};
use crate::fuzz_support::{Chance, mutate, peers};
use crate::net::{Protocol, Route, SocketId};
use crate::plugin::PluginSet;
use crate::transport::ice::forge;

const USERNAME: u16 = 6;
const PRIORITY: u16 = 0x24;
const USE_CANDIDATE: u16 = 0x25;
const CONTROLLING: u16 = 0x802a;

/// A check as a browser sends it.
pub(in crate::fuzz_support) fn check(
    chance: &mut Chance,
    ufrag: &str,
    nominate: bool,
) -> Vec<(u16, Vec<u8>)> {
    let mut attributes = vec![
        (USERNAME, format!("{ufrag}:peer").into_bytes()),
        (0xc057, vec![0, 1, 0, 10]),
        (CONTROLLING, chance.bytes(8)),
        (PRIORITY, 0x6e00_01ffu32.to_be_bytes().to_vec()),
    ];
    if nominate {
        attributes.push((USE_CANDIDATE, Vec::new()));
    }
    attributes
}

pub(super) fn id(chance: &mut Chance) -> [u8; 12] {
    std::array::from_fn(|_| chance.byte())
}

impl<S: PluginSet> Storm<S> {
    /// STUN that was damaged before integrity and fingerprint were made: `count` messages.
    pub fn stun(&mut self, count: u64) -> Outcome {
        let before = self.counters();
        let mut outcome = Outcome::default();
        while outcome.sent < count {
            let Some((route, bytes)) = self.damaged_check() else { continue };
            outcome.sent += 1;
            self.receive(route, &bytes);
            // Connections come and go.
            if route.protocol == Protocol::Tcp && self.chance.one_in(4) {
                let now = self.now;
                self.shell.engine().tcp_closed(now, route.socket);
            }
            if self.chance.one_in(3000) {
                self.rest(Duration::from_secs(20));
            }
        }
        self.turn(Duration::from_millis(1));
        let after = self.counters();
        outcome.reached = after.stun_authenticated - before.stun_authenticated;
        outcome.details.insert("stun_unknown", after.stun_unknown - before.stun_unknown);
        outcome
    }

    /// Protected STUN that was damaged on its way: none of `count` may be accepted.
    pub fn stun_damaged_after_integrity(&mut self, count: u64) -> Outcome {
        let before = self.counters();
        let mut outcome = Outcome::default();
        while outcome.sent < count {
            let (index, number) = (self.chance.below(self.doors.len()), self.chance.below(100));
            let (_, ice) = self.doors[index].clone();
            let chance = &mut self.chance;
            let attributes = check(chance, &ice.username_fragment, true);
            let plain = forge::message(0, 1, id(chance), &attributes);
            let Some(good) = forge::protect(plain, ice.password.as_bytes()) else { continue };
            let mut bad = good.clone();
            mutate(chance, &mut bad, &good, 1500);
            // Only what still begins as STUN is STUN.
            if bad.starts_with(&good) || bad.first().is_none_or(|first| *first > 3) {
                continue;
            }
            outcome.sent += 1;
            self.receive(udp(SHARED, peers::address(number + 5000)), &bad);
        }
        self.turn(Duration::from_millis(1));
        let after = self.counters();
        outcome.reached = after.stun_authenticated - before.stun_authenticated;
        outcome.details.insert("stun_unknown", after.stun_unknown - before.stun_unknown);
        outcome
    }

    fn damaged_check(&mut self) -> Option<(Route, Vec<u8>)> {
        let index = self.chance.below(self.doors.len());
        let (_, ice) = self.doors[index].clone();
        let chance = &mut self.chance;
        let nominate = chance.one_in(3);
        let mut attributes = check(chance, &ice.username_fragment, nominate);
        for _ in 0..chance.below(4) {
            let place = chance.below(attributes.len());
            match chance.below(6) {
                // Without its name nobody knows whose check it is.
                0 if place > 0 => drop(attributes.remove(place)),
                1 => attributes.insert(place, attributes[place].clone()),
                2 => {
                    let len = chance.below(60);
                    let value = chance.bytes(len);
                    attributes.push((*chance.pick(&forge::KINDS), value));
                }
                3 => {
                    let number = chance.bits() as u32 >> chance.below(32);
                    attributes.push((*chance.pick(&forge::KINDS), number.to_be_bytes().to_vec()));
                }
                4 if place > 0 || chance.one_in(4) => {
                    let other = chance.bytes(20);
                    mutate(chance, &mut attributes[place].1, &other, 600);
                }
                5 => {
                    let many = chance.below(60);
                    let kind = if chance.one_in(2) { 0x7000 } else { 0xc100 };
                    attributes.extend((0..many as u16).map(|n| (kind + n, Vec::new())));
                }
                _ => {}
            }
        }
        let class = if chance.one_in(6) { chance.byte() } else { 0 };
        let method = if chance.one_in(20) { chance.bits() as u16 & 0xfff } else { 1 };
        let mut bytes = forge::message(class, method, id(chance), &attributes);
        if chance.one_in(3) {
            let other = bytes.clone();
            mutate(chance, &mut bytes, &other, 1200);
            *bytes.first_mut()? &= 3;
        }
        let bytes = forge::protect(bytes, ice.password.as_bytes())?;
        let remote = peers::address(10_000 + chance.below(5000));
        let route = if chance.one_in(5) {
            Route {
                socket: SocketId(100 + chance.below(300) as u32),
                protocol: Protocol::Tcp,
                remote,
                local: None,
            }
        } else {
            udp(SHARED, remote)
        };
        Some((route, bytes))
    }
}
