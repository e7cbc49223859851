//! Bursts of video leave spread over time; audio and repairs do not wait for them, and nothing is lost or numbered wrongly by it.
use std::time::Duration;

use sfu_core::control::Command;
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, NewRtp, Nil, Plugin, PluginSet, ProducerId, RtpPacket, Verdict,
    plugin,
};
use sfu_core::testing::{self, Bench, Build, Conditions, Direction, Media, PeerOptions, Received, Rtp};

use crate::{ms, seconds};

/// What waits has left after so long.
const LONGEST: Duration = Duration::from_millis(41);

/// Packets of this size that may leave at once.
const AT_ONCE: usize = 13;

/// A packet of 1200 bytes that ends with `n`; the first of a key frame, or one that goes on.
fn packet(n: u32, begins: bool, frame: u32) -> Rtp {
    let mut payload =
        if begins { vec![0x10, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1] } else { vec![0, 0, 0, 0] };
    payload.resize(1184, 0);
    payload.extend(n.to_be_bytes());
    Rtp::new(frame.wrapping_mul(3000), payload)
}

/// A key frame of so many packets, all at once; they are numbered from `first` on.
fn key_frame<S: PluginSet>(bench: &mut Bench<S>, producer: ProducerId, first: u32, packets: u32) {
    for n in first..first + packets {
        bench.send(producer, packet(n, n == first, first).marker(n == first + packets - 1));
    }
}

/// Lengths of what arrived at the same moment.
fn runs(packets: &[Received]) -> Vec<usize> {
    packets.chunk_by(|a, b| a.at == b.at).map(<[_]>::len).collect()
}

fn numbers(packets: &[Received]) -> Vec<u32> {
    packets.iter().map(Received::number).collect()
}

/// Whether sequence numbers go on one by one in the order of arrival.
fn in_step(packets: &[Received]) -> bool {
    packets.windows(2).all(|pair| pair[0].extended + 1 == pair[1].extended)
}

struct Call<S: PluginSet = Nil> {
    bench: Bench<S>,
    viewer: testing::PeerId,
    audio: ProducerId,
    video: ProducerId,
    heard: ConsumerId,
    seen: ConsumerId,
}

impl<S: PluginSet> Call<S> {
    /// A viewer of one speaker, who has spoken for some time.
    fn new(mut bench: Bench<S>, options: PeerOptions) -> Self {
        let speaker = bench.peer();
        let (audio, video) = (bench.produce(speaker, Media::opus()), bench.produce(speaker, Media::vp8()));
        let viewer = bench.peer_with(options);
        let (heard, seen) = (bench.consume(viewer, audio), bench.consume(viewer, video));
        bench.play(&[audio, video], ms(500));
        bench.take_received(heard);
        bench.take_received(seen);
        Call { bench, viewer, audio, video, heard, seen }
    }

    fn paced() -> Call<Nil> {
        Call::new(Build::new().pacing(true).start(), PeerOptions::plain())
    }

    fn waiting(&mut self) -> u32 {
        self.bench.transport_stats(self.viewer).packets_waiting
    }
}

#[test]
fn a_large_key_frame_leaves_in_runs_of_equal_packets_within_its_time() {
    for options in [PeerOptions::plain(), PeerOptions::webrtc()] {
        let mut call = Call::new(Build::<Nil>::new().pacing(true).start(), options);
        call.bench.tap(call.viewer, Direction::ToPeer);
        key_frame(&mut call.bench, call.video, 1000, 100);
        assert_eq!(call.bench.received(call.seen).len(), AT_ONCE);
        assert_eq!(call.waiting(), 100 - AT_ONCE as u32);
        call.bench.advance(LONGEST);
        let packets = call.bench.received(call.seen);
        assert_eq!(numbers(packets), (1000..1100).collect::<Vec<_>>());
        assert!(in_step(packets));
        let runs = runs(packets);
        assert!(runs.iter().all(|run| *run <= AT_ONCE), "{runs:?}");
        assert!((8..25).contains(&runs.len()), "spread, and yet in runs: {runs:?}");
        // All but the last are of one size, so each run leaves by one system call.
        let sizes: Vec<usize> = call
            .bench
            .tap(call.viewer, Direction::ToPeer)
            .iter()
            .filter(|datagram| datagram.rtp().is_some())
            .map(|datagram| datagram.0.len())
            .collect();
        assert_eq!(sizes.len(), 100);
        assert!(
            sizes.iter().all(|size| *size == sizes[1]) || sizes[2..].iter().all(|size| *size == sizes[2])
        );
        let stats = call.bench.transport_stats(call.viewer);
        assert_eq!((stats.packets_paced, stats.packets_waiting), (100 - AT_ONCE as u64, 0));
        assert!((20.0..=40.5).contains(&stats.longest_wait), "{} ms", stats.longest_wait);
        assert_eq!(call.bench.counter("paced"), 100 - AT_ONCE as u64);
    }
}

