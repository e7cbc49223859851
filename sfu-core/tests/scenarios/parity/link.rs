//! What plugins hear of links that get worse.
use serde_json::Value;
use sfu_core::plugin::{
    Attach, ConsumerEvent, ConsumerId, ConsumerInfo, Cx, Plugin, ProducerEvent, ProducerId, ProducerInfo,
    Responder, Rows, Target, plugin,
};
use sfu_core::testing::{Build, Conditions, Direction, Media, PeerOptions};

use crate::{ms, seconds};

/// Keeps the worst score of each.
#[derive(Default)]
struct Slow {
    up: Option<u8>,
    down: Option<u8>,
}

#[plugin(id = "slow")]
impl Plugin for Slow {
    type Producer = ();
    type Consumer = ();
    type Request = Value;
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn producer_event(
        &mut self,
        _: ProducerId,
        event: &ProducerEvent,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        if let ProducerEvent::Score { score, .. } = event {
            self.up = Some(self.up.map_or(*score, |known| known.min(*score)));
        }
    }
    fn consumer_event(
        &mut self,
        _: ConsumerId,
        event: &ConsumerEvent,
        _: &mut Rows<'_, Self>,
        _: &mut Cx<'_>,
    ) {
        if let ConsumerEvent::Score(score) = event {
            self.down = Some(self.down.map_or(*score, |known| known.min(*score)));
        }
    }
    fn request(&mut self, _: Value, _: Target, re: Responder, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        let worst = |score: Option<u8>| score.unwrap_or(10);
        re.ok([worst(self.up.take()), worst(self.down.take())]);
    }
}

#[test]
fn a_link_that_gets_worse_is_told_in_both_directions() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Slow>().workers(workers).start();
        let ann = bench.peer_with(PeerOptions::webrtc());
        let p = bench.produce(ann, Media::vp8().without_rtx().without("nack"));
        let bob = bench.peer_with(PeerOptions::webrtc().worker(workers - 1));
        let c = bench.consume(bob, p);
        let rough = Conditions::delay(ms(10)).loss(0.4);
        let scores = |bench: &mut sfu_core::testing::Bench<_>| {
            bench.play(&[p], seconds(10));
            let of = |bench: &mut sfu_core::testing::Bench<_>, target: Target| {
                let told = bench.request("slow", target, serde_json::json!({})).unwrap();
                (told[0].as_u64().unwrap(), told[1].as_u64().unwrap())
            };
            // With two media threads each hears of its own.
            let (up, down) = (of(bench, p.into()), of(bench, c.into()));
            (up.0.min(down.0), up.1.min(down.1))
        };
        bench.play(&[p], seconds(10));
        let _ = scores(&mut bench);
        assert_eq!(scores(&mut bench), (10, 10), "{workers} workers");
        bench.set_path(bob, Direction::ToPeer, rough);
        let (up, down) = scores(&mut bench);
        assert!(up == 10 && down < 8, "down: {up} {down}");
        bench.set_path(bob, Direction::ToPeer, Conditions::delay(ms(10)));
        bench.set_path(ann, Direction::ToWorker, rough);
        let _ = scores(&mut bench);
        let (up, _) = scores(&mut bench);
        assert!(up < 8, "up: {up}");
    }
}
