//! Streams end and begin again (RFC 6525), one by one.
use super::*;

#[test]
fn a_reset_reaches_the_peer_after_all_that_was_sent_before() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.loss = 50;
    for number in 0..50 {
        path.send(0, 0, &numbered(number, 5000)).unwrap();
    }
    path.run_for(Duration::from_millis(30));
    // What was not handed over yet may go; what was arrives.
    path.reset(0, 0);
    path.run_for(Duration::from_secs(60));
    assert_eq!(path.messages(1).len(), 50);
    assert_eq!(path.seen[1].last().map(|(_, seen)| seen), Some(&Seen::Reset(0)));
}

#[test]
fn the_end_of_a_stream_does_not_wait_for_what_others_lost() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.sides[0].open_stream(1, UNORDERED);
    path.send(0, 0, &numbered(0, 100)).unwrap();
    path.run_for(Duration::from_secs(1));
    path.loss = 1000;
    path.send(0, 1, &numbered(1, 100)).unwrap();
    path.run_for(Duration::from_millis(20));
    path.loss = 0;
    path.reset(0, 0);
    path.run_for(Duration::from_secs(5));
    // The peer's end of a stream brings about ours in return.
    path.sides[1].open_stream(1, UNORDERED);
    path.sides[0].open_stream(2, UNORDERED);
    path.loss = 1000;
    path.send(0, 2, &numbered(2, 100)).unwrap();
    path.run_for(Duration::from_millis(20));
    path.loss = 0;
    path.reset(1, 1);
    path.run_for(Duration::from_secs(5));
    let seen: Vec<String> = path.seen[1]
        .iter()
        .map(|(_, seen)| match seen {
            Seen::Message(stream, ..) => format!("message on {stream}"),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, ["message on 0", "Reset(0)", "message on 1", "Reset(1)", "message on 2"]);
}

#[test]
fn a_stream_can_be_used_again_after_its_reset() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    for life in 0..5u8 {
        path.sides[0].open_stream(0, ORDERED);
        for number in 0..3 {
            path.send(0, 0, &[life, number]).unwrap();
        }
        path.run_for(Duration::from_millis(200));
        path.reset(0, 0);
        // At once, too: it waits until the last life has ended on both sides.
        path.sides[0].open_stream(0, UNORDERED);
        path.send(0, 0, &[life, 9]).unwrap();
        path.run_for(Duration::from_secs(5));
        path.reset(0, 0);
        path.run_for(Duration::from_secs(5));
    }
    let expected: Vec<Vec<u8>> =
        (0..5).flat_map(|life| [0, 1, 2, 9].map(|number| vec![life, number])).collect();
    assert_eq!(path.messages(1), expected);
    let resets = path.seen[1].iter().filter(|(_, seen)| *seen == Seen::Reset(0)).count();
    assert_eq!(resets, 10);
}

#[test]
fn a_stream_on_which_nothing_was_sent_is_reset_as_well() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.sides[1].open_stream(0, ORDERED);
    path.send(1, 0, b"up").unwrap();
    path.run_for(Duration::from_secs(1));
    path.reset(0, 0);
    path.run_for(Duration::from_secs(2));
    assert!(path.has_seen(1, &Seen::Reset(0)));
}

#[test]
fn the_reset_of_one_stream_leaves_the_others_alone() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    for stream in [1, 2] {
        path.sides[0].open_stream(stream, ORDERED);
        path.send(0, stream, b"a").unwrap();
    }
    path.run_for(Duration::from_secs(1));
    path.reset(0, 1);
    path.send(0, 2, b"b").unwrap();
    path.run_for(Duration::from_secs(2));
    path.send(0, 2, b"c").unwrap();
    path.run_for(Duration::from_secs(2));
    assert_eq!(path.messages(1).len(), 4);
    assert!(path.has_seen(1, &Seen::Reset(1)) && !path.has_seen(1, &Seen::Reset(2)));
}

#[test]
fn a_stream_that_was_closed_takes_no_message() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.reset(0, 0);
    assert_eq!(path.send(0, 0, b"late"), Err(SendError::Closed));
    assert_eq!(path.send(0, 77, b"never opened"), Err(SendError::Closed));
}
