//! A plugin drops packets: neither side takes it for loss.
use sfu_core::plugin::{
    Attach, ConsumerInfo, Cx, Plugin, PluginSet, ProducerInfo, RtpPacket, Verdict, plugin,
};
use sfu_core::testing::{self, Bench, Build, Conditions, Direction, Media, PeerOptions};

use crate::{ms, seconds};

fn third(packet: &RtpPacket<'_>) -> Verdict {
    let number = packet.payload().last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    if number % 3 == 0 { Verdict::Drop } else { Verdict::Forward }
}

#[derive(Default)]
struct DropIn;

#[plugin(id = "drop-in")]
impl Plugin for DropIn {
    type Producer = ();
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), packet: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        third(packet)
    }
}

#[derive(Default)]
struct DropOut;

#[plugin(id = "drop-out", on_panic = "forward")]
impl Plugin for DropOut {
    type Consumer = ();
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_out(&mut self, _: &mut (), packet: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        third(packet)
    }
}

fn no_gaps<S: PluginSet>(mut bench: Bench<S>, id: &str) {
    for conditions in [Conditions::perfect(), Conditions::delay(ms(8)).reorder(0.2)] {
        let speaker = bench.peer_with(PeerOptions::plain().to_worker(conditions));
        let p = bench.produce(speaker, Media::opus());
        let listeners = bench.consumers(p, 3);
        bench.play(&[p], seconds(2));
        bench.advance(ms(500));
        assert_eq!(bench.sender(p).nacks, 0, "{id}: the sender was asked for packets");
        assert_eq!(bench.producer_stats(p).streams[0].packets_lost, 0, "{id}");
        assert_eq!(bench.producer_stats(p).streams[0].packets, 100, "{id}");
        for c in listeners {
            let receiver = bench.receiver(c);
            assert_eq!(receiver.lost(), 0, "{id}: {:?}", receiver.missing());
            assert_eq!(receiver.nacks_sent, 0, "{id}");
            if conditions == Conditions::perfect() {
                let forwarded: Vec<u32> = (1..=100).filter(|n| n % 3 != 0).collect();
                assert_eq!(receiver.numbers(), forwarded, "{id}");
            }
        }
    }
}

#[test]
fn a_drop_is_no_loss_to_anybody() {
    for workers in [1, 2] {
        no_gaps(Build::of::<DropIn>().workers(workers).start(), "drop-in");
        no_gaps(Build::of::<DropOut>().workers(workers).start(), "drop-out");
    }
}

#[test]
fn a_dropped_packet_is_never_retransmitted_and_a_lost_one_is() {
    let mut bench = Build::of::<DropOut>().workers(1).start();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    let peer = bench.peer_of_consumer(c);
    let mut n = 0;
    bench.set_filter(peer, Direction::ToPeer, move |datagram| {
        n += u32::from(datagram.rtp().is_some());
        datagram.rtp().is_none() || n % 5 != 0
    });
    bench.play(&[p], seconds(2));
    bench.clear_filter(peer, Direction::ToPeer);
    bench.advance(ms(500));
    assert_eq!(bench.receiver(c).lost(), 0);
    assert!(bench.receiver(c).nacks_sent > 5);
    let forwarded: Vec<u32> = (1..=100).filter(|n| n % 3 != 0).collect();
    assert_eq!(bench.receiver(c).numbers(), forwarded);
    assert_eq!(bench.sender(p).nacks, 0);
}

#[test]
fn what_is_dropped_is_counted_where_it_was_dropped() {
    let mut bench = testing::build!(DropIn, DropOut).start();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    bench.play(&[p], ms(600));
    assert_eq!(bench.producer_stats(p).dropped_by_plugins, 10);
    assert_eq!(bench.consumer_stats(c).dropped_by_plugins, 0, "nothing was left to drop");
    assert_eq!(bench.counter("dropped_by_plugins_in"), 10);
}
