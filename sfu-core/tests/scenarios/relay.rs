//! A room on two media threads.
use sfu_core::control::{
    CloseReason, Command, ConsumerOptions, EventBody, Labels, ListenInfo, PlainTransportOptions, Reply,
    SrtpCryptoSuite,
};
use sfu_core::plugin::{Attach, ConsumerInfo, Cx, Plugin, ProducerInfo, RtpPacket, Verdict, plugin};
use sfu_core::testing::{self, Bench, Build, Media, PeerOptions, Received};

use crate::{ms, seconds};

/// Notes the number of a packet on its way in, and compares it on its way out.
#[derive(Default)]
struct Notes;

#[plugin(id = "notes", on_panic = "forward")]
impl Plugin for Notes {
    type Producer = u32;
    type Consumer = ();
    type Note = (u32, u8);
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<u32> {
        Attach::On(0)
    }
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(
        &mut self,
        count: &mut u32,
        _: &mut RtpPacket<'_>,
        note: &mut (u32, u8),
        cx: &mut Cx<'_>,
    ) -> Verdict {
        *count += 1;
        *note = (*count, cx.worker());
        Verdict::Forward
    }
    fn rtp_out(
        &mut self,
        _: &mut (),
        packet: &mut RtpPacket<'_>,
        note: &(u32, u8),
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let number = u32::from_be_bytes(*packet.payload().last_chunk().unwrap());
        assert_eq!(*note, (number, 0));
        assert!(cx.worker() <= 1);
        Verdict::Forward
    }
}

#[test]
fn media_and_notes_cross_over() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Notes>().workers(workers).start();
        let p = bench.audio_producer();
        let listeners = bench.consumers(p, 3);
        bench.play(&[p], seconds(1));
        for c in listeners {
            assert_eq!(c.worker(), workers - 1);
            assert_eq!(bench.receiver(c).numbers(), (1..=50).collect::<Vec<_>>());
        }
        assert_eq!(bench.faults(), []);
    }
}

#[test]
fn a_key_frame_request_travels_back_and_is_one_for_all() {
    let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(2).start();
    let p = bench.video_producer();
    let viewers = bench.consumers(p, 10);
    bench.play(&[p], seconds(2));
    let before = bench.sender(p).plis;
    for c in &viewers {
        bench.pli(*c);
    }
    assert_eq!(bench.sender(p).plis - before, 1);
    bench.play(&[p], ms(200));
    assert_eq!(bench.sender(p).plis - before, 1);
}

#[test]
fn a_late_viewer_on_the_other_thread_begins_with_a_key_frame() {
    for workers in [1, 2] {
        let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(workers).start();
        let p = bench.video_producer();
        let early = bench.consumer(p);
        bench.play(&[p], seconds(2));
        let late = bench.consumer(p);
        bench.play(&[p], seconds(1));
        assert_eq!(bench.sender(p).plis, 1, "{workers} workers");
        let first = &bench.received(late)[0];
        assert_eq!(&first.payload[..7], &testing_key_frame_start(), "{workers} workers");
        assert!(bench.received(late).len() > 60);
        assert_eq!(bench.receiver(late).lost() + bench.receiver(early).lost(), 0);
    }
}

fn testing_key_frame_start() -> [u8; 7] {
    [0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a]
}

#[test]
fn retransmission_is_the_affair_of_the_consumers_own_thread() {
    let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(2).start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    bench.play(&[p], ms(300));
    let numbers: Vec<u16> = bench.received(c).iter().map(|packet| packet.sequence).collect();
    bench.nack(c, &numbers);
    assert_eq!(bench.receiver(c).rtx_packets, numbers.len() as u64);
    assert_eq!(bench.sender(p).nacks, 0);
}

#[test]
fn closing_the_producer_closes_consumers_on_both_threads() {
    let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(2).start();
    let p = bench.audio_producer();
    let here = bench.peer();
    let (near, far) = (bench.consume(here, p), bench.consumer(p));
    bench.close(p);
    for c in [near, far] {
        assert!(
            bench.events_of(c).contains(&EventBody::Closed(CloseReason::Parent)),
            "{c}: {:?}",
            bench.events_of(c)
        );
    }
    assert_eq!(bench.worker_stats().consumers.len(), 0);
    assert_eq!(bench.counter("producers"), 0);
    assert_eq!(bench.counter("consumers"), 0);
}

