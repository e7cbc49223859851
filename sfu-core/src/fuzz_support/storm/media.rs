//! RTP and RTCP, damaged before and after sealing.
use std::time::Duration;

use super::{Outcome, Storm};
use crate::fuzz_support::mutate;
use crate::fuzz_support::rtcp_seeds::{Subjects, compound};
use crate::plugin::PluginSet;

/// Longest plaintext: with the tag it is what an Ethernet frame carries.
const LONGEST: usize = 1450;

impl<S: PluginSet> Storm<S> {
    /// RTP that was damaged before it was sealed: `count` packets that authenticate.
    pub fn rtp(&mut self, count: u64) -> Outcome {
        self.begin_streams();
        let (before, forwarded) = (self.counters(), self.forwarded());
        let mut outcome = Outcome::default();
        while outcome.sent < count {
            let Some((route, sealed)) = self.damaged_rtp() else {
                *outcome.details.entry("not sealable").or_default() += 1;
                continue;
            };
            outcome.sent += 1;
            self.receive(route, &sealed);
        }
        self.turn(Duration::from_millis(1));
        let after = self.counters();
        outcome.reached = after.rtp_authenticated - before.rtp_authenticated;
        outcome.details.insert("forwarded", self.forwarded().saturating_sub(forwarded));
        for ((name, before), (_, after)) in before.iter().zip(after.iter()).filter(|(b, a)| b.1 != a.1) {
            outcome.details.insert(name, after - before);
        }
        outcome
    }

    /// RTCP that was damaged before it was sealed: `count` compounds that authenticate, and media between them.
    pub fn rtcp(&mut self, count: u64) -> Outcome {
        self.begin_streams();
        let before = self.counters();
        let mut outcome = Outcome::default();
        while outcome.sent < count {
            if outcome.sent.is_multiple_of(4) {
                self.valid_rtp();
            }
            let (publisher, index) = (self.chance.one_in(3), self.chance.below(2));
            let subjects = self.subjects();
            let chance = &mut self.chance;
            let (mut plain, other) = (compound(chance, &subjects), compound(chance, &subjects));
            mutate(chance, &mut plain, &other, LONGEST);
            let peer = if publisher { &mut self.publishers[index] } else { &mut self.viewers[index] };
            let ssrc = *chance.pick(&subjects.own);
            let Some(sealed) = peer.seal_rtcp(chance, &mut plain, ssrc) else {
                *outcome.details.entry("not sealable").or_default() += 1;
                continue;
            };
            let route = peer.route;
            outcome.sent += 1;
            self.receive(route, &sealed);
        }
        self.turn(Duration::from_millis(1));
        let after = self.counters();
        outcome.reached = after.rtcp_authenticated - before.rtcp_authenticated;
        for ((name, before), (_, after)) in before.iter().zip(after.iter()).filter(|(b, a)| b.1 != a.1) {
            outcome.details.insert(name, after - before);
        }
        outcome
    }

    /// Sealed RTP and RTCP that was damaged on its way: none of `count` may authenticate.
    pub fn damaged_after_sealing(&mut self, count: u64) -> Outcome {
        let before = self.counters();
        let mut outcome = Outcome::default();
        while outcome.sent < count {
            let rtcp = self.chance.one_in(3);
            let subjects = self.subjects();
            let index = self.chance.below(2);
            let chance = &mut self.chance;
            let peer = &mut self.publishers[index];
            let (mut rtp, ssrc) = peer.packet(chance);
            let sealed = if rtcp {
                let mut plain = compound(chance, &subjects);
                peer.seal_rtcp(chance, &mut plain, ssrc)
            } else {
                peer.seal_rtp(chance, &mut rtp, ssrc)
            };
            let Some(sealed) = sealed else { continue };
            let (mut damaged, route) = (sealed.clone(), peer.route);
            // Now and then longer than anything that is taken.
            let longest = if chance.one_in(50) { 4000 } else { 1500 };
            mutate(chance, &mut damaged, &sealed, longest);
            if damaged == sealed {
                continue;
            }
            outcome.sent += 1;
            self.receive(route, &damaged);
        }
        self.turn(Duration::from_millis(1));
        let after = self.counters();
        outcome.reached = after.rtp_authenticated + after.rtcp_authenticated
            - before.rtp_authenticated
            - before.rtcp_authenticated;
        outcome.details.insert("srtp_failed", after.srtp_failed - before.srtp_failed);
        outcome.details.insert("srtp_replayed", after.srtp_replayed - before.srtp_replayed);
        outcome
    }

    /// Undamaged packets of every stream, so that each is known.
    fn begin_streams(&mut self) {
        for _ in 0..200 {
            self.valid_rtp();
        }
        self.turn(Duration::from_millis(1));
    }

    fn valid_rtp(&mut self) {
        let chance = &mut self.chance;
        let peer = &mut self.publishers[chance.below(2)];
        let (mut plain, ssrc) = peer.packet(chance);
        let (route, sealed) = (peer.route, peer.seal_rtp(chance, &mut plain, ssrc));
        if let Some(sealed) = sealed {
            self.receive(route, &sealed);
        }
    }

    fn damaged_rtp(&mut self) -> Option<(crate::net::Route, Vec<u8>)> {
        let chance = &mut self.chance;
        let peer = &mut self.publishers[chance.below(2)];
        let (mut plain, ssrc) = peer.packet(chance);
        let (other, _) = peer.packet(chance);
        mutate(chance, &mut plain, &other, LONGEST);
        let sealed = peer.seal_rtp(chance, &mut plain, ssrc)?;
        Some((peer.route, sealed))
    }

    pub(super) fn subjects(&mut self) -> Subjects {
        let received: Vec<u32> = self.viewers.iter().flat_map(|peer| peer.received.iter().copied()).collect();
        let own =
            self.publishers.iter().flat_map(|peer| peer.streams.iter().map(|stream| stream.ssrc)).collect();
        Subjects { own, received, lately: self.lately.clone() }
    }
}