#[test]
fn ordinary_video_never_waits() {
    let mut call = Call::<Nil>::paced();
    for n in 0..300 {
        // 2.4 Mbit/s in 30 frames a second.
        key_frame(&mut call.bench, call.video, 1000 + 10 * n, 10);
        call.bench.advance(ms(33));
    }
    assert_eq!(runs(call.bench.received(call.seen)), vec![10; 300]);
    assert_eq!(call.bench.counter("paced"), 0);
}

#[test]
fn without_pacing_nothing_waits() {
    let mut call = Call::<Nil>::new(Build::new().start(), PeerOptions::plain());
    key_frame(&mut call.bench, call.video, 1000, 2000);
    assert_eq!(runs(call.bench.received(call.seen)), [2000]);
    assert_eq!(call.bench.counter("paced"), 0);
}

#[test]
fn audio_leaves_at_once_while_video_waits_and_so_do_its_repairs() {
    let mut call = Call::<Nil>::paced();
    call.bench.send(call.audio, testing::opus(499));
    let old = call.bench.received(call.heard)[0].sequence;
    key_frame(&mut call.bench, call.video, 1000, 100);
    call.bench.send(call.audio, testing::opus(500));
    assert_eq!(call.bench.receiver(call.heard).numbers(), [499, 500]);
    call.bench.nack(call.heard, &[old]);
    assert_eq!(call.bench.receiver(call.heard).again.len(), 1);
    assert_eq!(call.waiting(), 100 - AT_ONCE as u32);
}

#[test]
fn a_repair_overtakes_video_that_waits() {
    let mut call = Call::<Nil>::paced();
    call.bench.send(call.video, testing::vp8(999));
    let old = call.bench.received(call.seen)[0].sequence;
    key_frame(&mut call.bench, call.video, 1000, 100);
    call.bench.nack(call.seen, &[old]);
    assert_eq!(call.bench.receiver(call.seen).again.len(), 0, "all at once would be too much");
    call.bench.advance(ms(5));
    assert_eq!(call.bench.receiver(call.seen).again.len(), 1);
    assert!(call.bench.received(call.seen).len() < 60);
    call.bench.advance(LONGEST);
    assert_eq!(call.bench.received(call.seen).len(), 101);
}

#[test]
fn what_many_repairs_take_is_spread_as_well() {
    let mut call = Call::<Nil>::paced();
    for n in 0..10 {
        key_frame(&mut call.bench, call.video, 1000 + 10 * n, 10);
        call.bench.advance(ms(33));
    }
    let old: Vec<u16> = call.bench.received(call.seen).iter().map(|packet| packet.sequence).collect();
    call.bench.nack(call.seen, &old);
    assert_eq!(call.bench.receiver(call.seen).again.len(), AT_ONCE);
    call.bench.advance(LONGEST);
    let again = &call.bench.receiver(call.seen).again;
    assert_eq!(again.len(), 100);
    assert!(runs(again).iter().all(|run| *run <= AT_ONCE));
}

#[test]
fn a_packet_that_waits_and_is_asked_for_comes_once() {
    let mut call = Call::<Nil>::paced();
    key_frame(&mut call.bench, call.video, 1000, 60);
    let last = call.bench.received(call.seen)[AT_ONCE - 1].sequence;
    call.bench.nack(call.seen, &[last.wrapping_add(1), last.wrapping_add(30)]);
    call.bench.advance(LONGEST);
    let receiver = call.bench.receiver(call.seen);
    assert_eq!((receiver.packets.len(), receiver.duplicates, receiver.lost()), (60, 0, 0));
    assert_eq!(call.bench.counter("retransmission_missed"), 2);
}

/// Two viewers' streams on one transport: the burst of one while the other's waits, too.
fn two(options: PeerOptions) -> (Call, ProducerId, ConsumerId) {
    let mut call = Call::new(Build::new().pacing(true).start(), options);
    let other = call.bench.video_producer();
    let second = call.bench.consume(call.viewer, other);
    call.bench.play(&[call.video, other], ms(500));
    call.bench.take_received(call.seen);
    call.bench.take_received(second);
    (call, other, second)
}