#[test]
fn pausing_the_producer_pauses_consumers_on_both_threads() {
    let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(2).start();
    let p = bench.video_producer();
    let here = bench.peer();
    let (near, far) = (bench.consume(here, p), bench.consumer(p));
    bench.play(&[p], ms(300));
    bench.pause(p);
    bench.take_received(near);
    bench.take_received(far);
    bench.play(&[p], ms(300));
    assert!(bench.received(near).is_empty() && bench.received(far).is_empty());
    bench.resume(p);
    bench.play(&[p], ms(300));
    for c in [near, far] {
        assert!(bench.received(c).len() > 10, "{c}");
        assert_eq!(&bench.received(c)[0].payload[..7], &testing_key_frame_start(), "{c}");
        assert_eq!(bench.receiver(c).lost(), 0, "{c}");
    }
    for c in [near, far] {
        assert!(bench.events_of(c).contains(&EventBody::Paused { by_producer: true }), "{c}");
    }
}

#[test]
fn the_relay_ends_with_its_last_router() {
    let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(2).start();
    let p = bench.audio_producer();
    let far = bench.consumer(p);
    let router = bench.router(1);
    bench.command(Command::CloseRouter(router));
    assert!(bench.events_of(far).contains(&EventBody::Closed(CloseReason::Parent)));
    assert_eq!(bench.counter("producers"), 1);
    bench.send(p, testing::opus(1));
    assert_eq!(bench.worker_stats().consumers.len(), 0);
}

#[test]
fn packets_cross_as_long_as_somebody_there_gets_them() {
    let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(2).start();
    let p = bench.audio_producer();
    for _ in 0..3 {
        let far = bench.consumers(p, 2);
        assert_eq!(bench.counter("producers"), 2, "it and what stands for it");
        bench.play(&[p], ms(200));
        bench.close(far[0]);
        bench.play(&[p], ms(200));
        assert_eq!(bench.receiver(far[1]).numbers().len(), 20);
        bench.close(far[1]);
        assert_eq!(bench.counter("producers"), 1);
    }
}

#[test]
fn who_comes_just_as_the_last_one_leaves_gets_everything() {
    let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(2).start();
    let p = bench.audio_producer();
    let first = bench.consumer(p);
    bench.play(&[p], ms(200));
    // The first thread hears of the goodbye behind the wish of who comes.
    bench.stall(0, true);
    bench.close(first);
    let second = bench.consumer(p);
    bench.stall(0, false);
    bench.play(&[p], ms(200));
    assert_eq!(bench.receiver(second).numbers().len(), 10);
    bench.close(second);
    assert_eq!(bench.counter("producers"), 1);
}

#[test]
fn routers_of_one_thread_have_what_crosses_together() {
    let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(2).start();
    let p = bench.audio_producer();
    let mine = bench.consumer(p);
    // Another room of that thread, by a transport of its own.
    let Ok(Reply::Router(router)) = bench.command_on(1, Command::CreateRouter { labels: Labels::new() })
    else {
        panic!("no router")
    };
    let listen = ListenInfo::udp([192, 0, 2, 2]);
    let options = PlainTransportOptions { listen, comedia: true, ..PlainTransportOptions::default() };
    let Reply::PlainTransport(other) = bench.command(Command::CreatePlainTransport { router, options })
    else {
        panic!("no transport")
    };
    let parameters = bench.receiver(mine).parameters().clone();
    let options = ConsumerOptions::new(p, parameters);
    let Reply::Consumer(theirs) = bench.command(Command::Consume { transport: other.id, options }) else {
        panic!("no consumer")
    };
    assert_eq!(bench.counter("producers"), 2);
    // The end of one router is none for the other.
    let first = bench.router(1);
    bench.close(first);
    assert_eq!(bench.counter("producers"), 2);
    assert!(!bench.events_of(theirs).contains(&EventBody::Closed(CloseReason::Parent)));
    bench.close(router);
    assert_eq!(bench.counter("producers"), 1);
}

#[test]
fn peers_of_both_threads_see_each_other() {
    let mut bench = Bench::empty();
    let peers = [bench.peer_with(PeerOptions::webrtc()), bench.peer_with(PeerOptions::plain())];
    let producers: Vec<_> = peers.iter().map(|peer| bench.produce(*peer, Media::opus())).collect();
    let crossed = [bench.consume(peers[0], producers[1]), bench.consume(peers[1], producers[0])];
    bench.play(&producers, seconds(1));
    for c in crossed {
        assert_eq!(bench.received(c).len(), 50);
    }
}

/// Packets that may wait for a media thread that does not keep up.
const RING: usize = 512;

/// Time of a packet on the receiver's timeline since the first, by what its payload says that it is.
fn timeline(packets: &[Received]) -> Vec<(u32, u32)> {
    let first = packets[0].timestamp;
    packets.iter().map(|packet| (packet.number(), packet.timestamp.wrapping_sub(first))).collect()
}

