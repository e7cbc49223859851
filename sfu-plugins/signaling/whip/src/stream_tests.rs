use super::*;

fn policy(second_publisher: SecondPublisher) -> Policy {
    Policy { second_publisher, max_viewers: 2, ..Policy::of(&Config::default()) }
}
fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}
fn gone(stream: &mut Stream<u32>, t: Instant) -> Vec<u32> {
    stream.poll(t).into_iter().map(|(key, _)| key).collect()
}
fn live(second: SecondPublisher, t: Instant) -> Stream<u32> {
    let mut stream = Stream::new(policy(second));
    stream.admit_publisher(1, false).unwrap();
    assert_eq!(stream.publisher_ready(1, t), None);
    stream.connected(1);
    stream
}
fn watched(t: Instant) -> Stream<u32> {
    let mut stream = live(SecondPublisher::Refuse, t);
    stream.admit_viewer(7).unwrap();
    stream.viewer_ready(7, t);
    stream.connected(7);
    stream
}

#[test]
fn a_viewer_needs_a_publisher() {
    let t = Instant::now();
    let mut stream = Stream::new(policy(SecondPublisher::Refuse));
    assert_eq!(stream.admit_viewer(7), Err(Refusal::NoPublisher));
    stream.admit_publisher(1, false).unwrap();
    assert_eq!(stream.admit_viewer(7), Err(Refusal::NoPublisher), "its set-up has not ended");
    stream.publisher_ready(1, t);
    assert_eq!(stream.admit_viewer(7), Ok(()));
}

#[test]
fn a_second_publisher_is_refused_while_the_first_is_there() {
    let t = Instant::now();
    let mut stream = live(SecondPublisher::Refuse, t);
    assert_eq!(stream.admit_publisher(2, false), Err(Refusal::Busy));
    stream.left(1, t);
    assert_eq!(stream.admit_publisher(2, false), Ok(()));
}

#[test]
fn a_second_publisher_takes_over_when_that_is_configured_and_its_set_up_succeeds() {
    let t = Instant::now();
    let mut stream = live(SecondPublisher::Takeover, t);
    stream.admit_publisher(2, false).unwrap();
    assert_eq!(stream.publisher(), Some(1), "the first goes on until the second is ready");
    assert_eq!(stream.admit_publisher(3, false), Err(Refusal::Busy), "one set-up at a time");
    stream.left(2, t);
    assert_eq!(stream.publisher(), Some(1), "a failed set-up changes nothing");
    stream.admit_publisher(3, false).unwrap();
    assert_eq!(stream.publisher_ready(3, t), Some(1));
    assert_eq!((stream.publisher(), stream.epoch()), (Some(3), 2));
    stream.left(1, t);
    assert_eq!(stream.publisher(), Some(3), "news of the replaced one change nothing");
}

#[test]
fn a_publisher_that_lost_consent_may_be_replaced_even_when_rivals_are_refused() {
    let t = Instant::now();
    let mut stream = live(SecondPublisher::Refuse, t);
    stream.lost(1, t);
    assert_eq!(stream.admit_publisher(2, false), Ok(()));
    assert_eq!(stream.publisher_ready(2, t), Some(1));
}

#[test]
fn a_lost_publisher_is_closed_ten_seconds_later_and_not_when_it_comes_back_before() {
    let t = Instant::now();
    let mut stream = live(SecondPublisher::Refuse, t);
    stream.lost(1, t);
    stream.lost(1, t + seconds(5));
    assert!(stream.poll(t + Duration::from_millis(9_999)).is_empty());
    stream.connected(1);
    assert!(stream.poll(t + seconds(11)).is_empty());
    stream.lost(1, t + seconds(20));
    assert_eq!(gone(&mut stream, t + seconds(30)), [1]);
    assert!(stream.is_over());
}

#[test]
fn a_peer_that_never_connects_is_given_up() {
    let t = Instant::now();
    let mut stream = live(SecondPublisher::Refuse, t);
    stream.admit_viewer(7).unwrap();
    stream.viewer_ready(7, t);
    assert!(stream.poll(t + seconds(29)).is_empty());
    assert_eq!(gone(&mut stream, t + seconds(30)), [7]);
    let mut stream = Stream::new(policy(SecondPublisher::Refuse));
    stream.admit_publisher(1, false).unwrap();
    stream.publisher_ready(1, t);
    assert_eq!(gone(&mut stream, t + seconds(30)), [1]);
}

