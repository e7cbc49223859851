//! How associations begin, and begin again.
use super::*;
use crate::transport::sctp::packet::INIT;

#[test]
fn one_side_begins_and_both_are_connected_with_all_streams() {
    let mut path = Path::new(SctpConfig::default());
    path.connect(1);
    path.run_for(Duration::from_secs(1));
    assert_eq!(path.phases(), [SctpPhase::Connected; 2]);
    for side in 0..2 {
        assert_eq!(path.sides[side].negotiated_streams(), Some((65535, 65535)));
        let phases: Vec<_> = path.seen[side].iter().map(|(_, seen)| seen.clone()).collect();
        assert_eq!(phases, [Seen::Phase(SctpPhase::Connecting), Seen::Phase(SctpPhase::Connected)]);
    }
}

#[test]
fn both_begin_at_once_and_it_is_one_association() {
    let mut path = Path::new(SctpConfig::default());
    path.connect(0);
    path.connect(1);
    path.run_for(Duration::from_secs(3));
    assert_eq!(path.phases(), [SctpPhase::Connected; 2]);
    for (from, to) in [(0, 1), (1, 0)] {
        path.sides[from].open_stream(3, ORDERED);
        path.send(from, 3, b"hello").unwrap();
        path.run_for(Duration::from_secs(1));
        assert_eq!(path.messages(to), [b"hello"]);
    }
}

#[test]
fn any_packet_of_the_handshake_may_be_lost() {
    for both in [false, true] {
        for loss in [100, 200] {
            for seed in 1..30 {
                let mut path = Path::new(SctpConfig::default());
                (path.loss, path.random) = (loss, seed * 0x9e37_79b9);
                path.connect(0);
                if both {
                    path.connect(1);
                }
                path.run_for(Duration::from_secs(180));
                assert_eq!(path.phases(), [SctpPhase::Connected; 2], "{both} {loss} {seed}");
                path.loss = 0;
                path.sides[0].open_stream(1, ORDERED);
                path.sides[1].open_stream(1, ORDERED);
                path.send(0, 1, b"there").unwrap();
                path.send(1, 1, b"back").unwrap();
                path.run_for(Duration::from_secs(2));
                assert_eq!(path.messages(1), [b"there"], "{both} {loss} {seed}");
                assert_eq!(path.messages(0), [b"back"], "{both} {loss} {seed}");
            }
        }
    }
}

#[test]
fn what_is_sent_before_there_is_an_association_waits_for_it() {
    let mut path = Path::new(SctpConfig::default());
    path.sides[0].open_stream(0, ORDERED);
    assert_eq!(path.send(0, 0, b"first"), Ok(5));
    assert_eq!(path.send(0, 0, b"second"), Ok(11));
    path.connect(0);
    path.run_for(Duration::from_secs(1));
    assert_eq!(path.messages(1), [&b"first"[..], b"second"]);
    assert_eq!(path.sides[0].buffered_amount(0), Some(0));
}

#[test]
fn a_handshake_that_nobody_answers_fails_once_and_for_all() {
    let mut path = Path::new(SctpConfig::default());
    path.lets_through = |_, _| false;
    path.connect(0);
    path.run_for(Duration::from_secs(600));
    assert_eq!(path.sides[0].phase(), SctpPhase::Failed);
    assert_eq!(path.sides[0].poll_timeout(), None);
    path.sides[0].open_stream(0, ORDERED);
    assert_eq!(path.send(0, 0, b"late"), Err(SendError::Closed));
}

#[test]
fn an_old_init_does_not_end_what_came_of_it() {
    let mut path = Path::new(SctpConfig::default());
    path.connect(0);
    let (_, _, init) = path.flying.front().cloned().unwrap();
    path.run_for(Duration::from_secs(1));
    assert!(packet::chunks(&init).next().is_some_and(|chunk| chunk.kind == INIT));
    assert!(!path.deliver(1, &init));
    path.sides[0].open_stream(0, ORDERED);
    path.send(0, 0, b"still here").unwrap();
    path.run_for(Duration::from_secs(1));
    assert_eq!(path.messages(1), [b"still here"]);
}

#[test]
fn a_peer_that_starts_anew_is_heard_and_an_init_alone_changes_nothing() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    // Somebody who can send, but does not get our answer.
    let mut stranger = Path::new(SctpConfig::default());
    stranger.connect(0);
    let (_, _, init) = stranger.flying.front().cloned().unwrap();
    path.deliver(1, &init);
    path.flying.clear();
    path.send(0, 0, b"goes on").unwrap();
    path.run_for(Duration::from_secs(2));
    assert_eq!(path.messages(1), [b"goes on"]);
    // The same peer, after a crash.
    path.sides[0] = Sctp::new(SctpConfig::default());
    path.connect(0);
    path.run_for(Duration::from_secs(2));
    assert_eq!(path.phases(), [SctpPhase::Connected; 2]);
    path.sides[0].open_stream(0, ORDERED);
    path.sides[1].open_stream(0, ORDERED);
    path.send(0, 0, b"again").unwrap();
    path.send(1, 0, b"welcome").unwrap();
    path.run_for(Duration::from_secs(2));
    assert_eq!(path.messages(1), [&b"goes on"[..], b"again"]);
    assert_eq!(path.messages(0), [b"welcome"]);
}

#[test]
fn closing_ends_the_other_side_as_well() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.sides[0].close();
    path.drain(0);
    path.run_for(Duration::from_secs(1));
    assert_eq!(path.phases(), [SctpPhase::Closed; 2]);
    assert_eq!(path.send(0, 0, b"late"), Err(SendError::Closed));
}

#[test]
fn what_is_cut_off_sends_and_takes_nothing() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.send(0, 0, b"on its way").unwrap();
    path.flying.clear();
    path.sides[0].cut_off();
    path.drain(0);
    assert!(path.flying.is_empty());
    assert_eq!(path.sides[0].phase(), SctpPhase::Closed);
    assert_eq!(path.sides[0].poll_timeout(), None);
    assert_eq!(path.send(0, 0, b"late"), Err(SendError::Closed));
    // What failed stays failed.
    let mut path = Path::new(SctpConfig::default());
    path.sides[0].cut_off();
    assert_eq!(path.sides[0].phase(), SctpPhase::Closed);
}
