//! Small storms, so that they break here first; the large ones are in the recorder's tests, with every plugin.
use super::*;
use crate::plugin::Nil;
use serde_json::Value;

fn storm() -> Storm<Nil> {
    Storm::new(11, Value::Null)
}

#[test]
fn damaged_stun_with_good_integrity_reaches_the_agent_and_leaves_nothing() {
    let mut storm = storm();
    let before = storm.sizes();
    let outcome = storm.stun(3000);
    println!("{outcome:?}\n{before:?}\n{:?}", storm.sizes());
    assert!(outcome.reached > 600, "{outcome:?}");
    assert_eq!(storm.stun_damaged_after_integrity(1000).reached, 0);
}

#[test]
fn damaged_rtp_with_good_tags_reaches_the_parsers() {
    let mut storm = storm();
    let outcome = storm.rtp(3000);
    println!("{outcome:?}\n{:?}", storm.sizes());
    assert_eq!(outcome.reached, outcome.sent);
}

mod change {
    use sfu_core::plugin::*;

    #[derive(Default)]
    pub struct Change;

    #[plugin(id = "change", on_panic = "drop")]
    impl Plugin for Change {
        fn rtp_out(&mut self, _: &mut (), pkt: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
            let _ = pkt.payload_mut().map(|payload| payload.reverse());
            Verdict::Forward
        }
    }
}

sfu_core::worker! { struct Changing; plugins = [change::Change]; }

/// Each copy of a packet that came too late for its place once stayed counted as used, until hooks got none any more.
#[test]
fn private_copies_of_packets_that_come_too_late_are_given_back() {
    let mut storm = Storm::<<Changing as crate::plugin::Composition>::Plugins>::new(3, Value::Null);
    let outcome = storm.rtp(6000);
    assert!(outcome.details["forwarded"] > 1000, "{outcome:?}");
    let left = storm.end();
    assert_eq!((left.privates, left.packets_in_use), (0, 0), "{left:?}");
}

#[test]
fn damaged_packets_of_signaling_are_taken_or_refused_and_leave_nothing() {
    let mut storm = storm();
    let before = storm.sizes();
    let outcome = storm.direct(3000);
    println!("{outcome:?}\n{:?}", storm.sizes());
    assert!(outcome.reached > 500 && outcome.details["handed"] > 20, "{outcome:?}");
    let after = storm.sizes();
    assert_eq!(
        (after.transports, after.webrtc_servers, after.sockets, after.fragments),
        (before.transports, 0, before.sockets, before.fragments)
    );
    assert_eq!(storm.end().packets_in_use, 0);
}

#[test]
fn damaged_rtcp_with_good_tags_reaches_the_parsers() {
    let mut storm = storm();
    let outcome = storm.rtcp(3000);
    println!("{outcome:?}\n{:?}", storm.sizes());
    assert_eq!(outcome.reached, outcome.sent);
}

#[test]
fn what_was_damaged_after_sealing_is_refused() {
    let outcome = storm().damaged_after_sealing(3000);
    println!("{outcome:?}");
    assert_eq!(outcome.reached, 0);
    assert!(outcome.details["srtp_failed"] > 1000, "{outcome:?}");
}

#[test]
fn damaged_handshakes_end_or_complete() {
    let mut storm = storm();
    let outcome = storm.dtls(1000);
    println!("{outcome:?}\n{:?}", storm.sizes());
    assert!(outcome.reached > 1, "{outcome:?}");
}

#[test]
fn damaged_offers_are_answered_or_refused() {
    let mut storm = storm();
    let outcome = storm.sdp(1000);
    println!("{outcome:?}\n{:?}", storm.sizes());
    assert!(outcome.reached > 100, "{outcome:?}");
}

#[test]
fn entry_points_take_every_seed_and_its_damage() {
    let mut chance = Chance::new(3);
    let kinds = [
        ("rtp", rtp as fn(&[u8]), 500),
        ("rtcp", rtcp, 500),
        ("stun", stun, 100),
        ("mjr", mjr, 20),
        ("payload_descriptor", payload_descriptor, 300),
        ("dependency_descriptor", dependency_descriptor, 300),
    ];
    for (kind, entry, count) in kinds {
        let seeds = seeds(kind, count);
        assert_eq!(seeds.len(), count, "{kind}");
        for seed in &seeds {
            entry(seed);
            let mut damaged = seed.clone();
            mutate(&mut chance, &mut damaged, seed, 1500);
            entry(&damaged);
            datagram(&damaged);
            stun(&damaged);
            mjr(&damaged);
        }
    }
    OFFERS.iter().for_each(|offer| sdp(offer.as_bytes()));
}
