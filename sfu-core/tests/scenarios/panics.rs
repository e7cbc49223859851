//! A plugin that panics harms nobody else.
use sfu_core::control::{CloseReason, EventBody};
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, Plugin, ProducerInfo, RtpPacket, Verdict, plugin,
};
use sfu_core::testing::{self, Bench, Build};

use crate::{ms, seconds};

/// Keeps panics that are meant off the output.
fn quiet() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() != Some("meant") {
                loud(info);
            }
        }));
    });
}

macro_rules! fragile {
    ($name:ident, $id:literal, $what:literal) => {
        /// Panics over the packet with number 5 of the first consumer that it sees.
        #[derive(Default)]
        struct $name {
            victim: Option<ConsumerId>,
        }

        #[plugin(id = $id, on_panic = $what)]
        impl Plugin for $name {
            type Consumer = ConsumerId;
            fn consumer_opened(
                &mut self,
                info: &ConsumerInfo<'_>,
                _: &Self::Options,
                _: &mut Cx<'_>,
            ) -> Attach<ConsumerId> {
                self.victim.get_or_insert(info.id);
                Attach::On(info.id)
            }
            fn rtp_out(
                &mut self,
                id: &mut ConsumerId,
                packet: &mut RtpPacket<'_>,
                _: &(),
                _: &mut Cx<'_>,
            ) -> Verdict {
                let number = u32::from_be_bytes(*packet.payload().last_chunk().unwrap());
                if self.victim == Some(*id) && number == 5 {
                    std::panic::panic_any("meant");
                }
                Verdict::Forward
            }
        }
    };
}
fragile!(Forwards, "forwards", "forward");
fragile!(Drops, "drops", "drop");
fragile!(Closes, "closes", "close");

fn after_panic<P: Plugin>(
    workers: u8,
) -> (Bench<sfu_core::plugin::Cons<P, sfu_core::plugin::Nil>>, ConsumerId) {
    quiet();
    let mut bench = Build::of::<P>().workers(workers).start();
    let p = bench.audio_producer();
    let listeners = bench.consumers(p, 4);
    bench.play(&[p], ms(400));
    for c in &listeners[1..] {
        assert_eq!(bench.received(*c).len(), 20, "the others are served");
    }
    assert_eq!(bench.faults(), [(P::META.id.to_owned(), "detached".to_owned())]);
    (bench, listeners[0])
}

#[test]
fn on_panic_forward_the_media_goes_on_unguarded() {
    for workers in [1, 2] {
        let (bench, victim) = after_panic::<Forwards>(workers);
        assert_eq!(bench.receiver(victim).lost(), 0);
        assert!(bench.received(victim).len() >= 19, "{}", bench.received(victim).len());
    }
}

#[test]
fn on_panic_drop_the_guarded_media_stops() {
    for workers in [1, 2] {
        let (bench, victim) = after_panic::<Drops>(workers);
        assert_eq!(bench.receiver(victim).numbers(), [1, 2, 3, 4]);
    }
}

#[test]
fn on_panic_close_the_guarded_entity_closes() {
    for workers in [1, 2] {
        let (bench, victim) = after_panic::<Closes>(workers);
        assert_eq!(bench.receiver(victim).numbers(), [1, 2, 3, 4]);
        let closed = bench.events_of(victim).iter().any(|body| matches!(body, EventBody::Closed(_)));
        assert!(closed, "{:?}", bench.events_of(victim));
        assert!(!bench.events_of(victim).contains(&EventBody::Closed(CloseReason::Peer)));
    }
}

/// Panics over every packet.
#[derive(Default)]
struct Hopeless;

#[plugin(id = "hopeless", on_panic = "forward")]
impl Plugin for Hopeless {
    type Producer = ();
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        std::panic::panic_any("meant");
    }
}

#[test]
fn three_panics_rebuild_and_three_more_quarantine() {
    quiet();
    let mut bench = Build::of::<Hopeless>().start();
    let producers: Vec<_> = (0..8).map(|_| bench.audio_producer()).collect();
    let listeners: Vec<_> = producers.iter().map(|p| bench.consumer(*p)).collect();
    for round in 0..4 {
        for p in &producers {
            bench.send(*p, testing::opus(round));
        }
        bench.advance(ms(20));
    }
    let steps: Vec<String> = bench.faults().into_iter().map(|(_, step)| step).collect();
    assert_eq!(
        steps,
        ["detached", "detached", "rebuilt", "detached", "detached", "quarantined"],
        "one entity after the other"
    );
    for c in listeners {
        assert_eq!(bench.received(c).len(), 4, "media goes on all the while");
    }
}

#[test]
fn a_slow_hook_is_named_and_the_tenth_time_it_is_quarantined() {
    #[derive(Default)]
    struct Slow;

    #[plugin(id = "slow")]
    impl Plugin for Slow {
        fn tick(&mut self, _: &mut sfu_core::plugin::Rows<'_, Self>, _: &mut Cx<'_>) {
            testing::spend(ms(8));
        }
    }
    let mut bench = Bench::of::<Slow>();
    bench.advance(seconds(1) + ms(100));
    assert_eq!(bench.faults(), [("slow".to_owned(), "slow".to_owned())]);
    bench.advance(seconds(15));
    assert_eq!(bench.faults().last().unwrap().1, "quarantined");
    assert_eq!(bench.faults().len(), 10);
}
