//! What was sent arrives: whole, once, and in order where that is promised.
use super::*;

fn deliver_all(reliability: Reliability, loss: u64, sizes: &[usize], count: u32) -> Path {
    let mut path = Path::connected(SctpConfig::default(), reliability);
    path.loss = loss;
    let mut sent = 0;
    let give_up = path.now + Duration::from_secs(600);
    while (path.messages(1).len() as u32) < count {
        assert!(path.now < give_up, "{} of {count} at {loss} per mille", path.messages(1).len());
        while sent < count {
            match path.send(0, 0, &numbered(sent, sizes[sent as usize % sizes.len()])) {
                Ok(_) => sent += 1,
                Err(SendError::BufferFull) => break,
                Err(error) => panic!("{error}"),
            }
        }
        path.run_for(Duration::from_millis(100));
    }
    path
}

fn expect_all(path: &Path, sizes: &[usize], count: u32, in_order: bool) {
    let expected: Vec<Vec<u8>> =
        (0..count).map(|number| numbered(number, sizes[number as usize % sizes.len()])).collect();
    let mut came: Vec<&[u8]> = path.messages(1);
    let mut expected: Vec<&[u8]> = expected.iter().map(|message| &message[..]).collect();
    if !in_order {
        came.sort_unstable();
        expected.sort_unstable();
    }
    assert!(came == expected, "{} came, {} were sent", came.len(), expected.len());
}

#[test]
fn nothing_is_lost_or_reordered_on_an_ordered_stream() {
    for loss in [0, 20, 50] {
        for (size, count) in [(1, 200), (1191, 200), (64 << 10, 20), (256 << 10, 6)] {
            let path = deliver_all(ORDERED, loss, &[size], count);
            expect_all(&path, &[size], count, true);
        }
    }
}

#[test]
fn nothing_is_lost_on_an_unordered_stream() {
    for loss in [0, 20, 50] {
        let sizes = [1, 1191, 64 << 10, 256 << 10];
        let path = deliver_all(UNORDERED, loss, &sizes, 40);
        expect_all(&path, &sizes, 40, false);
    }
}

#[test]
fn an_ordered_message_waits_for_the_one_before_and_an_unordered_one_does_not() {
    for (reliability, expected) in [(ORDERED, [1, 2, 3]), (UNORDERED, [2, 3, 1])] {
        let mut path = Path::connected(SctpConfig::default(), reliability);
        path.lets_through = |_, packet| packet::chunks(packet).all(|chunk| chunk.kind != DATA);
        path.send(0, 0, &[1]).unwrap();
        path.lets_through = |_, _| true;
        path.send(0, 0, &[2]).unwrap();
        path.send(0, 0, &[3]).unwrap();
        path.run_for(Duration::from_secs(3));
        let came: Vec<u8> = path.messages(1).iter().map(|message| message[0]).collect();
        assert_eq!(came, expected);
    }
}

/// Half of a conversation at a hundred messages a second, and how long each took.
fn latencies(reliability: Reliability, loss: u64) -> (Vec<Duration>, usize) {
    let mut path = Path::connected(SctpConfig::default(), reliability);
    path.loss = loss;
    let mut sent_at = Vec::new();
    for number in 0..2000 {
        sent_at.push(path.now);
        let _ = path.send(0, 0, &numbered(number, 1000));
        path.run_for(Duration::from_millis(10));
    }
    path.loss = 0;
    path.run_for(Duration::from_secs(60));
    let mut took: Vec<Duration> = path.seen[1]
        .iter()
        .filter_map(|(at, seen)| match seen {
            Seen::Message(_, _, payload) => {
                let number = u32::from_be_bytes(*payload.first_chunk()?);
                Some(at.duration_since(sent_at[number as usize]))
            }
            _ => None,
        })
        .collect();
    took.sort_unstable();
    (took, sent_at.len())
}

#[test]
fn half_of_a_hundred_messages_a_second_arrive_within_half_a_second_at_five_percent_loss() {
    let (took, sent) = latencies(ORDERED, 50);
    assert_eq!(took.len(), sent);
    let median = took[took.len() / 2];
    println!("median {median:?}, p99 {:?}", took[took.len() * 99 / 100]);
    assert!(median < Duration::from_millis(500), "{median:?}");
}

#[test]
fn a_stream_that_gives_up_loses_some_and_delays_little() {
    for limit in [ReliabilityLimit::Retransmits(0), ReliabilityLimit::Lifetime(100)] {
        let (took, sent) = latencies(Reliability { ordered: false, limit }, 50);
        assert!(took.len() < sent, "{limit:?}: nothing was given up");
        assert!(took.len() > sent * 85 / 100, "{limit:?}: {} of {sent}", took.len());
        let median = took[took.len() / 2];
        assert!(median < Duration::from_millis(500), "{limit:?}: {median:?}");
    }
}

#[test]
fn retransmissions_that_are_allowed_repair() {
    let limit = ReliabilityLimit::Retransmits(10);
    let (took, sent) = latencies(Reliability { ordered: true, limit }, 20);
    assert_eq!(took.len(), sent);
}

#[test]
fn identifiers_of_the_payload_come_through_and_others_are_bytes() {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    // DCEP's would open channels at the peer (50); 52 and 54 are of old browsers, which cut messages up.
    for ppid in [51, 53, 56, 57, 0, 50, 52, 54, 1234] {
        path.sides[0].send(path.now, 0, ppid, Bytes::from_static(&[0])).unwrap();
        path.drain(0);
    }
    path.run_for(Duration::from_secs(1));
    assert_eq!(path.identifiers(1), [51, 53, 56, 57, 53, 53, 53, 53, 53]);
}
