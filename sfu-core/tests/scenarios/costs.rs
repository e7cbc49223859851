//! What plugins cost is told while a worker runs.
use std::time::Duration;

use sfu_core::plugin::{Cx, Plugin, RtpPacket, Verdict, plugin};
use sfu_core::testing::{Build, spend};

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
        bench.play(&[producer], seconds(600));
        let stats = bench.worker_stats();
        let (busy, absent) = (stats.plugin_costs["busy"], stats.plugin_costs["absent"]);
        assert!((45_000..=180_000).contains(&busy.calls), "{busy:?} of 90 000 calls");
        assert_eq!(busy.nanoseconds, 3000 * busy.calls);
        assert_eq!((absent.calls, absent.nanoseconds), (0, 0));
    }
}
