//! A plugin that panics harms nobody else.
use std::panic::panic_any;
use std::sync::Arc;

use serde_json::json;
use sfu_core::control::{CloseReason, EventBody, PluginFaults};
use sfu_core::plugin::{
    Attach, ConsumerId, ConsumerInfo, Cx, Event, Plugin, ProducerInfo, Responder, Rows, RtpPacket, Stats,
    Target, Verdict, plugin, request,
};
use sfu_core::testing::{self, Bench, Build, Media, PeerOptions};

use crate::{ms, quiet, seconds};

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
    let faults = bench.worker_stats().plugin_faults["hopeless"];
    let expected = PluginFaults { panics: 6, detached: 4, rebuilt: 1, quarantined: 1, ..Default::default() };
    assert_eq!(faults, expected);
}

/// Hears of the faults of others, and never of its own.
#[derive(Default)]
struct Witness {
    heard: Vec<String>,
}

#[plugin(id = "witness")]
impl Plugin for Witness {
    type Producer = ();
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        panic_any("meant")
    }
    fn event(&mut self, event: &Event, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
        if let EventBody::PluginFault { plugin, step, text } = &event.body {
            self.heard.push(format!("{plugin} {step} {text}"));
        }
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        self.heard.iter().for_each(|heard| out.put_sum(heard.clone(), 1));
    }
}

#[test]
fn other_plugins_hear_of_faults() {
    quiet();
    for workers in [1, 2] {
        let mut bench = testing::build!(Hopeless, Witness).workers(workers).start();
        let other = bench.peer_with(PeerOptions::plain().worker(workers - 1));
        let p = bench.produce(other, Media::opus());
        bench.send(p, testing::opus(1));
        let told: Vec<String> = bench.faults().into_iter().map(|(plugin, _)| plugin).collect();
        assert_eq!(told, ["witness", "hopeless"], "everybody outside hears of both");
        assert_eq!(bench.stats("witness"), json!({ "hopeless detached `rtp_in` panicked: meant": 1 }));
    }
}

/// Tells what it is asked, as it is asked.
#[request]
#[derive(Debug)]
enum Wish {
    Answer,
    Panic,
    PanicLater,
}

/// Serves, and panics where it is asked to.
#[derive(Default)]
struct Server;

#[plugin(id = "server")]
impl Plugin for Server {
    type Request = Wish;
    type Producer = ();
    fn producer_opened(&mut self, _: &ProducerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
        Attach::On(())
    }
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        panic_any("meant")
    }
    async fn serve(_: &Arc<()>, wish: Wish, re: Responder) {
        match wish {
            Wish::Answer => re.ok("at your service"),
            Wish::Panic => panic_any("meant"),
            Wish::PanicLater => {
                re.ok("said before");
                panic_any("meant")
            }
        }
    }
}

#[test]
fn panics_while_serving_count_and_end_in_quarantine() {
    quiet();
    for workers in [1, 2] {
        let mut bench = Build::of::<Server>().workers(workers).start();
        let mut ask = |method: &str, panics: u64| {
            let answer = bench.request("server", Target::Worker, json!({ "method": method }));
            let faults = bench.worker_stats().plugin_faults["server"];
            assert_eq!(faults.panics, panics, "{method}");
            (answer.map_err(|error| error.text), bench.faults().last().map(|(_, step)| step.clone()))
        };
        let lost = Err("plugins.server: the plugin panicked over the request".to_owned());
        assert_eq!(ask("answer", 0), (Ok(json!("at your service")), None));
        assert_eq!(ask("panic", 1), (lost.clone(), Some("panicked".to_owned())));
        assert_eq!(ask("panic_later", 2), (Ok(json!("said before")), Some("panicked".to_owned())));
        for (panics, step) in [(3, "rebuilt"), (4, "panicked"), (5, "panicked"), (6, "quarantined")] {
            assert_eq!(ask("answer", panics - 1).0, Ok(json!("at your service")));
            assert_eq!(ask("panic", panics), (lost.clone(), Some(step.to_owned())));
        }
        let refused = Err("plugins.server: quarantined after repeated faults".to_owned());
        assert_eq!(ask("answer", 6).0, refused);
        assert_eq!(ask("panic", 6).0, refused, "it is not called again");
    }
}

#[test]
fn who_is_in_quarantine_on_a_media_thread_serves_no_more() {
    quiet();
    for workers in [1, 2] {
        let mut bench = Build::of::<Server>().workers(workers).start();
        for _ in 0..6 {
            let peer = bench.peer_with(PeerOptions::plain().worker(workers - 1));
            let p = bench.produce(peer, Media::opus());
            assert!(bench.request("server", Target::Worker, json!({ "method": "answer" })).is_ok());
            bench.send(p, testing::opus(1));
        }
        let error = bench.request("server", Target::Worker, json!({ "method": "answer" })).unwrap_err();
        assert_eq!(error.text, "plugins.server: quarantined after repeated faults");
        assert_eq!(bench.worker_stats().plugin_faults["server"].quarantined, 1);
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
    let expected = PluginFaults { overruns: 10, quarantined: 1, ..PluginFaults::default() };
    assert_eq!(bench.worker_stats().plugin_faults["slow"], expected);
}
