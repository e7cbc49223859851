use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const RTT: Duration = Duration::from_millis(100);
const BASE: u64 = (1 << 32) + 65_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn poll(nack: &mut NackGenerator, now: Instant) -> (NackStep, Vec<u16>) {
    let mut out = ArrayVec::<u16, 64>::new();
    let step = nack.poll(now, RTT, &mut out);
    (step, out.to_vec())
}

/// A generator that has seen `BASE`.
fn started(now: Instant, delay: Duration) -> NackGenerator {
    let mut nack = NackGenerator::new(delay);
    nack.on_packet(now, BASE, false);
    nack
}

#[test]
fn a_gap_is_asked_for_at_once() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    assert_eq!(nack.next_deadline(), None);
    nack.on_packet(now, BASE + 3, false);
    assert_eq!(nack.next_deadline(), Some(now));
    assert_eq!(poll(&mut nack, now), (NackStep::Nack, vec![65_001, 65_002]));
    assert_eq!(poll(&mut nack, now), (NackStep::Idle, vec![]));
}

#[test]
fn a_gap_over_the_wrap_around_is_asked_for_by_wire_numbers() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    nack.on_packet(now, BASE + 535, false);
    nack.on_packet(now, BASE + 538, false);
    let mut out = ArrayVec::<u16, 600>::new();
    nack.poll(now, RTT, &mut out);
    assert_eq!(&out[533..], &[65_534, 0, 1]);
}

#[test]
fn reordering_within_the_delay_is_forgiven() {
    let now = Instant::now();
    let mut nack = started(now, ms(10));
    nack.on_packet(now, BASE + 2, false);
    assert_eq!(nack.next_deadline(), Some(now + ms(10)));
    assert_eq!(poll(&mut nack, now + ms(9)).0, NackStep::Idle);
    assert!(!nack.on_packet(now + ms(9), BASE + 1, false), "it was never asked for");
    assert_eq!(nack.next_deadline(), None);
    assert_eq!(poll(&mut nack, now + ms(10)).0, NackStep::Idle);
}

#[test]
fn a_packet_that_was_asked_for_is_recognised() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    nack.on_packet(now, BASE + 2, false);
    poll(&mut nack, now);
    assert!(nack.on_packet(now, BASE + 1, false));
    assert!(!nack.on_packet(now, BASE + 1, false));
    assert_eq!(nack.missing(), 0);
}

#[test]
fn repeats_wait_for_a_round_trip_and_end_after_ten() {
    let start = Instant::now();
    let mut nack = started(start, Duration::ZERO);
    nack.on_packet(start, BASE + 2, false);
    let mut asked = Vec::new();
    let mut now = start;
    while let Some(deadline) = nack.next_deadline() {
        now = now.max(deadline);
        if poll(&mut nack, now).0 == NackStep::Nack {
            asked.push(now - start);
        }
        assert!(now < start + ms(5000), "never rests");
    }
    assert_eq!(asked.len(), usize::from(MAX_RETRIES));
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= RTT && pair[1] - pair[0] <= RTT + TICK));
    assert_eq!((nack.missing(), nack.given_up(), nack.requested()), (0, 1, 10));
}

#[test]
fn a_tiny_round_trip_does_not_make_a_storm() {
    let start = Instant::now();
    let mut nack = started(start, Duration::ZERO);
    nack.on_packet(start, BASE + 2, false);
    let mut out = ArrayVec::<u16, 8>::new();
    let mut sent = 0;
    for i in 0..100 {
        sent += usize::from(nack.poll(start + ms(i), Duration::ZERO, &mut out) == NackStep::Nack);
    }
    assert_eq!(sent, 3, "at 0, 40 and 80 ms");
}

#[test]
fn a_new_gap_does_not_repeat_the_others_early() {
    let start = Instant::now();
    let mut nack = started(start, Duration::ZERO);
    let mut out = ArrayVec::<u16, 8>::new();
    nack.on_packet(start, BASE + 2, false);
    nack.poll(start, Duration::ZERO, &mut out);
    nack.on_packet(start + ms(10), BASE + 4, false);
    assert_eq!(nack.poll(start + ms(10), Duration::ZERO, &mut out), NackStep::Nack);
    assert_eq!(&out[..], &[(BASE + 3) as u16]);
}

#[test]
fn the_room_of_a_burst_is_given_back() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    nack.on_packet(now, BASE + 900, false);
    assert!(nack.missing.capacity() >= 899);
    nack.on_packet(now, BASE + 2000, false);
    assert_eq!(poll(&mut nack, now).0, NackStep::KeyFrame);
    assert!(nack.missing.capacity() <= 64);
}

#[test]
fn a_long_gap_leaves_in_pieces() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    nack.on_packet(now, BASE + 101, false);
    let first = poll(&mut nack, now);
    let second = poll(&mut nack, now);
    assert_eq!((first.1.len(), second.1.len()), (64, 36));
    assert_eq!(poll(&mut nack, now).0, NackStep::Idle);
}

