//! What plugins cost and drop is told while a worker runs.
use std::time::Duration;

use sfu_core::plugin::{Cx, Plugin, RtpPacket, Verdict, plugin};
use sfu_core::testing::{Build, opus, spend};

use crate::seconds;

/// Takes three microseconds for each packet and viewer.
#[derive(Default)]
struct Busy;

#[plugin(id = "busy", on_panic = "forward")]
impl Plugin for Busy {
    fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        spend(Duration::from_micros(3));
        Verdict::Forward
    }
}

/// Overrides nothing.
#[derive(Default)]
struct Absent;

#[plugin(id = "absent")]
impl Plugin for Absent {}

sfu_core::worker! { struct Both; plugins = [Busy, Absent]; }

#[test]
fn calls_and_time_of_each_plugin_are_estimated_from_samples() {
    for workers in [1, 2] {
        let mut bench = Build::composed::<Both>().workers(workers).start();
        let producer = bench.audio_producer();
        for _ in 0..3 {
            bench.consumer(producer);
        }
        // 50 packets a second to each of three.
        bench.play(&[producer], seconds(2400));
        let stats = bench.worker_stats();
        let (busy, absent) = (stats.plugin_costs["busy"], stats.plugin_costs["absent"]);
        assert!((180_000..=720_000).contains(&busy.calls), "{busy:?} of 360 000 calls");
        assert_eq!(busy.nanoseconds, 3000 * busy.calls);
        assert_eq!((absent.calls, absent.nanoseconds), (0, 0));
        assert_eq!((busy.dropped, absent.dropped), (0, 0));
    }
}

/// Drops every third packet on its way in.
#[derive(Default)]
struct Third(u32);

#[plugin(id = "third", on_panic = "forward")]
impl Plugin for Third {
    fn rtp_in(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &mut (), _: &mut Cx<'_>) -> Verdict {
        self.0 += 1;
        if self.0.is_multiple_of(3) { Verdict::Drop } else { Verdict::Forward }
    }
}

/// Drops every fifth packet on its way out, and panics over the hundredth.
#[derive(Default)]
struct Fifth(u32);

#[plugin(id = "fifth", on_panic = "drop")]
impl Plugin for Fifth {
    fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &(), _: &mut Cx<'_>) -> Verdict {
        self.0 += 1;
        assert!(self.0 != 100);
        if self.0.is_multiple_of(5) { Verdict::Drop } else { Verdict::Forward }
    }
}

sfu_core::worker! { struct Droppers; plugins = [Third, Absent, Fifth]; }

#[test]
fn what_each_plugin_drops_is_counted_as_its_own() {
    for workers in [1, 2] {
        let mut bench = Build::composed::<Droppers>().workers(workers).start();
        let producer = bench.audio_producer();
        bench.consumer(producer);
        for n in 0..300 {
            bench.send(producer, opus(n));
        }
        let dropped = bench.worker_stats().plugin_costs.into_values().map(|cost| cost.dropped);
        let [absent, fifth, third] = dropped.collect::<Vec<_>>()[..] else { panic!("three plugins") };
        // Of 200 that come through, 19 before the panic, the one of the panic, and all after it.
        assert_eq!((third, absent, fifth), (100, 0, 19 + 1 + 100));
        assert_eq!(bench.counter("dropped_by_plugins_in"), third);
        assert_eq!(bench.counter("dropped_by_plugins_out"), fifth);
    }
}