#[test]
fn viewers_are_kept_thirty_seconds_without_a_publisher() {
    let t = Instant::now();
    let mut stream = watched(t);
    stream.left(1, t);
    assert!(stream.poll(t + Duration::from_millis(29_999)).is_empty());
    assert!(!stream.is_over());
    assert_eq!(gone(&mut stream, t + seconds(30)), [7]);
    assert!(stream.is_over());
}

#[test]
fn a_publisher_that_comes_back_in_time_finds_its_viewers() {
    let t = Instant::now();
    let mut stream = watched(t);
    stream.left(1, t);
    stream.admit_publisher(2, false).unwrap();
    assert_eq!(stream.publisher_ready(2, t + seconds(29)), None);
    stream.connected(2);
    assert!(stream.poll(t + seconds(90)).is_empty());
    assert_eq!(stream.viewers().collect::<Vec<_>>(), [7]);
}

#[test]
fn a_publisher_still_in_set_up_does_not_prolong_the_wait_of_viewers() {
    let t = Instant::now();
    let mut stream = watched(t);
    stream.left(1, t);
    stream.admit_publisher(2, false).unwrap();
    assert_eq!(gone(&mut stream, t + seconds(30)), [7]);
    assert!(!stream.is_over(), "the set-up goes on");
}

#[test]
fn a_viewer_in_set_up_counts_for_the_limit_and_is_never_closed_by_time() {
    let t = Instant::now();
    let mut stream = live(SecondPublisher::Refuse, t);
    stream.admit_viewer(7).unwrap();
    stream.admit_viewer(8).unwrap();
    assert_eq!(stream.admit_viewer(9), Err(Refusal::Full));
    assert_eq!(stream.viewers().count(), 0);
    stream.left(1, t);
    assert!(stream.poll(t + seconds(100)).is_empty());
    stream.viewer_ready(7, t + seconds(100));
    assert_eq!(gone(&mut stream, t + seconds(100)), [7], "its set-up ended too late");
}

#[test]
fn a_lost_viewer_is_closed_like_a_lost_publisher() {
    let t = Instant::now();
    let mut stream = watched(t);
    stream.lost(7, t);
    assert_eq!(gone(&mut stream, t + seconds(10)), [7]);
    assert_eq!(stream.publisher(), Some(1));
}

#[test]
fn what_others_publish_can_be_watched_and_is_a_rival_of_the_same_kind_only() {
    let t = Instant::now();
    let mut stream = Stream::new(policy(SecondPublisher::Refuse));
    stream.others_began();
    assert!(stream.is_published() && !stream.is_over());
    assert_eq!(stream.admit_viewer(7), Ok(()));
    assert_eq!(stream.admit_publisher(1, true), Err(Refusal::Busy));
    assert_eq!(stream.admit_publisher(1, false), Ok(()));
    stream.publisher_ready(1, t);
    assert_eq!(stream.epoch(), 2);
    let mut stream = Stream::new(policy(SecondPublisher::Takeover));
    stream.others_began();
    assert_eq!(stream.admit_publisher(1, true), Ok(()));
}

#[test]
fn viewers_are_kept_as_long_as_anybody_publishes_and_a_while_longer() {
    let t = Instant::now();
    let mut stream = watched(t);
    stream.others_began();
    stream.left(1, t);
    assert!(stream.poll(t + seconds(100)).is_empty());
    stream.others_ended(t + seconds(100));
    assert!(!stream.is_published());
    assert!(stream.poll(t + seconds(129)).is_empty());
    assert_eq!(stream.poll(t + seconds(130)), [(7, Overdue::NoPublisher)]);
    let mut stream = watched(t);
    stream.others_began();
    stream.others_ended(t);
    assert!(stream.poll(t + seconds(100)).is_empty(), "the publisher is still there");
}

#[test]
fn a_peer_whose_time_is_over_is_told_why() {
    let t = Instant::now();
    let mut stream = watched(t);
    stream.lost(1, t);
    assert_eq!(stream.poll(t + seconds(10)), [(1, Overdue::ConsentLost)]);
    stream.admit_publisher(2, false).unwrap();
    stream.publisher_ready(2, t);
    assert_eq!(stream.poll(t + seconds(30)), [(2, Overdue::NeverConnected)]);
}
