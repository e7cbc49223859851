//! What happens to a plugin that misbehaves, and to nobody else.
use std::cell::Cell;
use std::time::{Duration, Instant};

use super::bench::*;
use crate::control::EventBody;
use crate::plugin::*;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static CLOCK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Panics in `rtp_out` while armed.
macro_rules! fragile {
    ($Name:ident, $id:literal, $on_panic:literal) => {
        #[derive(Default)]
        pub struct $Name;

        #[plugin(id = $id, on_panic = $on_panic)]
        impl Plugin for $Name {
            type Consumer = Grumpy;
            type Producer = u8;
            fn rtp_out(&mut self, _: &mut Grumpy, _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
                log($id);
                assert!(!ARMED.get(), "armed");
                Verdict::Forward
            }
            fn tick(&mut self, _: &mut Rows<'_, Self>, _: &mut Cx<'_>) {
                CLOCK.set(CLOCK.get() + Duration::from_millis(6));
            }
            fn producer_event(
                &mut self,
                _: ProducerId,
                _: &ProducerEvent,
                _: &mut Rows<'_, Self>,
                _: &mut Cx<'_>,
            ) {
                panic!("in a cold hook");
            }
        }
    };
}

/// A state whose drop panics, too.
#[derive(Default)]
pub struct Grumpy;

impl Drop for Grumpy {
    fn drop(&mut self) {
        if ARMED.get() {
            panic!("in drop");
        }
    }
}

fragile!(Careless, "careless", "forward");
fragile!(Guard, "guard", "drop");
fragile!(Lock, "lock", "close");

#[derive(Default)]
pub struct Steady(u64);

#[plugin(id = "steady", on_panic = "forward")]
impl Plugin for Steady {
    type Consumer = u64;
    fn rtp_out(&mut self, st: &mut u64, _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        *st += 1;
        self.0 += 1;
        Verdict::Forward
    }
    fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
        out.put_sum("packets", self.0);
    }
}

sfu_core::worker! { struct WithCareless; plugins = [Steady, Careless]; }
sfu_core::worker! { struct WithGuard; plugins = [Steady, Guard]; }
sfu_core::worker! { struct WithLock; plugins = [Steady, Lock]; }

fn bench<W: Composition>() -> Bench<W::Plugins> {
    quiet();
    ARMED.set(false);
    let mut bench = Bench::new();
    bench.room.consumers = 3;
    bench.open();
    bench
}

