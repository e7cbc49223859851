//! What may wait, and what is told of it.
use super::*;

#[test]
fn a_message_that_is_sent_at_once_does_not_wait() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    assert_eq!(path.send(0, 0, b"small"), Ok(0));
    assert_eq!(path.sides[0].buffered_amount(0), Some(0));
}

#[test]
fn what_waits_is_told_when_it_falls_to_the_threshold_and_not_before() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    assert!(path.sides[0].set_low_threshold(0, 50_000));
    let waiting = path.send(0, 0, &vec![7; 200_000]).unwrap();
    assert!((150_000..200_000).contains(&waiting), "{waiting}");
    assert!(path.seen[0].is_empty());
    path.run_for(Duration::from_secs(10));
    let lows: Vec<_> = path.seen[0].iter().map(|(_, seen)| seen.clone()).collect();
    let [Seen::Low(0, amount)] = lows[..] else { panic!("{lows:?}") };
    assert!(amount <= 50_000 && amount > 40_000, "{amount}");
    assert_eq!(path.sides[0].buffered_amount(0), Some(0));
}

#[test]
fn a_full_buffer_refuses_and_says_when_it_takes_some_again() {
    let config = SctpConfig { send_buffer: 100_000, stream_send_buffer: 60_000, ..SctpConfig::default() };
    let mut path = Path::connected(config, ORDERED);
    path.sides[0].open_stream(1, ORDERED);
    path.lets_through = |_, _| false;
    let fill = |path: &mut Path, stream| {
        let mut taken = 0;
        while path.send(0, stream, &[1; 10_000]).is_ok() {
            taken += 1;
        }
        taken
    };
    // What has left does not wait.
    let first = fill(&mut path, 0);
    assert!((6..8).contains(&first), "one stream: {first}");
    assert_eq!(fill(&mut path, 1), 4, "all streams");
    path.lets_through = |_, _| true;
    path.run_for(Duration::from_secs(30));
    assert!(path.has_seen(0, &Seen::Writable(0)) && path.has_seen(0, &Seen::Writable(1)));
    assert_eq!(path.messages(1).len(), first + 4);
    assert!(path.send(0, 0, &[1; 10_000]).is_ok());
}

#[test]
fn a_message_that_is_too_long_is_refused_on_either_side() {
    let config = SctpConfig { max_send_message_size: 1000, ..SctpConfig::default() };
    let mut path = Path::connected(config, ORDERED);
    assert_eq!(path.send(0, 0, &[1; 1001]), Err(SendError::TooLarge { limit: 1000 }));
    assert!(path.send(0, 0, &[1; 1000]).is_ok());
    path.run_for(Duration::from_secs(1));
    assert_eq!(path.messages(1).len(), 1);
    // A peer that does not keep to what we said.
    let mut path = Path::new(SctpConfig::default());
    path.sides[1] = Sctp::new(SctpConfig { max_receive_message_size: 5000, ..SctpConfig::default() });
    path.connect(0);
    path.run_for(Duration::from_secs(1));
    path.sides[0].open_stream(0, ORDERED);
    path.send(0, 0, &[1; 5001]).unwrap();
    path.run_for(Duration::from_secs(5));
    assert!(path.messages(1).is_empty());
    assert!(matches!(path.sides[1].phase(), SctpPhase::Closed | SctpPhase::Failed));
}

#[test]
fn messages_that_are_given_up_before_they_leave_wait_no_longer() {
    let limit = ReliabilityLimit::Lifetime(100);
    let mut path = Path::connected(SctpConfig::default(), Reliability { ordered: true, limit });
    path.lets_through = |_, _| false;
    for _ in 0..100 {
        path.send(0, 0, &[1; 10_000]).unwrap();
    }
    assert!(path.sides[0].buffered_amount(0).unwrap() > 900_000);
    path.run_for(Duration::from_secs(2));
    path.lets_through = |_, _| true;
    path.run_for(Duration::from_secs(30));
    assert_eq!(path.sides[0].buffered_amount(0), Some(0));
    // All that the stream began with was given up: what comes now is not held back for it.
    path.send(0, 0, b"fresh").unwrap();
    path.run_for(Duration::from_secs(5));
    assert_eq!(path.messages(1), [b"fresh"]);
}
