//! The plugin of somebody's first day.
use super::bench::*;

mod plugin {
    //! Counts packets per producer and reports the total.
    use sfu_core::plugin::*;

    #[derive(Default)]
    pub struct Count {
        closed: u64,
    }

    /// Counts packets per producer.
    #[plugin(id = "count")]
    impl Plugin for Count {
        type Producer = u64;

        fn rtp_in(
            &mut self,
            packets: &mut u64,
            _: &mut RtpPacket<'_>,
            _: &mut (),
            _: &mut Cx<'_>,
        ) -> Verdict {
            *packets += 1;
            Verdict::Forward
        }

        fn producer_closed(&mut self, _: ProducerId, packets: u64, _: &mut Cx<'_>) {
            self.closed += packets;
        }

        fn stats(&self, _: Target, _: &Rows<'_, Self>, out: &mut Stats) {
            out.put_sum("closed_packets", self.closed);
        }
    }
}

sfu_core::worker! {
    /// The newcomer's worker.
    pub struct Small;
    pub plugins = [plugin::Count];
}

#[test]
fn twenty_lines_make_a_plugin() {
    use crate::control::Target;
    use crate::plugin::{Composition, PluginSet};
    type Set = <Small as Composition>::Plugins;
    let mut bench = Bench::<Set>::new();
    bench.open();
    assert_eq!((0..5).map(|_| bench.packet()).sum::<usize>(), 10);
    bench.close();
    let stats = bench.at(|p, m| p.stats(Target::Worker, m));
    assert_eq!(stats["count"], serde_json::json!({ "closed_packets": { "sum": 5 } }));
    let (_, meta, hooks) = Set::metas().next().unwrap();
    assert_eq!((meta.id, meta.about, meta.crate_name), ("count", "Counts packets per producer.", "sfu-core"));
    assert!(meta.file.ends_with("newcomer.rs") && meta.line > 0);
    assert_eq!(hooks.to_string(), "producer_opened, producer_closed, rtp_in, stats");
}