#[test]
fn a_small_frame_behind_a_large_one_is_there_in_time() {
    let (mut call, other, second) = two(PeerOptions::plain());
    key_frame(&mut call.bench, call.video, 1000, 300);
    key_frame(&mut call.bench, other, 5000, 5);
    let sent = call.bench.now();
    call.bench.advance(LONGEST);
    for (consumer, count) in [(call.seen, 300), (second, 5)] {
        let packets = call.bench.received(consumer);
        assert_eq!(packets.len(), count);
        assert!(in_step(packets));
        assert!(packets.iter().all(|packet| packet.at - sent <= LONGEST));
    }
}

#[test]
fn what_waits_for_a_paused_consumer_never_leaves_and_leaves_no_gap() {
    type Stop = fn(&mut Call);
    let by_consumer: (Stop, Stop) = (|call| call.bench.pause(call.seen), |call| call.bench.resume(call.seen));
    let by_producer: (Stop, Stop) =
        (|call| call.bench.pause(call.video), |call| call.bench.resume(call.video));
    for (pause, resume) in [by_consumer, by_producer] {
        let (mut call, other, second) = two(PeerOptions::webrtc());
        call.bench.receiver_mut(call.seen).asks = false;
        key_frame(&mut call.bench, call.video, 1000, 60);
        key_frame(&mut call.bench, other, 5000, 40);
        pause(&mut call);
        call.bench.advance(ms(200));
        assert_eq!(numbers(call.bench.received(call.seen)), (1000..1013).collect::<Vec<_>>());
        assert_eq!(numbers(call.bench.received(second)), (5000..5040).collect::<Vec<_>>());
        resume(&mut call);
        key_frame(&mut call.bench, call.video, 2000, 60);
        call.bench.advance(ms(200));
        let packets = call.bench.received(call.seen);
        let expected: Vec<u32> = (1000..1013).chain(2000..2060).collect();
        assert_eq!(numbers(packets), expected);
        assert!(in_step(packets), "no gap where something waited");
        assert_eq!((call.waiting(), call.bench.misfits(call.viewer)), (0, 0));
    }
}

#[test]
fn what_waits_when_a_consumer_moves_to_another_producer_never_leaves() {
    let (mut call, other, _) = two(PeerOptions::plain());
    key_frame(&mut call.bench, call.video, 1000, 60);
    call.bench.command(Command::SwitchConsumer { consumer: call.seen, producer: other });
    let old: Vec<Received> = call.bench.received(call.seen).to_vec();
    key_frame(&mut call.bench, other, 5000, 40);
    // What was sent of the one is not sent again from the store of the other.
    let asked: Vec<u16> = old.iter().map(|packet| packet.sequence).collect();
    call.bench.nack(call.seen, &asked);
    call.bench.advance(ms(200));
    let packets = call.bench.received(call.seen);
    assert_eq!(numbers(packets), (1000..1013).chain(5000..5040).collect::<Vec<_>>());
    assert!(in_step(packets));
    for again in &call.bench.receiver(call.seen).again {
        assert!(old.iter().any(|packet| packet.bytes == again.bytes), "{}", again.number());
    }
}

#[test]
fn what_waits_for_a_closed_consumer_is_given_up() {
    let (mut call, other, second) = two(PeerOptions::plain());
    key_frame(&mut call.bench, call.video, 1000, 60);
    key_frame(&mut call.bench, other, 5000, 40);
    call.bench.close(call.seen);
    assert_eq!(call.waiting(), 40);
    call.bench.advance(LONGEST);
    assert_eq!(numbers(call.bench.received(second)), (5000..5040).collect::<Vec<_>>());
    assert_eq!((call.waiting(), call.bench.misfits(call.viewer)), (0, 0));
    call.bench.close(call.bench.transport(call.viewer));
    call.bench.advance(seconds(1));
}

#[test]
fn what_waits_when_the_peer_goes_is_given_up() {
    let mut call = Call::<Nil>::new(Build::new().pacing(true).start(), PeerOptions::webrtc());
    key_frame(&mut call.bench, call.video, 1000, 100);
    let video = call.bench.received(call.seen).len();
    call.bench.hang_up(call.viewer);
    call.bench.advance(ms(200));
    assert_eq!(call.bench.received(call.seen).len(), video);
    assert_eq!(call.waiting(), 0);
}