#[test]
fn too_much_missing_asks_for_a_key_frame_instead() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    nack.on_packet(now, BASE + 1001, false);
    assert_eq!(nack.missing(), 1000);
    nack.on_packet(now, BASE + 1003, false);
    assert_eq!(nack.next_deadline(), Some(now));
    assert_eq!(poll(&mut nack, now), (NackStep::KeyFrame, vec![]));
    assert_eq!(poll(&mut nack, now).0, NackStep::Idle, "asked once");
    assert_eq!(nack.missing(), 0);
    nack.on_packet(now, BASE + 1005, false);
    assert_eq!(poll(&mut nack, now), (NackStep::Nack, vec![(BASE + 1004) as u16]));
}

#[test]
fn what_precedes_a_key_frame_is_given_up_first() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    nack.on_packet(now, BASE + 900, false);
    nack.on_packet(now, BASE + 901, true);
    nack.on_packet(now, BASE + 1200, false);
    assert_eq!(nack.missing(), 298);
    assert_eq!(poll(&mut nack, now).0, NackStep::Nack);
    nack.on_packet(now, BASE + 5000, true);
    assert_eq!(nack.missing(), 0, "a key frame after a long gap needs nothing before it");
    assert_eq!(poll(&mut nack, now).0, NackStep::Idle);
    assert_eq!(nack.next_deadline(), None);
}

#[test]
fn a_missing_packet_too_far_behind_is_given_up() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    nack.on_packet(now, BASE + 2, false);
    for i in 3..=MAX_AGE + 1 {
        nack.on_packet(now, BASE + i, false);
    }
    assert_eq!(nack.missing(), 1);
    nack.on_packet(now, BASE + MAX_AGE + 2, false);
    assert_eq!((nack.missing(), nack.next_deadline()), (0, None));
}

#[test]
fn a_hostile_jump_costs_one_key_frame_and_no_memory() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    nack.on_packet(now, u64::MAX - 1, false);
    assert_eq!(poll(&mut nack, now).0, NackStep::KeyFrame);
    assert!(nack.missing.capacity() <= 64);
}

#[test]
fn after_a_reset_nothing_is_missing() {
    let now = Instant::now();
    let mut nack = started(now, Duration::ZERO);
    nack.on_packet(now, BASE + 2, false);
    nack.reset();
    assert_eq!(nack.next_deadline(), None);
    nack.on_packet(now, BASE + 70_000, false);
    assert_eq!(nack.missing(), 0);
}

proptest! {
    #[test]
    fn every_lost_packet_is_asked_for_at_least_once_and_at_most_ten_times(
        fates in proptest::collection::vec(0u8..10, 2..500),
        answer_every in 1usize..6,
        delay in prop_oneof![Just(Duration::ZERO), Just(ms(10))],
    ) {
        let start = Instant::now();
        let mut nack = started(start, delay);
        let mut asked: BTreeMap<u16, u32> = BTreeMap::new();
        let mut lost = Vec::new();
        let mut answers = 0;
        let mut now = start;
        let last = fates.len() as u64;
        for (i, fate) in (1u64..).zip(fates.iter()) {
            now += ms(5);
            // Three in ten are lost; the last packet always arrives.
            if *fate < 3 && i != last {
                lost.push((BASE + i) as u16);
            } else {
                nack.on_packet(now, BASE + i, false);
            }
            loop {
                let (step, numbers) = poll(&mut nack, now);
                prop_assert_ne!(step, NackStep::KeyFrame);
                if step == NackStep::Idle { break; }
                for seq in numbers {
                    *asked.entry(seq).or_default() += 1;
                    answers += 1;
                    if answers % answer_every == 0 {
                        let extended = BASE + u64::from(seq.wrapping_sub(BASE as u16));
                        prop_assert!(nack.on_packet(now, extended, false));
                    }
                }
            }
        }
        while let Some(deadline) = nack.next_deadline() {
            now = now.max(deadline);
            for seq in poll(&mut nack, now).1 {
                *asked.entry(seq).or_default() += 1;
            }
        }
        prop_assert_eq!(asked.keys().copied().collect::<std::collections::BTreeSet<_>>(), lost.into_iter().collect());
        prop_assert!(asked.values().all(|&times| times <= u32::from(MAX_RETRIES)));
        prop_assert_eq!(nack.missing(), 0);
    }

    #[test]
    fn any_numbers_keep_the_list_bounded_and_sorted(
        packets in proptest::collection::vec((any::<u16>(), any::<bool>(), any::<bool>(), 0u64..60), 1..400),
    ) {
        let mut now = Instant::now();
        let mut nack = NackGenerator::new(Duration::ZERO);
        let mut at = BASE;
        for (by, back, key, step) in packets {
            now += ms(step);
            let seq = if back { at - u64::from(by) } else { at + u64::from(by) };
            nack.on_packet(now, seq, key);
            at = at.max(seq);
            prop_assert!(nack.missing() <= MAX_MISSING);
            prop_assert!(nack.missing.windows(2).all(|pair| pair[0].extended_seq < pair[1].extended_seq));
            poll(&mut nack, now);
            prop_assert_eq!(nack.missing() > 0, nack.next_deadline().is_some());
        }
    }
}
