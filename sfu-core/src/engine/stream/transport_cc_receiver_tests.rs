use super::*;
use proptest::prelude::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Base, arrivals in ms, number of the feedback; everything is committed.
fn take(receiver: &mut TransportCcReceiver, now: Instant) -> Option<(u16, Vec<Option<u64>>, u8)> {
    let feedback = receiver.poll(now)?;
    let arrivals: Vec<_> = feedback.arrivals().map(|at| at.map(|micros| micros / 1000)).collect();
    assert_eq!(arrivals.len(), feedback.count);
    let taken = (feedback.base_seq, arrivals, feedback.feedback_count);
    receiver.commit(feedback.count);
    Some(taken)
}

#[test]
fn feedback_is_due_100_ms_after_the_first_packet() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    assert_eq!(receiver.next_deadline(), None, "an idle transport has nothing to do");
    receiver.on_packet(start, 65_534);
    receiver.on_packet(start + ms(10), 65_535);
    receiver.on_packet(start + ms(20), 1);
    assert_eq!(receiver.next_deadline(), Some(start + ms(100)));
    assert_eq!(take(&mut receiver, start + ms(99)), None);
    let expected = (65_534, vec![Some(0), Some(10), None, Some(20)], 0);
    assert_eq!(take(&mut receiver, start + ms(100)), Some(expected));
    assert_eq!(receiver.next_deadline(), None);
    receiver.on_packet(start + ms(120), 2);
    assert_eq!(take(&mut receiver, start + ms(220)), Some((2, vec![Some(120)], 1)));
}

#[test]
fn packets_lost_between_two_feedbacks_are_reported_lost() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    receiver.on_packet(start, 10);
    take(&mut receiver, start + ms(100));
    receiver.on_packet(start + ms(110), 13);
    assert_eq!(take(&mut receiver, start + ms(210)), Some((11, vec![None, None, Some(110)], 1)));
}

#[test]
fn a_packet_late_for_its_feedback_corrects_it() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    receiver.on_packet(start, 10);
    receiver.on_packet(start, 12);
    take(&mut receiver, start + ms(100));
    receiver.on_packet(start + ms(105), 11);
    receiver.on_packet(start + ms(106), 13);
    let expected = (11, vec![Some(105), Some(0), Some(106)], 1);
    assert_eq!(take(&mut receiver, start + ms(205)), Some(expected));
}

#[test]
fn a_packet_overtaken_by_the_first_is_reported() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    receiver.on_packet(start, 3);
    receiver.on_packet(start + ms(1), 1);
    assert_eq!(take(&mut receiver, start + ms(100)), Some((1, vec![Some(1), None, Some(0)], 0)));
}

#[test]
fn duplicates_are_ignored_and_make_no_feedback() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    receiver.on_packet(start, 3);
    receiver.on_packet(start + ms(50), 3);
    assert_eq!(take(&mut receiver, start + ms(100)), Some((3, vec![Some(0)], 0)));
    receiver.on_packet(start + ms(150), 3);
    assert_eq!((receiver.next_deadline(), receiver.ignored()), (None, 2));
}

#[test]
fn many_pending_packets_are_reported_early() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    for i in 0..=MAX_PENDING {
        assert!(receiver.poll(start).is_none());
        receiver.on_packet(start, i as u16);
    }
    assert_eq!(receiver.poll(start).unwrap().count, MAX_PENDING as usize + 1);
}

#[test]
fn feedback_may_be_written_in_pieces() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    for i in 0..300u16 {
        receiver.on_packet(start, i);
    }
    let now = start + ms(100);
    receiver.commit_pieces(now, &[200, 60, 40]);
    assert_eq!(receiver.next_deadline(), None);
    assert_eq!(receiver.feedback_count, 3);
}

impl TransportCcReceiver {
    fn commit_pieces(&mut self, now: Instant, pieces: &[usize]) {
        let mut base = 0;
        for &piece in pieces {
            assert_eq!(self.poll(now).unwrap().base_seq, base);
            self.commit(piece);
            base += piece as u16;
        }
    }
}