#[test]
fn more_than_may_wait_leaves_early_and_nothing_is_lost() {
    let mut call = Call::<Nil>::paced();
    key_frame(&mut call.bench, call.video, 1000, 3000);
    assert_eq!(call.waiting(), 1024);
    assert_eq!(call.bench.received(call.seen).len(), 3000 - 1024);
    call.bench.advance(LONGEST);
    let packets = call.bench.received(call.seen);
    assert_eq!(numbers(packets), (1000..4000).collect::<Vec<_>>());
    assert!(in_step(packets));
    assert_eq!(call.bench.counter("paced_early"), 3000 - 1024 - AT_ONCE as u64);
    assert_eq!(call.bench.counter("queue_full"), 0);
}

#[test]
fn packets_out_of_order_find_their_places_while_they_wait() {
    let mut call = Call::<Nil>::paced();
    call.bench.receiver_mut(call.seen).asks = false;
    let first = call.bench.sender(call.video).next_sequence(0);
    let at =
        |n: u16| packet(1000 + u32::from(n), n == 0, 1000).sequence(first.wrapping_add(n)).marker(n == 79);
    // Every other pair comes the wrong way round, and some come forty later.
    let (mut order, mut late): (Vec<u16>, Vec<u16>) = (Vec::new(), Vec::new());
    for n in (0..80).step_by(2) {
        if n > 0 && n % 10 == 0 {
            late.push(n)
        } else {
            order.push(n)
        }
        order.push(n + 1);
        if n > 0 && n % 4 == 0 {
            let end = order.len();
            order.swap(end - 1, end - 2);
        }
    }
    order.extend(late);
    order.iter().for_each(|n| call.bench.send(call.video, at(*n)));
    call.bench.advance(LONGEST);
    let receiver = call.bench.receiver(call.seen);
    assert_eq!(receiver.numbers(), (1000..1080).collect::<Vec<_>>());
    assert_eq!((receiver.lost(), receiver.duplicates), (0, 0));
}

/// Drops what ends with a multiple of three, and sends a packet of its own behind each that ends with a multiple of ten.
#[derive(Default)]
struct Meddle;

#[plugin(id = "meddle", on_panic = "forward")]
impl Plugin for Meddle {
    type Consumer = ConsumerId;
    fn consumer_opened(
        &mut self,
        info: &ConsumerInfo<'_>,
        _: &Self::Options,
        _: &mut Cx<'_>,
    ) -> Attach<ConsumerId> {
        Attach::On(info.id)
    }
    fn rtp_out(
        &mut self,
        id: &mut ConsumerId,
        packet: &mut RtpPacket<'_>,
        _: &(),
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let number = packet.payload().last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        if number >= 1000 && number % 10 == 0 {
            let mut payload = vec![0; 1196];
            payload.extend((100_000 + number).to_be_bytes());
            let _ = cx.consumer(*id).send_rtp(NewRtp::new(packet.timestamp(), &payload));
        }
        if number >= 1000 && number % 3 == 1 { Verdict::Drop } else { Verdict::Forward }
    }
}

#[test]
fn what_plugins_drop_and_add_while_packets_wait_leaves_no_gap() {
    let mut call = Call::new(Build::of::<Meddle>().pacing(true).start(), PeerOptions::webrtc());
    key_frame(&mut call.bench, call.video, 999, 1);
    for round in 0..20u32 {
        for n in 0..200 {
            call.bench.send(call.video, packet(1002 + 3 * (round * 200 + n), false, 1000 + round));
            call.bench.send(call.video, packet(1003 + 3 * (round * 200 + n), false, 1000 + round));
        }
        call.bench.advance(ms(10));
    }
    call.bench.advance(ms(100));
    let receiver = call.bench.receiver(call.seen);
    assert_eq!((receiver.lost(), receiver.duplicates, receiver.misfits), (0, 0, 0));
    let own = receiver.packets.iter().filter(|packet| packet.number() > 100_000).count();
    let forwarded: Vec<u32> = receiver.numbers().into_iter().filter(|n| *n < 100_000).collect();
    assert_eq!(forwarded, std::iter::once(999).chain((0..4000).map(|n| 1002 + 3 * n)).collect::<Vec<_>>());
    assert!(own > 500, "{own}");
}