#[test]
fn audio_that_overtaxed_a_media_thread_goes_on_without_a_gap() {
    for (seconds_lost, notes) in [(2, true), (2, false), (30, false)] {
        let mut bench = Build::of::<Notes>().workers(2).start();
        let p = bench.audio_producer();
        let here = bench.peer();
        let near = bench.consume(here, p);
        let viewer = bench.peer_with(PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).worker(1));
        let far = bench.consume(viewer, p);
        if !notes {
            bench.disable("notes", far).unwrap();
        }
        bench.play(&[p], seconds(1));
        bench.stall(1, true);
        // What the ring holds is 10.24 s of Opus.
        bench.play(&[p], ms(10_240) + seconds(seconds_lost));
        bench.stall(1, false);
        let lost = seconds_lost as u32 * 50;
        assert_eq!(bench.counter("relay_lost"), u64::from(lost));
        bench.play(&[p], seconds(1));
        let receiver = bench.receiver(far);
        assert_eq!((receiver.lost(), receiver.nacks_sent, receiver.fillers), (0, 0, 0));
        let before = 50 + RING as u32;
        let expected: Vec<u32> = (1..=before).chain(before + lost + 1..=before + lost + 50).collect();
        assert_eq!(receiver.numbers(), expected);
        // The packets lie in time where they did.
        let all = timeline(bench.received(near));
        assert!(timeline(bench.received(far)).iter().all(|place| all.contains(place)));
        assert_eq!(bench.faults(), []);
    }
}

#[test]
fn video_that_overtaxed_a_media_thread_goes_on_with_a_key_frame() {
    for media in [Media::vp8(), Media::vp8().without_rtx()] {
        let mut bench = Build::<sfu_core::plugin::Nil>::new().workers(2).start();
        let speaker = bench.peer();
        let p = bench.produce(speaker, media);
        let here = bench.peer();
        let near = bench.consume(here, p);
        let viewer = bench.peer_with(PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).worker(1));
        let far = bench.consume(viewer, p);
        bench.play(&[p], seconds(1));
        let before = bench.received(far).len();
        bench.stall(1, true);
        bench.play(&[p], seconds(8));
        bench.stall(1, false);
        bench.play(&[p], seconds(2));
        let receiver = bench.receiver(far);
        assert_eq!((receiver.lost(), receiver.nacks_sent, receiver.fillers), (0, 0, 0));
        let numbers = receiver.numbers();
        let held = before + RING;
        assert_eq!(numbers[..held], (1..=held as u32).collect::<Vec<_>>());
        let resumed = &receiver.packets[held];
        assert!(resumed.number() > held as u32 + 100, "{}", resumed.number());
        assert_eq!(&resumed.payload[..7], &testing_key_frame_start());
        let last = *numbers.last().unwrap();
        assert_eq!(numbers[held..], (resumed.number()..=last).collect::<Vec<_>>());
        assert_eq!(bench.receiver(near).numbers().last(), Some(&last));
        assert_eq!(bench.sender(p).plis, 1, "one key frame for all");
        let all = timeline(bench.received(near));
        assert!(timeline(bench.received(far)).iter().all(|place| all.contains(place)));
        // What left last can be sent again as ever.
        let newest = bench.received(far).last().unwrap().sequence;
        let served = bench.counter("retransmitted");
        bench.nack(far, &[newest, newest.wrapping_sub(1)]);
        assert_eq!(bench.counter("retransmitted"), served + 2);
    }
}

/// Drops every third packet on ingress.
#[derive(Default)]
struct Thin;

#[plugin(id = "thin", on_panic = "forward")]
impl Plugin for Thin {
    type Producer = u32;
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<u32> {
        Attach::On(0)
    }
    fn rtp_in(&mut self, count: &mut u32, _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        *count += 1;
        if count.is_multiple_of(3) { Verdict::Drop } else { Verdict::Forward }
    }
}

#[test]
fn what_plugins_drop_while_a_media_thread_is_overtaxed_leaves_no_gap_either() {
    // So many stalls begin and end at each phase of what the plugin does.
    for extra in 0..6 {
        let mut bench = Build::of::<Thin>().workers(2).start();
        let (p, shown) = (bench.audio_producer(), bench.video_producer());
        let (far, seen) = (bench.consumer(p), bench.consumer(shown));
        bench.play(&[p, shown], seconds(1));
        for _ in 0..2 {
            bench.stall(1, true);
            bench.play(&[p, shown], seconds(5) + ms(20) * extra);
            bench.stall(1, false);
            bench.play(&[p, shown], ms(500));
        }
        assert!(bench.counter("relay_lost") > 100);
        for c in [far, seen] {
            assert_eq!((bench.receiver(c).lost(), bench.receiver(c).nacks_sent), (0, 0), "{extra}: {c}");
            assert!(bench.received(c).last().unwrap().at + ms(100) > bench.now(), "{extra}: {c}");
        }
    }
}