fn steps(settled: &Settled) -> Vec<(String, Target)> {
    settled
        .events
        .iter()
        .map(|(event, _)| match &event.body {
            EventBody::PluginFault { step, .. } => (step.clone(), event.target),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// One packet in which the plugin panics for its first consumer only.
fn armed_packet<S: PluginSet>(bench: &mut Bench<S>, consumer: u32) -> Verdict {
    ARMED.set(true);
    let verdict = bench.at(|p, m| {
        let notes = S::Notes::default();
        with_rtp(|packet| p.rtp_out(id(consumer), packet, &notes, m, Untimed))
    });
    ARMED.set(false);
    verdict
}

#[test]
fn a_panic_costs_the_plugin_its_entity_and_nobody_else_a_packet() {
    let mut bench = bench::<WithCareless>();
    assert_eq!(armed_packet(&mut bench, 0), Verdict::Forward);
    let settled = bench.at(|p, m| p.settle(m));
    let consumer: ConsumerId = id(0);
    assert_eq!(steps(&settled), [("detached".to_owned(), consumer.into())]);
    assert!(settled.close.is_empty());
    take_log();
    assert_eq!(bench.packet(), 3);
    assert_eq!(take_log().len(), 2, "it still serves its other consumers");
    let stats = bench.at(|p, m| p.stats(Target::Worker, m));
    assert_eq!(stats["steady"]["packets"]["sum"], 4);
}

#[test]
fn what_a_guard_that_panicked_guarded_is_dropped_until_it_is_on_again() {
    let mut bench = bench::<WithGuard>();
    assert_eq!(armed_packet(&mut bench, 1), Verdict::Drop);
    bench.at(|p, m| p.settle(m));
    assert_eq!((bench.packet(), bench.packet()), (2, 2));
    let consumer: ConsumerId = id(1);
    let target = consumer.into();
    let switched = bench.at(|p, m| p.enable("guard", target, serde_json::Value::Null, m)).unwrap();
    assert!(switched.refused.is_empty());
    assert_eq!(bench.packet(), 3);
}

#[test]
fn what_a_lock_that_panicked_guarded_is_closed() {
    let mut bench = bench::<WithLock>();
    assert_eq!(armed_packet(&mut bench, 2), Verdict::Drop);
    let consumer: ConsumerId = id(2);
    assert_eq!(bench.at(|p, m| p.settle(m)).close, [Target::from(consumer)]);
}

#[test]
fn a_panic_in_a_cold_hook_detaches_too() {
    let mut bench = bench::<WithCareless>();
    let producer: ProducerId = id(0);
    let event = Event { target: producer.into(), body: EventBody::Resumed { by_producer: false } };
    bench.at(|p, m| p.deliver(&event, None, m));
    assert_eq!(steps(&bench.at(|p, m| p.settle(m))), [("detached".to_owned(), producer.into())]);
    bench.at(|p, m| p.deliver(&event, None, m));
    assert!(!bench.plugins.has_faults());
}

#[test]
fn after_three_panics_a_plugin_is_rebuilt_and_after_three_more_quarantined() {
    let mut bench = bench::<WithCareless>();
    let mut all = Vec::new();
    for consumer in [0, 1, 2, 0, 1, 2] {
        assert_eq!(armed_packet(&mut bench, consumer), Verdict::Forward);
        all.extend(steps(&bench.at(|p, m| p.settle(m))).into_iter().map(|(step, _)| step));
    }
    assert_eq!(all, ["detached", "detached", "rebuilt", "detached", "detached", "quarantined"]);
    take_log();
    assert_eq!(bench.packet(), 3);
    let open_again: ConsumerId = id(0);
    bench.at(|p, m| {
        p.closed(open_again, m);
        p.opened(open_again, m).unwrap();
    });
    assert_eq!(bench.packet(), 3);
    assert_eq!(take_log(), Vec::<String>::new(), "no hook of it is called again");
    let error = bench.request("careless", Target::Worker, serde_json::Value::Null).unwrap_err();
    assert_eq!(error.text, "plugins.careless: quarantined after repeated faults");
}

#[test]
fn a_quarantined_guard_lets_nothing_through_and_a_quarantined_lock_nobody_in() {
    let mut bench = bench::<WithGuard>();
    let slot = <<WithGuard as Composition>::Plugins as PluginSet>::slot_of("guard").unwrap();
    bench.plugins.quarantine(slot, &mut Vec::new());
    assert_eq!(bench.packet(), 0);

    let mut bench = self::bench::<WithLock>();
    let slot = <<WithLock as Composition>::Plugins as PluginSet>::slot_of("lock").unwrap();
    let mut close = Vec::new();
    bench.plugins.quarantine(slot, &mut close);
    assert_eq!(close, [0, 1, 2].map(|i| Target::from(id::<ConsumerId>(i))));
    let next: ConsumerId = id(7);
    let refused = bench.at(|p, m| p.opened(next, m)).unwrap_err();
    assert_eq!(refused.to_string(), "plugins.lock: quarantined after repeated faults");
}

#[test]
fn a_slow_hook_is_named_and_the_tenth_time_quarantined() {
    let mut bench = bench::<WithCareless>();
    bench.plugins.desk.clock = || *START.get_or_init(Instant::now) + CLOCK.get();
    let mut last = Vec::new();
    for _ in 0..10 {
        bench.pass(Duration::from_secs(1));
        bench.at(|p, m| p.tick(m));
        last = steps(&bench.at(|p, m| p.settle(m)));
        assert_eq!(last.len(), 1);
    }
    assert_eq!(last, [("quarantined".to_owned(), Target::Worker)]);
}

#[test]
fn what_a_hook_waited_for_a_processor_is_not_its_own_slowness() {
    let mut bench = bench::<WithCareless>();
    bench.plugins.desk.clock = || *START.get_or_init(Instant::now) + CLOCK.get();
    // All the time that passes, but for four milliseconds, others had.
    bench.plugins.desk.waited = || CLOCK.get().saturating_sub(Duration::from_millis(4));
    for _ in 0..20 {
        bench.pass(Duration::from_secs(1));
        bench.at(|p, m| p.tick(m));
        assert_eq!(steps(&bench.at(|p, m| p.settle(m))), []);
    }
}

static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