#[test]
fn the_rate_follows_what_the_receiver_says_that_it_can_take() {
    // Until everything had left.
    let spread = |bitrate: u64| {
        let media = Media::vp8();
        let mut bench = Build::<Nil>::new().pacing(true).start();
        let speaker = bench.peer();
        let video = bench.produce(speaker, media);
        let viewer = bench.peer_with(PeerOptions::webrtc().without_reports());
        let seen = bench.consume(viewer, video);
        bench.play(&[video], ms(500));
        bench.remb(seen, bitrate);
        bench.play(&[video], ms(200));
        bench.take_received(seen);
        key_frame(&mut bench, video, 1000, 60);
        bench.advance(LONGEST);
        let packets = bench.received(seen);
        assert_eq!(packets.len(), 60);
        packets[59].at - packets[0].at
    };
    let (narrow, wide) = (spread(500_000), spread(100_000_000));
    assert!(narrow > ms(20), "{narrow:?}");
    assert!(wide < ms(10), "{wide:?}");
}

#[test]
fn a_shallow_queue_loses_nothing_of_a_burst_that_is_spread() {
    let lost = |pacing| {
        let shallow = Conditions::delay(ms(10)).rate(50_000_000).queue(24);
        let bench = Build::<Nil>::new().pacing(pacing).start();
        let mut call = Call::new(bench, PeerOptions::plain().to_peer(shallow));
        call.bench.receiver_mut(call.seen).asks = false;
        for n in 0..20 {
            key_frame(&mut call.bench, call.video, 1000 + 100 * n, 100);
            call.bench.advance(ms(500));
        }
        2000 - call.bench.received(call.seen).iter().filter(|packet| packet.number() >= 1000).count()
    };
    assert_eq!(lost(true), 0);
    assert!(lost(false) > 1400, "{}", lost(false));
}

#[test]
fn numbers_and_times_of_the_transport_are_those_of_departure() {
    let mut bench = Build::<Nil>::new().pacing(true).start();
    let speaker = bench.peer();
    let video = bench.produce(speaker, Media::vp8());
    let viewer = bench.peer_with(PeerOptions::webrtc());
    let seen = bench.consume(viewer, video);
    bench.play(&[video], seconds(1));
    for n in 0..40 {
        key_frame(&mut bench, video, 1000 + 100 * n, 60);
        bench.advance(ms(250));
    }
    let receiver = bench.receiver(seen);
    let extensions = &receiver.parameters().header_extensions;
    let id = extensions.iter().find(|e| e.uri == ExtensionKind::TransportCc.uri()).expect("negotiated").id;
    let number = |packet: &Received| packet.extension(id).map(|v| u16::from_be_bytes([v[0], v[1]])).unwrap();
    let numbers: Vec<u16> = receiver.packets.iter().map(number).collect();
    // In the order of departure; padding that measures the path has some of its own.
    assert!(numbers.windows(2).all(|pair| (1..100).contains(&pair[1].wrapping_sub(pair[0]))));
    let estimate = bench.transport_stats(viewer).available_outgoing_bitrate.expect("feedback");
    assert!(estimate > 1_500_000, "{estimate}");
    assert_eq!(bench.receiver(seen).lost(), 0);
}

/// Headers of all lengths wait; what is longer than any can't be sent at all, and leaves no gap either.
#[test]
fn long_headers_wait_like_short_ones_and_are_sent_again_as_they_were() {
    let mut call = Call::<Nil>::paced();
    key_frame(&mut call.bench, call.video, 1000, 20);
    let lengths = [1, 60, 80, 100, 150, 200, 255, 1];
    for (n, len) in (500..).zip(lengths) {
        let orientation = vec![n as u8; len];
        call.bench.send(call.video, testing::vp8(n).extension(ExtensionKind::VideoOrientation, orientation));
    }
    assert_eq!(call.waiting(), 20 - AT_ONCE as u32 + 7);
    call.bench.advance(LONGEST);
    let receiver = call.bench.receiver(call.seen);
    assert_eq!(receiver.numbers()[20..], [500, 501, 502, 503, 504, 505, 507]);
    assert_eq!(receiver.lost(), 0);
    let id = receiver.parameters().header_extensions.iter();
    let id = id.clone().find(|e| e.uri == ExtensionKind::VideoOrientation.uri()).unwrap().id;
    let kept = |packet: &Received| (packet.number(), packet.extension(id).map(<[u8]>::to_vec));
    let first: Vec<_> = receiver.packets.iter().map(kept).collect();
    assert_eq!(first[25].1, Some(vec![(505 & 0xff) as u8; 200]));
    let asked: Vec<u16> = receiver.packets.iter().map(|packet| packet.sequence).collect();
    call.bench.nack(call.seen, &asked);
    call.bench.advance(LONGEST);
    let again: Vec<_> = call.bench.receiver(call.seen).again.iter().map(kept).collect();
    assert_eq!(again, first);
}
