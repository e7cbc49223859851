//! A plugin that panics wherever it can: what others get and see is complete.
use sfu_core::plugin::{
    Attach, ConsumerInfo, Cx, Plugin, ProducerInfo, Rows, RtcpPacket, RtpPacket, Stats, Target,
    TransportInfo, Verdict, plugin,
};
use sfu_core::testing::{self, Bench, Conditions, Media, PeerOptions};

use crate::{ms, quiet, seconds};

/// Panics over every packet and every tick.
#[derive(Default)]
struct Bomb;

#[plugin(id = "bomb", on_panic = "forward")]
impl Plugin for Bomb {
    type Transport = ();
    type Producer = ();
    type Consumer = ();
    fn transport_opened(&mut self, _: &TransportInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        std::panic::panic_any("meant")
    }
    fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        std::panic::panic_any("meant")
    }
    fn rtcp_in(&mut self, _: &mut (), _: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        std::panic::panic_any("meant")
    }
    fn rtcp_out(&mut self, _: &mut (), _: &mut RtcpPacket<'_>, _: &mut Cx<'_>) -> Verdict {
        std::panic::panic_any("meant")
    }
    fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        std::panic::panic_any("meant")
    }
}

/// Counts what it sees.
#[derive(Default)]
struct Count {
    incoming: u32,
    outgoing: u32,
}

#[plugin(id = "count", on_panic = "forward")]
impl Plugin for Count {
    type Producer = ();
    type Consumer = ();
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        self.incoming += 1;
        Verdict::Forward
    }
    fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        self.outgoing += 1;
        Verdict::Forward
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("incoming", self.incoming);
        out.put_sum("outgoing", self.outgoing);
    }
}

/// Three producers with two listeners each; forty packets of each, those of a round in one turn.
fn crowd<A: Plugin, B: Plugin>(
    mut bench: Bench<sfu_core::plugin::Cons<A, sfu_core::plugin::Cons<B, sfu_core::plugin::Nil>>>,
    text: &str,
) {
    quiet();
    let far = PeerOptions::plain().to_worker(Conditions::delay(ms(5)));
    let producers = [0; 3].map(|_| {
        let peer = bench.peer_with(far.clone());
        bench.produce(peer, Media::opus())
    });
    let listeners = producers.map(|p| bench.consumers(p, 2)).concat();
    for n in 1..=40 {
        for p in producers {
            bench.send(p, testing::opus(n));
        }
        bench.advance(ms(20));
    }
    bench.advance(seconds(1));
    for c in listeners {
        assert_eq!(bench.receiver(c).numbers(), (1..=40).collect::<Vec<_>>(), "{text}");
        assert_eq!(bench.receiver(c).lost(), 0, "{text}");
    }
    let seen = bench.stats("count");
    assert_eq!((&seen["incoming"], &seen["outgoing"]), (&(3 * 40).into(), &(6 * 40).into()), "{text}");
    let faults = bench.worker_stats().plugin_faults;
    assert_eq!(faults["count"], Default::default(), "{text}");
    assert_eq!(faults["bomb"].quarantined, u64::from(bench.workers()), "{text}");
}

#[test]
fn a_plugin_that_panics_over_everything_costs_others_no_packet() {
    for workers in [1, 2] {
        let text = format!("{workers} workers");
        crowd(testing::build!(Bomb, Count).workers(workers).start(), &text);
        crowd(testing::build!(Count, Bomb).workers(workers).start(), &text);
    }
}
