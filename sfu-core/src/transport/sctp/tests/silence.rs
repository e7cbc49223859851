//! A peer that is gone is noticed; one that has nothing to say is not taken for gone.
use super::*;

fn is_heartbeat(packet: &[u8]) -> bool {
    packet::chunks(packet).any(|chunk| chunk.kind == packet::HEARTBEAT)
}

#[test]
fn an_idle_association_lives_by_heartbeats() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.loss = 50;
    path.run_for(Duration::from_secs(3600));
    assert_eq!(path.phases(), [SctpPhase::Connected; 2]);
    path.loss = 0;
    path.send(0, 0, b"still there").unwrap();
    path.run_for(Duration::from_secs(1));
    assert_eq!(path.messages(1), [b"still there"]);
}

#[test]
fn a_busy_association_needs_no_heartbeats() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.sides[1].open_stream(1, ORDERED);
    path.lets_through = |_, packet| {
        assert!(!is_heartbeat(packet));
        true
    };
    for _ in 0..30 {
        path.send(0, 0, b"ping").unwrap();
        path.send(1, 1, b"pong").unwrap();
        path.run_for(Duration::from_secs(10));
    }
}

#[test]
fn a_dead_path_fails_the_association_within_three_minutes_whether_data_waits_or_not() {
    for is_busy in [false, true] {
        let mut path = Path::connected(SctpConfig::default(), ORDERED);
        path.lets_through = |side, _| side == 1;
        if is_busy {
            path.send(0, 0, &vec![1; 100_000]).unwrap();
        }
        path.run_for(Duration::from_secs(100));
        assert_eq!(path.sides[0].phase(), SctpPhase::Connected);
        path.run_for(Duration::from_secs(80));
        // Neither gets an answer. The first to notice tells the other, if that can hear.
        let phases = path.phases();
        assert!(phases.contains(&SctpPhase::Failed) && !phases.contains(&SctpPhase::Connected), "{phases:?}");
        assert_eq!(path.sides[0].poll_timeout(), None);
    }
}

#[test]
fn a_path_that_comes_back_in_time_goes_on() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.lets_through = |_, _| false;
    path.send(0, 0, b"late").unwrap();
    path.run_for(Duration::from_secs(100));
    path.lets_through = |_, _| true;
    path.run_for(Duration::from_secs(120));
    assert_eq!(path.messages(1), [b"late"]);
    path.run_for(Duration::from_secs(600));
    assert_eq!(path.phases(), [SctpPhase::Connected; 2]);
}

#[test]
fn an_answer_under_another_tag_is_none() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.lets_through = |side, packet| side == 1 || !is_heartbeat(packet);
    for number in 0..200_u64 {
        // What a stranger who can guess the number would say.
        let mut answer = heartbeat::heartbeat(7, number / 10).to_vec();
        answer[packet::HEADER] = packet::HEARTBEAT_ACK;
        packet::write_checksum(&mut answer);
        path.deliver(0, &answer);
        path.run_for(Duration::from_secs(1));
    }
    assert_eq!(path.sides[0].phase(), SctpPhase::Failed);
}
