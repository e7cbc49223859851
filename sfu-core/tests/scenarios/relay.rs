//! A room on two media threads.
use sfu_core::control::{CloseReason, Command, EventBody};
use sfu_core::plugin::{Attach, ConsumerInfo, Cx, Plugin, ProducerInfo, RtpPacket, Verdict, plugin};
use sfu_core::testing::{self, Bench, Build, Media, PeerOptions};

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