#[test]
fn one_hostile_jump_is_ignored_and_a_restart_is_followed() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    receiver.on_packet(start, 100);
    receiver.on_packet(start, 40_000);
    receiver.on_packet(start, 101);
    receiver.on_packet(start, 40_001);
    assert_eq!(take(&mut receiver, start + ms(100)).unwrap().1.len(), 2);
    receiver.on_packet(start + ms(200), 40_002);
    receiver.on_packet(start + ms(201), 40_003);
    assert_eq!(take(&mut receiver, start + ms(400)), Some((40_002, vec![Some(200), Some(201)], 1)));
}

#[test]
fn a_duplicate_between_two_hostile_numbers_breaks_their_sequence() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    for seq in [100, 40_000, 100, 40_001] {
        receiver.on_packet(start, seq);
    }
    assert_eq!(take(&mut receiver, start + ms(100)), Some((100, vec![Some(0)], 0)));
}

#[test]
fn memory_follows_the_need_and_stays_bounded() {
    let start = Instant::now();
    let mut receiver = TransportCcReceiver::default();
    assert_eq!(receiver.ring.len(), 0);
    for i in 0..100_000u64 {
        receiver.on_packet(start + Duration::from_micros(i * 1000), i as u16);
        take(&mut receiver, start + Duration::from_micros(i * 1000));
    }
    assert_eq!(receiver.ring.len(), 256);
    for i in 0..200u64 {
        receiver.on_packet(start, (100_000 + i * 8000) as u16);
    }
    assert_eq!(receiver.ring.len(), MAX_SPAN);
    assert!(receiver.poll(start + ms(1_000_000)).unwrap().count as u64 <= MAX_SPAN);
}

proptest! {
    #[test]
    fn any_numbers_give_bounded_feedback(
        packets in proptest::collection::vec((any::<u16>(), 0u8..4, 0u64..30, 0usize..400), 1..400),
    ) {
        let start = Instant::now();
        let mut now = start;
        let mut seq = 0u16;
        let mut receiver = TransportCcReceiver::default();
        for (jump, kind, step, piece) in packets {
            now += ms(step);
            seq = match kind { 0 => seq.wrapping_add(jump), 1 => seq.wrapping_sub(jump % 600), _ => seq.wrapping_add(jump % 3) };
            receiver.on_packet(now, seq);
            if let Some(feedback) = receiver.poll(now) {
                prop_assert!(feedback.count >= 1 && feedback.count as u64 <= MAX_SPAN);
                prop_assert!(feedback.arrivals().last().flatten().is_some());
                receiver.commit(piece);
            }
            prop_assert!(receiver.ring.len() <= MAX_SPAN);
        }
    }

    #[test]
    fn what_arrives_in_order_is_reported_exactly_once(
        first in any::<u16>(),
        fates in proptest::collection::vec((0u8..8, 0u64..20), 1..600),
    ) {
        let start = Instant::now();
        let mut now = start;
        let mut receiver = TransportCcReceiver::default();
        let mut expected = Vec::new();
        let mut reported = Vec::new();
        for (i, (fate, step)) in fates.into_iter().enumerate() {
            // Times count from the first packet.
            now += ms(if i == 0 { 0 } else { step });
            if i == 0 || fate > 0 {
                receiver.on_packet(now, first.wrapping_add(i as u16));
                expected.resize(i, None);
                expected.push(Some((now - start).as_millis() as u64));
            }
            if let Some((base, arrivals, _)) = take(&mut receiver, now) {
                prop_assert_eq!(base, first.wrapping_add(reported.len() as u16));
                reported.extend(arrivals);
            }
        }
        if let Some((_, arrivals, _)) = take(&mut receiver, now + ms(100)) {
            reported.extend(arrivals);
        }
        prop_assert_eq!(reported, expected);
    }
}
